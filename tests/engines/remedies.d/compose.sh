# Containers of compose projects: what a finding says is done in the project's file, in the service and at the key that it
# names, and the command that it ends with closes it, and loses nothing. Sourced by tests/engines/remedies.

begin "compose: projects"
shop=$work/compose/shop
mkdir -p "$shop/o'r \$x;y" "$work/compose/elsewhere"
cat >"$shop/docker-compose.yml" <<'END'
version: "2.4"
services:
  web:
    image: test:1.0
    command: sleep 1000000
    environment: {A: b}
    labels: {c: d}
    hostname: h1
    stop_grace_period: 1s
    volumes: ["data:/data", "/etc:/conf"]
    pid: host
    restart: always
    ports: ["8098:80"]
  app:
    image: test:1.0
    command: sleep 1000000
    stop_grace_period: 1s
    cap_add: [SYS_ADMIN]
    security_opt: ["seccomp=unconfined"]
    network_mode: bridge
  high:
    image: test:1.0
    command: sleep 1000000
    stop_grace_period: 1s
    privileged: true
volumes: {data: {}}
END
cat >"$shop/o'r \$x;y/more.yml" <<'END'
version: "2.4"
services:
  app:
    ipc: host
END
project() { (cd "$shop" && docker-compose -p shop -f docker-compose.yml -f "o'r \$x;y/more.yml" "$@"); }
project up -d web app >"$work/compose.out" 2>&1 || { fail "no project: $(cat "$work/compose.out")"; exit 1; }
project up --no-start high >>"$work/compose.out" 2>&1 # not everywhere can one be started
want "5.4 fail ^shop[_-]high[_-]1$"
for rule in 5.15 5.14; do want "$rule fail ^shop[_-]web[_-]1$"; done
for rule in 5.3 5.16 5.21; do want "$rule fail ^shop[_-]app[_-]1$"; done

# compose RULE CONTAINER EDIT…: the finding names the service and the key that EDIT (sed's commands, of the project's
# files) changes; its command is run and closes it
compose() {
    local rule=$1 name=$2 text command service=${2#shop_} edits=("${@:3}")
    service=${service%_1}
    text=$(findings "status=fail&rule=$rule" | jq -r --arg n "$name" 'first(.findings[] | select(.subject.name == $n)).remedy // empty')
    case $text in
    "# in $shop/docker-compose.yml, service $service: "*"; then: "*) ;;
    "# in whichever of $shop/docker-compose.yml, $shop/o'r \$x;y/more.yml sets it, service $service: "*"; then: "*) ;;
    *) fail "$rule $name: not the project's: $text"; return ;;
    esac
    for edit in "${edits[@]}"; do sed -i "$edit" "$shop/docker-compose.yml" "$shop/o'r \$x;y/more.yml"; done
    settle
    since=$(last_seq)
    command=${text##*; then: }
    (cd / && sh -c "$command") >"$work/remedy.out" 2>&1 || fail "$rule: $command: $(cat "$work/remedy.out")"
    passes_now() { [ "$(findings "rule=$rule" | jq -r --arg n "$name" 'first(.findings[] | select(.subject.name == $n)).status // empty')" = pass ]; }
    await passes_now && { echo "    $rule  $text"; return; }
    fail "$rule $name still fails after: $command"
}
kept() { # all of shop_web_1 but what the remedies change
    docker inspect shop_web_1 | jq -S '.[0] | [.Name, .Config.Env, .Config.Hostname, .Config.Labels.c, .Config.Cmd,
        [.Mounts[] | select(.Destination == "/data") | .Name], .HostConfig.PortBindings]'
}
kept >"$work/kept"
docker exec shop_web_1 sh -c 'echo x >/data/file'
compose 5.4 shop_high_1 '/privileged/d'
compose 5.15 shop_web_1 '/pid: host/d'
if [ -z "${REMEDIES_SMALL:-}" ]; then
compose 5.5 shop_web_1 's|, "/etc:/conf"||'
compose 5.12 shop_web_1 '/hostname/a\    read_only: true'
compose 5.25 shop_web_1 '/hostname/a\    security_opt: ["no-new-privileges:true"]'
compose 4.1 shop_web_1 '/hostname/a\    user: "1000"'
compose 5.3 shop_app_1 's/cap_add: .*/cap_drop: [ALL]/'
compose 5.21 shop_app_1 '/seccomp=unconfined/d'
compose 5.16 shop_app_1 's/ipc: host/domainname: other/'
fi
[ "$(kept | diff "$work/kept" -)" = "" ] || fail "the service lost something: $(kept | diff "$work/kept" -)"
[ "$(docker exec shop_web_1 cat /data/file)" = x ] || fail "the volume's data are lost"

# What is changed as it runs says what has to be changed in the file, too.
for rule in 5.10 5.11 5.14 5.28; do
    text=$(findings "status=fail&rule=$rule" | jq -r 'first(.findings[] | select(.subject.name == "shop_web_1")).remedy // empty')
    case $text in
    "docker update "*" shop_web_1  # and in $shop/docker-compose.yml, "*", service web: set "*) ;;
    *) fail "$rule: $text" ;;
    esac
    remedy "$rule ^shop_web_1$"
done
project down -v >/dev/null 2>&1

# Labels of compose 2, as it sets them; nothing of them is run by itself, and an image's own name no file.
docker create --name labelled --privileged --label com.docker.compose.project=shop --label com.docker.compose.service=web \
    --label com.docker.compose.version=2.24.6 --label "com.docker.compose.project.working_dir=/srv/it's" \
    --label "com.docker.compose.project.config_files=/srv/it's/compose.yaml" test:1.0 sleep 1 >/dev/null
want "5.4 fail ^labelled$"
case $(remedy_of 5.4 labelled) in
"# in /srv/it's/compose.yaml, service web: remove privileged: true, "*"; then: docker compose -f '/srv/it'\\''s/compose.yaml' -p shop up -d web") ;;
*) fail "compose 2: $(remedy_of 5.4 labelled)" ;;
esac
docker rm labelled >/dev/null
