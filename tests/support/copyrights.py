"""A copyright file as packages have it (DEP 5)."""

FILE = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: x

Files: *
Copyright: 2001 Someone
           2002 Another
License: GPL-2+

Files: debian/*
Copyright: 2003 Packager
License: Expat or GPL-2+

Files: odd/*
Copyright: 2003 Packager
License: odd-license
 Do what you like.
 .
 But be nice.

License: GPL-2+
 On Debian systems see /usr/share/common-licenses/GPL-2.
"""
