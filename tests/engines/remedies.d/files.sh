# The files of section 3: what a finding prints mends owner and mode. Sourced by tests/engines/remedies.

begin "files"
chmod 646 "$work/daemon.json"; want "3.18 fail daemon.json"; remedy "3.18 daemon.json"
chown 1000:1000 "$work/daemon.json"; want "3.17 fail daemon.json"; remedy "3.17 daemon.json"
chmod 777 "$work/docker.sock"; want "3.16 fail docker.sock"; remedy "3.16 docker.sock"
chown 1000 "$work/docker.sock"; want "3.15 fail docker.sock"; remedy "3.15 docker.sock"
