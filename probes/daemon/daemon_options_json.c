/* The grammar of daemon.json. Its keys become the name of the flag that means the same, so that a rule asks by one
 * name.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/json_out.h"
#include "common/str.h"
#include "probes/daemon/daemon_config.h"
#include "probes/daemon/daemon_options.h"

/* How a key's value turns into option values where that is not plain. */
enum shape {
    SHAPE_PLAIN,    /* a value, or a list of them */
    SHAPE_PAIRS,    /* object → "key=value" each */
    SHAPE_ULIMITS,  /* object of objects → "name=soft:hard" each */
    SHAPE_RUNTIMES, /* object of objects → "name=path" each */
    SHAPE_POOLS,    /* list of objects → "base=…,size=…" each */
    SHAPE_SECTION   /* object whose members are options of their own */
};

static const struct key {
    const char *key, *flag;
    enum shape shape;
} keys[] = {
    {"authorization-plugins", "authorization-plugin", SHAPE_PLAIN},
    {"cdi-spec-dirs", "cdi-spec-dir", SHAPE_PLAIN},
    {"cluster-store-opts", "cluster-store-opt", SHAPE_PAIRS},
    {"default-address-pools", "default-address-pool", SHAPE_POOLS},
    {"default-network-opts", "default-network-opt", SHAPE_PAIRS},
    {"default-ulimits", "default-ulimit", SHAPE_ULIMITS},
    {"dns-opts", "dns-opt", SHAPE_PLAIN},
    {"exec-opts", "exec-opt", SHAPE_PLAIN},
    {"features", "feature", SHAPE_PAIRS},
    {"graph", "data-root", SHAPE_PLAIN},
    {"hosts", "host", SHAPE_PLAIN},
    {"insecure-registries", "insecure-registry", SHAPE_PLAIN},
    {"labels", "label", SHAPE_PLAIN},
    {"log-opts", "log-opt", SHAPE_PAIRS},
    {"node-generic-resources", "node-generic-resource", SHAPE_PLAIN},
    {"proxies", NULL, SHAPE_SECTION},
    {"registry-mirrors", "registry-mirror", SHAPE_PLAIN},
    {"runtimes", "add-runtime", SHAPE_RUNTIMES},
    {"storage-opts", "storage-opt", SHAPE_PLAIN},
};

/* A value as text: strings and numbers as written, the rest as compact JSON. NULL for null, which sets nothing. */
static char *value_text(const struct json *value)
{
    scoped(cleanup_json_out) struct json_out *out = NULL;
    size_t length;

    switch (json_type(value)) {
    case JSON_NULL:
        return NULL;
    case JSON_BOOL:
        return mem_strdup(json_bool(value, false) ? "true" : "false");
    case JSON_NUMBER:
        return mem_strdup(json_number_text(value));
    case JSON_STRING:
        return mem_strdup(json_string(value));
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    out = json_out_new(false);
    json_out_value(out, NULL, value);
    return mem_strdup(json_out_text(out, &length));
}

/* A member by its name in any case, as Go's decoder finds it. */
static const struct json *get_any_case(const struct json *object, const char *name)
{
    const struct json *value;
    const char *key;

    for (size_t i = 0; (value = json_member(object, i, &key, NULL)); i++)
        if (strcasecmp(key, name) == 0)
            return value;
    return NULL;
}

static void add_value(struct option_set *set, const char *name, const struct json *value)
{
    scoped(cleanup_free) char *text = value_text(value);

    if (text)
        options_add(set, name, text, OPTION_DAEMON_JSON);
}

static void add_pair(struct option_set *set, const char *name, const char *key, const struct json *value)
{
    scoped(cleanup_free) char *text = value_text(value), *pair = mem_printf("%s=%s", key, text ? text : "");

    options_add(set, name, pair, OPTION_DAEMON_JSON);
}

static void add_ulimit(struct option_set *set, const char *key, const struct json *value)
{
    const struct json *name = get_any_case(value, "Name");
    scoped(cleanup_free) char *soft = value_text(get_any_case(value, "Soft"));
    scoped(cleanup_free) char *hard = value_text(get_any_case(value, "Hard"));
    scoped(cleanup_free) char *text =
        mem_printf("%s=%s:%s", json_text(name, key), soft ? soft : "0", hard ? hard : "0");

    options_add(set, "default-ulimit", text, OPTION_DAEMON_JSON);
}

static void add_pool(struct option_set *set, const struct json *value)
{
    scoped(cleanup_free) char *base = value_text(get_any_case(value, "base"));
    scoped(cleanup_free) char *size = value_text(get_any_case(value, "size"));
    scoped(cleanup_free) char *text = mem_printf("base=%s,size=%s", base ? base : "", size ? size : "");

    options_add(set, "default-address-pool", text, OPTION_DAEMON_JSON);
}

static void add_plain(struct option_set *set, const char *name, const struct json *value)
{
    if (json_type(value) != JSON_ARRAY) {
        add_value(set, name, value);
        return;
    }
    for (size_t i = 0; i < json_count(value); i++)
        add_value(set, name, json_at(value, i));
}

static void add_member(struct option_set *set, const struct key *key, const char *member, const struct json *value)
{
    switch (key->shape) {
    case SHAPE_PAIRS:
        add_pair(set, key->flag, member, value);
        break;
    case SHAPE_ULIMITS:
        if (json_type(value) != JSON_NULL)
            add_ulimit(set, member, value);
        break;
    case SHAPE_RUNTIMES:
        add_pair(set, key->flag, member, get_any_case(value, "path"));
        break;
    case SHAPE_SECTION:
        add_plain(set, member, value);
        break;
    case SHAPE_PLAIN:
    case SHAPE_POOLS:
        break;
    }
}

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < countof(keys); i++)
        if (strcmp(keys[i].key, name) == 0)
            return &keys[i];
    return NULL;
}

