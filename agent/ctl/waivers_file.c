/* Reading and writing conf.d/waivers.json. What people wrote into it is kept as long as writing it again loses nothing.
 */
#include "agent/ctl/waivers_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json_out.h"
#include "common/memory.h"

enum { FILE_LIMIT = 1024 * 1024 };

static const char *const members[] = {"rule", "subject", "reason", "by", "expires"};

struct waivers_file {
    char *path;
    int lock; /* the folder, open and locked */
    struct json_doc *doc;
};

void waivers_file_close(struct waivers_file *file)
{
    if (!file)
        return;
    if (file->lock >= 0)
        close(file->lock);
    json_doc_free(file->doc);
    free(file->path);
    free(file);
}

const char *waivers_file_path(const struct waivers_file *file)
{
    return file->path;
}

/* ---- Reading ---- */

static bool is_text_or_texts(const struct json *value, bool texts)
{
    if (json_type(value) == JSON_STRING)
        return true;
    for (size_t i = 0; texts && json_type(value) == JSON_ARRAY && i < json_count(value); i++)
        if (json_type(json_at(value, i)) != JSON_STRING)
            return false;
    return texts && json_type(value) == JSON_ARRAY;
}

static bool is_ours(const struct json *waiver)
{
    for (size_t i = 0; i < json_count(waiver); i++) {
        const char *key;
        const struct json *value = json_member(waiver, i, &key, NULL);
        size_t known = 0;

        while (known < countof(members) && strcmp(members[known], key) != 0)
            known++;
        if (known == countof(members) || !is_text_or_texts(value, known == 0))
            return false;
    }
    return json_type(waiver) == JSON_OBJECT;
}

/* Comments end the parser; other keys and types are looked for. */
static int check(const struct waivers_file *file, struct error *error)
{
    const struct json *root = json_root(file->doc), *list = json_get(root, "waivers");

    if (json_type(root) != JSON_OBJECT || json_type(list) != JSON_ARRAY || json_count(root) != 1)
        return error_set(error, EINVAL, "it has more than a list of waivers");
    for (size_t i = 0; i < json_count(list); i++)
        if (!is_ours(json_at(list, i)))
            return error_set(error, EINVAL, "waiver %zu has other members than a waiver has", i + 1);
    return 0;
}

static int read_file(struct waivers_file *file, struct error *error)
{
    static const struct json_limits limits = {.bytes = FILE_LIMIT, .depth = 8, .values = 100000};
    scoped_str text = STR_INIT;
    struct stat st;
    int r;

    if (lstat(file->path, &st) < 0)
        return errno == ENOENT ? 0 : error_system(error, errno, "%s", file->path);
    if (!S_ISREG(st.st_mode))
        return error_set(error, EINVAL, "%s is not a regular file", file->path);
    r = file_read(file->path, FILE_LIMIT, &text, error);
    if (r < 0)
        return r;
    r = json_parse(str_text(&text), text.length, &limits, &file->doc, error);
    if (r == 0)
        r = check(file, error);
    return r < 0
               ? error_prefix(error, "%s was edited by hand, which changing it would lose; rename it within its folder",
                              file->path)
               : 0;
}

int waivers_file_open(const char *folder, struct waivers_file **ret, struct error *error)
{
    scoped(cleanup_waivers_file) struct waivers_file *file = mem_alloc(sizeof *file);
    int r;

    file->path = mem_printf("%s/waivers.json", folder);
    file->lock = -1;
    if (mkdir(folder, 0755) < 0 && errno != EEXIST)
        return error_system(error, errno, "%s", folder);
    file->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->lock < 0 || flock(file->lock, LOCK_EX) < 0)
        return error_system(error, errno, "%s", folder);
    r = read_file(file, error);
    if (r == 0)
        *ret = take(file);
    return r;
}

/* ---- Writing ---- */

/* "5.4,5.5" and ["5.4", "5.5"] are the same. */
static void append_rule(const struct json *rule, struct str *ret)
{
    if (json_type(rule) == JSON_STRING)
        str_append(ret, json_text(rule, ""));
    for (size_t i = 0; json_type(rule) == JSON_ARRAY && i < json_count(rule); i++)
        str_printf(ret, "%s%s", i ? "," : "", json_text(json_at(rule, i), ""));
}

static bool is_of(const struct json *waiver, const char *rule, const char *subject)
{
    scoped_str own = STR_INIT;

    append_rule(json_get(waiver, "rule"), &own);
    return strcmp(str_text(&own), rule) == 0 && strcmp(json_text(json_get(waiver, "subject"), "*"), subject) == 0;
}

static void write_rules(struct json_out *out, const char *rule)
{
    if (!strchr(rule, ',')) {
        json_out_string(out, "rule", rule);
        return;
    }
    json_out_array(out, "rule");
    for (;;) {
        size_t length = strcspn(rule, ",");

        json_out_string_n(out, NULL, rule, length);
        if (!rule[length])
            break;
        rule += length + 1;
    }
    json_out_end_array(out);
}

static void write_entry(struct json_out *out, const struct waiver_entry *entry)
{
    json_out_object(out, NULL);
    write_rules(out, entry->rule);
    json_out_string(out, "subject", entry->subject);
    json_out_string(out, "reason", entry->reason);
    json_out_string(out, "by", entry->by);
    if (entry->expires)
        json_out_string(out, "expires", entry->expires);
    json_out_end_object(out);
}

/* All but those of RULE and SUBJECT, and then ENTRY unless it is NULL. How many were left out. */
static size_t write_all(const struct waivers_file *file, const char *rule, const char *subject,
                        const struct waiver_entry *entry, struct str *ret_text)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(true);
    const struct json *list = json_get(json_root(file->doc), "waivers");
    size_t left_out = 0;

    json_out_object(out, NULL);
    json_out_array(out, "waivers");
    for (size_t i = 0; i < json_count(list); i++) {
        if (is_of(json_at(list, i), rule, subject))
            left_out++;
        else
            json_out_value(out, NULL, json_at(list, i));
    }
    if (entry)
        write_entry(out, entry);
    json_out_end_array(out);
    json_out_end_object(out);
    str_append(ret_text, json_out_text(out, NULL));
    if (!str_ends(str_text(ret_text), "\n"))
        str_append_char(ret_text, '\n');
    return left_out;
}

bool waivers_file_with(const struct waivers_file *file, const struct waiver_entry *entry, struct str *ret_text)
{
    return write_all(file, entry->rule, entry->subject, entry, ret_text) > 0;
}

size_t waivers_file_without(const struct waivers_file *file, const char *rule, const char *subject,
                            struct str *ret_text)
{
    return write_all(file, rule, subject, NULL, ret_text);
}

int waivers_file_write(struct waivers_file *file, const struct str *text, struct error *error)
{
    return file_replace(file->path, str_text(text), text->length, 0644, error);
}
