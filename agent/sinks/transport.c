/* Transports that are on this machine: sockets of the Unix domain, and files. */
#include "agent/sinks/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/sinks/network.h"
#include "agent/sinks/relp_transport.h"
#include "agent/sinks/tls.h"
#include "common/log.h"
#include "common/memory.h"

int transport_open_local(struct transport *transport, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(transport->address) >= sizeof address.sun_path)
        return error_set(error, ENAMETOOLONG, "%s", error_reason(ENAMETOOLONG));
    memcpy(address.sun_path, transport->address, strlen(transport->address));
    transport->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (transport->fd < 0 || connect(transport->fd, (struct sockaddr *)&address, sizeof address) < 0)
        return error_set(error, errno, "%s", error_reason(errno));
    return 0;
}

ssize_t transport_write_datagram(struct transport *transport, const struct packet *packet, struct error *error)
{
    ssize_t n = send(transport->fd, packet->bytes.data, packet->bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)error;
    return n < 0 ? -errno : n;
}

/* journald reads a record that is too large for a datagram from a sealed memory file. */
static ssize_t send_memory_file(int fd, const struct str *bytes)
{
    scoped(cleanup_close) int memory = memfd_create("docker-bench-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};

    if (memory < 0 || write(memory, bytes->data, bytes->length) != (ssize_t)bytes->length ||
        fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return -EMSGSIZE;
    control.header =
        (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(&control.header), &memory, sizeof memory);
    return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : (ssize_t)bytes->length;
}

ssize_t transport_write_journal(struct transport *transport, const struct packet *packet, struct error *error)
{
    ssize_t n = transport_write_datagram(transport, packet, error);

    return n == -EMSGSIZE ? send_memory_file(transport->fd, &packet->bytes) : n;
}

/* Where the last line that is complete ends, before END; -1: not within LOOK_BACK of it, or it cannot be read. */
static off_t end_of_lines(const char *path, off_t end)
{
    enum { LOOK_BACK = 1024 * 1024 };
    scoped(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    size_t length = end < LOOK_BACK ? (size_t)end : LOOK_BACK;
    scoped(cleanup_free) char *text = mem_alloc(length);
    const char *newline;

    if (fd < 0 || pread(fd, text, length, end - (off_t)length) != (ssize_t)length)
        return -1;
    newline = memrchr(text, '\n', length);
    if (newline)
        return end - (off_t)length + (newline + 1 - text);
    return (off_t)length == end ? 0 : -1;
}

/* The agent was killed, or the machine lost its power, within a record: it is sent again as a whole. */
static void cut_half_line(const struct transport *transport, const struct stat *st)
{
    off_t end = S_ISREG(st->st_mode) && st->st_size ? end_of_lines(transport->address, st->st_size) : -1;

    if (end >= 0 && end < st->st_size && ftruncate(transport->fd, end) == 0)
        log_warning("%s: its last line was not complete and has been removed (%lld bytes)", transport->address,
                    (long long)(st->st_size - end));
}

int transport_open_file(struct transport *transport, struct error *error)
{
    struct stat st;

    transport->fd = open(transport->address, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (transport->fd < 0 || fstat(transport->fd, &st) < 0)
        return error_set(error, errno, "%s", error_reason(errno));
    transport->device = st.st_dev;
    transport->inode = st.st_ino;
    cut_half_line(transport, &st);
    return 0;
}

/* Renamed or removed, as logrotate does: the path is another file, or none. */
static bool is_replaced(const struct transport *transport)
{
    struct stat st;

    return stat(transport->address, &st) < 0 || st.st_dev != transport->device || st.st_ino != transport->inode;
}

/* A disk that becomes full takes the beginning of a line: it is removed again, so that the file contains whole lines
 * when it is then rotated. False: FD is not a file that can be truncated. */
static bool take_back(int fd, ssize_t length)
{
    off_t end = lseek(fd, 0, SEEK_CUR);

    return end >= length && ftruncate(fd, end - length) == 0;
}

ssize_t transport_write_file(struct transport *transport, const struct packet *packet, struct error *error)
{
    size_t left = packet->bytes.length - packet->sent;
    ssize_t n;

    if (!packet->sent && is_replaced(transport)) {
        int r;

        transport_close(transport);
        r = transport_open_file(transport, error);
        if (r < 0)
            return r;
    }
    n = write(transport->fd, packet->bytes.data + packet->sent, left);
    if (n < 0)
        return -errno;
    return n > 0 && (size_t)n < left && !packet->sent && take_back(transport->fd, n) ? -ENOSPC : n;
}

void transport_close(struct transport *transport)
{
    opening_cancel(take(transport->opening));
    relp_connection_end(take(transport->relp));
    tls_free(take(transport->tls));
    transport->written = transport->unread_max = 0;
    if (transport->fd >= 0)
        close(transport->fd);
    transport->fd = -1;
}
