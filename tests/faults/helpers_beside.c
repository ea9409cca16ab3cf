/* See the header. */
#include "helpers_beside.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"

/* ---- Processes ---- */

/* A helper of ROLE, or one of its tasks, of this test's agent. */
static bool is_of_role(const struct beside *beside, const char *role, pid_t pid)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/cmdline", (int)pid);
    scoped_str text = STR_INIT;

    if (file_read(path, 65536, &text, NULL) < 0 || !text.length)
        return false;
    if (!str_equal(text.data, "docker-bench-helper") || !str_equal(text.data + strlen(text.data) + 1, role))
        return false;
    return memmem(text.data, text.length, beside->folder, strlen(beside->folder));
}

/* 0 for the parent: it has ended. */
static char state_of(pid_t pid, int *ret_parent)
{
    scoped(cleanup_free) char *path = mem_printf("/proc/%d/stat", (int)pid);
    scoped_str text = STR_INIT;
    char state = 'X';

    *ret_parent = 0;
    if (file_read(path, 4096, &text, NULL) == 0 && strrchr(text.data, ')'))
        sscanf(strrchr(text.data, ')') + 1, " %c %d", &state, ret_parent);
    return state;
}

/* TASK: a process that a helper of ROLE has made; else that helper. 0: there is none. */
static pid_t find_process(const struct beside *beside, const char *role, bool task)
{
    DIR *dir = opendir("/proc");
    pid_t found = 0;

    for (const struct dirent *entry; !found && (entry = readdir(dir));) {
        int parent, pid = atoi(entry->d_name);

        if (pid <= 0 || !is_of_role(beside, role, pid))
            continue;
        state_of(pid, &parent);
        found = parent && is_of_role(beside, role, parent) == task ? pid : 0;
    }
    closedir(dir);
    return found;
}

pid_t helpers_find(const struct beside *beside, const char *role)
{
    return find_process(beside, role, false);
}

bool helpers_has_task(const struct beside *beside, const char *role)
{
    return find_process(beside, role, true) > 0;
}

bool helpers_is_stopped(pid_t pid)
{
    int parent;

    return state_of(pid, &parent) == 'T';
}

/* ---- The status ---- */

static const struct json *find_status(struct beside *beside, const char *role)
{
    const struct json *helpers = json_get(beside_ask(beside, "/v1/status"), "helpers");

    for (size_t i = 0; i < json_count(helpers); i++)
        if (str_equal(json_text(json_get(json_at(helpers, i), "role"), ""), role))
            return json_at(helpers, i);
    return NULL;
}

int64_t helpers_restarts(struct beside *beside, const char *role)
{
    return json_int(json_get(find_status(beside, role), "restarts"), -1);
}

const char *helpers_last_error(struct beside *beside, const char *role)
{
    return json_text(json_get(find_status(beside, role), "last_error"), "");
}

/* ---- Helpers that misbehave ---- */

void misbehaving_begin(struct misbehaving *misbehaving, struct beside *beside)
{
    scoped(cleanup_free) char *real = mem_printf("%s/real-helper", BUILD_DIR); /* where it finds its data */
    scoped(cleanup_free) char *prepare = mem_printf("touch %s && chmod 755 %s", real, beside->folder);

    misbehaving->beside = beside;
    misbehaving->file = mem_printf("%s/misbehaving", beside->folder);
    misbehaving->host = mem_printf("mount --make-rprivate / && mount --bind %s/docker-bench-helper %s && "
                                   "mount --bind %s %s/docker-bench-helper",
                                   BUILD_DIR, real, NONSENSE_HELPER, BUILD_DIR);
    ck_assert_int_eq(system(prepare), 0);
    setenv("NONSENSE_ROLE", misbehaving->file, 1);
    setenv("NONSENSE_HELPER", real, 1);
    beside->host = misbehaving->host;
}

void misbehaving_set(struct misbehaving *misbehaving, enum misbehaviour how, const char *role)
{
    scoped(cleanup_free) char *word = mem_printf("%c%s", (char)how, role ? role : "");

    ck_assert_int_eq(file_replace(misbehaving->file, word, strlen(word), 0644, NULL), 0);
}

void misbehaving_end(struct misbehaving *misbehaving)
{
    misbehaving->beside->host = NULL;
    free(misbehaving->file);
    free(misbehaving->host);
}
