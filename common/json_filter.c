/* A state machine over the bytes of a JSON text, with a stack of what is open.
 *
 * Each open object or list has its place in the shape: the node that its path led to (PLACE_INNER: on the way to what
 * is kept), all of it (PLACE_WHOLE), or none (PLACE_NONE: passed over). A key is held back until it is known whether
 * its member is kept. */
#include "common/json_filter.h"

#include <errno.h>
#include <string.h>

#include "common/memory.h"
#include "common/str.h"
#include "common/vec.h"

/* NUMBER_MAX: longer than any number that means something. ODD_MAX: what is kept of a string in the place of an object.
 */
enum { NUMBER_MAX = 512, ODD_MAX = 64 };

struct node {
    char *key; /* NULL: of a star */
    bool whole, keys_only;
    size_t cut, members;
    VEC(struct node *) children;
    struct node *star; /* of members with other names, and of items; NULL: they are left out */
};

struct json_shape {
    struct node *root;
};

static void node_free(struct node *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->children.count; i++)
        node_free(node->children.items[i]);
    node_free(node->star);
    vec_free(&node->children);
    free(node->key);
    free(node);
}

static struct node *named_below(struct node *node, const char *key, size_t length)
{
    struct node *child;

    for (size_t i = 0; i < node->children.count; i++) {
        child = node->children.items[i];
        if (child->key && strlen(child->key) == length && memcmp(child->key, key, length) == 0)
            return child;
    }
    child = mem_alloc(sizeof *child);
    child->key = mem_strndup(key, length);
    vec_push(&node->children, child);
    return child;
}

static struct node *star_below(struct node *node)
{
    if (!node->star)
        node->star = mem_alloc(sizeof *node->star);
    return node->star;
}

static void add_path(struct json_shape *shape, const struct json_kept *kept)
{
    struct node *node = shape->root;

    for (const char *at = kept->path; *at;) {
        size_t length = strcspn(at, "/");

        node = length == 1 && *at == '*' ? star_below(node) : named_below(node, at, length);
        at += length;
        at += *at == '/';
    }
    node->whole = true;
    node->cut = kept->cut;
    node->members = kept->members;
    node->keys_only = kept->keys_only;
}

struct json_shape *json_shape_new(const struct json_kept *paths)
{
    struct json_shape *shape = mem_alloc(sizeof *shape);

    shape->root = mem_alloc(sizeof *shape->root);
    for (; paths && paths->path; paths++)
        add_path(shape, paths);
    return shape;
}

/* A number is an item of a list, or the name of a member: as a star, all of them are kept. */
static void add_pointer(struct node *node, const char *pointer)
{
    scoped_str token = STR_INIT;

    if (*pointer != '/') {
        node->whole = true;
        return;
    }
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        if (*pointer == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            str_append_char(&token, *++pointer == '0' ? '~' : '/');
        else
            str_append_char(&token, *pointer);
    }
    if (token.length && strspn(token.data, "0123456789") == token.length)
        node = star_below(node);
    else
        node = named_below(node, str_text(&token), token.length);
    add_pointer(node, pointer);
}

void json_shape_add_pointer(struct json_shape *shape, const char *pointer)
{
    add_pointer(shape->root, pointer);
}

void json_shape_free(struct json_shape *shape)
{
    if (!shape)
        return;
    node_free(shape->root);
    free(shape);
}

/* ---- The text ---- */

enum state {
    EXPECT_VALUE,
    EXPECT_ITEM_OR_END, /* after '[' */
    EXPECT_KEY_OR_END,  /* after '{' */
    EXPECT_KEY,         /* after a comma */
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    IN_STRING,
    IN_ESCAPE,
    IN_UNICODE, /* \u, hexadecimal digits to come */
    IN_NUMBER,
    IN_WORD,
    AT_END
};

enum place { PLACE_NONE, PLACE_INNER, PLACE_WHOLE };

struct frame {
    const struct node *node; /* where PLACE_INNER; also the one whose cut holds, where PLACE_WHOLE */
    enum place place;
    bool is_list, has_members; /* in the reduced text */
    size_t by_star;            /* members that a star has kept */
};

