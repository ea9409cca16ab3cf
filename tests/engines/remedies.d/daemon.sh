# The daemon's configuration of section 2: what a finding prints changes what it names in daemon.json, keeps all else, and
# has it read. Sourced by tests/engines/remedies.

. tests/engines/systemctl.sh

# configure TEXT: that is daemon.json, and the engine is started anew with it
configure() {
    printf '%s\n' "$1" >"$work/daemon.json"
    systemctl restart docker
}
# rewrite TEXT RULE: that is daemon.json, of which dockerd is not told; the rule goes on failing, and what is to be done is
# something else
rewrite() {
    local before now=
    before=$(remedy_of "$2" .)
    printf '%s\n' "$1" >"$work/daemon.json"
    is_other() { now=$(failing_remedy "$1" .) && [ "$now" != "$before" ]; }
    await is_other "$2" || fail "$2: with another file it still says $now"
}
# used COMMAND: the last remedy had systemd do that
used() { [ "$(tail -1 "$work/systemctl.log")" = "$1" ] || fail "systemctl $(tail -1 "$work/systemctl.log"), not $1"; }

begin "daemon: a file with much in it"
echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >"$work/open.json"
configure '{
    "features": {"debug": true, "experimental": true, "userland-proxy":true},
    "labels": ["a={b}", "c=d,e", "f=\"no-new-privileges\": false"], "debug": true,
    "log-level": "warn",
    "log-opts": {"max-size": "1m"}, "userland-proxy":true,
    "cgroup-parent" : "/bench",
    "experimental": true,
    "seccomp-profile": "'"$work"'/open.json",
    "no-new-privileges": false
}'
for rule in 2.1 2.2 2.9 2.14 2.15 2.16 2.17 2.18; do wait_for $rule fail; done
for rule in 2.2 2.1 2.9 2.15; do remedy "$rule ."; used "restart docker"; done
remedy "2.14 ."; used "reload docker"
for rule in 2.16 2.17 2.18; do remedy "$rule ."; used "restart docker"; done
jq -e '.labels == ["a={b}", "c=d,e", "f=\"no-new-privileges\": false"] and
    .features == {"debug": true, "experimental": true, "userland-proxy": true} and ."log-opts" == {"max-size": "1m"} and .debug == false and ."log-level" == "info" and
    .icc == false and ."cgroup-parent" == "" and ."live-restore" and ."userland-proxy" == false and
    ."seccomp-profile" == "" and .experimental == false and ."no-new-privileges"' "$work/daemon.json" >/dev/null ||
    fail "daemon.json lost something: $(cat "$work/daemon.json")"

[ "$(echo "$work"/daemon.json*)" = "$work/daemon.json" ] || fail "left beside the file: $(echo "$work"/daemon.json*)"

begin "daemon: a file without options"
configure '{}'
wait_for 2.15 fail
remedy "2.15 ."
[ "$(jq -c . "$work/daemon.json")" = '{"userland-proxy":false}' ] || fail "daemon.json: $(cat "$work/daemon.json")"

begin "daemon: debugging alone takes a reload"
configure '{"debug": true}'
wait_for 2.2 fail
remedy "2.2 ."; used "reload docker"

begin "daemon: lists lose their unwanted members, and a reload is enough"
configure '{
    "insecure-registries": ["r.corp:5000", "127.0.0.0/8",
        "10.0.0.0/8"], "dns": ["10.0.0.1"],
    "registry-mirrors": ["http://m.corp", "https://s.corp"]
}'
wait_for 2.4 fail
remedy "2.4 ."; used "reload docker"
jq -e '."insecure-registries" == ["127.0.0.0/8"] and ."registry-mirrors" == ["https://s.corp"] and .dns == ["10.0.0.1"]' \
    "$work/daemon.json" >/dev/null || fail "daemon.json lost something: $(cat "$work/daemon.json")"

begin "daemon: what a reload does not take is restarted for"
configure '{"userland-proxy": true, "insecure-registries": ["10.0.0.0/8"]}'
wait_for 2.4 fail; wait_for 2.14 fail
remedy "2.4 ."
case $(dockerd --version) in *" 20.10."*) used "reload docker" ;; *) used "restart docker" ;; esac
remedy "2.14 ."
echo '{"userland-proxy": false, "insecure-registries": ["10.0.0.0/8"]}' >"$work/daemon.json"
systemctl restart docker
wait_for 2.4 fail
rewrite '{"userland-proxy": false}' 2.4
remedy "2.4 ."; used "restart docker"

begin "daemon: the file is right already, and dockerd was not told"
configure '{"userland-proxy": true}'
wait_for 2.15 fail
rewrite '{"userland-proxy": false}' 2.15
remedy "2.15 ."
[ "$(cat "$work/daemon.json")" = '{"userland-proxy": false}' ] || fail "daemon.json was edited: $(cat "$work/daemon.json")"
configure '{}'
wait_for 2.15 fail
