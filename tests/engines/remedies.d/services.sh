# Containers that a swarm's service makes: what a finding prints is done to the service, which keeps all else. Sourced by
# tests/engines/remedies.

begin "services"
docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:2377 >/dev/null; want "7.1 fail swarm"
docker network create -d overlay --opt encrypted=1 apart >/dev/null
docker service create -q -d --name served --env A=b --label c=d --hostname h1 --mount type=volume,src=data,dst=/data \
    --mount type=bind,src=/etc,dst=/conf --publish 22:80 --restart-condition on-failure --user root --cap-add SYS_ADMIN \
    --update-monitor 1s --stop-grace-period 1s test:1.0 sleep 1000000 >/dev/null 2>&1 ||
    fail "no service"
spec() { # all but what the remedies change
    docker service inspect served | jq -S '.[0].Spec | [.Name, .Labels, .Mode, .TaskTemplate.ContainerSpec.Env,
        .TaskTemplate.ContainerSpec.Hostname, .TaskTemplate.ContainerSpec.Args, .TaskTemplate.RestartPolicy,
        [.TaskTemplate.ContainerSpec.Mounts[] | select(.Target == "/data")]]'
}
task() { # the id of the task's container that runs now
    docker ps -q --no-trunc --filter label=com.docker.swarm.service.name=served
}
# serve RULE [WORD=VALUE…]: the finding of the service's container is mended in its service; the new container passes
serve() {
    local rule=$1 command= status= word
    shift
    is_said() {
        command=$(findings "status=fail&rule=$rule" | jq -r --arg i "$(task)" 'first(.findings[] | select(.subject.id == $i)).remedy // empty')
        [ -n "$command" ]
    }
    await is_said || true
    case $command in
    'docker service update '*) ;;
    *) fail "$rule: not the service's: $command"; return ;;
    esac
    for word; do command=${command//"${word%%=*}"/"${word#*=}"}; done
    sh -c "$command" </dev/null >"$work/remedy.out" 2>&1 || fail "$rule: $command: $(cat "$work/remedy.out")"
    passes() {
        status=$(findings "rule=$rule" | jq -r --arg i "$(task)" 'first(.findings[] | select(.subject.id == $i)).status // empty')
        [ "$status" = pass ]
    }
    await passes && { echo "    $rule  $command"; return; }
    fail "$rule: still $status after: $command"
}
spec >"$work/spec"
serve 4.1 USER=1000
serve 5.3
serve 5.5 DESTINATION=/conf
serve 5.7 HOST_PORT=8122 PORT=80
serve 5.10
serve 5.11
serve 5.12
serve 5.26 COMMAND=true
serve 5.28
[ "$(spec | diff "$work/spec" -)" = "" ] || fail "the service lost something: $(spec | diff "$work/spec" -)"
docker service rm served >/dev/null
are_gone() { [ -z "$(docker ps -aq --filter label=com.docker.swarm.service.name=served)" ]; }
await are_gone || fail "the service's containers are still there"
docker network rm apart >/dev/null
leave_swarm; want "7.1 pass swarm"
settle_networks
