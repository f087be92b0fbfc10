"""An archive of packages, from afar: mirrors, Release files, signatures, downloads."""
