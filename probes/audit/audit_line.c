/* A line of a file of rules as auditctl(8) reads it, and what the kernel says to it: which rule it is, or that it is
 * refused. auditctl reads options one after the other, so their order matters. */
#include <ctype.h>
#include <libaudit.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "probes/audit/audit_internal.h"

enum { KEY_MAX = 256, LISTS_END = AUDIT_FILTER_UNSET };

/* What is read of a line so far. */
struct reader {
    struct audit_line *line;
    audit_look *look;
    void *user;
    char **words;
    size_t count, at; /* AT: the next word */
    int list;         /* LISTS_END: not given */
    uint32_t action, arch;
    bool calls, perms, program, file_system; /* given: a key requires one of them */
    bool ended;                              /* auditctl reads no further option of the line, and adds no rule */
    bool extra;                              /* a word that is no option */
    struct str keys;
};

/* auditctl has done what the line says, and reads no more of it. */
static bool end_line(struct reader *reader)
{
    reader->ended = true;
    reader->at = reader->count;
    return true;
}

/* ---- Fields ---- */

static bool has_field(const struct audit_rule_data *data, uint32_t type)
{
    for (uint32_t i = 0; i < data->field_count; i++)
        if (data->fields[i] == type)
            return true;
    return false;
}

static bool add_number(struct reader *reader, uint32_t type, uint32_t relation, uint32_t value)
{
    struct audit_rule_data *data = reader->line->data;

    if (data->field_count >= AUDIT_MAX_FIELDS - 1)
        return false;
    data->fields[data->field_count] = type;
    data->fieldflags[data->field_count] = relation;
    data->values[data->field_count] = value;
    data->field_count++;
    return true;
}

static bool add_text(struct reader *reader, uint32_t type, uint32_t relation, const char *text)
{
    size_t length = strlen(text);
    struct audit_rule_data *data = reader->line->data;

    if (length > PATH_MAX || !add_number(reader, type, relation, (uint32_t)length))
        return false;
    data = mem_realloc(data, sizeof *data + data->buflen + length);
    memcpy((char *)data + sizeof *data + data->buflen, text, length);
    data->buflen += (uint32_t)length;
    reader->line->data = data;
    return true;
}

/* What the kernel requires of a path: it is the only one, and the directory to watch it in is there. */
static bool add_path(struct reader *reader, uint32_t type, uint32_t relation, const char *path)
{
    const struct audit_rule_data *data = reader->line->data;
    enum audit_place place = reader->look(AUDIT_KIND_PATH, path, reader->user);
    size_t length = strlen(path);

    if (path[0] != '/' || relation != AUDIT_EQUAL || has_field(data, AUDIT_WATCH) || has_field(data, AUDIT_DIR) ||
        has_field(data, AUDIT_INODE))
        return false;
    if (type == AUDIT_DIR ? place == AUDIT_PLACE_MISSING || place == AUDIT_PLACE_ABSENT
                          : place == AUDIT_PLACE_MISSING || (length > 1 && path[length - 1] == '/'))
        return false;
    reader->perms = true;
    return add_text(reader, type, relation, path);
}

static bool parse_number(const char *value, bool negative, uint32_t *ret)
{
    const char *digits = value + (negative && value[0] == '-');

    if (!isdigit((unsigned char)*digits))
        return false;
    *ret = *value == '-' ? (uint32_t)strtol(value, NULL, 0) : (uint32_t)strtoul(value, NULL, 0);
    return true;
}

