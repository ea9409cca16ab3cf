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
remedy "7.3 swarm"
for _ in $(seq 100); do docker network inspect open >/dev/null 2>&1 && break; sleep 0.1; done
docker network inspect open >/dev/null || fail "the swarm was lost"
remedy "7.1 swarm"
settle_networks
