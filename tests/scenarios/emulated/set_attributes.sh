#!/bin/sh
# What a user namespace cannot store is recorded; so it is of emulated programs.
set -e
mkdir /srv/attributes
cd /srv/attributes
cp /bin/true capable
setcap cap_net_raw+ep capable
[ "$(getcap capable)" = "capable cap_net_raw=ep" ]
mkdir listed
setfacl -m group:adm:rx listed
getfacl --omit-header listed | grep -q '^group:adm:r-x$'
touch owned
chown games:tty owned
chmod 6711 owned
[ "$(stat -c '%a %u %g' owned)" = "6711 5 5" ]
uname -m > machine