static bool parse_perms(const char *value, uint32_t *ret)
{
    scoped(cleanup_free) char *lower = mem_strdup(value);

    for (char *at = lower; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    *ret = audit_parse_perms(lower);
    return strlen(value) <= 4 && strspn(lower, "rwxa") == strlen(lower);
}

static bool parse_arch(const char *value, uint32_t *ret)
{
    int machine;

    if (strcasecmp(value, "b64") == 0 || strcasecmp(value, "b32") == 0) {
        bool is_64_bit = audit_machine_to_elf(audit_detect_machine()) & __AUDIT_ARCH_64BIT;

        machine = audit_machine(value[1] == '6' || !is_64_bit ? AUDIT_NATIVE : AUDIT_COMPAT);
        if (value[1] == '6' && !is_64_bit)
            return false;
    } else {
        machine = audit_name_to_machine(value);
        if (machine < 0)
            machine = audit_elf_to_machine((unsigned)strtoul(value, NULL, isdigit((unsigned char)*value) ? 0 : 16));
    }
    *ret = machine < 0 ? 0 : audit_machine_to_elf(machine);
    return *ret != 0;
}

static bool is_of_users(uint32_t type)
{
    return type == AUDIT_UID || type == AUDIT_EUID || type == AUDIT_SUID || type == AUDIT_FSUID ||
           type == AUDIT_LOGINUID || type == AUDIT_OBJ_UID;
}

static bool is_of_groups(uint32_t type)
{
    return type == AUDIT_GID || type == AUDIT_EGID || type == AUDIT_SGID || type == AUDIT_FSGID ||
           type == AUDIT_OBJ_GID;
}

static bool is_of_subject(uint32_t type)
{
    return type >= AUDIT_SUBJ_USER && type <= AUDIT_SUBJ_CLR;
}

static bool is_of_object(uint32_t type)
{
    return type >= AUDIT_OBJ_USER && type <= AUDIT_OBJ_LEV_HIGH;
}

/* Which fields each list takes. */
static bool takes_field(int list, uint32_t type)
{
    switch (list) {
    case AUDIT_FILTER_EXCLUDE:
        return type == AUDIT_PID || type == AUDIT_UID || type == AUDIT_GID || type == AUDIT_LOGINUID ||
               type == AUDIT_SESSIONID || type == AUDIT_MSGTYPE || type == AUDIT_EXE || is_of_subject(type);
    case AUDIT_FILTER_FS:
        return type == AUDIT_FSTYPE;
    case AUDIT_FILTER_EXIT:
        return type != AUDIT_MSGTYPE && type != AUDIT_FSTYPE;
    default:
        return !(type == AUDIT_EXIT || type == AUDIT_WATCH || type == AUDIT_DIR || type == AUDIT_PERM ||
                 type == AUDIT_FILETYPE || type == AUDIT_SUCCESS || type == AUDIT_PPID || type == AUDIT_FSTYPE ||
                 is_of_object(type) || (type >= AUDIT_DEVMAJOR && type <= AUDIT_INODE) ||
                 (type == AUDIT_MSGTYPE && list != AUDIT_FILTER_USER));
    }
}

/* VALUE as the number that the field TYPE takes; that of a name is left open. */
static bool parse_value(const struct reader *reader, uint32_t type, const char *value, uint32_t *ret)
{
    int number;

    if (is_of_users(type) || type == AUDIT_SESSIONID) {
        *ret = UINT32_MAX;
        return parse_number(value, true, ret) || strcmp(value, "unset") == 0 ||
               (is_of_users(type) && reader->look(AUDIT_KIND_USER, value, reader->user) == AUDIT_PLACE_FILE);
    }
    if (is_of_groups(type)) {
        *ret = UINT32_MAX;
        return parse_number(value, false, ret) ||
               reader->look(AUDIT_KIND_GROUP, value, reader->user) == AUDIT_PLACE_FILE;
    }
    if (type == AUDIT_EXIT) {
        number = audit_name_to_errno(value);
        *ret = (uint32_t)number;
        return parse_number(value, true, ret) || number != 0;
    }
    if (type == AUDIT_MSGTYPE || type == AUDIT_FILETYPE || type == AUDIT_FSTYPE) {
        number = type == AUDIT_MSGTYPE    ? audit_name_to_msg_type(value)
                 : type == AUDIT_FILETYPE ? audit_name_to_ftype(value)
                                          : audit_name_to_fstype(value);
        *ret = (uint32_t)number;
        return (type != AUDIT_FILETYPE && parse_number(value, false, ret)) || number > 0;
    }
    if (type == AUDIT_PERM)
        return parse_perms(value, ret);
    if (type >= AUDIT_ARG0 && type <= AUDIT_ARG3)
        return parse_number(value, true, ret);
    return parse_number(value, false, ret) && (type != AUDIT_SADDR_FAM || *ret < AF_MAX);
}

/* Cuts "name=value": the relations are looked for in this order. */
static bool cut_relation(char *field, uint32_t *ret_relation, char **ret_value)
{
    static const struct {
        const char *sign;
        uint32_t relation;
    } relations[] = {
        {"!=", AUDIT_NOT_EQUAL},
        {">=", AUDIT_GREATER_THAN_OR_EQUAL},
        {"<=", AUDIT_LESS_THAN_OR_EQUAL},
        {"&=", AUDIT_BIT_TEST},
        {"=", AUDIT_EQUAL},
        {">", AUDIT_GREATER_THAN},
        {"<", AUDIT_LESS_THAN},
        {"&", AUDIT_BIT_MASK},
    };

    for (size_t i = 0; i < countof(relations); i++) {
        char *at = strstr(field, relations[i].sign);

        if (!at)
            continue;
        *at = '\0';
        *ret_value = at + strlen(relations[i].sign);
        *ret_relation = relations[i].relation;
        return *field && **ret_value;
    }
    return false;
}

static bool read_key(struct reader *reader, const char *key)
{
    if (reader->keys.length + strlen(key) + (reader->keys.length != 0) > KEY_MAX)
        return false;
    if (reader->keys.length)
        str_append_char(&reader->keys, AUDIT_KEY_SEPARATOR);
    str_append(&reader->keys, key);
    return true;
}

static bool read_field(struct reader *reader, char *field)
{
    bool equality;
    uint32_t relation, number = 0, type;
    char *value;
    int named;

    if (reader->list == LISTS_END)
        return false;
    if (str_starts(field, "key="))
        return read_key(reader, field + strlen("key="));
    if (!cut_relation(field, &relation, &value))
        return false;
    named = audit_name_to_field(field);
    type = (uint32_t)named;
    equality = relation == AUDIT_EQUAL || relation == AUDIT_NOT_EQUAL;
    if (named < 0 || !takes_field(reader->list, type))
        return false;
    if ((relation == AUDIT_BIT_MASK || relation == AUDIT_BIT_TEST) && (is_of_users(type) || is_of_groups(type)))
        return false;
    switch (type) {
    case AUDIT_WATCH:
    case AUDIT_DIR:
        return add_path(reader, type, relation, value);
    case AUDIT_EXE:
        reader->program = true;
        return equality && !has_field(reader->line->data, AUDIT_EXE) && value[0] == '/' &&
               reader->look(AUDIT_KIND_PATH, value, reader->user) != AUDIT_PLACE_MISSING &&
               add_text(reader, type, relation, value);
    case AUDIT_ARCH:
        return equality && !reader->calls && parse_arch(value, &reader->arch) &&
               add_number(reader, type, relation, reader->arch);
    case AUDIT_FSTYPE:
        reader->file_system = true;
        break;
    case AUDIT_PERM:
        reader->perms = true;
        if (relation != AUDIT_EQUAL)
            return false;
        break;
    case AUDIT_INODE:
        if (has_field(reader->line->data, AUDIT_WATCH) || has_field(reader->line->data, AUDIT_DIR))
            return false;
        break;
    default:
        if (is_of_subject(type) || is_of_object(type))
            return add_text(reader, type, relation, value);
        break;
    }
    if ((type == AUDIT_FSTYPE || type == AUDIT_INODE) && !equality)
        return false;
    return parse_value(reader, type, value, &number) && add_number(reader, type, relation, number);
}

/* -C uid!=euid */
static bool read_comparison(struct reader *reader, char *text)
{
    uint32_t relation, number;
    char *right;

    if (reader->list != AUDIT_FILTER_EXIT || !cut_relation(text, &relation, &right) ||
        (relation != AUDIT_EQUAL && relation != AUDIT_NOT_EQUAL))
        return false;
    number = audit_comparison(text, right);
    return number && add_number(reader, AUDIT_FIELD_COMPARE, relation, number);
}

/* ---- Other options ---- */

/* "always,exit", either way round. False: unknown words. */
static bool parse_list(const char *text, int *ret_list, const char **ret_action)
{
    const char *comma = strchr(text, ',');
    scoped(cleanup_free) char *first = comma ? mem_strndup(text, (size_t)(comma - text)) : NULL;
    static const char *const actions[] = {"always", "never", "possible"};
    const char *list = first;

    *ret_action = NULL;
    for (size_t i = 0; comma && i < countof(actions); i++) {
        if (strcmp(first, actions[i]) == 0) {
            *ret_action = actions[i];
            list = comma + 1;
        } else if (strcmp(comma + 1, actions[i]) == 0 && !*ret_action) {
            *ret_action = actions[i];
        }
    }
    if (!*ret_action || strchr(comma + 1, ','))
        return false;
    *ret_list = audit_name_to_flag(list);
    return *ret_list >= 0;
}

static bool read_list(struct reader *reader, char option, const char *value)
{
    const char *action;

    if (reader->list != LISTS_END || (option != 'd' && reader->calls && strstr(value, "task")))
        return false;
    if (!parse_list(value, &reader->list, &action))
        return false;
    if (strcmp(action, "possible") == 0) /* auditctl says that it is not used any more, and goes on */
        return end_line(reader);
    reader->action = strcmp(action, "never") == 0 ? AUDIT_NEVER : AUDIT_ALWAYS;
    reader->line->action = option == 'a' ? AUDIT_LINE_ADD : option == 'A' ? AUDIT_LINE_ADD_FIRST : AUDIT_LINE_REMOVE;
    return true;
}

static bool read_call(struct reader *reader, const char *name)
{
    struct audit_rule_data *data = reader->line->data;
    int machine = audit_elf_to_machine(reader->arch), number;

    if (strcmp(name, "all") == 0) {
        memset(data->mask, 0xff, sizeof data->mask);
        return true;
    }
    number = machine < 0 ? -1 : audit_name_to_syscall(name, machine);
    if (number < 0 && isdigit((unsigned char)*name))
        number = (int)strtol(name, NULL, 0);
    if (number < 0 || number >= (AUDIT_BITMASK_SIZE - 1) * 32)
        return false;
    data->mask[AUDIT_WORD(number)] |= AUDIT_BIT(number);
    return true;
}

/* -S open,openat */
static bool read_calls(struct reader *reader, char *names)
{
    char *rest = names;

    if (reader->list != LISTS_END && reader->list != AUDIT_FILTER_EXIT)
        return false;
    if (!reader->arch)
        reader->arch = audit_machine_to_elf(audit_detect_machine());
    for (char *name; (name = strsep(&rest, ","));)
        if (*name && !read_call(reader, name))
            return false;
    reader->calls = true;
    return true;
}

/* -w and -W */
static bool read_watch(struct reader *reader, char option, char *path)
{
    static const unsigned all = AUDIT_PERM_R | AUDIT_PERM_W | AUDIT_PERM_X | AUDIT_PERM_A;
    const char *name = strrchr(path, '/');
    size_t length = strlen(path);
    bool is_directory;

    if ((option == 'w' && reader->list != LISTS_END) || reader->line->data->field_count || reader->calls ||
        length >= PATH_MAX || !name || strlen(name + 1) > NAME_MAX)
        return false;
    for (; length > 1 && path[length - 1] == '/'; length--)
        path[length - 1] = '\0';
    reader->list = AUDIT_FILTER_EXIT;
    reader->action = AUDIT_ALWAYS;
    reader->line->action = option == 'w' ? AUDIT_LINE_ADD : AUDIT_LINE_REMOVE;
    reader->calls = true;
    memset(reader->line->data->mask, 0xff, sizeof reader->line->data->mask);
    is_directory = reader->look(AUDIT_KIND_PATH, path, reader->user) == AUDIT_PLACE_DIRECTORY;
    return add_path(reader, is_directory ? AUDIT_DIR : AUDIT_WATCH, AUDIT_EQUAL, path) &&
           add_number(reader, AUDIT_PERM, AUDIT_EQUAL, all);
}

/* -p of a watch, which changes the permissions that are there. */
static bool read_perms(struct reader *reader, const char *value)
{
    struct audit_rule_data *data = reader->line->data;
    uint32_t perms;

    if (reader->list == LISTS_END || !data->field_count || !parse_perms(value, &perms))
        return false;
    reader->perms = true;
    for (uint32_t i = 0; i < data->field_count; i++)
        if (data->fields[i] == AUDIT_PERM) {
            data->values[i] = perms;
            return true;
        }
    return add_number(reader, AUDIT_PERM, AUDIT_EQUAL, perms);
}

static bool read_switch(struct reader *reader, const char *value)
{
    if (strlen(value) != 1 || !strchr("012", *value))
        return false;
    reader->line->switched = true;
    reader->line->on = *value != '0';
    reader->line->lock = *value == '2';
    return true;
}

static bool read_equivalent(struct reader *reader, char *value)
{
    char *comma = strchr(value, ',');

    if (reader->calls || !comma || !comma[1] || strchr(comma + 1, ','))
        return false;
    *comma = '\0';
    return end_line(reader) && reader->look(AUDIT_KIND_PATH, value, reader->user) == AUDIT_PLACE_DIRECTORY &&
           reader->look(AUDIT_KIND_PATH, comma + 1, reader->user) == AUDIT_PLACE_DIRECTORY;
}

/* -D, alone or with -k KEY. */
static bool read_remove_all(struct reader *reader)
{
    if (reader->count != 1 && (reader->count != 3 || strcmp(reader->words[1], "-k") != 0))
        return false;
    reader->line->action = AUDIT_LINE_REMOVE_ALL;
    reader->line->key = reader->count == 3 ? reader->words[2] : NULL;
    return end_line(reader);
}

static bool read_option(struct reader *reader, char option, char *value)
{
    switch (option) {
    case 'a':
    case 'A':
    case 'd':
        return read_list(reader, option, value);
    case 'w':
    case 'W':
        return read_watch(reader, option, value);
    case 'F':
        return read_field(reader, value);
    case 'C':
        return read_comparison(reader, value);
    case 'S':
        return read_calls(reader, value);
    case 'p':
        return read_perms(reader, value);
    case 'k':
        return reader->list != LISTS_END &&
               (reader->calls || reader->perms || reader->program || reader->file_system) && read_key(reader, value);
    case 'e':
        return read_switch(reader, value);
    case 'f':
        return strlen(value) == 1 && strchr("012", *value);
    case 'r':
    case 'b':
        return isdigit((unsigned char)*value);
    case 'q':
        return read_equivalent(reader, value);
    case 'm':
        return reader->count <= 2 && end_line(reader);
    case 't':
        return end_line(reader);
    case 'D':
        return read_remove_all(reader);
    case 'i':
    case 'c':
        reader->line->continues = true;
        reader->ended = true;
        return true;
    case 's':
    case 'l':
    case 'v':
        reader->ended = true;
        return true;
    default: /* h; R: a file in a file */
        return false;
    }
}

/* --name, which may be shortened as long as it is clear. */
static bool read_long(struct reader *reader, char *word)
{
    static const struct {
        const char *name;
        bool takes_number;
    } options[] = {{"loginuid-immutable", false},
                   {"backlog_wait_time", true},
                   {"reset-lost", false},
                   {"reset_backlog_wait_time_actual", false}};
    char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word), matches = 0, found = 0;
    const char *value = equals ? equals + 1 : NULL;

    for (size_t i = 0; i < countof(options); i++)
        if (strncmp(options[i].name, word, length) == 0) {
            found = i;
            matches++;
        }
    if (matches != 1 || (value && !options[found].takes_number))
        return false;
    if (!options[found].takes_number)
        return end_line(reader);
    if (!value && reader->at < reader->count)
        value = reader->words[reader->at++];
    return value && isdigit((unsigned char)*value);
}

