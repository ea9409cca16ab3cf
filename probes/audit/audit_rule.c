/* A rule as the kernel keeps it (struct audit_rule_data): what it records or hides, and how auditctl writes it. */
#include <errno.h>
#include <libaudit.h>
#include <string.h>

#include "probes/audit/audit_internal.h"

/* The magic numbers of debugfs and tracefs, which hold nothing that a rule of ours watches. */
enum { DEBUGFS = 0x64626720, TRACEFS = 0x74726163 };

static const unsigned all_perms = AUDIT_PERM_X | AUDIT_PERM_W | AUDIT_PERM_R | AUDIT_PERM_A;

static const struct comparison {
    uint32_t number;
    const char *left, *right;
} comparisons[] = {
    {AUDIT_COMPARE_UID_TO_OBJ_UID, "uid", "obj_uid"},     {AUDIT_COMPARE_GID_TO_OBJ_GID, "gid", "obj_gid"},
    {AUDIT_COMPARE_EUID_TO_OBJ_UID, "euid", "obj_uid"},   {AUDIT_COMPARE_EGID_TO_OBJ_GID, "egid", "obj_gid"},
    {AUDIT_COMPARE_AUID_TO_OBJ_UID, "auid", "obj_uid"},   {AUDIT_COMPARE_SUID_TO_OBJ_UID, "suid", "obj_uid"},
    {AUDIT_COMPARE_SGID_TO_OBJ_GID, "sgid", "obj_gid"},   {AUDIT_COMPARE_FSUID_TO_OBJ_UID, "fsuid", "obj_uid"},
    {AUDIT_COMPARE_FSGID_TO_OBJ_GID, "fsgid", "obj_gid"}, {AUDIT_COMPARE_UID_TO_AUID, "uid", "auid"},
    {AUDIT_COMPARE_UID_TO_EUID, "uid", "euid"},           {AUDIT_COMPARE_UID_TO_FSUID, "uid", "fsuid"},
    {AUDIT_COMPARE_UID_TO_SUID, "uid", "suid"},           {AUDIT_COMPARE_AUID_TO_FSUID, "auid", "fsuid"},
    {AUDIT_COMPARE_AUID_TO_SUID, "auid", "suid"},         {AUDIT_COMPARE_AUID_TO_EUID, "auid", "euid"},
    {AUDIT_COMPARE_EUID_TO_SUID, "euid", "suid"},         {AUDIT_COMPARE_EUID_TO_FSUID, "euid", "fsuid"},
    {AUDIT_COMPARE_SUID_TO_FSUID, "suid", "fsuid"},       {AUDIT_COMPARE_GID_TO_EGID, "gid", "egid"},
    {AUDIT_COMPARE_GID_TO_FSGID, "gid", "fsgid"},         {AUDIT_COMPARE_GID_TO_SGID, "gid", "sgid"},
    {AUDIT_COMPARE_EGID_TO_FSGID, "egid", "fsgid"},       {AUDIT_COMPARE_EGID_TO_SGID, "egid", "sgid"},
    {AUDIT_COMPARE_SGID_TO_FSGID, "sgid", "fsgid"},
};

uint32_t audit_comparison(const char *left, const char *right)
{
    for (size_t i = 0; i < countof(comparisons); i++)
        if ((strcmp(left, comparisons[i].left) == 0 && strcmp(right, comparisons[i].right) == 0) ||
            (strcmp(left, comparisons[i].right) == 0 && strcmp(right, comparisons[i].left) == 0))
            return comparisons[i].number;
    return 0;
}

static bool is_text_field(uint32_t field)
{
    return field == AUDIT_WATCH || field == AUDIT_DIR || field == AUDIT_FILTERKEY || field == AUDIT_EXE ||
           (field >= AUDIT_SUBJ_USER && field <= AUDIT_OBJ_LEV_HIGH && field != AUDIT_PPID);
}

/* A field of a rule; text: NULL if it is a number. */
struct field {
    uint32_t type, relation, value;
    const char *text;
};