struct json_filter {
    const struct json_shape *shape;
    struct json_filter_limits limits;
    struct str out, key, token; /* key: as it is written, without quotes; token: a number or word */
    enum state state;
    bool is_key, key_is_long, is_cut;
    unsigned digits;     /* of \u */
    size_t units;        /* of the string: bytes and escapes so far */
    size_t max_units;    /* 0: no limit */
    size_t seen, values; /* bytes of the text; values kept */
    size_t depth;
    enum place place; /* of the value that comes */
    const struct node *node;
    bool replaced; /* the value that comes is kept as null or false */
    struct frame frames[JSON_FILTER_DEPTH];
};

struct json_filter *json_filter_new(const struct json_shape *shape, const struct json_filter_limits *limits)
{
    struct json_filter *filter = mem_alloc(sizeof *filter);

    filter->shape = shape;
    filter->limits = *limits;
    if (!filter->limits.depth || filter->limits.depth > JSON_FILTER_DEPTH)
        filter->limits.depth = JSON_FILTER_DEPTH;
    json_filter_restart(filter);
    return filter;
}

void json_filter_restart(struct json_filter *filter)
{
    enum { KEEP = 64 * 1024 };

    if (filter->out.size > KEEP)
        str_deinit(&filter->out);
    str_clear(&filter->out);
    str_clear(&filter->key);
    str_clear(&filter->token);
    filter->state = EXPECT_VALUE;
    filter->seen = filter->values = filter->depth = 0;
    filter->node = filter->shape->root;
    filter->place = filter->node->whole ? PLACE_WHOLE : PLACE_INNER;
    filter->replaced = false;
}

void json_filter_free(struct json_filter *filter)
{
    if (!filter)
        return;
    if (filter->out.data) /* an unlock key is one such text */
        explicit_bzero(filter->out.data, filter->out.length);
    str_deinit(&filter->out);
    str_deinit(&filter->key);
    str_deinit(&filter->token);
    free(filter);
}

size_t json_filter_held(const struct json_filter *filter)
{
    return filter->out.length + filter->key.length;
}

static int refuse(const struct json_filter *filter, const char *what, struct error *error)
{
    return error_set(error, EINVAL, "byte %zu: %s", filter->seen, what);
}

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct frame *top(struct json_filter *filter)
{
    return filter->depth ? &filter->frames[filter->depth - 1] : NULL;
}

/* The comma before a member or item that is kept, and the member's key. */
static void put_before(struct json_filter *filter)
{
    struct frame *frame = top(filter);

    filter->values++;
    if (!frame)
        return;
    if (frame->has_members)
        str_append_char(&filter->out, ',');
    frame->has_members = true;
    if (frame->is_list)
        return;
    str_append_char(&filter->out, '"');
    str_append_n(&filter->out, str_text(&filter->key), filter->key.length);
    str_append(&filter->out, "\":");
}

static bool is_kept(const struct json_filter *filter)
{
    return filter->place != PLACE_NONE && !filter->replaced;
}

static void begin_value(struct json_filter *filter, char c)
{
    if (filter->place == PLACE_NONE)
        return;
    put_before(filter);
    if (!filter->replaced)
        return;
    str_append(&filter->out, c == 'n' ? "null" : "false");
}

/* ---- Which members are kept ---- */

static void append_utf8(struct str *out, unsigned code)
{
    if (code < 0x80) {
        str_append_char(out, (char)code);
    } else if (code < 0x800) {
        str_append_char(out, (char)(0xc0 | code >> 6));
        str_append_char(out, (char)(0x80 | (code & 0x3f)));
    } else {
        str_append_char(out, (char)(0xe0 | code >> 12));
        str_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        str_append_char(out, (char)(0x80 | (code & 0x3f)));
    }
}

/* A key as it is meant: nobody writes one with escapes, which does not make it another key. */
static void decode_key(const struct str *key, struct str *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

    for (size_t i = 0; i < key->length; i++) {
        char c = key->data[i];
        const char *escape;

        if (c != '\\' || i + 1 == key->length) {
            str_append_char(out, c);
        } else if (key->data[++i] == 'u') {
            char digits[5] = {0};

            memcpy(digits, key->data + i + 1, 4);
            append_utf8(out, (unsigned)strtoul(digits, NULL, 16));
            i += 4;
        } else {
            escape = strchr(from, key->data[i]);
            str_append_char(out, escape ? to[escape - from] : key->data[i]);
        }
    }
}

