# Rule 1.4: who is not trusted loses the engine's socket, and nobody else anything. Sourced by tests/engines/remedies, which
# gave this test an /etc of its own.

begin "who can open the socket"
gid=$(stat -c %g "$work/docker.sock")
[ "$gid" -ne 0 ] || { groupadd -g 7105 docker-test; gid=7105; chgrp 7105 "$work/docker.sock"; }
name=$(getent group "$gid" | cut -d: -f1)
for user in eve bob ci dev; do useradd -M "$user"; done
members() { id -nG "$1" | tr ' ' '\n' | grep -qx -e "$name" -e "other-$name"; }

gpasswd -a eve "$name" >/dev/null; want "1.4 fail ."; remedy "1.4 ."
members eve && fail "eve is still in $name"
sed -i "/^$name:/s/\$/,eve/;/^$name:/s/:,/:/" /etc/gshadow; want "1.4 fail ."; remedy "1.4 ."
grep "^$name:" /etc/gshadow | grep -q eve && fail "eve can still get $name by newgrp"
groupadd -o -g "$gid" "other-$name" && gpasswd -a ci "other-$name" >/dev/null; want "1.4 fail ."; remedy "1.4 ."
members ci && fail "ci is still in other-$name"
groupdel "other-$name"
usermod -g "$name" dev; want "1.4 fail ."; remedy "1.4 ."
[ "$(id -gn dev)" = dev ] || fail "dev has no group of its own"
sed -i "/^$name:/s/\$/,eve/;/^$name:/s/:,/:/" /etc/group
printf '%s:x:%s:bob\n' "$name" "$gid" >>/etc/group; want "1.4 fail ."
[ "$(id -nG bob)" != bob ] || fail "this system goes by the first entry only"
remedy "1.4 ."
members bob && fail "bob is still in $name"
[ "$(grep -c "^$name:" /etc/group)" = 2 ] || fail "an entry is gone"
sed -i "\$d" /etc/group
setfacl -m u:1234:rw "$work/docker.sock"; want "1.4 fail ."; remedy "1.4 ."
chown 1234 "$work/docker.sock"; want "1.4 fail ."; remedy "1.4 ."
chmod o+w "$work/docker.sock"; want "1.4 fail ."; remedy "1.4 ."

begin "the socket gets another group"
groupadd other-test && gpasswd -a bob other-test >/dev/null
chgrp other-test "$work/docker.sock"; want "1.4 fail ."; remedy "1.4 ."
errors=$(api "/v1/events?since=0" | tail -n +2 | jq -c 'select(.rule == "1.4" and .status == "error") | [.cause, .evidence]')
[ -z "$errors" ] || fail "1.4 was an error meanwhile: $errors"
chgrp "$gid" "$work/docker.sock"
