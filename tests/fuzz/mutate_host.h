/* A libFuzzer mutator of a host made of files (fuzz_host.c): a file comes, goes or comes twice, and the contents of one
 * change, JSON as JSON. */
#ifndef TESTS_FUZZ_MUTATE_HOST_H
#define TESTS_FUZZ_MUTATE_HOST_H

#include "tests/fuzz/mutate_json.h"
#include "tests/fuzz/mutate_random.h"

static const char *const host_files[] = {
    "/etc/group\ndocker:x:999:alice, bob,\n",
    "/etc/passwd\nalice:x:1000:999::/home/alice:/bin/sh\n",
    "/etc/gshadow\ndocker:!::carol\n",
    "/etc/machine-id\n0123456789abcdef0123456789abcdef\n",
    "/etc/os-release\nID=\"debian\"\nVERSION_ID=12\nID_LIKE='a b'\n",
    "/etc/fstab\nUUID=1 /var/lib/docker ext4 defaults,nodev 0 2\n",
    "/etc/systemd/system/var-lib-docker.mount\n[Mount]\nWhat=/dev/sdb\nWhere=/var/lib/docker\nOptions=nodev\n",
    "/etc/systemd/system/docker.service\n[Service]\nExecStart=/usr/bin/dockerd -H fd://\n",
    "/etc/systemd/system/docker.service.d/a.conf\n[Service]\nEnvironment=\"A=b\" DOCKER_CONTENT_TRUST=1\n",
    "/lib/systemd/system/docker.socket\n[Socket]\nListenStream=%t/docker.sock\nSocketMode=0660\n",
    "/etc/docker/daemon.json\n{\"hosts\":[\"fd://\"],\"tlsverify\":true,\"seccomp-profile\":\"/etc/docker/s.json\"}\n",
    "/etc/docker/certs.d/r/ca.crt\n-----BEGIN CERTIFICATE-----\n",
    "/etc/docker/s.json\n{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"]}]}\n",
    "/etc/containers/containers.conf\n[containers]\nlog_driver=\"journald\"\n[engine]\nservice_timeout=5\n",
    "/etc/containerd/config.toml\nversion = 2\nroot = \"/var/lib/containerd\"\n[grpc]\naddress = \"/run/c.sock\"\n",
    "/etc/audit/rules.d/10-docker.rules\n-D\n-w /usr/bin/dockerd -p rwxa -k docker\n-e 2\n",
    "/etc/audit/audit.rules\n-w /etc/docker -p wa\n",
    "/etc/environment\nDOCKER_CONTENT_TRUST=1 # x\n",
    "/etc/profile\nexport DOCKER_CONTENT_TRUST=0\n. /etc/profile.d/x.sh\n",
    "/etc/profile.d/a.sh\nif true; then DOCKER_CONTENT_TRUST=1; fi\n",
    "/etc/login.defs\nENV_PATH PATH=/usr/bin\n",
    "/etc/systemd/system.conf\n[Manager]\nDefaultEnvironment=\"DOCKER_CONTENT_TRUST=1\"\n",
    "/proc/7/cmdline\n/usr/bin/dockerd%-H%unix:///run/x.sock%--tlscacert=/etc/ca.pem%",
    "/proc/7/environ\nPATH=/usr/bin:/opt/bin%DOCKER_CONTENT_TRUST=1%",
    "/proc/7/stat\n7 (dock) erd) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 9 0 12345 1 1 1 1 1 1 0 0 0 0 0 0\n",
    "/proc/7/status\nName:\tdockerd\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t7\n",
    "/proc/7/comm\ndockerd\n",
    "/proc/7/comm\npodman\n",
    "/proc/8/cmdline\npodman%system%service%tcp:0.0.0.0:8080%",
    "/proc/7/cgroup\n0::/docker/0123456789ab\n",
    "/proc/7/cgroup\n5:pids:/docker/0123456789ab\n1:name=systemd:/x\n",
    "/sys/fs/cgroup/docker/0123456789ab/cgroup.procs\n7\n8\n",
    "/sys/fs/cgroup/pids/docker/0123456789ab/cgroup.procs\n7\n8\n",
    "/proc/8/stat\n8 (containerd) S 7 8 8 0\n",
    "/proc/8/comm\ncontainerd\n",
    "/proc/8/cmdline\ncontainerd%--root%/srv/c%--config=/etc/containerd/config.toml%",
    "/proc/7/net/tcp\n  sl\n   0: 0100007F:0947 00000000:0000 0A 0:0 0:0 0 0 0 12345 1\n",
    "/proc/7/net/tcp6\n  sl\n   0: 00000000000000000000000000000000:0947 0:0 0A 0:0 0:0 0 0 0 12345 1\n",
    "/proc/7/net/fib_trie\nLocal:\n  +-- 127.0.0.0/8\n     |-- 127.0.0.1\n        /32 host LOCAL\n",
    "/proc/7/net/if_inet6\n00000000000000000000000000000001 01 80 10 80       lo\n",
    "/proc/1/mountinfo\n22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:5 / /proc rw - proc proc rw\n",
    "/proc/1/mountinfo\n22 1 8:1 / / rw - ext4 /dev/a rw\n24 22 0:9 / /var/lib/docker rw - overlay o a=/b\n",
    "/proc/7/mountinfo\n40 22 0:30 / / rw - overlay o rw\n41 40 8:1 /etc /data rw - ext4 /dev/sda1 rw\n",
    "/proc/sys/kernel/osrelease\n6.1.0-18-amd64\n",
    "/sys/kernel/security/lsm\nlockdown,capability,apparmor\n",
    "/sys/module/apparmor/parameters/enabled\nY\n",
    "/sys/fs/selinux/enforce\n1",
    "/var/run/docker.pid\n7\n",
    "/var/lib/docker/swarm/certificates/swarm-node.crt\n-----BEGIN CERTIFICATE-----\n",
    "/var/lib/dpkg/status\nPackage: docker-ce-cli\nStatus: install ok installed\nVersion: 5:24.0\n\n",
    "/layer/etc/passwd\nroot:x:0:0::/:/bin/sh\n",
    "/layer/lib/apk/db/installed\nP:musl\n\n",
    "/layer/usr/bin/.wh.sudo\nx",
    "/state/unlock-key.json\n{\"salt\":\"00\",\"hash\":\"00\",\"first_seen\":1}\n",
    "/state/daemon.json\n{\"start\":1,\"pid\":7,\"options\":[]}\n",
    "/usr/bin/dockerd\n\177ELF",
    "/usr/bin/docker\n#!/bin/sh\n",
    "> /proc/7/exe /usr/bin/dockerd\n",
    "> /proc/7/ns/pid pid:[4026531836]\n",
    "> /proc/8/ns/pid pid:[4026531836]\n",
    "> /proc/7/fd/3 socket:[12345]\n",
    "> /etc/docker /usr/bin\n",
    "> /layer/usr/bin/su ../bin/sudo\n",
};

