# Run in a booted device by a test, as /bin/sh THIS, with its credentials in $CREDENTIALS_DIRECTORY.
# Answers are lines `KEY VALUE`; a boot begins with `boot N` and ends with `end N`.
port=/dev/virtio-ports/apt2ostree
state=/var/lib/apt2ostree-test

udevadm settle
exec > "$port" 2>&1

credential() {
    cat "$CREDENTIALS_DIRECTORY/apt2ostree.$1" 2> /dev/null
}

# tell KEY COMMAND…: what the command prints, each line with the key before it.
tell() {
    key=$1
    shift
    "$@" 2>&1 | tr '\r' '\n' | while IFS= read -r line; do
        echo "$key $line"
    done
}

writable() {
    for directory in / /usr /sysroot; do
        if touch "$directory/.apt2ostree-test" 2> /dev/null; then
            rm "$directory/.apt2ostree-test"
            echo "$directory"
        fi
    done
}

network() {
    for interface in /sys/class/net/e*; do
        name=${interface##*/}
        ip link set "$name" up
        ip addr add 10.0.2.15/24 dev "$name" 2> /dev/null
        ip route add default via 10.0.2.2 2> /dev/null
    done
}

facts() {
    tell state systemctl is-system-running --wait
    tell failed systemctl --failed --no-legend --plain
    tell booted sed 's/.*ostree=\([^ ]*\).*/\1/' /proc/cmdline
    tell deployment sh -c 'basename "$(readlink -f "/sysroot$(sed "s/.*ostree=\([^ ]*\).*/\1/" /proc/cmdline)")"'
    tell status ostree admin status
    tell writable writable
    tell machine-id cat /etc/machine-id
    tell audit dpkg --audit
    tell package dpkg-query -W -f '${Package} ${Version} ${Architecture}\n'
    tell passwd getent passwd
    tell group getent group
    tell kept cat "$state/kept" /etc/apt2ostree-test
}

checks() {
    if [ -e "$CREDENTIALS_DIRECTORY/apt2ostree.checks" ]; then
        tell check sh "$CREDENTIALS_DIRECTORY/apt2ostree.checks"
        sh "$CREDENTIALS_DIRECTORY/apt2ostree.checks" > /dev/null 2>&1
        echo "checked $?"
    fi
}

upgrade() {
    echo kept > "$state/kept"
    echo edited > /etc/apt2ostree-test
    useradd --no-create-home --uid 12345 apt2ostree-test
    network
    credential key > /run/apt2ostree-test.asc
    ostree remote delete --if-exists origin
    ostree remote add --gpg-import=/run/apt2ostree-test.asc origin "$(credential remote)" > /dev/null
    for branch in unsigned foreign tampered; do
        tell "$branch" ostree pull origin "$branch"
    done
    tell upgrade ostree admin upgrade
}

mkdir -p "$state"
boot=$(($(cat "$state/boot" 2> /dev/null || echo 0) + 1))
echo "$boot" > "$state/boot"
echo "boot $boot"
facts
checks
last=1
if [ -e "$CREDENTIALS_DIRECTORY/apt2ostree.remote" ]; then
    last=3
    case "$boot" in
    1) upgrade ;;
    2) tell rollback ostree admin set-default 1 ;;
    esac
fi
sync
echo "end $boot"
if [ "$boot" -lt "$last" ]; then
    systemctl reboot
else
    systemctl poweroff
fi
