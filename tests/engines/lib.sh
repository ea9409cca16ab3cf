# What the suites of this folder share: a real dockerd in a temporary folder and network namespace, the agent beside it,
# and comparing what the agent knows with a fresh scan. Sourced with $build (the build folder) and prefix (a command the
# agent runs under, such as valgrind) set, from the top folder.
work=$(mktemp -d)
chmod 711 "$work" # --once becomes nobody, who has to reach a host's root in it
sock=$work/agent.sock
export DOCKER_HOST=unix://$work/docker.sock
agent_pid= engine_pid= rsyslog_pid= host_pid=
beside_pids=() # of what a suite has started besides

. tests/engines/end.sh
. tests/engines/requests.sh

cleanup() {
    local status=$?
    trap - EXIT ERR
    set +e
    check_end
    [ -n "$agent_pid" ] && kill "$agent_pid" 2>/dev/null && wait "$agent_pid" 2>/dev/null
    if [ -n "$engine_pid" ] && kill -CONT "$(cat "$work/pid" 2>/dev/null)" 2>/dev/null; then
        for _ in 1 2; do # podman removes none that another one joined
            timeout 30 docker ps -aq 2>/dev/null | xargs -r timeout 60 docker rm -f >/dev/null 2>&1
        done
        kill "$(cat "$work/pid")" 2>/dev/null
        wait "$engine_pid" 2>/dev/null
    fi
    pgrep -f "^[^ ]*conmon .*$work/" | xargs -r kill -9 # those of podman's execs stay for minutes
    [ -n "$host_pid" ] && kill "$host_pid" 2>/dev/null
    [ -n "$rsyslog_pid" ] && kill "$rsyslog_pid" 2>/dev/null
    for pid in "${beside_pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    grep -o "$work[^ ]*" /proc/mounts | sort -r | xargs -r -n1 umount -l 2>/dev/null
    [ "$status" -ne 0 ] && tail -20 "$work/agent.log" 2>/dev/null
    rm -rf "$work" 2>/dev/null || true
    exit "$status"
}
trap cleanup EXIT

# use_engine NAME: which dockerd start_engine starts. "" is this system's own, SUITE that of another Debian suite, and
# SUITE+containerd keeps images in containerd's store.
engine_options=()
use_engine() {
    local folder suite=${1%+containerd}
    if [ -n "$suite" ]; then
        folder=$(tests/engines/fetch-engine "$suite") || exit 1
        PATH=$folder/usr/sbin:$folder/usr/bin:$PATH
    fi
    [ "$suite" = "$1" ] || engine_options+=(--feature containerd-snapshotter=true)
    step "$(dockerd --version)${engine_options[*]:+, ${engine_options[*]}}"
}

start_engine() {
    unshare -n -m bash -c 'work=$1; shift; ip link set lo up; exec dockerd --data-root "$work/root" \
        --exec-root "$work/exec" --pidfile "$work/pid" -H "unix://$work/docker.sock" \
        --config-file "$work/daemon.json" "$@"' dockerd "$work" "${engine_options[@]}" >>"$work/engine.log" 2>&1 &
    engine_pid=$!
    for _ in $(seq 600); do
        docker version >/dev/null 2>&1 && return
        sleep 0.1
    done
    tail -20 "$work/engine.log"
    echo "dockerd does not start" >&2
    exit 1
}

stop_engine() {
    kill "$(cat "$work/pid")"
    wait "$engine_pid" 2>/dev/null || true
    engine_pid=
}

make_tree() {
    local tree=$work/tree applet
    mkdir -p "$tree/bin" "$tree/etc" "$tree/tmp"
    cp "$(command -v busybox)" "$tree/bin/busybox"
    for applet in sh sleep ls id cat true; do ln -s busybox "$tree/bin/$applet"; done
    cp "$tree/bin/busybox" "$tree/bin/sshd"
    printf 'root:x:0:0:root:/:/bin/sh\napp:x:1000:1000:app:/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n' >"$tree/etc/passwd"
}

make_images() {
    local tree=$work/tree
    make_tree
    tar -C "$tree" -c . | docker import - test:1.0 >/dev/null
    tar -C "$tree" -c . | docker import -c 'LABEL execID=SPOOFED' - spoof:1.0 >/dev/null
}

api() { curl -sS --unix-socket "$sock" "${@:1:$#-1}" "http://localhost${!#}"; }
# findings [QUERY]: every page of /v1/findings as one document
findings() {
    local after= page=$work/page.json
    while api "/v1/findings?limit=100000${1:+&$1}${after:+&after=$after}" >"$page"; do
        jq -c '.findings[]' "$page"
        after=$(jq -r '.next // empty | @uri' "$page")
        [ -n "$after" ] || break
    done | jq -cs '{findings: .}'
}
last_seq() { api /v1/status | jq .last_seq; }
counter() { api /v1/status | jq ".counters.$1"; }
events() { api "/v1/events?since=$since" | tail -n +2; }

# The engine and the agent are at rest when nothing more comes for a moment.
settle() {
    local before=-1 now
    for _ in $(seq 100); do
        now=$(last_seq)
        [ "$now" = "$before" ] && return
        before=$now
        sleep 0.3
    done
}

