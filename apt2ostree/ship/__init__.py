"""What leaves an image: commits, archives, differences, reports, bills of materials."""
