/* A copy of the configuration, of links, in which one file is another. */
#include "agent/ctl/waive_trial.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/ctl/run_program.h"
#include "common/file.h"
#include "common/memory.h"

static char *folder_of(const char *config)
{
    const char *slash = strrchr(config, '/');

    return slash ? mem_strndup(config, (size_t)(slash - config)) : mem_strdup(".");
}

char *waive_folder(const char *config)
{
    scoped(cleanup_free) char *folder = folder_of(config);

    return mem_printf("%s/conf.d", folder);
}

static int link_to(const char *file, const char *link, struct error *error)
{
    scoped(cleanup_free) char *target = realpath(file, NULL);

    /* one that leads nowhere stays such a one: the agent has to say so */
    return symlink(target ? target : "/nonexistent", link) < 0 ? error_system(error, errno, "%s", link) : 0;
}

static int link_others(const char *folder, const char *trial, struct error *error)
{
    DIR *dir = opendir(folder);
    int r = 0;

    if (!dir)
        return errno == ENOENT ? 0 : error_system(error, errno, "%s", folder);
    for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
        scoped(cleanup_free) char *from = mem_printf("%s/%s", folder, entry->d_name);
        scoped(cleanup_free) char *to = mem_printf("%s/conf.d/%s", trial, entry->d_name);

        if (entry->d_name[0] != '.' && str_ends(entry->d_name, ".json") && strcmp(entry->d_name, "waivers.json") != 0)
            r = link_to(from, to, error);
    }
    closedir(dir);
    return r;
}

static int fill(const char *config, const struct str *text, const char *trial, struct error *error)
{
    scoped(cleanup_free) char *main_file = mem_printf("%s/agent.json", trial), *conf = mem_printf("%s/conf.d", trial);
    scoped(cleanup_free) char *waivers = mem_printf("%s/waivers.json", conf), *folder = waive_folder(config);
    int r =
        access(config, F_OK) == 0 ? link_to(config, main_file, error) : file_replace(main_file, "{}", 2, 0600, error);

    if (r == 0 && mkdir(conf, 0700) < 0)
        r = error_system(error, errno, "%s", conf);
    if (r == 0)
        r = link_others(folder, trial, error);
    return r < 0 ? r : file_replace(waivers, str_text(text), text->length, 0600, error);
}

static void empty(const char *folder)
{
    DIR *dir = opendir(folder);

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        scoped(cleanup_free) char *path = mem_printf("%s/%s", folder, entry->d_name);

        if (strcmp(entry->d_name, "..") != 0 && strcmp(entry->d_name, ".") != 0)
            unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
}

/* WHAT becomes WITH, wherever it stands. */
static void replace(const char *text, const char *what, const char *with, struct str *ret)
{
    for (const char *at; (at = strstr(text, what)); text = at + strlen(what)) {
        str_append_n(ret, text, (size_t)(at - text));
        str_append(ret, with);
    }
    str_append(ret, text);
}

int waive_trial(const char *config, const struct str *text, bool zh, struct str *ret_said, struct error *error)
{
    char trial[] = "/tmp/agentctl-waive-XXXXXX";
    scoped(cleanup_free) char *program = run_program_beside("docker-bench-agent"), *folder = folder_of(config);
    scoped(cleanup_free) char *trial_config = NULL, *conf = NULL;
    scoped_str said = STR_INIT;
    int r;

    if (!mkdtemp(trial))
        return error_system(error, errno, "%s", trial);
    trial_config = mem_printf("%s/agent.json", trial);
    conf = mem_printf("%s/conf.d", trial);
    r = fill(config, text, trial, error);
    if (r == 0) {
        const char *const arguments[] = {program,    "--check-config", "--lang", zh ? "zh" : "en",
                                         "--config", trial_config,     NULL};

        setenv("DOCKER_CONTEXT", "default", 1); /* as the unit has it */
        r = run_program(arguments, &said, error);
    }
    empty(conf);
    empty(trial);
    replace(str_text(&said), trial, folder, ret_said);
    return r;
}
