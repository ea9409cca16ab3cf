# The files of section 3: what a finding prints mends owner and mode. Sourced by tests/engines/remedies.

begin "files"
chmod 646 "$work/daemon.json"; want "3.18 fail daemon.json"; remedy "3.18 daemon.json"
chown 1000:1000 "$work/daemon.json"; want "3.17 fail daemon.json"; remedy "3.17 daemon.json"
chmod 777 "$work/docker.sock"; want "3.16 fail docker.sock"; remedy "3.16 docker.sock"
chown 1000 "$work/docker.sock"; want "3.15 fail docker.sock"; remedy "3.15 docker.sock"
setfacl -m u:1234:rw "$work/docker.sock"; want "3.16 fail docker.sock"; remedy "3.16 docker.sock"
[ "$(stat -c %a "$work/docker.sock")" = 660 ] || fail "the socket's mode is another one"
setfacl -m u:1234:rw,u:1235:- "$work/docker.sock"; want "3.16 fail docker.sock"; remedy "3.16 docker.sock"
getfacl -cn "$work/docker.sock" 2>/dev/null | grep -q '^user:1235:---' || fail "more than what was named is removed"
setfacl -b "$work/docker.sock"
setfacl -m u:1234:rw "$work/daemon.json"; want "3.18 fail daemon.json"; remedy "3.18 daemon.json"
mkdir -p /etc/docker/certs.d/r.corp:5000
printf 'x' >/etc/docker/certs.d/r.corp:5000/client.key
chmod 666 /etc/docker/certs.d/r.corp:5000/client.key; want "3.8 fail client.key"; remedy "3.8 client.key"
[ "$(stat -c %a /etc/docker/certs.d/r.corp:5000/client.key)" = 400 ] || fail "the key is open to others"
chown 1234 /etc/docker/certs.d/r.corp:5000; want "3.7 fail r.corp:5000$"; remedy "3.7 r.corp:5000$"
chmod 777 /etc/docker; want "3.6 fail etc/docker$"; remedy "3.6 etc/docker$"
setfacl -d -m u:1234:rwx /etc/docker; want "3.6 fail etc/docker$"; remedy "3.6 etc/docker$"
chown 1234:1234 /etc/docker; want "3.5 fail etc/docker$"; remedy "3.5 etc/docker$"
for place in /etc/default/docker /etc/sysconfig/docker; do
    mkdir -p "${place%/*}"
    echo >"$place"
    chown 1234 "$place"; want "3.19 fail ^$place$"; remedy "3.19 ^$place$"
    chmod 664 "$place"; want "3.20 fail ^$place$"; remedy "3.20 ^$place$"
done
