/* Messages: BEGIN format (NEXT argument)* END. */
#include "common/message.h"

#include <stdint.h>
#include <string.h>

#include "common/text.h"

enum { BEGIN = 1, NEXT = 2, END = 3 };
enum {
    DEPTH_MAX = 8,
    WHOLE_MAX = 16384,  /* bytes of an argument that holds messages */
    WORK_MAX = 2097152, /* bytes that one rendering looks at, again for each depth, and PIECE_WORK for each piece */
    PIECE_WORK = 16,
    RENDER_MAX = 65536, /* bytes, where the caller gives no limit */
};

static const char marks[] = MESSAGE_MARKS;

bool message_is_in(const char *text)
{
    return text && strchr(text, BEGIN);
}

/* ---- Formats ---- */

/* One conversion of a format. */
struct conversion {
    const char *start, *end; /* "%-5.2lld" */
    unsigned number;         /* of "%2$s"; 0: the next one */
    char length, kind;       /* 'l', 'L' for ll, 'z', or '\0'; 'd' … */
};

/* The conversion at AT, a '%'. False: it is none, but a '%' that END follows. */
static bool read_conversion(const char *at, struct conversion *ret)
{
    const char *next = at + 1;
    size_t digits = strspn(next, "0123456789");

    *ret = (struct conversion){.start = at};
    if (digits && digits < 3 && next[digits] == '$') {
        for (size_t i = 0; i < digits; i++)
            ret->number = ret->number * 10 + (unsigned)(next[i] - '0');
        next += digits + 1;
    }
    next += strspn(next, "-+ #0'123456789.*");
    for (; *next && strchr("hlzjt", *next); next++)
        ret->length = ret->length == 'l' && *next == 'l' ? 'L' : *next;
    ret->kind = *next;
    ret->end = *next ? next + 1 : next;
    if (*next && strchr("diuxXocfgeEGs", *next))
        return true;
    ret->end = at + (at[1] == '%' ? 2 : 1);
    return false;
}

/* ---- Keeping ---- */

/* Messages in TEXT are whole, and none is deeper than they may be. */
static bool is_well_formed(const char *text)
{
    int depth = 0;

    for (; *text; text++) {
        if (*text == BEGIN && ++depth >= DEPTH_MAX)
            return false;
        if (*text == NEXT && !depth)
            return false;
        if (*text == END && --depth < 0)
            return false;
    }
    return depth == 0;
}

static void append_plain(struct str *out, const char *text, size_t length, bool escaped)
{
    bool cut = length > MESSAGE_ARGUMENT_MAX;

    if (escaped) {
        text_escape(out, text, length, MESSAGE_ARGUMENT_MAX);
        return;
    }
    if (cut)
        for (length = MESSAGE_ARGUMENT_MAX; length && ((unsigned char)text[length] & 0xc0) == 0x80;)
            length--;
    for (size_t i = 0; i < length; i++)
        str_append_char(out, text[i] && strchr(marks, text[i]) ? '?' : text[i]);
    if (cut)
        str_append(out, "…");
}

/* Each piece between the marks of a well-formed TEXT. */
static void append_escaped_pieces(struct str *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, marks);

        if (length)
            text_escape(out, text, length, MESSAGE_ARGUMENT_MAX);
        else
            str_append_char(out, text[length++]);
        text += length;
    }
}

void message_escape(struct str *out, const char *text, size_t limit)
{
    if (strpbrk(text, marks) && strlen(text) <= WHOLE_MAX && is_well_formed(text))
        append_escaped_pieces(out, text);
    else
        text_escape(out, text, strlen(text), limit);
}

/* WHOLE_TEXT: it ends after LENGTH bytes with a NUL. */
static void append_argument(struct str *out, const char *text, size_t length, bool whole_text, bool escaped)
{
    bool whole = whole_text && strpbrk(text, marks) && is_well_formed(text);

    if (!whole)
        append_plain(out, text, length, escaped);
    else if (length > WHOLE_MAX)
        message_render(out, text, LANGUAGE_EN, NULL, MESSAGE_ARGUMENT_MAX);
    else if (escaped)
        append_escaped_pieces(out, text);
    else
        str_append_n(out, text, length);
}

struct arguments {
    va_list list;
};

static long long next_signed(struct arguments *arguments, char length)
{
    switch (length) {
    case 'l':
        return va_arg(arguments->list, long);
    case 'L':
        return va_arg(arguments->list, long long);
    case 'z':
    case 't':
        return va_arg(arguments->list, ssize_t);
    case 'j':
        return va_arg(arguments->list, intmax_t);
    default:
        return va_arg(arguments->list, int);
    }
}

