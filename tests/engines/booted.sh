# What the suites on a whole Debian 12 share: the tree, its boot by systemd-nspawn beside the distribution's docker.service,
# docker.socket, rsyslog and journald, and commands in it. Sourced from the top folder, as root. The tree is made once, in
# some minutes, and kept in $DOCKER_BENCH_TREE; systemd-container and debootstrap are installed for it.
#
# What nspawn cannot give: the kernel's audit answers in the first pid namespace only, so rules of section 1 are judged
# by files here.
tree=${DOCKER_BENCH_TREE:-/var/tmp/docker-bench-agent-booted}
log=$(mktemp)
nspawn=
. tests/engines/end.sh

cleanup() {
    local status=$?
    trap - EXIT ERR
    set +e
    check_end
    if [ -n "$nspawn" ] && kill -0 "$nspawn" 2>/dev/null; then
        inside sh -c 'docker ps -aq | xargs -r docker rm -f; systemctl poweroff' >/dev/null 2>&1
        for _ in $(seq 100); do kill -0 "$nspawn" 2>/dev/null || break; sleep 0.1; done
        kill "$nspawn" 2>/dev/null
    fi
    [ "$status" -eq 0 ] || tail -n 20 "$log"
    rm -f "$log" "$log.console"
    exit "$status"
}
trap cleanup EXIT

# A command in the booted system.
inside() {
    local leader
    leader=$(pgrep -P "$nspawn" | head -n 1)
    (cd / && exec nsenter -t "$leader" -m -u -i -p -n -C --root --wd env -i HOME=/root TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@")
}
# Where nothing answers it says what has no member: jq -e takes no input for success.
api() { inside curl -sS --unix-socket /run/docker-bench-agent/agent.sock "http://localhost$1" || echo false; }

# want WHAT COMMAND…: it succeeds within some minutes
want() {
    local what=$1
    shift
    for _ in $(seq 900); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    fail "$what"
}

# in_tree COMMAND…: in the tree while it is not booted, with this machine's network
in_tree() { systemd-nspawn -q --register=no --keep-unit -D "$tree" "$@" >>"$log" 2>&1; }

# install_packages [PACKAGE…]: installs what the tree lacks of what is required now, and those
install_packages() {
    local packages
    # with the build packages of the README's section "Install"
    packages="systemd systemd-sysv dbus rsyslog docker.io iptables curl jq busybox-static procps $(
        sed -n 's/^apt-get install -y --no-install-recommends \(gcc .*\)/\1/p' README.md)"
    # shellcheck disable=SC2086
    dpkg-query --admindir="$tree/var/lib/dpkg" -W $packages "$@" >/dev/null 2>&1 && return
    step "installing packages in $tree"
    printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
    chmod +x "$tree/usr/sbin/policy-rc.d"
    # shellcheck disable=SC2086
    in_tree sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"' \
        sh $packages "$@"
    rm "$tree/usr/sbin/policy-rc.d"
}

# make_packages BUILD KIND…: packages of this version and of 0.1.1 in $debs, /root/debs of the booted system; $old and $new
# are the names of the Debian ones.
make_packages() {
    local build=$1 version kind
    shift
    step "packages of two versions"
    debs=$tree/root/debs
    rm -rf "$debs"
    mkdir "$debs"
    for version in "" 0.1.1; do
        for kind; do
            cpack --config "$build/CPackConfig.cmake" -G "$kind" -B "$debs" ${version:+-D CPACK_PACKAGE_VERSION=$version} >>"$log" 2>&1
        done
    done
    rm -rf "$debs/_CPack_Packages"
    # shellcheck disable=SC2034 # the suites'
    old=$(cd "$debs" && ls -- *_0.1.0_*.deb) new=$(cd "$debs" && ls -- *_0.1.1_*.deb)
}

apt() { inside env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1; }

make_tree() {
    [ -e "$tree/ready" ] && return
    step "making a Debian 12 in $tree (some minutes, once)"
    command -v debootstrap >/dev/null && command -v systemd-nspawn >/dev/null ||
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap systemd-container >>"$log"
    rm -rf "$tree"
    # shellcheck disable=SC2046 # the machine's own archive
    debootstrap --variant=minbase bookworm "$tree" \
        $(apt-get indextargets --format '$(REPO_URI)' 'Release: bookworm' | head -n 1) >>"$log"
    cp /etc/resolv.conf "$tree/etc/resolv.conf"
    touch "$tree/ready"
}

boot() {
    # what an earlier run has left
    [ ! -e "$tree/var/lib/dpkg/info/docker-bench-agent.list" ] || in_tree dpkg --purge docker-bench-agent
    find "$tree"/{etc,usr,var/lib,var/log} -xdev \( -name 'docker-bench-agent*' -o -name agentctl \) -prune -exec rm -rf {} +
    step "booting"
    mkdir -p "$tree/etc/audit/rules.d" # files without a rule are an answer, no files at all are none
    rm -rf "$tree/var/lib/docker" "$tree/root/source" "$tree/etc/docker" "$tree/etc/systemd/system/docker.service.d"
    rm -f "$tree/var/log/syslog"
    SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 setsid systemd-nspawn -q --register=no --keep-unit --private-network \
        --capability=all --system-call-filter='@keyring bpf' -D "$tree" -M docker-bench -b >"$log.console" 2>&1 </dev/null &
    nspawn=$!
    want "docker.service runs" inside systemctl is-active docker
    # A host with cgroup v1 gives them read-only; runc writes there.
    inside sh -c 'for folder in /sys/fs/cgroup/*; do mount -o remount,rw,bind "$folder" || mount -o remount,rw "$folder"; done' >/dev/null 2>&1 || true
}

