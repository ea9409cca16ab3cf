/* A Unix socket in a folder at which every connection gets the same answer, from a thread of its own: for targets whose
 * parser is a client. */
#ifndef TESTS_FUZZ_ANSWERING_H
#define TESTS_FUZZ_ANSWERING_H

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/fuzz/folder.h"

struct answering {
    char path[128]; /* of the socket */
    int fd;
    pthread_t thread;
    const char *text;
    size_t length;
    bool has_head; /* the text is all of an HTTP answer; else it is a body, and a head comes before it */
    /* Called in place of answering, with the connection that was accepted; may be NULL. */
    void (*serve)(int fd, void *user);
    void *user;
};

static inline void answering_answer(const struct answering *answering, int fd)
{
    char request[8192];
    scoped_str head = STR_INIT;

    if (recv(fd, request, sizeof request, 0) <= 0)
        return;
    if (!answering->has_head)
        str_printf(&head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", answering->length);
    if (send(fd, str_text(&head), head.length, MSG_NOSIGNAL) < 0 ||
        send(fd, answering->text, answering->length, MSG_NOSIGNAL) < 0)
        return;
    shutdown(fd, SHUT_WR);
}

static inline void *answering_run(void *user)
{
    const struct answering *answering = user;

    for (int fd; (fd = accept4(answering->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd)) {
        if (answering->serve)
            answering->serve(fd, answering->user);
        else
            answering_answer(answering, fd);
    }
    return NULL;
}

/* At NAME in FOLDER, whose folders are there. */
static inline void answering_start(struct answering *answering, const struct folder *folder, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(answering->path, sizeof answering->path, "%s/%s", folder->path, name);
    memcpy(address.sun_path, answering->path, strnlen(answering->path, sizeof address.sun_path - 1));
    answering->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (answering->fd < 0 || bind(answering->fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(answering->fd, 8) < 0 || pthread_create(&answering->thread, NULL, answering_run, answering) != 0)
        __builtin_trap();
}

static inline void answering_stop(struct answering *answering)
{
    shutdown(answering->fd, SHUT_RDWR);
    pthread_join(answering->thread, NULL);
    close(answering->fd);
}

#endif
