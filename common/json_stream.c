/* Splitting a stream of JSON values. Where a value ends is found without parsing it (strings, escapes and depth are all
 * it takes), so that a value cut over many reads is scanned once; it is kept until then, reduced where there is a shape
 * for it. */
#include <errno.h>
#include <string.h>

#include "common/json_filter.h"
#include "common/json_in.h"
#include "common/memory.h"
#include "common/str.h"

enum { BYTES_DEFAULT = 64 * 1024 * 1024, REDUCED_MAX = 4 * 1024 * 1024 };

struct json_stream {
    struct json_limits limits;
    json_stream_callback *callback;
    void *user;
    struct json_filter *filter; /* NULL: values are kept as they are, in PENDING */
    struct str pending;         /* the value that is not complete */
    size_t length;              /* of it, before it was reduced */
    size_t depth;
    bool in_value, in_string, escaped, refused, is_plain; /* is_plain: a number or word at the top */
};

struct json_stream *json_stream_new(const struct json_limits *limits, const struct json_shape *shape,
                                    json_stream_callback *callback, void *user)
{
    struct json_stream *stream = mem_alloc(sizeof *stream);

    if (limits)
        stream->limits = *limits;
    if (!stream->limits.bytes)
        stream->limits.bytes = BYTES_DEFAULT;
    if (!stream->limits.depth)
        stream->limits.depth = JSON_FILTER_DEPTH;
    stream->callback = callback;
    stream->user = user;
    if (shape)
        stream->filter = json_filter_new(
            shape,
            &(struct json_filter_limits){.text = REDUCED_MAX, .cost = 2 * REDUCED_MAX, .depth = stream->limits.depth});
    return stream;
}

void json_stream_free(struct json_stream *stream)
{
    if (!stream)
        return;
    json_filter_free(stream->filter);
    str_deinit(&stream->pending);
    free(stream);
}

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0x1e;
}

/* Does the value end with this byte? */
static bool step(struct json_stream *stream, char c)
{
    if (stream->in_string) {
        if (stream->escaped)
            stream->escaped = false;
        else if (c == '\\')
            stream->escaped = true;
        else if (c == '"')
            stream->in_string = false;
        return !stream->in_string && !stream->depth;
    }
    if (c == '"')
        stream->in_string = true;
    else if (c == '{' || c == '[')
        stream->depth++;
    else if (c == '}' || c == ']')
        return --stream->depth == 0;
    return false;
}

/* The rest of the value is passed over. */
static void pass_over(struct json_stream *stream)
{
    stream->refused = true;
    str_deinit(&stream->pending);
}

static int deliver(struct json_stream *stream, const char *data, size_t length, struct error *error)
{
    struct json_doc *doc = NULL;
    int r = json_parse(data, length, &stream->limits, &doc, error);

    if (r < 0)
        return r;
    stream->callback(json_root(doc), stream->user);
    json_doc_free(doc);
    return 0;
}

static void begin_value(struct json_stream *stream, char c)
{
    stream->in_value = true;
    stream->is_plain = c != '{' && c != '[' && c != '"';
    stream->in_string = stream->escaped = stream->refused = false;
    stream->depth = stream->length = 0;
    if (stream->filter)
        json_filter_restart(stream->filter);
}

/* More of the value, which goes on after it. */
static int keep(struct json_stream *stream, const char *data, size_t length, struct error *error)
{
    int r = 0;

    stream->length += length;
    if (stream->refused)
        return 0; /* reported when it was found out */
    if (!stream->filter)
        str_append_n(&stream->pending, data, length);
    else
        r = json_filter_feed(stream->filter, data, length, error);
    if (r < 0)
        pass_over(stream);
    return r;
}

/* The value ends before DATA + LENGTH. */
static int finish_value(struct json_stream *stream, const char *data, size_t length, struct error *error)
{
    enum { KEEP = 64 * 1024 };
    int r;

    stream->in_value = false;
    if (stream->refused)
        return 0;
    if (!stream->filter && !stream->pending.length)
        return deliver(stream, data, length, error);
    r = keep(stream, data, length, error);
    if (r == 0 && stream->filter) {
        const char *text;

        r = json_filter_end(stream->filter, &text, &length, error);
        return r < 0 ? r : deliver(stream, text, length, error);
    }
    if (r == 0)
        r = deliver(stream, stream->pending.data, stream->pending.length, error);
    if (stream->pending.size > KEEP)
        str_deinit(&stream->pending);
    str_clear(&stream->pending);
    return r;
}

/* Looks at one more byte of the value; 1 when the value ends with it, 2 when it ended before it. */
static int look_at(struct json_stream *stream, char c, bool is_first)
{
    if (stream->limits.lines && c == '\n')
        return 2;
    if (!stream->is_plain)
        return step(stream, c);
    return !is_first && (is_gap(c) || c == '{' || c == '[' || c == '"') ? 2 : 0;
}

int json_stream_feed(struct json_stream *stream, const char *data, size_t length, struct error *error)
{
    size_t begin_at = 0;
    int result = 0, r;

    for (size_t i = 0; i < length; i++) {
        bool is_first = !stream->in_value;
        int end;

        if (is_first) {
            if (is_gap(data[i]))
                continue;
            begin_value(stream, data[i]);
            begin_at = i;
        }
        end = look_at(stream, data[i], is_first);
        if (!stream->refused && stream->length + (i - begin_at) >= stream->limits.bytes) {
            result = error_set(error, EFBIG, "a value of more than %zu bytes", stream->limits.bytes);
            pass_over(stream);
        } else if (!stream->refused && stream->depth > stream->limits.depth) {
            result = error_set(error, EINVAL, "a value nested more than %zu levels deep", stream->limits.depth);
            pass_over(stream);
        }
        if (!end)
            continue;
        r = finish_value(stream, data + begin_at, i + (end == 1) - begin_at, error);
        if (r < 0)
            result = r;
        begin_at = i + 1;
        if (end == 2)
            i--; /* what ended it is not part of it */
    }
    if (stream->in_value) {
        r = keep(stream, data + begin_at, length - begin_at, error);
        if (r < 0)
            result = r;
    }
    return result;
}
