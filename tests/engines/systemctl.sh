# A systemctl that stands in for systemd, which does not run the engine in these suites. Sourced, with start_engine and a
# folder $work/bin that comes first in PATH.

{ declare -f start_engine await; declare -p engine_options patience; } >"$work/start-engine.sh"
cat >"$work/bin/systemctl" <<'END'
#!/usr/bin/env bash
# systemctl [--user] restart|reload docker
work=$(dirname "$(dirname "$(realpath "$0")")")
. "$work/start-engine.sh"
echo "$*" >>"$work/systemctl.log"
pid=$(cat "$work/pid")
case "$*" in
"reload docker") kill -HUP "$pid" ;;
"restart docker")
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    start_engine
    ;;
*) exit 1 ;;
esac
END
chmod 755 "$work/bin/systemctl"

# wait_for RULE STATUS: the rule has it
has_now() { [ "$(api "/v1/findings?rule=$1" | jq -r '.findings[0].status' 2>/dev/null)" = "$2" ]; }
wait_for() {
    await has_now "$@" || fail "$1 is not $2: $(api "/v1/findings?rule=$1" | jq -c '.findings[0] | [.status, .evidence]')"
}
