/* Faults that a test lays under a program, by LD_PRELOAD: an allocation that fails, a disk that takes no more writes.
 *
 * FAULT_ALLOCATION=N: the N-th place that allocates gets NULL, once in each process. A place is a chain of callers, so
 * that each is met whatever came before; FAULT_PLACES=FILE gets how many there were, when the process ends.
 * FAULT_ONCE=FOLDER, which anybody may write: of the helpers of a role only the first one has that fault, so that the
 * one after it can do its work. FAULT_CRASH=FILE: has where it was afterwards, when a process had a signal that nobody
 * sent. FAULT_WRITES=FILE: while it exists every write to a file whose name contains "agent.db" is EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);

enum { PLACES = 1 << 16, CALLERS = 7, OWN = 2 };

static uintptr_t places[PLACES];
static unsigned long place_count, failing;
static const char *crash_file, *places_file, *writes_file;
static __thread bool inside;

static void touch(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd >= 0 && write(fd, text, strlen(text)) >= 0)
        close(fd);
}

static void on_crash(int number)
{
    void *callers[32] = {0};
    int fd = open(crash_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    inside = true;
    if (fd >= 0)
        backtrace_symbols_fd(callers, backtrace(callers, 32), fd);
    signal(number, SIG_DFL);
    raise(number);
}

/* A helper that is started in the place of another one. */
static bool is_another_helper(const char *folder)
{
    static const char helper[] = "docker-bench-helper";
    char words[256] = "", path[512];
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, words, sizeof words - 1) : 0;

    if (fd >= 0)
        close(fd);
    if (!folder || n <= (ssize_t)sizeof helper || strcmp(words, helper) != 0)
        return false;
    snprintf(path, sizeof path, "%s/%.32s", folder, words + sizeof helper);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd < 0 && errno == EEXIST;
}

__attribute__((constructor)) static void begin(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    void *callers[CALLERS + OWN];
    const char *text = getenv("FAULT_ALLOCATION");

    crash_file = getenv("FAULT_CRASH");
    places_file = getenv("FAULT_PLACES");
    writes_file = getenv("FAULT_WRITES");
    inside = true;
    backtrace(callers, CALLERS); /* which loads what it needs */
    inside = false;
    for (size_t i = 0; crash_file && i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], on_crash);
    failing = text && !is_another_helper(getenv("FAULT_ONCE")) ? strtoul(text, NULL, 10) : 0;
}

__attribute__((destructor)) static void end(void)
{
    char text[32];

    snprintf(text, sizeof text, "%lu\n", place_count);
    if (places_file)
        touch(places_file, text);
}

/* A new place, and its turn. */
static bool fails(void)
{
    void *callers[CALLERS + OWN];
    uintptr_t hash = 5381;
    size_t at;
    int count;

    if (inside || !(failing || places_file))
        return false;
    inside = true;
    count = backtrace(callers, CALLERS + OWN);
    inside = false;
    for (int i = OWN; i < count; i++)
        hash = hash * 1099511628211u ^ (uintptr_t)callers[i];
    hash |= 1;
    for (at = hash % PLACES; places[at] && places[at] != hash; at = (at + 1) % PLACES)
        continue;
    if (places[at] || place_count >= PLACES / 2)
        return false;
    places[at] = hash;
    return ++place_count == failing;
}

void *malloc(size_t size)
{
    if (fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
    if (fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(p, size);
}

/* ---- Writes ---- */

static bool is_refused(int fd)
{
    char path[64], name[4096];
    ssize_t n;

    if (!writes_file || access(writes_file, F_OK) != 0)
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    n = readlink(path, name, sizeof name - 1);
    name[n > 0 ? n : 0] = '\0';
    errno = EIO;
    return strstr(name, "agent.db") != NULL;
}

#define NEXT(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t length)
{
    return is_refused(fd) ? -1 : NEXT(write)(fd, data, length);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at)
{
    return is_refused(fd) ? -1 : NEXT(pwrite)(fd, data, length, at);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at)
{
    return is_refused(fd) ? -1 : NEXT(pwrite64)(fd, data, length, at);
}

int ftruncate(int fd, off_t length)
{
    return is_refused(fd) ? -1 : NEXT(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return is_refused(fd) ? -1 : NEXT(ftruncate64)(fd, length);
}

int fsync(int fd)
{
    return is_refused(fd) ? -1 : NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
    return is_refused(fd) ? -1 : NEXT(fdatasync)(fd);
}