const char *options_key_flag(const char *key)
{
    const struct key *found = find_key(key);

    return found ? found->flag : NULL;
}

/* A flag's own name where the file uses another for it ("host" for "hosts"): dockerd accepts and ignores it. */
static bool is_unread(const char *name)
{
    for (size_t i = 0; i < countof(keys); i++)
        if (keys[i].flag && strcmp(keys[i].flag, name) == 0)
            return strcmp(keys[i].key, "graph") != 0; /* the older name of one that is the same in both */
    return false;
}

/* Of a duplicate list the later one counts, and null empties it. */
static void drop_flag(struct option_set *set, const char *flag)
{
    for (size_t i = set->list.count; i-- > 0;)
        if (strcmp(set->list.items[i].name, flag) == 0)
            vec_remove(&set->list, i);
}

static void add_key(struct option_set *set, const char *name, const struct json *value)
{
    const struct key *key = find_key(name);
    const struct json *member;
    const char *member_name;

    if (is_unread(name))
        return;
    if (json_type(value) == JSON_ARRAY || (json_type(value) == JSON_NULL && key && key->shape == SHAPE_PLAIN))
        drop_flag(set, key && key->flag ? key->flag : name);
    if (key && key->shape == SHAPE_POOLS && json_type(value) == JSON_ARRAY) {
        for (size_t i = 0; i < json_count(value); i++)
            add_pool(set, json_at(value, i));
    } else if (key && key->shape != SHAPE_PLAIN && json_type(value) == JSON_OBJECT) {
        for (size_t i = 0; (member = json_member(value, i, &member_name, NULL)); i++)
            add_member(set, key, member_name, member);
    } else {
        add_plain(set, key && key->flag ? key->flag : name, value);
    }
}

/* KEY in another case is one that dockerd knows. */
static bool is_miswritten(const char *key)
{
    for (size_t i = 0; i < countof(keys); i++)
        if (strcasecmp(keys[i].key, key) == 0)
            return strcmp(keys[i].key, key) != 0;
    return options_is_in_capitals(key);
}

static bool has_other_than_texts(const struct json *object)
{
    const struct json *member;
    const char *name;

    for (size_t i = 0; (member = json_member(object, i, &name, NULL)); i++)
        if (json_type(member) != JSON_STRING && json_type(member) != JSON_NULL)
            return true;
    return false;
}