/* The rule's fields, in their order. -EPROTO: its texts are longer than the rule. */
static int read_fields(struct arena *arena, const struct audit_rule_data *data, struct field **ret, struct error *error)
{
    size_t offset = 0;

    if (data->field_count > AUDIT_MAX_FIELDS)
        return error_set(error, EPROTO, "a rule has too many fields");
    *ret = arena_alloc(arena, (data->field_count + 1) * sizeof **ret);
    for (uint32_t i = 0; i < data->field_count; i++) {
        struct field *field = &(*ret)[i];

        *field = (struct field){.type = data->fields[i] & ~(uint32_t)AUDIT_OPERATORS,
                                .relation = data->fieldflags[i] & AUDIT_OPERATORS,
                                .value = data->values[i]};
        if (!is_text_field(field->type))
            continue;
        if (offset > data->buflen || field->value > data->buflen - offset)
            return error_set(error, EPROTO, "a rule is longer than its stated length");
        field->text = arena_strndup(arena, data->buf + offset, field->value);
        offset += field->value;
    }
    return 0;
}

static bool compare(uint32_t left, uint32_t relation, uint32_t right)
{
    switch (relation) {
    case AUDIT_EQUAL:
        return left == right;
    case AUDIT_NOT_EQUAL:
        return left != right;
    case AUDIT_LESS_THAN:
        return left < right;
    case AUDIT_LESS_THAN_OR_EQUAL:
        return left <= right;
    case AUDIT_GREATER_THAN:
        return left > right;
    case AUDIT_GREATER_THAN_OR_EQUAL:
        return left >= right;
    case AUDIT_BIT_MASK:
        return left & right;
    case AUDIT_BIT_TEST:
        return (left & right) == right;
    default:
        return false;
    }
}

static bool excludes_type(const struct field *fields, size_t count, uint32_t type)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].type == AUDIT_MSGTYPE && !compare(type, fields[i].relation, fields[i].value))
            return false;
    return true;
}

/* Which calls an exclude rule hides, wholly or for one user or program: those of which it excludes one of the records
 * that an access leaves. A rule without a condition excludes nothing (kernel/auditfilter.c, audit_filter). */
static uint64_t calls_excluded(const struct field *fields, size_t count)
{
    static const uint32_t of_every_access[] = {AUDIT_SYSCALL, AUDIT_PATH, AUDIT_CWD, AUDIT_PROCTITLE};
    size_t conditions = 0;

    for (size_t i = 0; i < count; i++)
        conditions += fields[i].type != AUDIT_FILTERKEY;
    if (!conditions)
        return 0;
    for (size_t i = 0; i < countof(of_every_access); i++)
        if (excludes_type(fields, count, of_every_access[i]))
            return UINT64_MAX;
    return excludes_type(fields, count, AUDIT_EXECVE) ? audit_calls_of(AUDIT_PERM_X, AUDIT_NATIVE) : 0;
}

static bool has_other_fields(const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].type != AUDIT_MSGTYPE && fields[i].type != AUDIT_FILTERKEY)
            return true;
    return false;
}

/* A filesystem rule names the kind of file system that no access to is recorded. */
static bool hides_file_systems(const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].type == AUDIT_FSTYPE &&
            (fields[i].relation != AUDIT_EQUAL || (fields[i].value != DEBUGFS && fields[i].value != TRACEFS)))
            return true;
    return false;
}

static bool has_all_syscalls(const struct audit_rule_data *data)
{
    for (size_t i = 0; i < AUDIT_BITMASK_SIZE - 1; i++)
        if (data->mask[i] != UINT32_MAX)
            return false;
    return true;
}

/* What a rule of the exit list records or hides. */
static void read_exit_rule(const struct audit_rule_data *data, const struct field *fields, struct audit_rule *rule)
{
    bool on_machine[] = {[AUDIT_NATIVE] = true, [AUDIT_COMPAT] = true};
    unsigned perms = all_perms;

    for (uint32_t i = 0; i < data->field_count; i++) {
        const struct field *field = &fields[i];

        switch (field->type) {
        case AUDIT_WATCH:
        case AUDIT_DIR:
            rule->conditional |= field->relation != AUDIT_EQUAL;
            rule->path = field->text;
            rule->directory = field->type == AUDIT_DIR;
            break;
        case AUDIT_PERM:
            perms &= field->relation == AUDIT_EQUAL ? field->value : ~field->value;
            break;
        case AUDIT_ARCH:
            for (int width = AUDIT_NATIVE; width <= AUDIT_COMPAT; width++)
                on_machine[width] &= compare(audit_machine_to_elf(audit_machine((enum audit_width)width)),
                                             field->relation, field->value);
            break;
        case AUDIT_FILTERKEY:
            break;
        default:
            rule->conditional = true;
            break;
        }
    }
    for (int width = AUDIT_NATIVE; width <= AUDIT_COMPAT; width++)
        if (on_machine[width])
            rule->calls[width] = audit_calls_matched(data->mask, (enum audit_width)width, perms, rule->never);
}

