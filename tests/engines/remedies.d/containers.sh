# Sections 4 and 5, execs: what a finding prints mends the container. Sourced by tests/engines/remedies.

begin "containers"
run plain test:1.0
for rule in 5.10 5.11 5.28; do want "$rule fail ^plain$"; done
for rule in 5.10 5.11 5.28; do remedy "$rule ^plain$"; done
run restarts --restart always test:1.0; want "5.14 fail ^restarts$"; remedy "5.14 ^restarts$"
docker network create own >/dev/null
run reserved --memory-reservation 1g test:1.0; want "5.10 fail ^reserved$"; remedy "5.10 ^reserved$"
run period --cpu-period 50000 test:1.0; want "5.11 fail ^period$"; remedy "5.11 ^period$"
run connected test:1.0; docker network connect own connected; want "5.29 fail ^connected$"; remedy "5.29 ^connected$"
docker create --name alone test:1.0 sleep 1000000 >/dev/null; want "5.29 fail ^alone$"
remedy "5.29 ^alone$" NETWORK=own; docker start alone >/dev/null; want "5.26 fail ^alone$"
passes() { [ "$(api '/v1/findings?rule=5.29&subject=alone' | jq -r '.findings[0].status')" = pass ]; }
await passes || fail "the default bridge is back"
docker create --name everything --privileged test:1.0 sleep 1 >/dev/null; want "5.4 fail ^everything$"
# What needs a new container is a comment: nothing is lost by running it, and its steps work as they are said.
steps=$(remedy_of 5.4 ^everything$)
before=$(docker inspect everything)
sh -c "$steps" </dev/null || fail "5.4: $steps"
[ "$(docker inspect everything)" = "$before" ] || fail "5.4 changed the container: $steps"
follow() { (cd "$work" && sh -c "$1" >/dev/null) || fail "5.4: $1"; }
follow "$(sed 's/.*save its options: \(.*\); create the new one.*/\1/' <<<"$steps")"
new=$(sed 's/.*create the new one: \(.*\) (those of .*/\1/' <<<"$steps")
follow "${new/OPTIONS IMAGE/test:1.0 sleep 1000000}"
want "5.4 pass ^everything$"
follow "$(sed 's/.*when it works: //' <<<"$steps")"
want "5.4 gone ^everything-old$"
[ "$(jq -r '.[0].HostConfig.Privileged' "$work/everything.json")" = true ] || fail "the options are not kept"
docker exec --user app plain id >/dev/null; want "5.23 fail ^plain$"; remedy "5.23 ^plain$"
