/* The loop's side of workers: reading what they write, their time, and reaping them. */
#include "probes/worker/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/memory.h"
#include "common/vec.h"
#include "probes/worker/worker_internal.h"

enum { CHUNK = 64 * 1024 };

struct workers {
    struct event_base *base;
    struct event *reaper; /* SIGCHLD, while there are any to reap */
    struct event *idle;   /* there are none left */
    VEC(pid_t) killed;    /* not reaped yet */
};

struct worker {
    struct workers *workers;
    struct worker_source source; /* fd -1: none */
    bool retried;
    struct event *event, *timer;
    struct str output;
};

/* ---- Reaping ---- */

static bool reap(pid_t pid)
{
    pid_t r;

    do
        r = waitpid(pid, NULL, WNOHANG);
    while (r < 0 && errno == EINTR);
    return r != 0;
}

static void on_child(evutil_socket_t number, short what, void *user)
{
    struct workers *workers = user;

    (void)number;
    (void)what;
    for (size_t i = workers->killed.count; i-- > 0;)
        if (reap(workers->killed.items[i]))
            workers->killed.items[i] = workers->killed.items[--workers->killed.count];
    if (!workers->killed.count)
        event_active(workers->idle, EV_TIMEOUT, 0);
}

/* Not from inside on_child(): an event of a signal that came twice at once and is deleted in its own callback keeps a
 * pointer into the stack of event_signal_closure() (libevent 2.1), through which its next event_del() writes. */
static void on_idle(evutil_socket_t fd, short what, void *user)
{
    struct workers *workers = user;

    (void)fd;
    (void)what;
    if (!workers->killed.count)
        event_del(workers->reaper);
}

/* A killed process takes a moment to end, and one that waits for a file system which does not answer ends only when
 * that does: the loop does not wait. */
void workers_kill(struct workers *workers, pid_t pid, bool with_group)
{
    if (with_group)
        kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    vec_push(&workers->killed, pid);
    event_add(workers->reaper, NULL);
    on_child(-1, 0, workers);
}

struct event_base *workers_base(const struct workers *workers)
{
    return workers->base;
}

struct workers *workers_new(struct event_base *base)
{
    struct workers *workers = mem_alloc(sizeof *workers);

    workers->base = base;
    workers->reaper = evsignal_new(base, SIGCHLD, on_child, workers);
    workers->idle = event_new(base, -1, 0, on_idle, workers);
    return workers;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    event_free(workers->reaper);
    event_free(workers->idle);
    vec_free(&workers->killed);
    free(workers);
}

/* ---- One worker ---- */

static void stop_reading(struct worker *worker)
{
    if (worker->event)
        event_free(worker->event);
    worker->event = NULL;
    if (worker->source.fd >= 0)
        close(worker->source.fd);
    worker->source.fd = -1;
}

void worker_cancel(struct worker *worker)
{
    if (!worker)
        return;
    if (worker->source.pid) /* that of a helper has a time limit of its own, and dies of SIGPIPE */
        workers_kill(worker->workers, worker->source.pid, true);
    stop_reading(worker);
    event_free(worker->timer);
    str_deinit(&worker->output);
    if (worker->source.retry_free)
        worker->source.retry_free(worker->source.retry_user);
    free(worker);
}

static void call_done(struct worker *worker, const char *text, size_t length, int number)
{
    event_del(worker->timer);
    event_del(worker->event);
    if (number)
        worker->source.done(NULL, 0, number, *text ? text : error_reason(number), worker->source.user);
    else
        worker->source.done(text, length, 0, NULL, worker->source.user);
    worker_cancel(worker);
}

static void read_from(struct worker *worker, int fd);

static void output_ended(struct worker *worker)
{
    const char *text = NULL;
    size_t length = 0;
    struct error error = ERROR_INIT;
    int number = child_result(&worker->output, &text, &length);

    if (number >= 0) {
        call_done(worker, text, length, number);
        return;
    }
    if (worker->source.retry && !worker->retried) {
        int fd = worker->source.retry(worker->source.retry_user, &error);

        worker->retried = true;
        if (fd >= 0) {
            str_clear(&worker->output);
            stop_reading(worker);
            read_from(worker, fd);
            return;
        }
    } else if (worker->source.retry) {
        worker->source.explain(worker->source.retry_user, &error);
    }
    call_done(worker, error.number ? error.message : "the helper process ended early", 0, WORKER_DIED);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct worker *worker = user;
    char buffer[CHUNK];
    ssize_t n = read(fd, buffer, sizeof buffer);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        output_ended(worker);
        return;
    }
    str_append_n(&worker->output, buffer, (size_t)n);
    if (worker->output.length > worker->source.limit + CHILD_MARKS)
        call_done(worker, "the helper process wrote more than allowed", 0, EFBIG);
}

static void on_timeout(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    call_done(user, "the helper process took too long", 0, ETIMEDOUT);
}

static void read_from(struct worker *worker, int fd)
{
    worker->source.fd = fd;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    worker->event = event_new(worker->workers->base, fd, EV_READ | EV_PERSIST, on_readable, worker);
    event_add(worker->event, NULL);
}

struct worker *worker_listen(struct workers *workers, const struct worker_source *source)
{
    struct worker *worker = mem_alloc(sizeof *worker);
    struct timeval wait = {.tv_sec = source->timeout_ms / 1000, .tv_usec = source->timeout_ms % 1000 * 1000};

    worker->workers = workers;
    worker->source = *source;
    worker->timer = evtimer_new(workers->base, on_timeout, worker);
    read_from(worker, source->fd);
    if (source->timeout_ms)
        evtimer_add(worker->timer, &wait);
    return worker;
}

static void run_child(int fd, const struct worker_options *options, pid_t parent) __attribute__((noreturn));

static void run_child(int fd, const struct worker_options *options, pid_t parent)
{
    const int kept[] = {fd, options->root ? host_root_fd(options->root) : -1, options->kept > 0 ? options->kept : -1};
    const struct child_start start = {
        .parent = parent, .kept = kept, .kept_count = countof(kept), .capabilities = options->capabilities};
    int begun = child_begin(&start);

    if (options->background)
        child_stand_back();
    child_run(fd, begun, options->run, options->argument);
}

struct worker *worker_start(struct workers *workers, const struct worker_options *options, struct error *error)
{
    pid_t parent = getpid(), pid;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0) {
        error_system(error, errno, "helper process: pipe");
        return NULL;
    }
    pid = fork();
    if (pid == 0)
        run_child(fds[1], options, parent);
    close(fds[1]);
    if (pid < 0) {
        error_system(error, errno, "helper process: fork");
        close(fds[0]);
        return NULL;
    }
    return worker_listen(workers, &(struct worker_source){.fd = fds[0],
                                                          .pid = pid,
                                                          .limit = options->limit,
                                                          .timeout_ms = options->timeout_ms,
                                                          .done = options->done,
                                                          .user = options->user});
}