static const struct node *child_of(const struct json_filter *filter, const struct node *node)
{
    scoped_str decoded = STR_INIT;
    const struct str *key = &filter->key;

    if (key->length && memchr(key->data, '\\', key->length)) {
        decode_key(key, &decoded);
        key = &decoded;
    }
    for (size_t i = 0; i < node->children.count; i++) {
        const struct node *child = node->children.items[i];

        if (child->key && !filter->key_is_long && strlen(child->key) == key->length &&
            memcmp(child->key, str_text(key), key->length) == 0)
            return child;
    }
    return node->star;
}

static void enter(struct json_filter *filter, const struct node *node)
{
    filter->node = node;
    filter->place = !node ? PLACE_NONE : node->whole ? PLACE_WHOLE : PLACE_INNER;
    filter->replaced = node && node->keys_only;
}

/* The place of the member whose key was read, or of the next item. */
static void find_place(struct json_filter *filter)
{
    struct frame *frame = top(filter);
    const struct node *node;

    invariant(frame); /* only in an object or a list */
    filter->replaced = false;
    if (frame->place != PLACE_INNER) {
        filter->place = frame->place;
        filter->node = frame->node;
        return;
    }
    node = frame->is_list ? frame->node->star : child_of(filter, frame->node);
    if (node && !frame->is_list && !node->key && node->members && frame->by_star++ >= node->members)
        node = NULL;
    enter(filter, node);
}

/* How much of the key is held: any of a star's, else only as long as it may be one of the names. */
static size_t key_units(const struct json_filter *filter)
{
    enum { NAME_MAX_UNITS = 4096 };
    const struct frame *frame = &filter->frames[filter->depth - 1];
    const struct node *star;

    if (frame->place == PLACE_NONE)
        return 1;
    if (frame->place == PLACE_WHOLE)
        return frame->node ? frame->node->cut : 0;
    star = frame->node ? frame->node->star : NULL;
    return star ? star->cut : NAME_MAX_UNITS;
}

/* ---- Values ---- */

static int open_value(struct json_filter *filter, char c, struct error *error)
{
    struct frame *frame;

    begin_value(filter, c);
    if (filter->depth == filter->limits.depth)
        return error_set(error, EINVAL, "nested more than %zu levels deep", filter->limits.depth);
    frame = &filter->frames[filter->depth++];
    *frame = (struct frame){
        .node = filter->node, .place = is_kept(filter) ? filter->place : PLACE_NONE, .is_list = c == '['};
    if (frame->place != PLACE_NONE)
        str_append_char(&filter->out, c);
    filter->state = c == '[' ? EXPECT_ITEM_OR_END : EXPECT_KEY_OR_END;
    return 0;
}

static void value_ended(struct json_filter *filter)
{
    filter->state = filter->depth ? EXPECT_COMMA_OR_END : AT_END;
}

static void close_value(struct json_filter *filter, char c)
{
    const struct frame *frame = top(filter);

    invariant(frame);
    if (frame->place != PLACE_NONE)
        str_append_char(&filter->out, c);
    filter->depth--;
    value_ended(filter);
}

static void begin_string(struct json_filter *filter, bool is_key)
{
    filter->state = IN_STRING;
    filter->is_key = is_key;
    filter->is_cut = false;
    filter->units = 0;
    if (is_key) {
        str_clear(&filter->key);
        filter->key_is_long = false;
        filter->max_units = key_units(filter);
        return;
    }
    begin_value(filter, '"');
    filter->max_units = filter->place == PLACE_INNER ? ODD_MAX : filter->node ? filter->node->cut : 0;
    if (is_kept(filter))
        str_append_char(&filter->out, '"');
}

static bool continues_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* A byte, or the first of an escape; those after it go with it. */
static void put_string(struct json_filter *filter, const char *data, size_t length)
{
    if (filter->is_key)
        str_append_n(&filter->key, data, length);
    else if (is_kept(filter))
        str_append_n(&filter->out, data, length);
}

