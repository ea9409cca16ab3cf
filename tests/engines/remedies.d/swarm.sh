# Section 7; the last, as it ends with leaving the swarm. Sourced by tests/engines/remedies.

begin "swarm"
nsenter -t "$(cat "$work/pid")" -n ip address add 10.9.8.7/24 dev lo
docker swarm init --advertise-addr 127.0.0.1 --cert-expiry 8760h >/dev/null
for rule in 7.3 7.6 7.8; do want "$rule fail swarm"; done
docker network create --driver overlay open >/dev/null; want "7.4 fail ^open$"; remedy "7.4 ^open$"
remedy "7.8 swarm"
remedy "7.6 swarm"
remedy "7.3 swarm" address=10.9.8.7
for _ in $(seq 100); do docker network inspect open >/dev/null 2>&1 && break; sleep 0.1; done
docker network inspect open >/dev/null || fail "the swarm was lost"
remedy "7.1 swarm"
settle_networks
