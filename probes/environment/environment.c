/* Reading what sets a variable for everybody: pam_env's file by pam_env's rules, system.conf by systemd's, the shells'
 * profiles by environment_shell.c. */
#include "probes/environment/environment.h"

#include <errno.h>
#include <string.h>

#include "common/str.h"
#include "probes/environment/environment_states.h"
#include "probes/facts/digest.h"
#include "probes/host/proc.h"

enum { FILE_MAX_BYTES = 1 << 20, FILES_MAX = 512 };

const char *const environment_paths[] = {"/etc/environment",
                                         "/etc/profile",
                                         "/etc/profile.d",
                                         "/etc/systemd/system.conf",
                                         "/etc/systemd/system.conf.d",
                                         NULL};

/* ---- The possible states, in facts ---- */

static void load(const struct environment_facts *facts, struct environment_states *ret)
{
    *ret = (struct environment_states){.count = facts->count ? facts->count : 1};
    if (facts->count)
        memcpy(ret->items, facts->items, facts->count * sizeof *facts->items);
}

static void save(struct environment_facts *facts, const struct environment_states *states)
{
    if (!facts->items)
        facts->items = arena_alloc(facts->facts.arena, sizeof states->items);
    memcpy(facts->items, states->items, sizeof states->items);
    facts->count = states->count;
}

static void set(struct environment_facts *facts, struct environment_states *states, const char *place, unsigned line,
                const char *value, bool computed)
{
    environment_states_assign(states, place, line, arena_strdup(facts->facts.arena, value), computed);
    if (value)
        environment_states_export(states, place, line, true);
}

/* ---- /etc/environment ---- */

/* One variable a line: quotes are dropped wherever they stand, '#' ends the line, a name alone unsets. */
static void read_pam_line(struct environment_facts *facts, struct environment_states *states, const char *place,
                          unsigned number, char *line, const char *name)
{
    size_t length;
    char *value;

    line += strspn(line, " \t");
    line[strcspn(line, "#")] = '\0';
    for (length = strlen(line); length && strchr(" \t\r", line[length - 1]);)
        line[--length] = '\0';
    if (str_starts(line, "export "))
        line += strlen("export ");
    value = strchr(line, '=');
    if (value)
        *value++ = '\0';
    if (strcmp(line, name) != 0)
        return;
    if (value && (*value == '"' || *value == '\'')) {
        char *to = value;

        for (const char *at = value + 1; *at; at++)
            if ((*at != '"' && *at != '\'') || at[1])
                *to++ = *at;
        *to = '\0';
    }
    set(facts, states, place, number, value, false);
}

static void read_pam(struct environment_facts *facts, struct environment_states *states, const char *place, char *text,
                     const char *name)
{
    unsigned number = 0;

    for (char *line; (line = strsep(&text, "\n"));)
        read_pam_line(facts, states, place, ++number, line, name);
}

/* ---- systemd's system.conf ---- */

/* One word of a list of assignments, without its quotes, into OUT. False: there is none, or a quote is not closed, by
 * which systemd drops the rest of the line. */
static bool next_assignment(const char **at, struct str *out)
{
    char quote = '\0';

    str_clear(out);
    *at += strspn(*at, " \t\r");
    if (!**at)
        return false;
    for (; **at && (quote || !strchr(" \t\r", **at)); (*at)++) {
        if (quote ? **at == quote : **at == '"' || **at == '\'') {
            quote = quote ? '\0' : **at;
        } else {
            *at += **at == '\\' && (*at)[1];
            str_append_char(out, **at);
        }
    }
    return !quote;
}

/* Of the specifiers none is worked out. An empty list forgets what systemd was told before. */
static void read_assignments(struct environment_facts *facts, struct environment_states *states, const char *place,
                             unsigned number, const char *list, const char *name)
{
    scoped_str word = STR_INIT;
    size_t length = strlen(name);

    if (!list[strspn(list, " \t\r")])
        set(facts, states, place, number, NULL, false);
    while (next_assignment(&list, &word)) {
        const char *text = str_text(&word);

        if (strncmp(text, name, length) == 0 && text[length] == '=')
            set(facts, states, place, number, text + length + 1, strchr(text, '%') != NULL);
    }
}

/* Takes a line with those that a backslash at its end joins to it; comments between them are left out. */
static bool next_setting(char **text, struct str *out, unsigned *number)
{
    bool more = false, any = false;

    str_clear(out);
    for (char *line; (!any || more) && (line = strsep(text, "\n"));) {
        size_t length = strlen(line), blanks = strspn(line, " \t\r");

        ++*number;
        any = true;
        if (line[blanks] == '#' || line[blanks] == ';')
            continue;
        more = length && line[length - 1] == '\\';
        str_append_n(out, line, length - more);
        if (more)
            str_append_char(out, ' ');
    }
    return any;
}

static void read_systemd(struct environment_facts *facts, struct environment_states *states, const char *place,
                         char *text, const char *name)
{
    static const char key[] = "DefaultEnvironment";
    scoped_str setting = STR_INIT;
    bool in_section = false;
    unsigned number = 0;

    while (next_setting(&text, &setting, &number)) {
        const char *at = str_text(&setting) + strspn(str_text(&setting), " \t");

        if (*at == '[')
            in_section = str_starts(at, "[Manager]");
        if (!in_section || !str_starts(at, key))
            continue;
        at += strlen(key);
        at += strspn(at, " \t");
        if (*at == '=')
            read_assignments(facts, states, place, number, at + 1, name);
    }
}

void environment_parse(struct environment_facts *facts, const char *place, const char *text,
                       enum environment_format format, const char *name)
{
    scoped(cleanup_free) char *copy = mem_strdup(text);
    const char *kept = arena_strdup(facts->facts.arena, place);
    struct environment_states states;

    load(facts, &states);
    switch (format) {
    case ENVIRONMENT_PAM:
        read_pam(facts, &states, kept, copy, name);
        break;
    case ENVIRONMENT_SHELL:
        environment_read_shell(&states, facts->facts.arena, kept, text, name);
        break;
    case ENVIRONMENT_SYSTEMD:
        read_systemd(facts, &states, kept, copy, name);
        break;
    }
    save(facts, &states);
}

/* A place that is there and cannot be read may do anything to the variable; the first one is told. */
static void remember_error(struct environment_facts *facts, const char *path, int r)
{
    scoped_str why = STR_INIT;
    struct environment_states states, other;

    if (r == -ENOENT || r == -ENOTDIR)
        return;
    load(facts, &states);
    load(facts, &other);
    set(facts, &other, arena_strdup(facts->facts.arena, path), 0, "", true);
    environment_states_join(&states, &other);
    save(facts, &states);
    str_printf(&why, "%s: %s", path, strerror(-r));
    if (!facts->error)
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
    struct environment_states states;
    struct hash hash;

    (void)error;
    facts->facts.arena = arena;
    value = dockerd_pid > 0 ? proc_read_environment(root, dockerd_pid, name) : NULL;
    read_file(root, facts, "/etc/systemd/system.conf", ENVIRONMENT_SYSTEMD, name);
    read_folder(root, facts, "/etc/systemd/system.conf.d", ".conf", ENVIRONMENT_SYSTEMD, name);
    if (value) {
        load(facts, &states);
        set(facts, &states, "dockerd's environment", 0, value, false);
        save(facts, &states);
    }
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
        digest_number(&hash, facts->items[i].computed);
    }
    facts->facts.digest = hash_end(&hash);
    *ret = facts;
    return 0;
}
