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
    await eval 'docker version >/dev/null 2>&1 || ! kill -0 "$engine_pid" 2>/dev/null' || true
    docker version >/dev/null 2>&1 && return
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

# a_moment: seconds, the more the more processes wait for a processor of this machine
a_moment() {
    awk -v processors="$(nproc)" '{ slow = $1 / processors; print 0.3 * (slow < 1 ? 1 : slow < 5 ? slow : 5) }' /proc/loadavg
}

# The engine and the agent are at rest when nothing more comes for a moment.
settle() {
    local before=-1 now
    for _ in $(seq 100); do
        now=$(last_seq)
        [ "$now" = "$before" ] && return
        before=$now
        sleep "$(a_moment)"
    done
}

# at_rest COUNTER: its value, when it is the same for a moment
at_rest() {
    local before=-1 now
    for _ in $(seq 100); do
        now=$(counter "$1")
        [ "$now" = "$before" ] && break
        before=$now
        sleep "$(a_moment)"
    done
    echo "$now"
}

# Audit rules are the kernel's: of the suites that change them, or count what follows of a change, one at a time does.
lock_audit() { exec 8>/tmp/docker-bench-agent-audit.lock && flock 8; }
unlock_audit() { flock -u 8; }

begin() {
    settle
    step "$1"
    since=$(last_seq)
}

# came RULE STATUS NAME: there was such a transition
came() {
    events | jq -es --arg r "$1" --arg s "$2" --arg n "$3" \
        'any(.rule == $r and (.status // "gone") == $s and ([.subject.name, .subject.id] | any(test($n))))' >/dev/null
}

