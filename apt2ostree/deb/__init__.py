"""The .deb archive format, deb(5): reading members, control data and the file system archive."""
