"""What Debian writes of packages: control data, relations, versions, indexes."""
