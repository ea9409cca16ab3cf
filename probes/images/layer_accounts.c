/* The accounts in an image's own /etc/passwd, by which the engine finds the uid of a container's user that is a name:
 * root may have another name there. Read as the engine reads it, oddities included. */
#include <errno.h>
#include <string.h>

#include "common/text.h"
#include "probes/images/layers_internal.h"

enum { FILE_MAX = 256 * 1024, LINE_MAX_LENGTH = 64 * 1024, TEXT_BYTES_MAX = 64 * 1024 };

void layer_accounts_deinit(struct layer_accounts *accounts)
{
    free(accounts->text);
    free(accounts->error);
    *accounts = (struct layer_accounts){0};
}

bool layer_is_accounts(const char *path)
{
    return strcmp(path, LAYER_PASSWD) == 0;
}

bool layer_is_accounts_place(const char *path)
{
    return layer_is_accounts(path) || strcmp(path, "etc") == 0;
}

void layer_accounts_unread(struct layer_accounts *accounts, const char *path, const char *why)
{
    layer_accounts_deinit(accounts);
    accounts->present = true;
    accounts->error = mem_printf("/%s: %s", path, why);
}

/* The engine makes 0 of what is no number or not there, and takes the lower 32 bits of any other. */
static bool is_root(const char *number, size_t length)
{
    int64_t uid;

    return text_go_number(number, length, &uid) == -EINVAL || (uint32_t)uid == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int add_line(struct str *text, const char *line, size_t length, struct error *error)
{
    const char *end, *name = line, *field;
    size_t name_length, left;

    for (; length && is_blank(*name); length--)
        name++;
    while (length && is_blank(name[length - 1]))
        length--;
    if (!length)
        return 0;
    end = memchr(name, ':', length);
    name_length = end ? (size_t)(end - name) : length;
    if (memchr(name, '\0', name_length))
        return error_set(error, EBADMSG, "a name with a NUL byte");
    left = length - name_length;
    field = left ? memchr(end + 1, ':', left - 1) : NULL; /* after the password */
    left = field ? (size_t)(name + length - (field + 1)) : 0;
    end = left ? memchr(field + 1, ':', left) : NULL;
    str_append_char(text, !field || is_root(field + 1, end ? (size_t)(end - field - 1) : left) ? LAYER_ACCOUNT_ROOT
                                                                                               : LAYER_ACCOUNT_OTHER);
    str_append_n(text, name, name_length);
    str_append_char(text, '\n');
    return text->length > TEXT_BYTES_MAX ? error_set(error, EFBIG, "too many accounts") : 0;
}

void layer_read_accounts(struct layer_accounts *accounts, const char *data, size_t length)
{
    struct error error = ERROR_INIT;
    scoped_str text = STR_INIT;
    int r = length > FILE_MAX ? error_set(&error, EFBIG, "too large") : 0;

    str_append(&text, "");
    for (size_t at = 0; r == 0 && at < length;) {
        const char *line = data + at, *newline = memchr(line, '\n', length - at);
        size_t size = newline ? (size_t)(newline - line) : length - at;

        r = size >= LINE_MAX_LENGTH ? error_set(&error, EFBIG, "a line that is too long for the engine")
                                    : add_line(&text, line, size, &error);
        at += size + 1;
    }
    if (r < 0) {
        layer_accounts_unread(accounts, LAYER_PASSWD, error.message);
        return;
    }
    layer_accounts_deinit(accounts);
    accounts->present = true;
    accounts->text = str_steal(&text);
}
