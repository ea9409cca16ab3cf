/* The agent becomes its user: what that user needs and only root can make is made before. What exists and is somebody
 * else's stays so. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_internal.h"
#include "common/log.h"

/* ---- The state directory ---- */

static bool is_state(const char *name)
{
    return str_starts(name, "agent.db") || strcmp(name, "daemon.json") == 0 || strcmp(name, "unlock-key.json") == 0 ||
           strcmp(name, "layers") == 0;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A copy of FOLDER for reading it; the caller closes. NULL: it cannot be read. */
static DIR *open_again(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir && fd >= 0)
        close(fd);
    return dir;
}

static bool holds_only_state(int folder)
{
    DIR *dir = open_again(folder);
    bool only = dir != NULL;

    for (const struct dirent *entry; only && (entry = readdir(dir));)
        only = is_dots(entry->d_name) || is_state(entry->d_name);
    if (dir)
        closedir(dir);
    return only;
}

/* What root's agent has left there: its own files, and folders of them. */
static int give_contents(const struct agent_user *user, int folder, struct error *error)
{
    DIR *dir = open_again(folder);
    int r = dir ? 0 : error_system(error, errno, "state_dir");

    for (const struct dirent *entry; r == 0 && dir && (entry = readdir(dir));) {
        scoped(cleanup_close) int fd = -1;
        struct stat st;

        if (is_dots(entry->d_name))
            continue;
        fd = openat(folder, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
            !(S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1)))
            continue;
        r = S_ISDIR(st.st_mode) ? give_contents(user, fd, error) : 0;
        if (r == 0)
            r = agent_user_give(user, fd, entry->d_name, error);
    }
    if (dir)
        closedir(dir);
    return r;
}

/* One that root's agent used before, or that root has made for it, becomes the user's with all that is in it. */
static int make_state_dir(const struct agent_user *user, const char *path, struct error *error)
{
    bool made = mkdir(path, 0700) == 0;
    scoped(cleanup_close) int fd = -1;
    struct stat st;
    int r = 0;

    if (!made && errno != EEXIST)
        return error_system(error, errno, "state_dir: cannot create %s", path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) /* another user's, which the store will refuse with its path */
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_set(error, ENOTDIR, "state_dir: %s is not a directory", path);
    if (!user->becomes || st.st_uid == user->account.uid)
        return 0;
    if (!made && (st.st_uid != geteuid() || !holds_only_state(fd))) {
        log_warning(
            "state_dir: %s is not given to the user %s, since it holds what is not the agent's: where that user "
            "may not write, nothing is kept",
            path, user->account.name);
        return 0;
    }
    if (!made)
        r = give_contents(user, fd, error);
    return r < 0 ? r : agent_user_give(user, fd, path, error);
}

/* ---- Sinks ---- */

/* Those that are not there yet are made; one that root cannot make is reported by the sink. */
static int make_files(const struct agent_user *user, const struct config *config, struct error *error)
{
    int r = 0;

    for (size_t i = 0; r == 0 && user->becomes && i < config->sink_count; i++) {
        scoped(cleanup_close) int fd = -1;

        if (config->sinks[i].kind != SINK_FILE)
            continue;
        fd = open(config->sinks[i].address, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (fd >= 0)
            r = agent_user_give(user, fd, config->sinks[i].address, error);
    }
    return r;
}

int agent_become_user(struct agent *agent, struct error *error)
{
    static const struct agent_user same = {.becomes = false};
    const struct agent_user *user = agent->launch ? &agent->launch->user : &same;
    const struct config *config = agent->config;
    int r = 0;

    if (!agent->once) {
        r = make_state_dir(user, config->state_dir, error);
        if (r == 0)
            r = make_files(user, config, error);
        if (r == 0)
            r = server_socket_open(config, user, &agent->socket, error);
    }
    return r < 0 ? r : agent_user_become(user, error);
}
