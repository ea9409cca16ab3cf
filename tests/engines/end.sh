# How a suite of this folder tells what it does, what failed, and that it came to its end, and how it waits. Sourced.
failures=0 ended= where=

step() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
patience=300 # seconds, against hanging; of what comes after a failure less
fail() { printf 'FAILED: %s\n' "$*"; failures=$((failures + 1)) patience=60; }

# await COMMAND…: until it succeeds, however slow this machine is
await() {
    local end=$((SECONDS + patience))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

# finish: the end of a suite. One that ends without it has failed, whatever its status.
finish() {
    ! declare -F check_requests >/dev/null || check_requests
    step "$failures failures"
    ended=1
    [ "$failures" -eq 0 ]
}
set -E
trap 'where="${BASH_SOURCE[0]}, line $LINENO: $BASH_COMMAND"' ERR

# check_end: for the trap on EXIT, which has put the exit status into $status.
check_end() {
    [ -z "$ended" ] || return 0
    echo "FAILED: ended early with status $status${where:+ ($where)}"
    [ "$status" -ne 0 ] || status=1
}
