/* Workers: see the header. What the child sends is a byte for how it went, the output or the error's text, and an end
 * mark: without the mark nothing of it counts. */
#include "probes/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/capability.h"
#include "common/memory.h"
#include "common/vec.h"
#include "probes/worker/worker_internal.h"

enum { DONE_BYTE = '+', FAILED_BYTE = '-', END_BYTE = '.', CHUNK = 64 * 1024, BACKGROUND_NICENESS = 10 };

struct workers {
    struct event_base *base;
    struct event *reaper; /* SIGCHLD, while there are any to reap */
    VEC(pid_t) gone;      /* told of or cancelled, not reaped yet */
};

struct worker {
    struct workers *workers;
    pid_t pid; /* 0: a helper's */
    int fd;
    struct event *event, *timer;
    struct str output;
    size_t limit;
    worker_done *done;
    void *user;
};

static void worker_free(struct worker *worker)
{
    if (worker->event)
        event_free(worker->event);
    if (worker->timer)
        event_free(worker->timer);
    if (worker->fd >= 0)
        close(worker->fd);
    str_deinit(&worker->output);
    free(worker);
}

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
    for (size_t i = workers->gone.count; i-- > 0;)
        if (reap(workers->gone.items[i]))
            workers->gone.items[i] = workers->gone.items[--workers->gone.count];
    if (!workers->gone.count)
        event_del(workers->reaper);
}

/* Its end takes some time, and one that waits for a file system that does not answer cannot be killed before it does:
 * the loop does not wait. */
static void leave(struct workers *workers, pid_t pid)
{
    kill(-pid, SIGKILL); /* with what it started */
    kill(pid, SIGKILL);
    vec_push(&workers->gone, pid);
    event_add(workers->reaper, NULL);
    on_child(-1, 0, workers);
}

void worker_cancel(struct worker *worker)
{
    if (!worker)
        return;
    if (worker->pid) /* a helper's has a time-out of its own, and dies of writing to nobody */
        leave(worker->workers, worker->pid);
    worker_free(worker);
}

static void finish(struct worker *worker, int number, const char *why)
{
    event_free(worker->event);
    event_free(worker->timer);
    worker->event = worker->timer = NULL;
    if (number)
        worker->done(NULL, 0, number, why, worker->user);
    else
        worker->done(worker->output.data + 1, worker->output.length - 2, 0, NULL, worker->user);
    worker_cancel(worker);
}

static void end(struct worker *worker)
{
    struct str *output = &worker->output;

    if (output->length < 2 || output->data[output->length - 1] != END_BYTE) {
        finish(worker, EIO, "the helper process ended early");
        return;
    }
    if (output->data[0] == DONE_BYTE) {
        finish(worker, 0, NULL);
        return;
    }
    output->data[output->length - 1] = '\0';
    finish(worker, output->data[1] ? (unsigned char)output->data[1] : EIO, output->data + 2);
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
        end(worker);
        return;
    }
    str_append_n(&worker->output, buffer, (size_t)n);
    if (worker->output.length > worker->limit + 2)
        finish(worker, EFBIG, "the helper process wrote more than allowed");
}

static void on_timeout(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    finish(user, ETIMEDOUT, "the helper process took too long");
}

/* ---- The child ---- */

static void write_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t n = write(fd, data, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        data += n;
        length -= (size_t)n;
    }
}

static void close_all_but(int one, int other)
{
    int kept[] = {one < other ? one : other, one < other ? other : one};
    unsigned from = 3;

    for (size_t i = 0; i < countof(kept); i++) {
        if (kept[i] < (int)from)
            continue;
        if (kept[i] > (int)from)
            syscall(SYS_close_range, from, (unsigned)kept[i] - 1, 0U);
        from = (unsigned)kept[i] + 1;
    }
    syscall(SYS_close_range, from, ~0U, 0U);
}

void worker_begin_child(int fd, const struct worker_options *options, pid_t parent)
{
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close_all_but(fd, options->root ? host_root_fd(options->root) : -1);
    fcntl(fd, F_SETFD, FD_CLOEXEC); /* what is started from here does not hold it */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void worker_child(int fd, const struct worker_options *options, pid_t parent)
{
    scoped_str output = STR_INIT;
    struct error error = ERROR_INIT;
    int r;

    worker_begin_child(fd, options, parent);
    if (options->background && getpriority(PRIO_PROCESS, 0) < BACKGROUND_NICENESS)
        setpriority(PRIO_PROCESS, 0, BACKGROUND_NICENESS);
    str_append_char(&output, DONE_BYTE);
    r = capability_keep(options->capabilities);
    r = r < 0 ? error_system(&error, -r, "helper process: giving up capabilities")
              : options->run(&output, options->argument, &error);
    if (r < 0) {
        str_clear(&output);
        str_append_char(&output, FAILED_BYTE);
        str_append_char(&output, (char)(-r > 0 && -r < 256 ? -r : EIO));
        str_append(&output, error.text[0] ? error.text : strerror(-r));
    }
    str_append_char(&output, END_BYTE);
    write_all(fd, output.data, output.length);
    _exit(0);
}

struct workers *workers_new(struct event_base *base)
{
    struct workers *workers = mem_alloc(sizeof *workers);

    workers->base = base;
    workers->reaper = evsignal_new(base, SIGCHLD, on_child, workers);
    return workers;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    event_free(workers->reaper);
    vec_free(&workers->gone);
    free(workers);
}

struct worker *worker_start(struct workers *workers, const struct worker_options *options, struct error *error)
{
    struct worker *worker = mem_alloc(sizeof *worker);
    struct timeval wait = {.tv_sec = options->timeout_ms / 1000, .tv_usec = options->timeout_ms % 1000 * 1000};
    pid_t parent = getpid();
    int fds[2], r = 0;

    worker->workers = workers;
    worker->fd = -1;
    if (pipe2(fds, O_CLOEXEC) < 0) {
        error_system(error, errno, "helper process: pipe");
        worker_free(worker);
        return NULL;
    }
    worker->fd = fds[0];
    if (options->helper) {
        r = helper_ask(options->helper, fds[1], options->message, error);
    } else if ((worker->pid = fork()) == 0) {
        worker_child(fds[1], options, parent);
    } else if (worker->pid < 0) {
        r = error_system(error, errno, "helper process: fork");
    }
    close(fds[1]);
    if (r < 0) {
        worker_free(worker);
        return NULL;
    }
    fcntl(worker->fd, F_SETFL, O_NONBLOCK);
    worker->limit = options->limit;
    worker->done = options->done;
    worker->user = options->user;
    worker->event = event_new(workers->base, worker->fd, EV_READ | EV_PERSIST, on_readable, worker);
    worker->timer = evtimer_new(workers->base, on_timeout, worker);
    event_add(worker->event, NULL);
    if (options->timeout_ms)
        evtimer_add(worker->timer, &wait);
    return worker;
}