static void end_string(struct json_filter *filter)
{
    if (filter->is_key) {
        filter->key_is_long = filter->is_cut;
        filter->state = EXPECT_COLON;
        return;
    }
    if (is_kept(filter))
        str_append_char(&filter->out, '"');
    value_ended(filter);
}

/* As much of DATA as is plain characters of a string. */
static size_t plain_length(const char *data, size_t length)
{
    size_t i = 0;

    while (i < length && data[i] != '"' && data[i] != '\\' && (unsigned char)data[i] >= 0x20)
        i++;
    return i;
}

/* A string is cut between characters. */
static void take_plain(struct json_filter *filter, const char *data, size_t length)
{
    size_t taken = filter->is_cut ? 0 : length;

    if (!filter->is_cut && filter->max_units && filter->units + length > filter->max_units) {
        taken = filter->units < filter->max_units ? filter->max_units - filter->units : 0;
        while (taken < length && continues_character(data[taken]))
            taken++;
        filter->is_cut = taken < length;
    }
    filter->units += length;
    put_string(filter, data, taken);
}

/* RFC 8259, 6. */
static bool is_number(const char *at)
{
    at += *at == '-';
    if (*at < '0' || *at > '9')
        return false;
    at += *at == '0' ? 1 : strspn(at, "0123456789");
    if (*at == '.') {
        size_t digits = strspn(++at, "0123456789");

        if (!digits)
            return false;
        at += digits;
    }
    if (*at == 'e' || *at == 'E') {
        size_t digits;

        at++;
        at += *at == '+' || *at == '-';
        digits = strspn(at, "0123456789");
        if (!digits)
            return false;
        at += digits;
    }
    return !*at;
}

static int end_token(struct json_filter *filter, struct error *error)
{
    const char *text = str_text(&filter->token);

    if (filter->state == IN_NUMBER && !is_number(text))
        return refuse(filter, "not a number", error);
    if (filter->state == IN_WORD && strcmp(text, "true") != 0 && strcmp(text, "false") != 0 &&
        strcmp(text, "null") != 0)
        return refuse(filter, "not a value", error);
    if (is_kept(filter))
        str_append(&filter->out, text);
    value_ended(filter);
    return 0;
}

