/* /proc/1/mountinfo: parsed, and watched by poll.
 *
 * The file is always readable, and a change shows as POLLPRI once; in libevent's own epoll it would spin. It sits in a
 * private epoll for EPOLLPRI, and that one is what the loop watches: a wake of it is a change. */
#include "probes/watch/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/file.h"
#include "probes/facts/digest.h"

enum { MOUNTS_MAX = 16384, FILE_LIMIT = 16 * 1024 * 1024 };

/* \040 and the like (proc(5)) undone. */
static const char *unescape(struct arena *arena, const char *s, size_t length)
{
    char *out = arena_strndup(arena, s, length), *to = out;

    for (const char *from = out; *from;) {
        if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
            *to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return out;
}

struct words {
    const char *at, *end;
};

static bool next_word(struct words *words, const char **ret, size_t *ret_length)
{
    const char *end;

    while (words->at < words->end && *words->at == ' ')
        words->at++;
    if (words->at == words->end)
        return false;
    end = memchr(words->at, ' ', (size_t)(words->end - words->at));
    *ret = words->at;
    *ret_length = (size_t)((end ? end : words->end) - words->at);
    words->at = end ? end : words->end;
    return true;
}

/* 36 35 98:0 /root /mount/point options optional… - type source super-options */
static bool parse_line(struct arena *arena, const char *line, size_t length, struct mount_point *ret)
{
    struct words words = {line, line + length};
    const char *field[6], *word;
    size_t size[6], word_length;
    scoped(cleanup_free) char *device = NULL;

    for (size_t i = 0; i < countof(field); i++)
        if (!next_word(&words, &field[i], &size[i]))
            return false;
    device = mem_strndup(field[2], size[2]);
    if (sscanf(device, "%u:%u", &ret->major, &ret->minor) != 2)
        return false;
    ret->id = atoi(field[0]);
    ret->parent = atoi(field[1]);
    ret->root = unescape(arena, field[3], size[3]);
    ret->mount_point = unescape(arena, field[4], size[4]);
    ret->options = unescape(arena, field[5], size[5]);
    do {
        if (!next_word(&words, &word, &word_length))
            return false;
    } while (word_length != 1 || *word != '-');
    if (!next_word(&words, &word, &word_length))
        return false;
    ret->type = unescape(arena, word, word_length);
    ret->source = next_word(&words, &word, &word_length) ? unescape(arena, word, word_length) : "";
    return true;
}

int mounts_parse(const char *text, size_t length, struct mounts_facts **ret, struct error *error)
{
    struct arena *arena = arena_new(8192);
    struct mounts_facts *facts = arena_alloc(arena, sizeof *facts);
    struct hash hash;
    size_t lines = 0, number = 0;

    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    if (lines >= MOUNTS_MAX) {
        arena_free(arena);
        return error_set(error, EFBIG, "mountinfo: more than %d mounts", (int)MOUNTS_MAX);
    }
    facts->facts.arena = arena;
    facts->items = arena_alloc(arena, (lines + 1) * sizeof *facts->items);
    hash_init(&hash);
    for (const char *line = text, *end = text + length; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t line_length = (size_t)((newline ? newline : end) - line);

        number++;
        if (line_length && !parse_line(arena, line, line_length, &facts->items[facts->count++])) {
            arena_free(arena);
            return error_set(error, EINVAL, "mountinfo: line %zu is malformed", number);
        }
        hash_bytes(&hash, line, line_length);
        line += line_length + 1;
    }
    facts->facts.digest = hash_end(&hash);
    *ret = facts;
    return 0;
}

int mounts_read(const char *proc, struct mounts_facts **ret, struct error *error)
{
    scoped(cleanup_free) char *path = mem_printf("%s/1/mountinfo", proc);
    scoped_str text = STR_INIT;
    int r = file_read(path, FILE_LIMIT, &text, error);

    return r < 0 ? r : mounts_parse(str_text(&text), text.length, ret, error);
}

struct mounts_watch {
    int file, epoll;
    struct event *event;
    void (*changed)(void *user);
    void *user;
};

static void on_change(evutil_socket_t fd, short what, void *user)
{
    struct mounts_watch *watch = user;
    struct epoll_event event;

    (void)what;
    while (epoll_wait(fd, &event, 1, 0) > 0)
        continue;
    watch->changed(watch->user);
}

struct mounts_watch *mounts_watch_new(struct event_base *base, const char *proc, void (*changed)(void *user),
                                      void *user, struct error *error)
{
    static const char *const processes[] = {"1", "self"};
    struct mounts_watch *watch = mem_alloc(sizeof *watch);
    struct epoll_event wanted = {.events = EPOLLPRI};

    watch->file = -1;
    watch->changed = changed;
    watch->user = user;
    for (size_t i = 0; i < countof(processes) && watch->file < 0; i++) {
        scoped(cleanup_free) char *path = mem_printf("%s/%s/mountinfo", proc, processes[i]);

        watch->file = open(path, O_RDONLY | O_CLOEXEC);
    }
    watch->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (watch->file < 0 || watch->epoll < 0 || epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->file, &wanted) < 0) {
        error_system(error, errno, "mountinfo below %s", proc);
        mounts_watch_free(watch);
        return NULL;
    }
    watch->event = event_new(base, watch->epoll, EV_READ | EV_PERSIST, on_change, watch);
    event_add(watch->event, NULL);
    return watch;
}

void mounts_watch_free(struct mounts_watch *watch)
{
    if (!watch)
        return;
    if (watch->event)
        event_free(watch->event);
    if (watch->epoll >= 0)
        close(watch->epoll);
    if (watch->file >= 0)
        close(watch->file);
    free(watch);
}