begin() {
    settle
    step "$1"
    since=$(last_seq)
}

# want "RULE STATUS NAME": such a transition comes within moments
want() {
    local rule status name
    read -r rule status name <<<"$1"
    for _ in $(seq 600); do
        if events | jq -es --arg r "$rule" --arg s "$status" --arg n "$name" \
            'any(.rule == $r and (.status // "gone") == $s and ([.subject.name, .subject.id] | any(test($n))))' >/dev/null; then return; fi
        sleep 0.1
    done
    fail "no transition $1; there were:"
    events | jq -c --arg r "$rule" 'select(.rule == $r) | [.rule, .status, .subject.name, .evidence]' | tail -5
}

# only JQ-CONDITION: every transition since begin() fulfils it
only() {
    local others
    settle
    others=$(events | jq -c "select((($1) or .subject.kind == \"agent\") | not) | [.rule, .previous, .status, .subject.kind, .subject.name, .cause, .evidence]")
    [ -z "$others" ] || fail "transitions that should not have come: $others"
}

# remedy_of RULE NAME: what the finding says to do
remedy_of() {
    findings "status=fail&rule=$1&subject=$2" | jq -r '.findings[0].remedy'
}

# remedy "RULE NAME" [WORD=VALUE…]: the command of that finding, with words filled in, is run; the finding passes, or goes
remedy() {
    local rule name command word status
    read -r rule name <<<"$1"
    shift
    for _ in $(seq 300); do # an input that is read again makes it something else for a moment
        command=$(findings "status=fail&rule=$rule" | jq -r --arg n "$name" \
            'first(.findings[] | select([.subject.name, .subject.id] | any(test($n)))).remedy')
        [ -n "$command" ] && [ "$command" != null ] && break
        sleep 0.1
    done
    [ -n "$command" ] && [ "$command" != null ] || { fail "$rule $name fails without a remedy"; return; }
    for word; do
        [[ ${word%%=*} =~ ^[A-Z_]+$ ]] && command=${command//"${word%%=*}"/"${word#*=}"}
        command=${command//"<${word%%=*}>"/"${word#*=}"}
    done
    settle
    since=$(last_seq)
    sh -c "$command" </dev/null >"$work/remedy.out" 2>&1 || fail "$rule: $command: $(cat "$work/remedy.out")"
    for _ in $(seq 900); do # a limit against hanging
        status=$(events | jq -rs --arg r "$rule" --arg n "$name" \
            'map(select(.rule == $r and ([.subject.name, .subject.id] | any(test($n))))) | last | .status // "gone"')
        [ "$status" = pass ] || [ "$status" = gone ] && [ "$(events | wc -l)" -gt 0 ] && { echo "    $rule  $command"; return; }
        sleep 0.1
    done
    fail "$rule: still $status after: $command"
}

start_agent() {
    start_record
    "${record[@]}" "${prefix[@]}" "$build/docker-bench-agent" -c "$work/agent.json" --socket "$sock" --state-dir "$work/state" \
        2>>"$work/agent.log" &
    agent_pid=$!
    for _ in $(seq 1200); do
        [ "$(curl -s --unix-socket "$sock" http://localhost/healthz | jq -r .ready 2>/dev/null)" = true ] && return
        kill -0 "$agent_pid" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/agent.log"
    echo "the agent does not get ready" >&2
    exit 1
}

stop_agent() {
    local status=0
    kill "$agent_pid"
    wait "$agent_pid" || status=$?
    agent_pid=
    [ "$status" -eq 0 ] || fail "the agent ended with status $status: $(tail -30 "$work/agent.log")"
}

# A node that left a swarm loses its networks some seconds later, or keeps them (20.10 under load): the engine is given
# time to remove them, and then the agent must know the same networks as the engine.
settle_networks() {
    local live=none listed=
    for _ in $(seq 50); do
        [ -n "$(docker network ls -q --filter scope=swarm)" ] || break
        sleep 0.1
    done
    for _ in $(seq 600); do
        listed=$(docker network ls -q --no-trunc | sort)
        live=$(findings 'rule=7.4' | jq -r '.findings[].subject.id' | sort)
        [ "$live" = "$listed" ] && return
        sleep 0.1
    done
    fail "the networks known: ${live//$'\n'/ }; of the engine: ${listed//$'\n'/ }"
}

# compare_with_once [PREFIX…]: verdicts of the running agent and of a fresh scan (under PREFIX), subject by subject.
compare_with_once() {
    settle
    findings >"$work/live.json"
    start_record
    "${record[@]}" "$@" "$build/docker-bench-agent" -c "$work/agent.json" --state-dir "$work/state" --once --format json >"$work/once.json" \
        2>>"$work/agent.log" || true
    for file in live once; do
        jq -r '.findings[] | select(.subject.kind != "exec") | [.slug, .subject.kind, .subject.id, .status] | @tsv' \
            "$work/$file.json" | sort >"$work/$file.tsv"
    done
    [ -s "$work/live.tsv" ] || fail "no findings"
    diff "$work/live.tsv" "$work/once.tsv" >"$work/diff" || fail "live and fresh verdicts differ: $(cat "$work/diff")"
}