/* ---- As auditctl writes it ---- */

/* A blank in a word is kept by a backslash. */
static void write_word(struct str *out, const char *text)
{
    invariant(text); /* read_fields() has given one to each field that is a text */
    for (; *text; text++) {
        str_append(out, *text == ' ' || *text == '\\' ? "\\" : "");
        str_append_char(out, *text);
    }
}

static void write_perms(struct str *out, unsigned perms)
{
    str_append(out, perms & AUDIT_PERM_R ? "r" : "");
    str_append(out, perms & AUDIT_PERM_W ? "w" : "");
    str_append(out, perms & AUDIT_PERM_X ? "x" : "");
    str_append(out, perms & AUDIT_PERM_A ? "a" : "");
}

static void write_keys(struct str *out, const char *keys)
{
    static const char separator[] = {AUDIT_KEY_SEPARATOR, '\0'};

    for (const char *at = keys; *at; at += *at == AUDIT_KEY_SEPARATOR) {
        size_t length = strcspn(at, separator);
        scoped(cleanup_free) char *key = mem_strndup(at, length);

        str_append(out, " -k ");
        write_word(out, key);
        at += length;
    }
}

static void write_syscalls(struct str *out, const struct audit_rule_data *data, uint32_t arch)
{
    int machine = arch ? audit_elf_to_machine(arch) : audit_detect_machine();
    bool any = false;

    for (int i = 0; i < (AUDIT_BITMASK_SIZE - 1) * 32; i++) {
        const char *name;

        if (!(data->mask[AUDIT_WORD(i)] & AUDIT_BIT(i)))
            continue;
        name = machine < 0 ? NULL : audit_syscall_to_name(i, machine);
        str_append(out, any ? "," : " -S ");
        if (name)
            str_append(out, name);
        else
            str_printf(out, "%d", i);
        any = true;
    }
}

/* A number, by its name where there is one. */
static void write_number(struct str *out, const struct field *field)
{
    int number = (int)field->value;
    const char *name = NULL;

    if (field->type == AUDIT_MSGTYPE)
        name = audit_msg_type_to_name(number);
    else if (field->type == AUDIT_FSTYPE)
        name = audit_fstype_to_name(number);
    else if (field->type == AUDIT_FILETYPE)
        name = audit_ftype_to_name(number);
    else if (field->type == AUDIT_LOGINUID && field->value == UINT32_MAX)
        name = "unset";
    if (name)
        str_append(out, name);
    else if (field->type == AUDIT_EXIT || field->value == UINT32_MAX)
        str_printf(out, "%d", number);
    else
        str_printf(out, "%u", field->value);
}

static void write_field(struct str *out, const struct field *field)
{
    const char *name = audit_field_to_name((int)field->type), *relation;

    relation = audit_operator_to_symbol((int)field->relation);
    if (field->type == AUDIT_FIELD_COMPARE) {
        for (size_t i = 0; i < countof(comparisons); i++)
            if (comparisons[i].number == field->value)
                str_printf(out, " -C %s%s%s", comparisons[i].left, relation, comparisons[i].right);
    } else if (field->type == AUDIT_FILTERKEY) {
        write_keys(out, field->text);
    } else {
        str_append(out, " -F ");
        if (name)
            str_append(out, name);
        else
            str_printf(out, "f%u", field->type);
        str_append(out, relation ? relation : "=");
        if (field->text)
            write_word(out, field->text);
        else if (field->type == AUDIT_PERM)
            write_perms(out, field->value);
        else if (field->type == AUDIT_ARCH && audit_elf_to_machine(field->value) >= 0)
            str_append(out, field->value & __AUDIT_ARCH_64BIT ? "b64" : "b32");
        else
            write_number(out, field);
    }
}

