# Section 7; the last, as it ends with leaving the swarm. Sourced by tests/engines/remedies.

begin "swarm"
docker swarm init --advertise-addr 127.0.0.1 --cert-expiry 8760h >/dev/null
for rule in 7.3 7.6 7.8; do want "$rule fail swarm"; done
docker network create --driver overlay --subnet 10.77.0.0/24 --label 'a=b c' --attachable open >/dev/null
want "7.4 fail ^open$"; remedy "7.4 ^open$"
[ "$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}} {{.Labels.a}} {{.Attachable}}' open)" = "10.77.0.0/24 b c true" ] ||
    fail "the network is another one: $(docker network inspect open)"
subnet=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' ingress)
remedy "7.4 ^ingress$"
[ "$(docker network inspect -f '{{.Ingress}} {{(index .IPAM.Config 0).Subnet}}' ingress)" = "true $subnet" ] ||
    fail "the swarm has no such ingress network: $(docker network inspect ingress)"
docker service create -q --name published --publish 8099:80 --network open test:1.0 sleep 1000000 >/dev/null
does_run() { [ "$(docker service ps -f desired-state=running --format '{{.CurrentState}}' published | cut -d ' ' -f 1)" = Running ]; }
await does_run || fail "nothing can be published: $(docker service ps --no-trunc published)"
docker service rm published >/dev/null
are_gone() { [ -z "$(docker ps -aq --filter label=com.docker.swarm.service.name=published)" ]; }
await are_gone || fail "the service's containers are still there"
remedy "7.8 swarm"
remedy "7.6 swarm"
grep -q ENCRYPTED "$work/root/swarm/certificates/swarm-node.key" || fail "the node's key is not locked"

# A key that is older than it may be: the agent's record of it is made so.
want "7.7 pass swarm"
jq -c '.first_seen -= 100 * 86400 * 1000000' "$work/state/unlock-key.json" >"$work/unlock-key.json"
cat "$work/unlock-key.json" >"$work/state/unlock-key.json"
agentctl scan >/dev/null
want "7.7 fail swarm"; remedy "7.7 swarm"

# A root CA from years ago, as a swarm of that age has it.
printf '[ca]\ndefault_ca=c\n[c]\nnew_certs_dir=.\ndatabase=index\nserial=serial\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied
[e]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n' >"$work/ca.cnf"
(cd "$work" && : >index && echo 01 >serial && openssl req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=swarm-ca \
    -keyout ca.key -out ca.csr && openssl ca -batch -selfsign -config ca.cnf -extensions e -keyfile ca.key -in ca.csr \
    -startdate 20200101000000Z -enddate 20400101000000Z -out ca.pem) >"$work/openssl.log" 2>&1 || fail "openssl: $(tail -3 "$work/openssl.log")"
docker swarm ca --rotate --quiet --ca-cert "$work/ca.pem" --ca-key "$work/ca.key" >/dev/null
want "7.9 fail swarm"; remedy "7.9 swarm"

remedy "7.3 swarm"
is_there() { docker network inspect open >/dev/null 2>&1; }
await is_there || fail "the swarm was lost"

# A second manager, which serves for nothing: the remedy demotes it, also where it is the leader.
mkdir "$work/second" && echo "{}" >"$work/second/daemon.json"
nsenter -t "$(cat "$work/pid")" -n unshare -m bash -c 'work=$1; exec dockerd --data-root "$work/second/root" \
    --exec-root "$work/second/exec" --pidfile "$work/second/pid" -H "unix://$work/second/docker.sock" --bridge none \
    --iptables=false --config-file "$work/second/daemon.json"' dockerd "$work" >"$work/second/log" 2>&1 &
second_pid=$!
second() { docker -H "unix://$work/second/docker.sock" "$@"; }
quietly() { "$@" >/dev/null 2>&1; }
# is_manager NODE: it is one, and this engine knows
is_manager() { [ "$(docker node inspect -f '{{.ManagerStatus.Reachability}}' "$1" 2>/dev/null)" = reachable ]; }
# want_manager NODE: it becomes one. Nothing tells of that: the engine tells of what is changed of a node thereafter.
want_manager() {
    await is_manager "$1" || fail "$1 is no manager: $(docker node ls 2>&1)"
    await quietly docker node update --label-add "manager=$SECONDS" "$1" || fail "$1 cannot be changed"
}
await quietly second version || fail "no second engine: $(tail -3 "$work/second/log")"
one=$(docker info -f '{{.Swarm.NodeID}}')
quietly second swarm join --listen-addr 127.0.0.2 --advertise-addr 127.0.0.2 --token "$(docker swarm join-token -q manager)" \
    127.0.0.1:2377 || true # which waits for 20 s, and goes on thereafter
is_member() { two=$(second info -f '{{.Swarm.NodeID}}') && [ -n "$two" ] && is_manager "$two"; }
await is_member || fail "no second manager: $(tail -3 "$work/second/log")"
want_manager "$two"
want "7.2 fail swarm"; remedy "7.2 swarm"
begin "swarm: the other manager leads"
await quietly docker node promote "$two"; want_manager "$two"
await quietly second node demote "$one" || fail "the first manager cannot be demoted"
is_worker() { [ "$(docker info -f '{{.Swarm.ControlAvailable}}')" = false ]; }
await is_worker || fail "the first manager is not demoted"
does_lead() { [ "$(second node inspect -f '{{.ManagerStatus.Leader}}' "$two" 2>/dev/null)" = true ]; }
await does_lead || fail "the other one does not lead"
await quietly second node promote "$one"; want_manager "$one"
want "7.2 fail swarm"
remedy "7.2 swarm"
await quietly second swarm leave || fail "the second node cannot leave"
kill "$(cat "$work/second/pid")"; wait "$second_pid" 2>/dev/null || true
await quietly docker node rm --force "$two" || fail "the second node cannot be removed"

# What a swarm holds is not given up.
printf x | docker secret create kept - >/dev/null
leave=$(remedy_of 7.1 swarm docker swarm leave --force) # not before the other node is known to be away
sh -c "$leave" </dev/null >/dev/null 2>&1 && fail "a swarm with a secret was left: $leave"
docker secret rm kept >/dev/null || fail "the secret was lost"
remedy "7.1 swarm"
settle_networks
