/* What an answer says that is not the document that was asked for, as one line: the engine's {"message": …}, or the
 * page of a proxy in front of it. */
#include "probes/docker/docker_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

enum { SHOWN_MAX = 200, PAGE_MAX = 64 * 1024 };

/* The text between "<NAME…>" and the next tag that ends it; NULL: there is none. */
static const char *find_element(const char *page, size_t length, const char *name, size_t *ret_length)
{
    size_t name_length = strlen(name);

    for (size_t i = 0; i + name_length + 1 < length; i++) {
        const char *begin, *end;

        if (page[i] != '<' || strncasecmp(page + i + 1, name, name_length) != 0 ||
            (page[i + 1 + name_length] != '>' && !isspace((unsigned char)page[i + 1 + name_length])))
            continue;
        begin = memchr(page + i, '>', length - i);
        end = begin ? memchr(begin, '<', length - (size_t)(begin - page)) : NULL;
        if (!end || end == begin + 1)
            continue;
        *ret_length = (size_t)(end - begin) - 1;
        return begin + 1;
    }
    return NULL;
}

/* Appends TEXT with its blanks and line breaks made one space each. */
static void append_words(struct str *out, const char *text, size_t length)
{
    scoped_str line = STR_INIT;

    for (size_t i = 0; i < length && line.length < SHOWN_MAX * 4; i++) {
        bool blank = isspace((unsigned char)text[i]);

        if (!blank)
            str_append_char(&line, text[i]);
        else if (line.length && line.data[line.length - 1] != ' ')
            str_append_char(&line, ' ');
    }
    while (line.length && line.data[line.length - 1] == ' ')
        line.data[--line.length] = '\0';
    text_escape(out, str_text(&line), line.length, SHOWN_MAX);
}

bool docker_is_page(const char *body, size_t length)
{
    while (length && isspace((unsigned char)*body)) {
        body++;
        length--;
    }
    return length && *body == '<';
}

void docker_describe_page(const char *body, size_t length, struct str *out)
{
    static const char *const names[] = {"title", "h1", "h2", "p"};
    size_t text_length = 0;
    const char *text = NULL;

    length = length < PAGE_MAX ? length : PAGE_MAX;
    for (size_t i = 0; i < countof(names) && !text; i++)
        text = find_element(body, length, names[i], &text_length);
    str_append(out, "an HTML page, as of a proxy");
    if (!text)
        return;
    str_append(out, ": ");
    append_words(out, text, text_length);
}

void docker_describe_refusal(const struct http_response *response, struct str *out)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const char *message = NULL, *body = response->body;
    size_t length = response->length;
    bool is_json = length && json_parse(body, length, NULL, &doc, NULL) == 0;

    if (is_json)
        message = json_string(json_get(json_root(doc), "message"));
    str_printf(out, "the engine answered %ld", response->status);
    if (message) {
        str_append(out, ": ");
        append_words(out, message, strlen(message));
    } else if (length && docker_is_page(body, length)) {
        str_append(out, ", with ");
        docker_describe_page(body, length, out);
    } else if (length && !is_json && memchr(body, '\0', length) == NULL) { /* plain text */
        str_append(out, ": ");
        append_words(out, body, length < PAGE_MAX ? length : PAGE_MAX);
    }
}