/* -w PATH -p PERMS -k KEY: what auditctl makes of it, and nothing else. */
static bool is_watch(const struct audit_rule_data *data, const struct field *fields)
{
    if (data->action != AUDIT_ALWAYS || (data->flags & AUDIT_FILTER_MASK) != AUDIT_FILTER_EXIT ||
        data->field_count < 2 || data->field_count > 3 || !has_all_syscalls(data))
        return false;
    return (fields[0].type == AUDIT_WATCH || fields[0].type == AUDIT_DIR) && fields[1].type == AUDIT_PERM &&
           (data->field_count == 2 || fields[2].type == AUDIT_FILTERKEY);
}

static void write_rule(struct str *out, const struct audit_rule_data *data, const struct field *fields)
{
    const char *action = audit_action_to_name((int)data->action);
    const char *list = audit_flag_to_name((int)(data->flags & AUDIT_FILTER_MASK));
    bool takes_calls = (data->flags & AUDIT_FILTER_MASK) == AUDIT_FILTER_EXIT, all = has_all_syscalls(data);
    const struct field *arch = NULL;
    bool has_perm = false;

    if (is_watch(data, fields)) {
        str_append(out, "-w ");
        write_word(out, fields[0].text);
        str_append(out, " -p ");
        write_perms(out, fields[1].value);
        if (data->field_count == 3)
            write_keys(out, fields[2].text);
        return;
    }
    str_printf(out, "-a %s,%s", action ? action : "possible", list ? list : "unknown");
    for (uint32_t i = 0; i < data->field_count; i++) {
        arch = fields[i].type == AUDIT_ARCH ? &fields[i] : arch;
        has_perm |= fields[i].type == AUDIT_PERM;
    }
    if (takes_calls && !arch && !all)
        write_syscalls(out, data, 0);
    for (uint32_t i = 0; i < data->field_count; i++) {
        write_field(out, &fields[i]);
        if (&fields[i] != arch || !takes_calls)
            continue;
        if (!all)
            write_syscalls(out, data, arch->value);
        else if (has_perm) /* without it, auditctl 4 puts the permissions' calls in their place */
            str_append(out, " -S all");
    }
}

int audit_read_rule(struct arena *arena, const struct audit_rule_data *data, struct audit_rule *ret,
                    struct error *error)
{
    uint32_t list = data->flags & AUDIT_FILTER_MASK;
    struct audit_rule rule = {.list = list == AUDIT_FILTER_EXIT ? AUDIT_LIST_EXIT : AUDIT_LIST_OTHER,
                              .never = data->action == AUDIT_NEVER};
    struct field *fields = NULL;
    scoped_str text = STR_INIT;
    int r = read_fields(arena, data, &fields, error);

    if (r < 0)
        return r;
    switch (list) {
    case AUDIT_FILTER_EXIT:
        read_exit_rule(data, fields, &rule);
        break;
    case AUDIT_FILTER_EXCLUDE: /* whatever its action */
        rule.calls[AUDIT_NATIVE] = rule.calls[AUDIT_COMPAT] = calls_excluded(fields, data->field_count);
        rule.never = rule.calls[AUDIT_NATIVE] != 0;
        rule.conditional =
            !excludes_type(fields, data->field_count, AUDIT_SYSCALL) || has_other_fields(fields, data->field_count);
        break;
    case AUDIT_FILTER_TASK:
        rule.task = rule.never;
        rule.conditional = has_other_fields(fields, data->field_count);
        break;
    case AUDIT_FILTER_FS:
        rule.never &= hides_file_systems(fields, data->field_count);
        break;
    default:
        rule.never = false;
        break;
    }
    if (rule.never && (list == AUDIT_FILTER_TASK || list == AUDIT_FILTER_FS))
        rule.calls[AUDIT_NATIVE] = rule.calls[AUDIT_COMPAT] = UINT64_MAX;
    write_rule(&text, data, fields);
    rule.text = arena_strdup(arena, str_text(&text));
    for (uint32_t i = 0; i < data->field_count; i++)
        if (fields[i].type == AUDIT_FILTERKEY)
            rule.key = fields[i].text;
    *ret = rule;
    return 0;
}
