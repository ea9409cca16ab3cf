# agentctl fix --print: the script is run as it is on a host with faults in its files, in daemon.json and in a project of
# compose; what it says it mends is closed, what needs a person is only said, and it can be run again. Then the same as a
# playbook. Sourced by tests/engines/remedies.

. tests/engines/systemctl.sh
export FIX_STATE=$work/kept

# prepare: the host's faults, each of which is found
prepare() {
    printf '{\n    "labels": ["a={b}", "c=%%s"], "userland-proxy": true,\n    "icc": true, "debug": true, "log-level": "warn",\n    "insecure-registries": ["127.0.0.0/8", "10.0.0.0/8"]\n}\n' >"$work/daemon.json"
    systemctl restart docker
    for rule in 2.2 2.4 2.15; do wait_for "$rule" fail; done
    docker rm -f restarts limits stays >/dev/null 2>&1 || true
    run restarts --restart always test:1.0
    run limits test:1.0
    docker create --name stays --privileged --label com.docker.compose.project=shop --label com.docker.compose.service=web \
        --label $'com.docker.compose.project.config_files=/srv/{{ lookup("pipe", "touch PLANTED") }}\n: rm -rf /x\n- name: x' \
        test:1.0 sleep 1 >/dev/null
    want "5.14 fail ^restarts$"; want "5.28 fail ^limits$"; want "5.4 fail ^stays$"
    docker inspect stays limits | jq -S '.[] | [.Id, .HostConfig, .State.StartedAt]' >"$work/before"
}
# mended: what commands do unattended is done, the rest is as it was
mended() {
    for rule in 2.2 2.4 2.14 2.15; do wait_for "$rule" pass; done
    want "5.14 pass ^restarts$"
    jq -e '.labels == ["a={b}", "c=%s"] and ."userland-proxy" == false and .debug == false and ."log-level" == "info" and
        ."insecure-registries" == ["127.0.0.0/8"] and ."live-restore"' "$work/daemon.json" >/dev/null ||
        fail "daemon.json: $(cat "$work/daemon.json")"
    docker inspect stays limits | jq -S '.[] | [.Id, .HostConfig, .State.StartedAt]' | diff "$work/before" - >/dev/null ||
        fail "something else changed"
    [ ! -e PLANTED ] && [ ! -e "$work/PLANTED" ] || fail "a name was run"
    [ "$(find "$work" -maxdepth 1 -name 'daemon.json.??????' | wc -l)" = 0 ] || fail "left: $(ls "$work"/daemon.json*)"
}
plan() { agentctl fix --print "$@"; }

begin "fix: a script"
prepare
settle; since=$(last_seq)
[ "$(agentctl fix 2>&1 >/dev/null; echo $?)" != 0 ] || fail "fix without --print"
only 'false'
plan --section 2 >"$work/section2.sh"
plan --section 5 >"$work/section5.sh"
for file in section2 section5; do
    sh -n "$work/$file.sh" || fail "$file: no script: $(cat "$work/$file.sh")"
done
grep -q '^# 5.4 .*: stays$' "$work/section5.sh" || fail "5.4 is not told: $(cat "$work/section5.sh")"
grep -q '^#     docker update --pids-limit 100 limits$' "$work/section5.sh" || fail "5.28 is no comment"
grep '^[^#]*PLANTED' "$work/section5.sh" && fail "a label got out of its comment"
[ "$(grep -c 'merged "\$file"' "$work/section2.sh")" = 1 ] || fail "daemon.json is not merged once: $(cat "$work/section2.sh")"
sum=$(sha256sum <"$work/daemon.json")
only 'false' # nothing has been changed so far
sh "$work/section2.sh" </dev/null >"$work/fix.out" 2>&1 || fail "section 2: $(cat "$work/fix.out")"
sh "$work/section5.sh" </dev/null >"$work/fix.out" 2>&1 || fail "section 5: $(cat "$work/fix.out")"
mended
[ "$(sha256sum <"$(find "$work/kept" -path "*$work/daemon.json")")" = "$sum" ] || fail "no copy of daemon.json"
echo "    $(grep -c '^if begin' "$work/section2.sh" "$work/section5.sh" | cut -d : -f 2 | paste -sd+ | bc) steps"

[ -z "${REMEDIES_SMALL:-}" ] || { docker rm -f restarts limits stays >/dev/null; return 0; }

begin "fix: again, and on a file that has changed since"
stamp=$(stat -c %y "$work/daemon.json")
sh "$work/section2.sh" </dev/null >"$work/fix.out" 2>&1 || fail "again: $(cat "$work/fix.out")"
[ "$(stat -c %y "$work/daemon.json")" = "$stamp" ] && [ ! -s "$work/fix.out" ] || fail "again it does something: $(cat "$work/fix.out")"
rm -r "$work/kept"
sh "$work/section2.sh" </dev/null >"$work/fix.out" 2>&1 && fail "a file that has changed was merged"
grep -q 'has changed since' "$work/fix.out" || fail "$(cat "$work/fix.out")"
rm -rf "$work/kept"

begin "fix: a file without members, files, and all"
echo '{}' >"$work/daemon.json"
systemctl restart docker
wait_for 2.15 fail
plan --section 2 >"$work/section2.sh"
sh "$work/section2.sh" </dev/null >"$work/fix.out" 2>&1 || fail "an empty file: $(cat "$work/fix.out")"
wait_for 2.15 pass; wait_for 2.14 pass
chown 1:1 "$work/daemon.json"; chmod 666 "$work/daemon.json"
want "3.17 fail daemon.json"; want "3.18 fail daemon.json"
plan --kind file >"$work/files.sh"
sh "$work/files.sh" </dev/null >"$work/fix.out" 2>&1 || fail "files: $(cat "$work/fix.out")"
want "3.17 pass daemon.json"; want "3.18 pass daemon.json"
plan --rule 5.28 --all >"$work/all.sh"
sh "$work/all.sh" </dev/null >"$work/fix.out" 2>&1 || fail "all: $(cat "$work/fix.out")"
want "5.28 pass ^limits$"
rm -rf "$work/kept"

begin "fix: a playbook"
command -v ansible-playbook >/dev/null || { echo "    no ansible-playbook here: left out"; return 0; }
prepare
play() { # FILE OPTION…
    (cd "$work" && HOME=$work ANSIBLE_LOCALHOST_WARNING=False ansible-playbook -i localhost, -c local \
        -e "$(jq -nc --arg s "$work/kept" --arg p "$(command -v python3)" '{fix_state: $s, ansible_python_interpreter: $p}')" "$@") >"$work/fix.out" 2>&1 ||
        fail "$1: $(tail -40 "$work/fix.out")"
}
plan --section 2 --format ansible >"$work/section2.yml"
plan --section 5 --format ansible >"$work/section5.yml"
for file in section2 section5; do play "$work/$file.yml" --syntax-check; done
for file in section2 section5; do play "$work/$file.yml"; done
mended
play "$work/section2.yml"
grep -q 'changed=0 ' "$work/fix.out" || fail "again it does something: $(tail -5 "$work/fix.out")"
docker rm -f restarts limits stays >/dev/null