/* dockerd does not start with a file that has an option in another case, or of another type. */
static int check_member(const char *key, const struct json *value, struct error *error)
{
    if (is_miswritten(key))
        return error_set(error, EINVAL, "\"%s\" is no option: dockerd does not start with this file", key);
    if (daemon_option_is_boolean(key) && json_type(value) != JSON_BOOL && json_type(value) != JSON_NULL)
        return error_set(error, EINVAL, "\"%s\" is not true or false: dockerd does not start with this file", key);
    if (strcmp(key, "log-opts") == 0 && json_type(value) == JSON_OBJECT && has_other_than_texts(value))
        return error_set(error, EINVAL, "\"%s\" has values that are no texts: dockerd does not start with this file",
                         key);
    return 0;
}

/* Runtimes are the one option that dockerd takes from both places at once. */
static bool may_add(const struct option_set *flags, const char *name)
{
    return strcmp(name, "add-runtime") == 0 || !options_find(flags->list.items, flags->list.count, name);
}

/* One unit of UTF-16 at AT. */
static unsigned unit16(const unsigned char *at, bool big)
{
    return big ? (unsigned)at[0] << 8 | at[1] : (unsigned)at[1] << 8 | at[0];
}

static void append_utf8(struct str *out, unsigned code)
{
    const char bytes[4] = {(char)(code < 0x80      ? code
                                  : code < 0x800   ? 0xc0 | code >> 6
                                  : code < 0x10000 ? 0xe0 | code >> 12
                                                   : 0xf0 | code >> 18),
                           0};
    unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;

    str_append_n(out, bytes, 1);
    for (; more; more--)
        str_append_char(out, (char)(0x80 | (code >> 6 * (more - 1) & 0x3f)));
}

/* A half of a pair that lacks the other, and half a unit at the end, become U+FFFD. */
static void append_utf16(struct str *out, const unsigned char *at, size_t length, bool big)
{
    enum { REPLACEMENT = 0xfffd };

    for (size_t i = 0; i + 1 < length; i += 2) {
        unsigned code = unit16(at + i, big), low = i + 3 < length ? unit16(at + i + 2, big) : 0;

        if ((code & 0xfc00) == 0xd800 && (low & 0xfc00) == 0xdc00) {
            code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
            i += 2;
        } else if ((code & 0xf800) == 0xd800) {
            code = REPLACEMENT;
        }
        append_utf8(out, code);
    }
    if (length % 2)
        append_utf8(out, REPLACEMENT);
}

/* A byte order mark decides what the file is written in, as in dockerd (from 23.0 on; older ones refuse to start with
 * one): the text after it in UTF-8. False: there is no mark. */
static bool decode_marked(const char *text, size_t length, struct str *ret)
{
    const unsigned char *bytes = (const unsigned char *)text;

    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        str_append_n(ret, text + 3, length - 3);
    else if (length >= 2 && bytes[0] + bytes[1] == 0xff + 0xfe && bytes[0] >= 0xfe)
        append_utf16(ret, bytes + 2, length - 2, bytes[0] == 0xfe);
    else
        return false;
    return true;
}

int options_from_config(struct option_set *set, const char *text, size_t length, struct error *error)
{
    const struct json_limits limits = {.bytes = DAEMON_CONFIG_FILE_MAX, .depth = 32, .values = 16384};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    struct option_set found = {.arena = set->arena};
    const struct json *root, *value;
    const char *key;
    size_t blank = 0, flags = set->list.count;
    scoped_str decoded = STR_INIT;
    int r;

    if (decode_marked(text, length, &decoded)) {
        text = str_text(&decoded);
        length = decoded.length;
    }
    while (blank < length && strchr(" \t\r\n", text[blank]) && text[blank])
        blank++;
    if (blank == length)
        return 0; /* newer engines take an empty file for no options */
    r = json_parse(text, length, &limits, &doc, error);
    if (r < 0)
        return r;
    root = json_root(doc);
    if (json_type(root) != JSON_OBJECT && json_type(root) != JSON_NULL)
        return error_set(error, EINVAL, "not a JSON object");
    for (size_t i = 0; r == 0 && (value = json_member(root, i, &key, NULL)); i++)
        r = check_member(key, value, error);
    if (r < 0)
        return r;
    for (size_t i = 0; (value = json_member(root, i, &key, NULL)); i++)
        add_key(&found, key, value);
    for (size_t i = 0; i < found.list.count; i++) {
        struct option_set given = {.list = {.items = set->list.items, .count = flags}};

        if (may_add(&given, found.list.items[i].name))
            vec_push(&set->list, found.list.items[i]);
    }
    vec_free(&found.list);
    return 0;
}