/* Appends "=" and the file; a percent sign is a NUL. */
static inline void host_append(struct str *out, const char *text)
{
    str_append_char(out, '=');
    for (; *text; text++)
        str_append_char(out, *text == '%' && !strchr(text, '\n') ? '\0' : *text);
}

/* Where the file that begins at AT ends. */
static inline size_t host_end_of(const char *text, size_t at, size_t size)
{
    const char *next = memmem(text + at + 1, size - at - 1, "\n=", 2);

    return next ? (size_t)(next - text) + 1 : size;
}

/* Of the file that begins at AT and ends at END. */
static inline void host_mutate_contents(struct str *out, const char *text, size_t at, size_t end, unsigned seed)
{
    const char *line = memchr(text + at, '\n', end - at);
    size_t begin = line ? (size_t)(line - text) + 1 : end, length = end - begin;
    uint8_t buffer[8192];

    str_append_n(out, text + at, begin - at);
    if (length > sizeof buffer / 2) {
        str_append_n(out, text + begin, length);
        return;
    }
    memcpy(buffer, text + begin, length);
    length = length && *buffer == '{' ? mutate_json(buffer, length, sizeof buffer, seed)
                                      : LLVMFuzzerMutate(buffer, length, sizeof buffer);
    str_append_n(out, buffer, length);
    if (end && !str_ends(str_text(out), "\n"))
        str_append_char(out, '\n');
}

static inline size_t mutate_host(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutate_random random = mutate_random_of(seed);
    const char *text = (const char *)data;
    scoped_str out = STR_INIT;
    size_t at = 0, end, count = 0, target;

    for (size_t i = 0; i < size; i = host_end_of(text, i, size))
        count++;
    target = count ? mutate_below(&random, count) : 0;
    while (count && target--)
        at = host_end_of(text, at, size);
    end = size ? host_end_of(text, at, size) : 0;
    str_append_n(&out, text, at);
    switch (count ? mutate_below(&random, 6) : 0) {
    case 0:
    case 1:
        host_append(&out, MUTATE_PICK(&random, host_files));
        str_append_n(&out, text + at, end - at);
        break;
    case 2:
        break;
    default:
        host_mutate_contents(&out, text, at, end, seed >> 4);
    }
    str_append_n(&out, text + end, size - end);
    if (!out.length || out.length > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, out.data, out.length);
    return out.length;
}

#endif
