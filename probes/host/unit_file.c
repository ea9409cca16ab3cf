/* The syntax of unit files, as systemd's own parser takes it (src/shared/conf-parser.c): a line is a comment if its
 * first character that is no blank is '#' or ';', also where it comes between two joined lines; a line whose last
 * backslash is not itself escaped goes on in the next one, a blank in place of the backslash. Quotes mean nothing here:
 * they belong to the values of some keys only. */
#include "probes/host/unit_file.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "common/str.h"
#include "probes/host/units.h"

enum { UNIT_FILE_MAX = 1 << 20 };

static const char blanks[] = " \t\r\n";

void path_list_deinit(struct path_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    vec_free(list);
}

int unit_files(const struct host_root *root, const struct units_facts *units, const char *unit, struct path_list *ret,
               struct error *error)
{
    scoped(unit_paths_deinit) struct unit_paths paths = {0};
    int r = unit_lookup(root, units, unit, &paths, error);

    if (r < 0)
        return r;
    if (paths.fragment)
        vec_push(ret, mem_strdup(paths.fragment));
    for (size_t i = 0; i < paths.drop_in_count; i++)
        vec_push(ret, mem_strdup(paths.drop_ins[i]));
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

/* ---- One file ---- */

/* Cuts blanks at both ends of TEXT, in place. */
static char *trim(char *text)
{
    size_t length;

    text += strspn(text, blanks);
    for (length = strlen(text); length && strchr(blanks, text[length - 1]);)
        text[--length] = '\0';
    return text;
}

/* Ends LINE in a backslash that is not escaped? It is replaced by a blank. */
static bool goes_on(struct str *line)
{
    bool escaped = false;

    for (size_t i = 0; i < line->length; i++)
        escaped = !escaped && line->data[i] == '\\';
    if (escaped)
        line->data[line->length - 1] = ' ';
    return escaped;
}

/* What a file says below one section. */
struct section {
    const char *name;
    bool is_open;
    unit_assignment *back;
    void *user;
};

static void read_line(struct section *section, char *line)
{
    char *equals;

    line = trim(line);
    if (*line == '[') {
        size_t length = strlen(line);

        section->is_open = length == strlen(section->name) + 2 && line[length - 1] == ']' &&
                           strncmp(line + 1, section->name, length - 2) == 0;
        return;
    }
    equals = strchr(line, '=');
    if (!section->is_open || !equals || equals == line)
        return;
    *equals = '\0';
    section->back(trim(line), trim(equals + 1), section->user);
}

void unit_file_parse(char *text, const char *name, unit_assignment *back, void *user)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct section section = {.name = name, .back = back, .user = user};
    scoped_str joined = STR_INIT;

    if (str_starts(text, byte_order_mark))
        text += strlen(byte_order_mark);
    for (char *line; (line = strsep(&text, "\n"));) {
        line += strspn(line, blanks);
        if (*line == '#' || *line == ';')
            continue;
        str_append(&joined, line);
        if (joined.length && joined.data[joined.length - 1] == '\r')
            joined.data[--joined.length] = '\0';
        if (goes_on(&joined) || !joined.length)
            continue;
        read_line(&section, joined.data);
        str_clear(&joined);
    }
    if (joined.length)
        read_line(&section, joined.data);
}

/* ---- Specifiers ---- */

void unit_expand(const char *unit, const char *value, struct str *ret)
{
    static const struct {
        char letter;
        const char *text;
    } folders[] = {{'t', "/run"}, {'S', "/var/lib"}, {'C', "/var/cache"}, {'L', "/var/log"}, {'E', "/etc"},
                   {'T', "/tmp"}, {'V', "/var/tmp"}, {'h', "/root"},      {'u', "root"},     {'U', "0"},
                   {'g', "root"}, {'G', "0"},        {'%', "%"}};
    int bare = (int)(strrchr(unit, '.') ? strrchr(unit, '.') - unit : (ptrdiff_t)strlen(unit));

    for (const char *at = value; *at; at++) {
        size_t known = 0;

        while (*at == '%' && known < countof(folders) && folders[known].letter != at[1])
            known++;
        if (*at == '%' && known < countof(folders))
            str_append(ret, folders[known].text);
        else if (*at == '%' && (at[1] == 'p' || at[1] == 'P' || at[1] == 'N'))
            str_printf(ret, "%.*s", bare, unit);
        else if (*at == '%' && at[1] == 'n')
            str_append(ret, unit);
        else {
            str_append_char(ret, *at);
            continue;
        }
        at++;
    }
}

/* ---- A unit ---- */

int unit_read(const struct host_root *root, const struct units_facts *units, const char *unit, const char *section,
              unit_assignment *back, void *user, bool *ret_exists, struct error *error)
{
    scoped(path_list_deinit) struct path_list files = {0};
    int r = unit_files(root, units, unit, &files, error);

    for (size_t i = 0; r == 0 && i < files.count; i++) {
        scoped_str text = STR_INIT;

        r = host_read(root, files.items[i], UNIT_FILE_MAX, &text, error);
        if (r == -ENOENT)
            r = 0;
        else if (r == 0 && text.data)
            unit_file_parse(text.data, section, back, user);
    }
    if (r == 0 && ret_exists)
        *ret_exists = files.count > 0;
    return r;
}

struct wanted_value {
    const char *unit, *key;
    char *value;
};

static void take_value(const char *key, const char *value, void *user)
{
    struct wanted_value *wanted = user;
    scoped_str text = STR_INIT;

    if (strcmp(key, wanted->key) != 0)
        return;
    free(wanted->value);
    wanted->value = NULL;
    if (!*value)
        return;
    unit_expand(wanted->unit, value, &text);
    wanted->value = str_steal(&text);
}

int unit_value(const struct host_root *root, const struct units_facts *units, const char *unit, const char *section,
               const char *key, char **ret, struct error *error)
{
    struct wanted_value wanted = {.unit = unit, .key = key};
    int r = unit_read(root, units, unit, section, take_value, &wanted, NULL, error);

    if (r < 0)
        free(wanted.value);
    else
        *ret = wanted.value;
    return r;
}
