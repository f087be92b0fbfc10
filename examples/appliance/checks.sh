# What this device in particular has to do; run in it by `boot_test` at each boot.
set -eu
systemctl is-active greeter.service ssh.service
test "$(stat -c %U /var/lib/greeter/starts)" = greeter
ls /etc/ssh/ssh_host_ed25519_key
