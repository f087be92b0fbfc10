"""What dpkg knows: version ordering, the database under /var/lib/dpkg."""