static unsigned long long next_unsigned(struct arguments *arguments, char length)
{
    switch (length) {
    case 'l':
        return va_arg(arguments->list, unsigned long);
    case 'L':
        return va_arg(arguments->list, unsigned long long);
    case 'z':
    case 't':
        return va_arg(arguments->list, size_t);
    case 'j':
        return va_arg(arguments->list, uintmax_t);
    default:
        return va_arg(arguments->list, unsigned);
    }
}

/* How many bytes "%.12s" and "%.*s" take of the next argument, RET_TEXT. What holds messages is taken whole. */
static size_t next_text(const struct conversion *conversion, struct arguments *arguments, const char **ret_text)
{
    const char *point = memchr(conversion->start, '.', (size_t)(conversion->end - conversion->start)), *text;
    int given = point && point[1] == '*' ? va_arg(arguments->list, int) : 0;
    size_t precision = given > 0 ? (size_t)given : 0;

    text = va_arg(arguments->list, const char *);
    *ret_text = text = text ? text : "(null)";
    if (point && point[1] == '*')
        return strnlen(text, precision);
    if (!point || strpbrk(text, marks))
        return strlen(text);
    for (point++; *point >= '0' && *point <= '9'; point++)
        precision = precision * 10 + (size_t)(*point - '0');
    return strnlen(text, precision);
}

/* "%5.1f" as it stands, integers as those of their greatest type. */
static void print_spec(const struct conversion *conversion, struct str *spec)
{
    str_append_n(spec, conversion->start, strcspn(conversion->start, "hlzjtdiuxXocfgeEGs"));
    if (strchr("diuxXo", conversion->kind))
        str_append(spec, "ll");
    str_append_char(spec, conversion->kind);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* SPEC is one conversion of a format that was checked */
static void append_next(struct str *out, const struct conversion *conversion, struct arguments *arguments, bool escaped)
{
    scoped_str spec = STR_INIT;

    print_spec(conversion, &spec);
    if (conversion->kind == 's') {
        const char *text;
        size_t length = next_text(conversion, arguments, &text);

        append_argument(out, text, length,
                        !memchr(conversion->start, '*', (size_t)(conversion->end - conversion->start)), escaped);
    } else if (strchr("di", conversion->kind)) {
        str_printf(out, spec.data, next_signed(arguments, conversion->length));
    } else if (strchr("uxXo", conversion->kind)) {
        str_printf(out, spec.data, next_unsigned(arguments, conversion->length));
    } else if (strchr("fgeEG", conversion->kind)) {
        str_printf(out, spec.data, va_arg(arguments->list, double));
    } else if (conversion->kind == 'c') {
        char c = (char)va_arg(arguments->list, int);

        append_plain(out, &c, 1, escaped);
    }
}
#pragma GCC diagnostic pop

static void add(struct str *out, const char *format, struct arguments *arguments, bool escaped)
{
    unsigned count = 0;

    str_append_char(out, BEGIN);
    str_append(out, format);
    for (const char *at = strchr(format, '%'); at && count < MESSAGE_ARGUMENTS; at = strchr(at, '%')) {
        struct conversion conversion;

        if (read_conversion(at, &conversion)) {
            str_append_char(out, NEXT);
            append_next(out, &conversion, arguments, escaped);
            count++;
        }
        at = conversion.end;
    }
    str_append_char(out, END);
}

void message_vadd(struct str *out, const char *format, va_list list)
{
    struct arguments arguments;

    va_copy(arguments.list, list);
    add(out, format, &arguments, false);
    va_end(arguments.list);
}

void message_vadd_escaped(struct str *out, const char *format, va_list list)
{
    struct arguments arguments;

    va_copy(arguments.list, list);
    add(out, format, &arguments, true);
    va_end(arguments.list);
}

void message_add(struct str *out, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    message_vadd(out, format, list);
    va_end(list);
}

char *message_new(const char *format, ...)
{
    scoped_str out = STR_INIT;
    va_list list;

    va_start(list, format);
    message_vadd(&out, format, list);
    va_end(list);
    return str_steal(&out);
}

void message_word(struct str *out, const char *english)
{
    str_append_char(out, BEGIN);
    str_append(out, english);
    str_append_char(out, END);
}

void message_add_nearest(struct str *out, const char *nearest)
{
    if (nearest)
        message_add(out, "; did you mean \"%s\"?", nearest);
}

/* ---- Rendering ---- */

struct rendering {
    struct str *out;
    size_t limit; /* of OUT's length */
    enum language language;
    message_lookup *lookup;
    size_t work;
    unsigned depth;
};

struct piece {
    const char *start;
    size_t length;
};

static bool is_full(const struct rendering *rendering)
{
    return rendering->out->length > rendering->limit || rendering->work > WORK_MAX;
}

/* Takes the parts of the message after its BEGIN: its format and its arguments. Gives where the text continues. */
static const char *split(const char *at, const char *end, struct piece *format, struct piece *arguments,
                         unsigned *ret_count)
{
    struct piece *current = format;
    unsigned depth = 0;

    *ret_count = 0;
    *format = (struct piece){.start = at};
    for (; at < end; at++) {
        if (*at == END && depth-- == 0)
            break;
        if (*at == BEGIN)
            depth++;
        if (*at == NEXT && !depth) {
            current = *ret_count < MESSAGE_ARGUMENTS ? &arguments[(*ret_count)++] : NULL;
            if (current)
                *current = (struct piece){.start = at + 1};
        } else if (current) {
            current->length++;
        }
    }
    return at < end ? at + 1 : end;
}

static void append_unmarked(struct str *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!text[i] || !strchr(marks, text[i]))
            str_append_char(out, text[i]);
}