static bool is_of_token(enum state state, char c)
{
    if (state == IN_WORD)
        return c >= 'a' && c <= 'z';
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static int begin_token(struct json_filter *filter, char c, struct error *error)
{
    filter->state = c >= 'a' && c <= 'z' ? IN_WORD : IN_NUMBER;
    if (!is_of_token(filter->state, c))
        return refuse(filter, "not a value", error);
    begin_value(filter, c);
    str_clear(&filter->token);
    str_append_char(&filter->token, c);
    return 0;
}

static int value_begins(struct json_filter *filter, char c, struct error *error)
{
    if (c == '{' || c == '[')
        return open_value(filter, c, error);
    if (c == '"')
        begin_string(filter, false);
    else
        return begin_token(filter, c, error);
    return 0;
}

static bool is_hexadecimal(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* One byte inside a string or after a backslash. */
static int string_byte(struct json_filter *filter, char c, struct error *error)
{
    if (filter->state == IN_STRING) {
        if (c == '"') {
            end_string(filter);
            return 0;
        }
        if (c != '\\')
            return refuse(filter, "a control character in a string", error);
        filter->is_cut = filter->is_cut || (filter->max_units && filter->units >= filter->max_units);
        filter->units++;
        filter->state = IN_ESCAPE;
    } else if (filter->state == IN_ESCAPE) {
        if (!c || !strchr("\"\\/bfnrtu", c))
            return refuse(filter, "an unknown escape in a string", error);
        filter->state = c == 'u' ? IN_UNICODE : IN_STRING;
        filter->digits = 4;
    } else {
        if (!is_hexadecimal(c))
            return refuse(filter, "an unknown escape in a string", error);
        if (!--filter->digits)
            filter->state = IN_STRING;
    }
    if (!filter->is_cut)
        put_string(filter, &c, 1);
    return 0;
}

/* One byte outside strings and tokens. */
static int structure_byte(struct json_filter *filter, char c, struct error *error)
{
    struct frame *frame = top(filter);

    if (is_gap(c))
        return 0;
    switch (filter->state) {
    case EXPECT_ITEM_OR_END:
        if (c == ']') {
            close_value(filter, c);
            return 0;
        }
        find_place(filter);
        return value_begins(filter, c, error);
    case EXPECT_VALUE:
        return value_begins(filter, c, error);
    case EXPECT_KEY_OR_END:
        if (c == '}') {
            close_value(filter, c);
            return 0;
        }
        __attribute__((fallthrough));
    case EXPECT_KEY:
        if (c != '"')
            return refuse(filter, "a key was expected", error);
        begin_string(filter, true);
        return 0;
    case EXPECT_COLON:
        if (c != ':')
            return refuse(filter, "a colon was expected", error);
        find_place(filter);
        filter->state = EXPECT_VALUE;
        return 0;
    case EXPECT_COMMA_OR_END:
        invariant(frame);
        if (c == (frame->is_list ? ']' : '}')) {
            close_value(filter, c);
        } else if (c != ',') {
            return refuse(filter, "a comma or the end was expected", error);
        } else if (frame->is_list) {
            find_place(filter);
            filter->state = EXPECT_VALUE;
        } else {
            filter->state = EXPECT_KEY;
        }
        return 0;
    default:
        return refuse(filter, "something after the end", error);
    }
}

static int check_limits(const struct json_filter *filter, struct error *error)
{
    const struct json_filter_limits *limits = &filter->limits;
    size_t held = json_filter_held(filter);

    if (limits->text && held > limits->text)
        return error_set(error, EFBIG, "what rules read of it is longer than %zu KiB", limits->text / 1024);
    if (limits->cost && held + filter->values * JSON_VALUE_COST > limits->cost)
        return error_set(error, EFBIG, "what rules read of it takes more than %zu KiB (%zu values so far)",
                         limits->cost / 1024, filter->values);
    return 0;
}

/* A byte, or as many as are plain characters of a string. */
static int take_bytes(struct json_filter *filter, const char *data, size_t length, size_t *ret_taken,
                      struct error *error)
{
    bool in_token = filter->state == IN_NUMBER || filter->state == IN_WORD;

    *ret_taken = filter->state == IN_STRING ? plain_length(data, length) : 0;
    if (*ret_taken) {
        take_plain(filter, data, *ret_taken);
        return 0;
    }
    if (in_token && !is_of_token(filter->state, *data))
        return end_token(filter, error); /* what ended it is looked at next */
    *ret_taken = 1;
    if (filter->state == IN_STRING || filter->state == IN_ESCAPE || filter->state == IN_UNICODE)
        return string_byte(filter, *data, error);
    if (!in_token)
        return structure_byte(filter, *data, error);
    if (filter->token.length == NUMBER_MAX)
        return refuse(filter, "a number or word of too many characters", error);
    str_append_char(&filter->token, *data);
    return 0;
}

int json_filter_feed(struct json_filter *filter, const char *data, size_t length, struct error *error)
{
    enum { BLOCK = 4096 };
    size_t unchecked = 0;

    if (filter->limits.bytes && length > filter->limits.bytes - filter->seen)
        return error_set(error, EFBIG, "longer than %zu MiB", filter->limits.bytes >> 20);
    while (length) {
        size_t block = length < BLOCK ? length : BLOCK, taken;
        int r = take_bytes(filter, data, block, &taken, error);

        data += taken;
        length -= taken;
        filter->seen += taken;
        unchecked += taken;
        if (r == 0 && (unchecked >= BLOCK || !length)) {
            unchecked = 0;
            r = check_limits(filter, error);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

int json_filter_end(struct json_filter *filter, const char **ret_text, size_t *ret_length, struct error *error)
{
    int r = filter->state == IN_NUMBER || filter->state == IN_WORD ? end_token(filter, error) : 0;

    if (r < 0)
        return r;
    if (filter->state != AT_END)
        return refuse(filter, "unexpected end of the text", error);
    *ret_text = str_text(&filter->out);
    *ret_length = filter->out.length;
    return 0;
}
