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
for _ in $(seq 300); do
    [ "$(docker service ps -f desired-state=running --format '{{.CurrentState}}' published | cut -d ' ' -f 1)" = Running ] && break
    sleep 0.1
done
[ "$(docker service ps -f desired-state=running --format '{{.CurrentState}}' published | cut -d ' ' -f 1)" = Running ] ||
    fail "nothing can be published: $(docker service ps --no-trunc published)"
docker service rm published >/dev/null
for _ in $(seq 300); do
    [ -n "$(docker ps -aq --filter label=com.docker.swarm.service.name=published)" ] || break
    sleep 0.1
done
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
for _ in $(seq 100); do docker network inspect open >/dev/null 2>&1 && break; sleep 0.1; done
docker network inspect open >/dev/null || fail "the swarm was lost"

# A second manager, which serves for nothing: the remedy demotes it, also where it is the leader.
mkdir "$work/second" && echo "{}" >"$work/second/daemon.json"
nsenter -t "$(cat "$work/pid")" -n unshare -m bash -c 'work=$1; exec dockerd --data-root "$work/second/root" \
    --exec-root "$work/second/exec" --pidfile "$work/second/pid" -H "unix://$work/second/docker.sock" --bridge none \
    --iptables=false --config-file "$work/second/daemon.json"' dockerd "$work" >"$work/second/log" 2>&1 &
second() { docker -H "unix://$work/second/docker.sock" "$@"; }
for _ in $(seq 300); do second version >/dev/null 2>&1 && break; sleep 0.1; done
second swarm join --listen-addr 127.0.0.2 --advertise-addr 127.0.0.2 --token "$(docker swarm join-token -q manager)" \
    127.0.0.1:2377 >/dev/null || fail "no second manager: $(tail -3 "$work/second/log")"
want "7.2 fail swarm"; remedy "7.2 swarm"
one=$(docker info -f '{{.Swarm.NodeID}}') two=$(second info -f '{{.Swarm.NodeID}}')
begin "swarm: the other manager leads"
# is_manager NODE: it is one, and its engine knows
is_manager() {
    for _ in $(seq 300); do
        [ "$(docker node inspect -f '{{.ManagerStatus.Reachability}}' "$1" 2>/dev/null)" = reachable ] && return
        sleep 0.1
    done
    fail "$1 is no manager"
}
docker node promote "$two" >/dev/null; is_manager "$two"
for _ in $(seq 300); do second node demote "$one" >/dev/null 2>&1 && break; sleep 0.1; done
for _ in $(seq 300); do [ "$(docker info -f '{{.Swarm.ControlAvailable}}')" = false ] && break; sleep 0.1; done
second node promote "$one" >/dev/null; is_manager "$one"
want "7.2 fail swarm"
[ "$(docker node inspect -f '{{.ManagerStatus.Leader}}' "$two")" = true ] || fail "the other one does not lead"
remedy "7.2 swarm"
for _ in $(seq 300); do second swarm leave >/dev/null 2>&1 && break; sleep 0.1; done
kill "$(cat "$work/second/pid")"; wait $! 2>/dev/null || true
for _ in $(seq 300); do docker node rm --force "$two" >/dev/null 2>&1 && break; sleep 0.1; done

# What a swarm holds is not given up.
printf x | docker secret create kept - >/dev/null
leave=$(findings 'status=fail&rule=7.1' | jq -r '.findings[0].remedy')
sh -c "$leave" </dev/null >/dev/null 2>&1 && fail "a swarm with a secret was left: $leave"
docker secret rm kept >/dev/null || fail "the secret was lost"
remedy "7.1 swarm"
settle_networks
