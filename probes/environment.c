/* Reading what sets a variable for everybody. Shell files are read line by line, as far as a person would write them:
 * assignments, export, unset, several on a line; what a script computes is not followed. */
#include "probes/environment.h"

#include <errno.h>
#include <string.h>

#include "common/vec.h"
#include "probes/digest.h"
#include "probes/proc.h"

enum { FILE_MAX_BYTES = 1 << 20, ITEMS_MAX = 256, FILES_MAX = 512 };

const char *const environment_paths[] = {"/etc/environment",
                                         "/etc/profile",
                                         "/etc/profile.d",
                                         "/etc/systemd/system.conf",
                                         "/etc/systemd/system.conf.d",
                                         NULL};

static void add(struct environment_facts *facts, const char *place, unsigned line, const char *name, const char *value,
                size_t length, bool exported)
{
    struct arena *arena = facts->facts.arena;

    if (facts->count == ITEMS_MAX)
        return;
    if (!facts->items)
        facts->items = arena_alloc(arena, ITEMS_MAX * sizeof *facts->items);
    facts->items[facts->count++] = (struct environment_item){.place = arena_strdup(arena, place),
                                                             .line = line,
                                                             .name = arena_strdup(arena, name),
                                                             .value = arena_strndup(arena, value, length),
                                                             .exported = exported};
}

/* The value behind "NAME=": quotes around it are not part of it. */
static size_t read_value(const char **at)
{
    char quote = **at == '"' || **at == '\'' ? **at : '\0';

    if (quote) {
        (*at)++;
        return strcspn(*at, quote == '"' ? "\"\n" : "'\n");
    }
    return strcspn(*at, " \t\r\n;&|\"'#");
}

/* One command of a shell line: export NAME=v, NAME=v, declare -x NAME=v, export NAME, unset NAME. */
static void read_command(struct environment_facts *facts, const char *place, unsigned line, const char *command,
                         size_t length, const char *name, bool exported)
{
    scoped(cleanup_free) char *copy = mem_strndup(command, length);
    size_t name_length = strlen(name);
    bool unset = false, bare = true;
    const char *at = copy;

    for (;;) {
        size_t word;

        at += strspn(at, " \t\r\"");
        word = strcspn(at, " \t\r");
        if (!*at || *at == '#')
            return;
        if (strncmp(at, name, name_length) == 0 && (at[name_length] == '=' || (word == name_length && !bare))) {
            const char *value = at + name_length + 1;

            if (unset) {
                add(facts, place, line, name, "", 0, true);
            } else if (at[name_length] == '=') {
                size_t value_length = read_value(&value);

                add(facts, place, line, name, value, value_length, exported);
            } else {
                for (size_t i = 0; i < facts->count; i++)
                    facts->items[i].exported |= exported;
            }
        } else if (bare && (strncmp(at, "export", word) == 0 || strncmp(at, "declare", word) == 0 ||
                            strncmp(at, "typeset", word) == 0)) {
            exported = exported || at[0] == 'e' || strstr(at, "-x ");
            bare = false;
        } else if (bare && word == 5 && strncmp(at, "unset", word) == 0) {
            unset = true;
            bare = false;
        } else if (bare && !memchr(at, '=', word)) {
            return; /* another command */
        }
        at += word;
    }
}

static void read_shell_line(struct environment_facts *facts, const char *place, unsigned number, const char *line,
                            const char *name)
{
    while (*line) {
        size_t length = strcspn(line, ";&|#");

        read_command(facts, place, number, line, length, name, false);
        if (line[length] == '#' && (!length || strchr(" \t", line[length - 1])))
            return;
        line += length + (line[length] != '\0');
    }
}

void environment_parse(struct environment_facts *facts, const char *place, const char *text,
                       enum environment_format format, const char *name)
{
    static const char key[] = "DefaultEnvironment=";
    scoped(cleanup_free) char *copy = mem_strdup(text);
    char *rest = copy;
    unsigned number = 0;

    for (char *line; (line = strsep(&rest, "\n"));) {
        number++;
        line += strspn(line, " \t");
        if (*line == '#' || *line == '\0')
            continue;
        if (format == ENVIRONMENT_SHELL)
            read_shell_line(facts, place, number, line, name);
        else if (format == ENVIRONMENT_PAM)
            read_command(facts, place, number, line, strlen(line), name, true);
        else if (str_starts(line, key))
            read_command(facts, place, number, line + strlen(key), strlen(line) - strlen(key), name, true);
    }
}

/* The first place that is there and cannot be read. */
static void remember_error(struct environment_facts *facts, const char *path, int r)
{
    scoped_str why = STR_INIT;

    if (r == -ENOENT || r == -ENOTDIR || facts->error)
        return;
    str_printf(&why, "%s: %s", path, strerror(-r));
    facts->error = arena_strdup(facts->facts.arena, why.data);
}

static void read_file(const struct host_root *root, struct environment_facts *facts, const char *path,
                      enum environment_format format, const char *name)
{
    scoped_str text = STR_INIT;
    int r = host_read(root, path, FILE_MAX_BYTES, &text, NULL);

    if (r < 0)
        remember_error(facts, path, r);
    else
        environment_parse(facts, path, str_text(&text), format, name);
}

static void read_folder(const struct host_root *root, struct environment_facts *facts, const char *folder,
                        const char *ending, enum environment_format format, const char *name)
{
    char **paths = NULL;
    int r = host_list(root, folder, ending, FILES_MAX, &paths);

    if (r < 0) {
        remember_error(facts, folder, r);
        return;
    }
    for (size_t i = 0; paths[i]; i++) {
        read_file(root, facts, paths[i], format, name);
        free(paths[i]);
    }
    free(paths);
}

int environment_read(const struct host_root *root, const char *name, pid_t dockerd_pid, struct environment_facts **ret,
                     struct error *error)
{
    struct arena *arena = arena_new(1024);
    struct environment_facts *facts = arena_alloc(arena, sizeof *facts);
    scoped(cleanup_free) char *value = NULL;
    struct hash hash;

    (void)error;
    facts->facts.arena = arena;
    value = dockerd_pid > 0 ? proc_read_environment(root, dockerd_pid, name) : NULL;
    if (value)
        add(facts, "dockerd's environment", 0, name, value, strlen(value), true);
    read_file(root, facts, "/etc/systemd/system.conf", ENVIRONMENT_SYSTEMD, name);
    read_folder(root, facts, "/etc/systemd/system.conf.d", ".conf", ENVIRONMENT_SYSTEMD, name);
    read_file(root, facts, "/etc/environment", ENVIRONMENT_PAM, name);
    read_file(root, facts, "/etc/profile", ENVIRONMENT_SHELL, name);
    read_folder(root, facts, "/etc/profile.d", ".sh", ENVIRONMENT_SHELL, name);
    hash_init(&hash);
    digest_text(&hash, facts->error);
    for (size_t i = 0; i < facts->count; i++) {
        digest_text(&hash, facts->items[i].place);
        digest_number(&hash, facts->items[i].line);
        digest_text(&hash, facts->items[i].value);
        digest_number(&hash, facts->items[i].exported);
    }
    facts->facts.digest = hash_end(&hash);
    *ret = facts;
    return 0;
}