/* As getopt reads a word: letters, of which one with a value takes the rest of the word or the next one. */
static bool read_word(struct reader *reader, char *word)
{
    char none[] = "";

    if (str_starts(word, "--"))
        return read_long(reader, word + 2);
    for (char *at = word + 1; *at && !reader->ended; at++) {
        bool takes_value = strchr("CefrbaAdSFmRwWkpq", *at);
        char *value = takes_value && at[1] ? at + 1 : NULL, letter = *at;

        if (!strchr("hicslDvtCefrbaAdSFmRwWkpq", letter))
            return false;
        if (takes_value && !value && reader->at < reader->count)
            value = reader->words[reader->at++];
        if (!takes_value)
            value = none;
        else if (!value)
            return false;
        if (!read_option(reader, letter, value))
            return false;
        if (takes_value)
            break;
    }
    return true;
}

/* The rule as it is sent. */
static bool complete(struct reader *reader)
{
    struct audit_rule_data *data;

    if (reader->list == LISTS_END)
        return !reader->calls && !reader->keys.length;
    if (reader->keys.length && (!(reader->calls || reader->perms || reader->program || reader->file_system) ||
                                !add_text(reader, AUDIT_FILTERKEY, AUDIT_EQUAL, reader->keys.data)))
        return false;
    data = reader->line->data;
    data->flags = (uint32_t)reader->list;
    data->action = reader->action;
    if (reader->list != AUDIT_FILTER_TASK && !reader->calls)
        memset(data->mask, 0xff, sizeof data->mask);
    return true;
}

bool audit_line_read(struct audit_line *ret, char **words, size_t count, audit_look *look, void *user)
{
    struct reader reader = {
        .line = ret, .look = look, .user = user, .words = words, .count = count, .list = LISTS_END, .keys = STR_INIT};
    bool taken = true;

    *ret = (struct audit_line){.data = mem_alloc(sizeof *ret->data)};
    while (taken && !reader.ended && reader.at < reader.count) {
        char *word = words[reader.at++];

        if (strcmp(word, "--") == 0)
            break;
        if (word[0] == '-' && word[1])
            taken = read_word(&reader, word);
        else
            reader.extra = true;
    }
    /* What is left after an option that ends the line is refused, and the option has worked. */
    taken = taken && !reader.extra && reader.at >= reader.count && count;
    if (reader.ended && ret->action != AUDIT_LINE_REMOVE_ALL)
        ret->action = AUDIT_LINE_NOTHING;
    else if (taken && ret->action != AUDIT_LINE_REMOVE_ALL)
        taken = complete(&reader);
    str_deinit(&reader.keys);
    return taken;
}

void audit_line_deinit(struct audit_line *line)
{
    free(line->data);
}
