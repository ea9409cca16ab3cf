/* Of containerd's configuration only one key at its top is read: no TOML parser is needed for that. */
#include "probes/daemon/containerd.h"

#include <string.h>

#include "probes/facts/facts.h"
#include "probes/host/proc.h"
#include "probes/host/units.h"

const char containerd_default_config[] = "/etc/containerd/config.toml";

enum { CONFIG_MAX = 1 << 20 };

pid_t containerd_find(const struct host_root *root, const struct units_facts *units, pid_t dockerd)
{
    scoped(unit_paths_deinit) struct unit_paths unit = {0};
    pid_t child = dockerd > 0 ? proc_find_child(root, dockerd, "containerd") : 0;

    if (child > 0)
        return child;
    return unit_lookup(root, units, "containerd.service", &unit, NULL) == 0 ? unit.main_pid : 0;
}

char *containerd_root_in_config(const char *toml)
{
    for (const char *line = toml; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *at = line + strspn(line, " \t");

        if (*at == '[')
            return NULL; /* a table: the keys at the top have been seen */
        if (!str_starts(at, "root"))
            continue;
        at += strlen("root");
        at += strspn(at, " \t");
        if (*at != '=')
            continue;
        at++;
        at += strspn(at, " \t");
        if ((*at == '"' || *at == '\'') && at[1] == '/')
            return mem_strndup(at + 1, strcspn(at + 1, *at == '"' ? "\"\n" : "'\n"));
    }
    return NULL;
}

/* The value of --NAME or -SHORT, as containerd's arguments give it; NULL: not given. */
static const char *argument(const struct string_list *arguments, const char *name, const char *letter)
{
    for (size_t i = 1; i < arguments->count; i++) {
        const char *word = arguments->items[i], *equals = strchr(word, '=');
        size_t length;

        if (*word != '-')
            continue;
        word += 1 + (word[1] == '-');
        length = equals ? (size_t)(equals - word) : strlen(word);
        if ((length != strlen(name) || strncmp(word, name, length) != 0) &&
            (!letter || length != strlen(letter) || strncmp(word, letter, length) != 0))
            continue;
        return equals ? equals + 1 : i + 1 < arguments->count ? arguments->items[i + 1] : NULL;
    }
    return NULL;
}

char *containerd_root(const struct host_root *root, pid_t containerd)
{
    struct arena *arena;
    struct string_list arguments;
    const char *given, *config;
    scoped(cleanup_free) char *target = NULL;
    char *found = NULL;
    scoped_str text = STR_INIT;

    if (containerd <= 0)
        return NULL;
    arena = arena_new(1024);
    if (proc_read_cmdline(root, containerd, arena, &arguments, NULL) == 0) {
        given = argument(&arguments, "root", NULL);
        config = argument(&arguments, "config", "c");
        if (given && *given == '/')
            found = mem_strdup(given);
        else if (host_read(root, config && *config == '/' ? config : containerd_default_config, CONFIG_MAX, &text,
                           NULL) == 0)
            found = containerd_root_in_config(str_text(&text));
        if (!found)
            found = mem_strdup("/var/lib/containerd");
    }
    arena_free(arena);
    if (found && host_resolve(root, found, &target, NULL) == 0) {
        free(found);
        found = take(target);
    }
    return found;
}
