# Only GETs reach the engine: what the agent and all of its processes send to the engine's socket is recorded
# (recorder.c), and a suite fails at its end if anything of it is not a GET of the list that README.md publishes, or not
# sent by the broker. Sourced by lib.sh; over TCP nothing is recorded, since TLS hides it.

# What precedes a command of the agent: "${record[@]}". start_record makes it, for the engine that DOCKER_HOST names.
record=()
start_record() {
    local socket=${DOCKER_HOST#unix://}
    record=()
    [ "$socket" != "$DOCKER_HOST" ] || return 0
    [ -e "$work/requests" ] || truncate -s 64M "$work/requests"
    record=(env "LD_PRELOAD=$build/tests/librequest-recorder.so" "RECORD_FILE=$work/requests" "RECORD_SOCKET=$socket"
        "ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0")
}

# The published list as one regular expression.
published_requests() {
    sed -n 's/^GET \(\/.*\)/\1/p' README.md | sort -u | sed -E 's/[.?]/\\&/g
        s/\{minor\}/[0-9]{1,4}/; s/\{seconds\}/[0-9]+/; s/\{time\}/[0-9]+\\.[0-9]{9}/; s/\{node\}/[a-z0-9]*/
        s/\{id\}/[A-Za-z0-9_:-][A-Za-z0-9_.:-]*/; s/\{volume\}/[A-Za-z0-9._~:%-]+/' | paste -s -d '|'
}

check_requests() {
    local used list others
    [ -e "$work/requests" ] || return 0
    used=$(od -An -N8 -t u8 "$work/requests" | tr -d ' ')
    [ "$used" -le $((64 * 1024 * 1024 - 8)) ] || { fail "more requests than can be recorded: $used bytes"; return; }
    head -c $((used + 8)) "$work/requests" | tail -c +9 | tr -d '\r' | tr '\n\0' '|\n' >"$work/requests.txt"
    list=$(published_requests)
    [ "$(tr -cd '|' <<<"$list" | wc -c)" -ge 15 ] || fail "README.md publishes no list of requests"
    others=$(grep -m 5 -vE "^engine-broker send[a-z]*: GET ($list) HTTP/1\.1\|Host: localhost\|User-Agent: docker-bench-agent\|Accept: \*/\*\|\|$" \
        "$work/requests.txt" || true)
    [ -z "$others" ] || fail "requests that are not of the published list: $others"
    [ "$(wc -l <"$work/requests.txt")" -ge 1 ] || fail "no request was recorded"
    step "only GETs reach the engine: $(wc -l <"$work/requests.txt") requests recorded, $(sed -E 's/^[^/]*//; s/ HTTP.*//
        s/[0-9a-f]{64}/ID/g; s/=[0-9.]+/=/g' "$work/requests.txt" | sort -u | wc -l) kinds"
}
