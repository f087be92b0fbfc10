"""Images that boot from OSTree, and the devices that run them."""
