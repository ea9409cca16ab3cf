/* What the worker appends are the addresses as they are in memory; what arrives is checked all the same, since the
 * worker has read answers from the network. */
#include "agent/sinks/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "common/memory.h"

/* A resolver tries each of up to three servers twice, five seconds each (resolv.conf(5)). */
enum { TIMEOUT_MS = 35000 };

struct resolution {
    struct worker *worker;
    char *host;
    resolved *done;
    void *user;
};

struct name {
    const char *host, *port;
};

socklen_t address_length(const union address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

/* 0, or a code of getaddrinfo(3). */
static int look_up(const char *host, const char *port, int flags, struct address_list *ret)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags}, *list = NULL;
    int code = getaddrinfo(host, port, &hints, &list);

    *ret = (struct address_list){0};
    if (code)
        return code;
    for (const struct addrinfo *info = list; info && ret->count < ADDRESSES_MAX; info = info->ai_next) {
        union address *address = &ret->items[ret->count];

        if ((info->ai_family != AF_INET && info->ai_family != AF_INET6) || info->ai_addrlen > sizeof *address)
            continue;
        memcpy(address, info->ai_addr, info->ai_addrlen);
        ret->count++;
    }
    freeaddrinfo(list);
    return ret->count ? 0 : EAI_NONAME;
}

bool resolve_numeric(const char *host, const char *port, struct address_list *ret)
{
    return look_up(host, port, AI_NUMERICHOST | AI_NUMERICSERV, ret) == 0;
}

static int run(struct str *output, const void *argument, struct error *error)
{
    const struct name *name = argument;
    struct address_list list;
    int code = look_up(name->host, name->port, AI_NUMERICSERV, &list);

    if (code)
        return error_set(error, EHOSTUNREACH, "%s", code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
    str_append_n(output, list.items, list.count * sizeof list.items[0]);
    return 0;
}

static bool read_list(const char *output, size_t length, struct address_list *ret)
{
    *ret = (struct address_list){.count = length / sizeof ret->items[0]};
    if (!ret->count || ret->count > ADDRESSES_MAX || length % sizeof ret->items[0])
        return false;
    memcpy(ret->items, output, length);
    for (size_t i = 0; i < ret->count; i++)
        if (ret->items[i].any.sa_family != AF_INET && ret->items[i].any.sa_family != AF_INET6)
            return false;
    return true;
}

static void resolution_free(struct resolution *resolution)
{
    free(resolution->host);
    free(resolution);
}

static void on_done(const char *output, size_t length, int number, const char *why, void *user)
{
    struct resolution *resolution = user;
    struct address_list list;
    scoped(cleanup_free) char *text = NULL;

    if (!number && !read_list(output, length, &list))
        why = "the answer is not a list of addresses";
    if (why)
        text = mem_printf("cannot resolve \"%s\": %s", resolution->host, why);
    resolution->done(why ? NULL : &list, text, resolution->user);
    resolution_free(resolution);
}

struct resolution *resolve_start(struct workers *workers, const char *host, const char *port, resolved *done,
                                 void *user, struct error *error)
{
    struct resolution *resolution = mem_alloc(sizeof *resolution);
    const struct name name = {.host = host, .port = port};

    resolution->host = mem_strdup(host);
    resolution->done = done;
    resolution->user = user;
    resolution->worker = worker_start(workers,
                                      &(struct worker_options){.run = run,
                                                               .argument = &name,
                                                               .limit = ADDRESSES_MAX * sizeof(union address),
                                                               .timeout_ms = TIMEOUT_MS,
                                                               .done = on_done,
                                                               .user = resolution},
                                      error);
    if (!resolution->worker) {
        error_prefix(error, "cannot resolve \"%s\"", host);
        resolution_free(resolution);
        return NULL;
    }
    return resolution;
}

void resolve_cancel(struct resolution *resolution)
{
    if (!resolution)
        return;
    worker_cancel(resolution->worker);
    resolution_free(resolution);
}
