# Section 1: what a finding prints makes the kernel watch the file, now and after a boot. Sourced by tests/engines/remedies.

begin "audit rules"
audit_was=$(auditctl -s | awk '$1 == "enabled" { print $2 }')
auditctl -e 1 >/dev/null # which the kernel does not tell: the next record does, whoever writes it
auditctl -m "a record" >/dev/null
for _ in $(seq 150); do
    findings "status=fail&rule=1.11" | grep '"auditctl -w' >/dev/null && break
    sleep 0.1
done
remedy "1.11 daemon.json"
auditctl -e 0 >/dev/null; want "1.11 fail daemon.json"
(sleep 2 && auditctl -m "a record" >/dev/null) & # of whoever logs in, of systemd
remedy "1.11 daemon.json"
auditctl -W "$work/daemon.json" -p wa -k docker >/dev/null 2>&1 || fail "the remedy's rule is not there"
auditctl -e "$audit_was" >/dev/null