# want "RULE STATUS NAME": such a transition comes
want() {
    local rule status name
    read -r rule status name <<<"$1"
    await came "$rule" "$status" "$name" && return
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

# failing_remedy RULE NAME: what the finding says to do; fails while there is no such finding, as when what it is made of
# is just read again
failing_remedy() {
    findings "status=fail&rule=$1" | jq -er --arg n "$2" \
        'first(.findings[] | select([.subject.name, .subject.id] | any(test($n)))).remedy // empty'
}

# remedy_of RULE NAME [WORD…]: what the finding says to do; with words, as soon as it says them
remedy_of() {
    local text=
    says_to() { text=$(failing_remedy "$1" "$2") && [ -n "$text" ] && { [ -z "${3:-}" ] || grep -qF -- "$3" <<<"$text"; }; }
    await says_to "$1" "$2" "${*:3}" || true
    printf '%s\n' "$text"
}

# last_status RULE NAME: of the last such transition
last_status() {
    events | jq -rs --arg r "$1" --arg n "$2" \
        'map(select(.rule == $r and ([.subject.name, .subject.id] | any(test($n))))) | if . == [] then "untouched" else last.status // "gone" end'
}

# remedy "RULE NAME" [WORD=VALUE…]: the command of that finding, with words filled in, is run; the finding passes, or goes
remedy() {
    local rule name command word status
    read -r rule name <<<"$1"
    shift
    settle # what the command is made of has been read
    command=$(remedy_of "$rule" "$name")
    [ -n "$command" ] || { fail "$rule $name fails without a remedy"; return; }
    for word; do
        [[ ${word%%=*} =~ ^[A-Z_]+$ ]] && command=${command//"${word%%=*}"/"${word#*=}"}
        command=${command//"<${word%%=*}>"/"${word#*=}"}
    done
    since=$(last_seq)
    sh -c "$command" </dev/null >"$work/remedy.out" 2>&1 || fail "$rule: $command: $(cat "$work/remedy.out")"
    closes() { status=$(last_status "$1" "$2") && { [ "$status" = pass ] || [ "$status" = gone ]; }; }
    await closes "$rule" "$name" && { echo "    $rule  $command"; return; }
    fail "$rule: still $status after: $command"
}

start_agent() {
    start_record
    "${record[@]}" "${prefix[@]}" "$build/docker-bench-agent" -c "$work/agent.json" --socket "$sock" --state-dir "$work/state" \
        2>>"$work/agent.log" &
    agent_pid=$!
    is_ready() { [ "$(curl -s --unix-socket "$sock" http://localhost/healthz | jq -r .ready 2>/dev/null)" = true ]; }
    await eval 'is_ready || ! kill -0 "$agent_pid" 2>/dev/null' || true
    is_ready && return
    cat "$work/agent.log"
    curl -s --unix-socket "$sock" http://localhost/healthz || true
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

# The engine may write the node's rotated key while it removes the folder: it has left the swarm all the same.
leave_swarm() {
    docker swarm leave --force >/dev/null 2>"$work/leave" || grep -q "directory not empty" "$work/leave" ||
        fail "the swarm cannot be left: $(cat "$work/leave")"
}

# A node that left a swarm loses its networks some seconds later, or keeps them (20.10 under load): the engine is given
# time to remove them, and then the agent must know the same networks as the engine.
settle_networks() {
    local live=none listed=
    for _ in $(seq 50); do
        [ -n "$(docker network ls -q --filter scope=swarm)" ] || break
        sleep 0.1
    done
    are_known() {
        listed=$(docker network ls -q --no-trunc | sort)
        live=$(findings 'rule=7.4' | jq -r '.findings[].subject.id' | sort)
        [ "$live" = "$listed" ]
    }
    await are_known || fail "the networks known: ${live//$'\n'/ }; of the engine: ${listed//$'\n'/ }"
}

# scan_once FILE COMMAND…: a fresh scan, written to FILE. It gives the engine some seconds to answer, which can be too few
# on a busy machine: then there is another one.
scan_once() {
    has_reached() {
        "${@:2}" --once --format json >"$1" 2>>"$work/agent.log" || true
        jq -e 'all(.findings[]; .evidence | tostring | contains("the engine cannot be reached") | not)' "$1" >/dev/null
    }
    await has_reached "$@" || fail "a fresh scan does not reach the engine: $(head -c 300 "$1")"
}

# verdicts FILE: of findings, one a line, but those of execs
verdicts() {
    jq -r '.findings[] | select(.subject.kind != "exec") | [.slug, .subject.kind, .subject.id, .status] | @tsv' "$1" | sort
}

# Every image that is judged by its document is judged by its files too, which are read in the background.
are_images_read() {
    [ "$(findings 'kind=image' | jq '[.findings[] | select(.slug == "image-secrets")] | length')" -le \
        "$(findings 'kind=image' | jq '[.findings[] | select(.slug == "image-packages")] | length')" ]
}

# compare_with_once [PREFIX…]: verdicts of the running agent and of a fresh scan (under PREFIX), subject by subject. What
# the agent finds out while the scan runs is compared with another scan.
compare_with_once() {
    local end=$((SECONDS + patience))
    await are_images_read || fail "images are not read: $(findings kind=image | jq -c '.findings[] | [.slug, .subject.name, .status]')"
    settle
    findings >"$work/live.json"
    while
        start_record
        scan_once "$work/once.json" "${record[@]}" "$@" "$build/docker-bench-agent" -c "$work/agent.json" --state-dir "$work/state"
        verdicts "$work/live.json" >"$work/live.tsv"
        verdicts "$work/once.json" >"$work/once.tsv"
        ! diff "$work/live.tsv" "$work/once.tsv" >"$work/diff"
    do
        settle
        findings >"$work/live.json"
        verdicts "$work/live.json" | diff -q "$work/live.tsv" - >/dev/null && break
        [ "$SECONDS" -lt "$end" ] || break
    done
    [ -s "$work/live.tsv" ] || fail "no findings"
    [ ! -s "$work/diff" ] || fail "live and fresh verdicts differ: $(cat "$work/diff")"
}