static void render_text(struct rendering *rendering, const char *at, const char *end);

static void render_format(struct rendering *rendering, const char *at, const struct piece *arguments, unsigned count)
{
    unsigned place = 0;

    while (*at && !is_full(rendering)) {
        size_t length = strcspn(at, "%");
        struct conversion conversion;
        unsigned number;

        rendering->work += PIECE_WORK;
        append_unmarked(rendering->out, at, length); /* of one from outside */
        at += length;
        if (!*at)
            break;
        if (!read_conversion(at, &conversion)) {
            str_append_char(rendering->out, '%');
        } else {
            number = conversion.number ? conversion.number : ++place;
            if (number <= count)
                render_text(rendering, arguments[number - 1].start,
                            arguments[number - 1].start + arguments[number - 1].length);
        }
        at = conversion.end;
    }
}

static const char *render_message(struct rendering *rendering, const char *at, const char *end)
{
    struct piece pieces[1 + MESSAGE_ARGUMENTS];
    scoped_str format = STR_INIT;
    const char *found, *begin = at;
    unsigned count;

    at = split(at, end, &pieces[0], pieces + 1, &count);
    rendering->work += (size_t)(at - begin);
    if (rendering->depth >= DEPTH_MAX) {
        str_append(rendering->out, "…");
        return at;
    }
    str_append_n(&format, pieces[0].start, pieces[0].length);
    found = rendering->lookup ? rendering->lookup(rendering->language, format.data) : NULL;
    rendering->depth++;
    render_format(rendering, found ? found : format.data, pieces + 1, count);
    rendering->depth--;
    return at;
}

static void render_text(struct rendering *rendering, const char *at, const char *end)
{
    while (at < end && !is_full(rendering)) {
        const char *begin = memchr(at, BEGIN, (size_t)(end - at));

        rendering->work += PIECE_WORK;
        append_unmarked(rendering->out, at, (size_t)((begin ? begin : end) - at));
        at = begin ? render_message(rendering, begin + 1, end) : end;
    }
}

void message_render(struct str *out, const char *text, enum language language, message_lookup *lookup, size_t limit)
{
    struct rendering rendering = {
        .out = out, .limit = out->length + (limit ? limit : RENDER_MAX), .language = language, .lookup = lookup};

    str_append_n(out, "", 0);
    render_text(&rendering, text, text + strlen(text));
    if (!is_full(&rendering))
        return;
    if (out->length > rendering.limit) {
        out->length = rendering.limit;
        while (out->length && ((unsigned char)out->data[out->length] & 0xc0) == 0x80)
            out->length--;
        out->data[out->length] = '\0';
    }
    str_append(out, "…");
}

const char *message_english(const char *text, struct str *buffer)
{
    if (!message_is_in(text))
        return text;
    str_clear(buffer);
    message_render(buffer, text, LANGUAGE_EN, NULL, 0);
    return str_text(buffer);
}

const char *message_without_context(const char *text, const char *context, struct str *buffer)
{
    static const char start[] = "\001%s: %s\002";
    size_t length = strlen(context);
    const char *at, *end;
    int depth = 0;

    if (!text || !str_starts(text, start))
        return text_without_context(text, context);
    at = text + strlen(start);
    if (strncmp(at, context, length) != 0 || at[length] != NEXT)
        return text;
    for (end = at += length + 1; *end && (depth || *end != END); end++)
        depth += *end == BEGIN ? 1 : *end == END ? -1 : 0;
    str_clear(buffer);
    str_append_n(buffer, at, (size_t)(end - at));
    return str_text(buffer);
}
