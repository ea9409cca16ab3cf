# Section 1: what a finding prints makes the kernel watch the file, now and after a boot, and takes away what hides the
# watch, and nothing else. Sourced by tests/engines/remedies.

begin "audit rules"
lock_audit
audit_was=$(auditctl -s | awk '$1 == "enabled" { print $2 }')
rules=/etc/audit/rules.d
mkdir -p "$rules"
rm -f "$rules"/*
printf -- '-D\n-b 8192\n' >"$rules/audit.rules"
loaded() { auditctl -l | grep -vx 'No rules' | sort; }
without_ours() { loaded | grep -v -- '-k docker$' || true; }
# loads RULE ("list,action …" as after -a or -A), and writes it into a file that is loaded before the watches
hide() { # OPTION RULE
    read -ra words <<<"$2"
    auditctl "$1" "${words[@]}"
    printf -- '-a always,exit -F path=/etc/hostname -F perm=w -k other\n-a %s\n' "$2" >"$rules/00-hidden.rules"
}
shown() { # what hid the watch is away from both, and the rules that do not concern it are not
    [ "$(without_ours)" = "$others" ] || fail "other rules changed: $(without_ours)"
    grep -qx -- "#-a $1" "$rules/00-hidden.rules" || fail "the file still has -a $1"
    grep -qx -- '-a always,exit -F path=/etc/hostname -F perm=w -k other' "$rules/00-hidden.rules" || fail "another rule is gone"
}

says_now() { findings "status=fail&rule=$1" | jq -r '.findings[] | .evidence, .remedy' | grep -F -- "$2" >/dev/null; }
says() { # RULE TEXT: a finding of the rule fails with that in its evidence or remedy
    await says_now "$@" || fail "$1 does not say $2: $(findings "rule=$1")"
}

auditctl -e 1 >/dev/null # which the kernel does not tell: the next record does, whoever writes it
auditctl -m "a record" >/dev/null
auditctl -a never,exit -F dir=/var/tmp -F uid=65534 # concerns none of our files
others=$(without_ours)
says 1.11 'auditctl -w'
remedy "1.11 daemon.json"
[ "$(cat "$rules/docker.rules" | wc -l)" -eq 1 ] || fail "the rule for the next boot is not there once"
auditctl -D -k docker >/dev/null; want "1.11 fail daemon.json" # on disk only
since=$(last_seq)
remedy "1.11 daemon.json"
[ "$(cat "$rules/docker.rules" | wc -l)" -eq 1 ] || fail "the rule for the next boot is there twice"
for hidden in "-A never,exit -F exe=/usr/bin/vi" "-A never,exit -F auid>=1000 -F perm=a" "-a never,task -F uid=65534" \
    "-a always,exclude -F uid=65534 -F msgtype=PATH" "-a never,filesystem -F fstype=61267"; do
    hide "${hidden%% *}" "${hidden#* }"
    want "1.11 fail daemon.json"
    remedy "1.11 daemon.json"
    shown "${hidden#* }"
done
rm "$rules/00-hidden.rules"
# a watch by another name of the file, which the kernel may follow instead of the one that is enough
other_name=$work/../${work##*/}/daemon.json
auditctl -w "$other_name" -p w
says 1.11 "follows one name of a file only"
remedy "1.11 daemon.json"
[ "$(without_ours)" = "$others" ] || fail "the watch by another name is still there: $(without_ours)"
# a watch of the directory as if it were a file
auditctl -D -k docker >/dev/null
auditctl -a always,exit -F path="$work/root" -F perm=wa -k docker
says 1.6 "a rule for the path of a directory"
remedy "1.6 root"
# everything at once: switched off, hidden, and not loaded
auditctl -D -k docker >/dev/null; says 1.11 "is not watched"
hide -a never,task
printf -- '-e 0\n' >"$rules/99-off.rules"
auditctl -e 0 >/dev/null
says 1.11 "auditing is switched off"
(while sleep 2; do auditctl -m "a record" >/dev/null; done) & # of whoever logs in, of systemd
recorder=$!
remedy "1.11 daemon.json"
kill "$recorder"; wait "$recorder" 2>/dev/null || true
shown never,task
grep -qx -- '#-e 0' "$rules/99-off.rules" || fail "the files still switch auditing off"
remedy "1.5 ."
auditctl -D -k docker >/dev/null
auditctl -d never,exit -F dir=/var/tmp -F uid=65534
auditctl -e "$audit_was" >/dev/null
unlock_audit
