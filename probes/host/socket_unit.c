/* The files of systemd units, and the sockets that docker.socket opens for dockerd: the lines of its files as they are
 * now (systemd.socket(5)). */
#include "probes/host/socket_unit.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "common/str.h"
#include "probes/host/units.h"

enum { UNIT_FILE_MAX = 1 << 20, SOCKETS_MAX = 256 };

static const char activated_socket[] = "/run/docker.sock", socket_unit[] = "docker.socket";

void path_list_deinit(struct path_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    vec_free(list);
}

static void add_path(struct path_list *list, const char *path)
{
    vec_push(list, mem_strdup(path));
}

int unit_files(const struct host_root *root, const struct units_facts *units, const char *unit, struct path_list *ret,
               struct error *error)
{
    scoped(unit_paths_deinit) struct unit_paths paths = {0};
    int r = unit_lookup(root, units, unit, &paths, error);

    if (r < 0)
        return r;
    if (paths.fragment)
        add_path(ret, paths.fragment);
    for (size_t i = 0; i < paths.drop_in_count; i++)
        add_path(ret, paths.drop_ins[i]);
    return 0;
}

void unit_places(const char *unit, void (*back)(const char *path, bool tree, void *user), void *user)
{
    const char *type = strrchr(unit, '.') + 1;

    for (size_t i = 0; unit_search_path[i]; i++) {
        scoped(cleanup_free) char *file = mem_printf("%s/%s", unit_search_path[i], unit);
        scoped(cleanup_free) char *folder = mem_printf("%s/%s.d", unit_search_path[i], unit);
        scoped(cleanup_free) char *general = mem_printf("%s/%s.d", unit_search_path[i], type);

        back(file, false, user);
        back(folder, true, user);
        back(general, true, user);
    }
}

/* Reads one file's ListenStream= lines; an empty one forgets those before it. Of specifiers only %t is known. What is
 * no path is an address (systemd.socket(5)). */
static void read_listen_streams(char *text, struct path_list *ret)
{
    static const char key[] = "ListenStream";
    bool in_section = false;

    for (char *line; (line = strsep(&text, "\n"));) {
        size_t length;

        line += strspn(line, " \t");
        for (length = strlen(line); length && strchr(" \t\r", line[length - 1]);)
            line[--length] = '\0';
        if (*line == '[')
            in_section = strcmp(line, "[Socket]") == 0;
        if (!in_section || !str_starts(line, key))
            continue;
        line += strlen(key);
        line += strspn(line, " \t");
        if (*line++ != '=')
            continue;
        line += strspn(line, " \t");
        if (!*line) {
            path_list_deinit(ret);
        } else if (ret->count < SOCKETS_MAX && str_starts(line, "%t/")) {
            vec_push(ret, mem_printf("/run%s", line + 2));
        } else if (ret->count < SOCKETS_MAX) {
            add_path(ret, line);
        }
    }
}

int socket_unit_streams(const struct host_root *root, const struct units_facts *units, struct path_list *ret,
                        struct error *error)
{
    scoped(path_list_deinit) struct path_list files = {0};
    int r = unit_files(root, units, socket_unit, &files, error);

    for (size_t i = 0; r == 0 && i < files.count; i++) {
        scoped_str text = STR_INIT;

        r = host_read(root, files.items[i], UNIT_FILE_MAX, &text, error);
        if (r == -ENOENT)
            r = 0;
        else if (r == 0 && text.data)
            read_listen_streams(text.data, ret);
    }
    if (r == 0 && !files.count)
        add_path(ret, activated_socket);
    return r;
}

static bool is_activation(const struct daemon_option *option)
{
    return strcmp(option->name, "host") == 0 && str_starts(option->value, "fd://");
}

bool socket_unit_activates(const struct daemon_facts *daemon)
{
    for (size_t i = 0; daemon && i < daemon->option_count; i++)
        if (is_activation(&daemon->options[i]))
            return true;
    return false;
}
