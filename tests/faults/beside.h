/* A fake engine, the agent beside it as a process of its own, and programs run to their end while both go on. All of it
 * in one temporary folder and on one loop, so that nothing here may block. */
#ifndef TESTS_FAULTS_BESIDE_H
#define TESTS_FAULTS_BESIDE_H

#include <sys/types.h>

#include "common/json_in.h"
#include "fake_engine.h"

struct beside {
    struct event_base *base;
    struct fake *fake;
    char folder[32];
    char *engine_socket, *agent_socket;
    pid_t agent;      /* 0: not started */
    const char *host; /* shell commands that make a host of its own for the agent, which is its process 1 and sees its
                         mounts; NULL: it shares this one */
    uint64_t without; /* capabilities that the agent does not get, a bit each */
    const char *user; /* --user; NULL: not given */
    unsigned columns; /* of the terminals of beside_run(); 0: 100 */
    int log;          /* where the agent's standard error goes; 0: to this program's */
    struct json_doc *answer; /* of beside_ask() */
};

/* The folder, the loop and an engine with that many containers. */
void beside_begin(struct beside *beside, size_t containers);
/* CONFIG: the text of its agent.json. */
void beside_start_agent(struct beside *beside, const char *config);
/* Runs a shell command among the mounts of the agent's own host. */
void beside_on_host(const struct beside *beside, const char *command);
/* The agent must end well at SIGTERM. No effect where it does not run. */
void beside_stop_agent(struct beside *beside);
/* The same, and everything is removed. */
void beside_end(struct beside *beside);

/* Another connection to the agent's socket, not blocking. */
int beside_dial(const struct beside *beside);

struct http_answer {
    long status; /* 0: none came */
    struct str head, body;
};
void http_answer_deinit(struct http_answer *answer);
void beside_say(const struct beside *beside, int fd, const void *data, size_t length);
/* What comes on FD goes to RET until MS have passed, LENGTH bytes are there (0: any number) or it ends. True: it ended.
 */
bool beside_hear(const struct beside *beside, int fd, struct str *ret, size_t length, unsigned ms);
/* The next whole answer on FD (by its Content-Length); what came of the one after it stays in PENDING. */
bool beside_answer(const struct beside *beside, int fd, struct str *pending, struct http_answer *ret);
/* One GET on a connection of its own: what is answered, NULL when that is no JSON. STATUS may be NULL. The caller
 * frees.
 */
struct json_doc *beside_get(const struct beside *beside, const char *path, long *ret_status);

/* The same, kept until the next call and freed by beside_end(). */
const struct json *beside_ask(struct beside *beside, const char *path);

/* Waits until COUNT images have been read, which takes longer than to get ready: until there are their findings. */
void beside_await_images(const struct beside *beside, size_t count);
/* Waits until every transition so far is stored: what asks for the history has it, and a kill does not lose it. */
void beside_await_stored(const struct beside *beside);

/* Runs a program; its exit status, or minus the signal. TERMINAL: its standard output is one. */
int beside_run(const struct beside *beside, const char *const *arguments, bool terminal, struct str *ret_out,
               struct str *ret_err);

#endif
