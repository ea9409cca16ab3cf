/* Query strings read into filters: words into bits, numbers within their bounds, and an error that names the parameter
 * for anything else. */
#include "agent/api/server_query.h"

#include <errno.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rules/rule_set.h"
#include "common/str.h"

enum { LIMIT_MAX = 100000 };

const char *const query_no_parameters[] = {NULL};
const char *const query_finding_parameters[] = {"rule", "section", "status", "severity", "level", "subject",
                                                "kind", "waived",  "limit",  "after",    NULL};
const char *const query_report_parameters[] = {"format", "rule",    "section", "status", "severity",
                                               "level",  "subject", "kind",    "waived", NULL};
const char *const query_event_parameters[] = {"since",   "since_time", "until_time", "follow",  "rule",
                                              "section", "severity",   "status",     "subject", "kind",
                                              "waived",  "limit",      "marks",      NULL};

int query_check(const struct evkeyvalq *query, const char *const *allowed, enum language *language, struct error *error)
{
    const struct evkeyval *parameter;

    for (parameter = query->tqh_first; parameter; parameter = parameter->next.tqe_next) {
        bool known = strcmp(parameter->key, "lang") == 0;

        for (size_t i = 0; allowed[i] && !known; i++)
            known = strcmp(allowed[i], parameter->key) == 0;
        if (!known)
            return error_set(error, EINVAL, "unknown parameter \"%s\"", parameter->key);
        for (const struct evkeyval *other = parameter->next.tqe_next; other; other = other->next.tqe_next)
            if (strcmp(other->key, parameter->key) == 0)
                return error_set(error, EINVAL, "duplicate parameter \"%s\"", parameter->key);
        if (strcmp(parameter->key, "lang") != 0)
            continue;
        if (strcmp(parameter->value, "en") != 0 && strcmp(parameter->value, "zh") != 0)
            return error_set(error, EINVAL, "lang: must be en or zh");
        *language = strcmp(parameter->value, "zh") == 0 ? LANGUAGE_ZH : LANGUAGE_EN;
    }
    return 0;
}

static int read_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *ret,
                       struct error *error)
{
    char *end;

    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (!*text || strspn(text, "0123456789") != strlen(text) || errno || *ret < min || *ret > max)
        return error_set(error, EINVAL, "%s: must be a whole number from %llu to %llu", name, (unsigned long long)min,
                         (unsigned long long)max);
    return 0;
}

static int read_bool(const char *name, const char *text, bool *ret, struct error *error)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return error_set(error, EINVAL, "%s: must be true or false", name);
    *ret = strcmp(text, "true") == 0;
    return 0;
}

/* Words of a parameter: those that NAME_OF has for the numbers from FIRST up to END, which is not among them. */
struct vocabulary {
    const char *(*name_of)(unsigned number);
    unsigned first, end;
};

static const char *name_of_status(unsigned number)
{
    return verdict_name((enum verdict)number);
}

static const char *name_of_severity(unsigned number)
{
    return severity_name((enum severity)number);
}

static const char *name_of_level(unsigned number)
{
    return number == 1 ? "1" : "2";
}

enum { AGENT_KIND = SUBJECT_KIND_COUNT }; /* of the agent's own transitions, whose slugs begin with "agent-" */

static const char *name_of_kind(unsigned number)
{
    return number == AGENT_KIND ? "agent" : subject_kind_name((enum subject_kind)number);
}

static const struct vocabulary statuses = {name_of_status, VERDICT_NONE + 1, VERDICT_COUNT};
static const struct vocabulary severities = {name_of_severity, SEVERITY_LOW, SEVERITY_COUNT};
static const struct vocabulary levels = {name_of_level, 1, 3};
static const struct vocabulary kinds = {name_of_kind, 0, SUBJECT_KIND_COUNT};
static const struct vocabulary event_kinds = {name_of_kind, 0, AGENT_KIND + 1};

static int read_word(const char *name, const char *word, const struct vocabulary *words, unsigned *ret,
                     struct error *error)
{
    scoped_str known = STR_INIT;

    for (*ret = words->first; *ret < words->end; ++*ret) {
        if (strcmp(words->name_of(*ret), word) == 0)
            return 0;
        str_printf(&known, "%s%s", known.length ? ", " : "", words->name_of(*ret));
    }
    return error_set(error, EINVAL, "%s: unknown value \"%s\"; expected %s", name, word, known.data);
}

/* "fail,error" → bits. */
static int read_words(const char *name, const char *text, const struct vocabulary *words, unsigned *ret_bits,
                      struct error *error)
{
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        scoped(cleanup_free) char *word = mem_strndup(at, length);
        unsigned value;
        int r = read_word(name, word, words, &value, error);

        if (r < 0)
            return r;
        *ret_bits |= 1u << value;
        at += length;
        if (!*at)
            return 0;
    }
}

static int read_filter(const struct evkeyvalq *query, const struct vocabulary *kinds_known, struct finding_filter *ret,
                       struct error *error)
{
    const char *kind = evhttp_find_header(query, "kind");
    const char *status = evhttp_find_header(query, "status"), *severity = evhttp_find_header(query, "severity");
    const char *waived = evhttp_find_header(query, "waived"), *level = evhttp_find_header(query, "level");
    const char *limit = evhttp_find_header(query, "limit");
    unsigned subject_kind;
    uint64_t number = 0;
    bool is_waived = false;
    int r = 0;

    *ret = (struct finding_filter){
        .rule = evhttp_find_header(query, "rule"),
        .section = evhttp_find_header(query, "section"),
        .subject = evhttp_find_header(query, "subject"),
        .after = evhttp_find_header(query, "after"),
        .kind = -1,
        .waived = -1,
        .bytes = VIEW_PAGE_BYTES,
    };
    if (status)
        r = read_words("status", status, &statuses, &ret->statuses, error);
    if (r == 0 && severity)
        r = read_words("severity", severity, &severities, &ret->severities, error);
    if (r == 0 && level)
        r = read_words("level", level, &levels, &ret->levels, error);
    if (r == 0 && kind) {
        r = read_word("kind", kind, kinds_known, &subject_kind, error);
        ret->kind = (int)subject_kind;
    }
    if (r == 0 && waived) {
        r = read_bool("waived", waived, &is_waived, error);
        ret->waived = is_waived;
    }
    if (r == 0 && limit) {
        r = read_number("limit", limit, 1, LIMIT_MAX, &number, error);
        ret->limit = (size_t)number;
    }
    return r;
}

int query_findings(const struct evkeyvalq *query, struct finding_filter *ret, struct error *error)
{
    return read_filter(query, &kinds, ret, error);
}

int query_report(const struct evkeyvalq *query, enum report_format *ret_format, struct finding_filter *ret,
                 struct error *error)
{
    const char *format = evhttp_find_header(query, "format");
    int r = format ? report_format_parse(format, ret_format, error)
                   : error_set(error, EINVAL, "format: required, such as format=html");

    return r < 0 ? r : query_findings(query, ret, error);
}

static int read_time(const char *name, const char *text, usec_t *ret, struct error *error)
{
    if (clock_parse(text, ret) < 0 || *ret <= 0)
        return error_set(error, EINVAL, "%s: must be a time such as 2026-11-24T09:30:00Z", name);
    return 0;
}

int query_events(const struct evkeyvalq *query, const struct rule_set *rules, struct event_filter *ret,
                 struct error *error)
{
    const char *since = evhttp_find_header(query, "since"), *follow = evhttp_find_header(query, "follow");
    const char *since_time = evhttp_find_header(query, "since_time");
    const char *until_time = evhttp_find_header(query, "until_time"), *marks = evhttp_find_header(query, "marks");
    const char *own_slug = NULL;
    struct finding_filter filter;
    int r = read_filter(query, &event_kinds, &filter, error);

    if (r == 0 && filter.rule && str_starts(filter.rule, "agent-")) {
        own_slug = filter.rule;
        filter.rule = NULL;
    }
    *ret = (struct event_filter){.has_since = since || since_time};
    if (r == 0)
        r = finding_filter_check(rules, &filter, error);
    if (r == 0 && follow)
        r = read_bool("follow", follow, &ret->follow, error);
    if (r == 0 && marks)
        r = read_bool("marks", marks, &ret->marks, error);
    if (r == 0 && ret->marks && !ret->follow)
        r = error_set(error, EINVAL, "marks: requires follow=true");
    if (r == 0 && since)
        r = read_number("since", since, 0, INT64_MAX, &ret->query.after, error);
    if (r == 0 && since_time)
        r = read_time("since_time", since_time, &ret->query.since, error);
    if (r == 0 && until_time)
        r = read_time("until_time", until_time, &ret->query.until, error);
    if (r < 0)
        return r;
    ret->query.slug = filter.rule ? rule_set_find(rules, filter.rule)->slug : own_slug;
    ret->query.section = filter.section;
    ret->query.subject = filter.subject;
    ret->query.kind = filter.kind >= 0 ? name_of_kind((unsigned)filter.kind) : NULL;
    ret->query.statuses = filter.statuses;
    ret->query.severities = filter.severities;
    ret->query.waived = filter.waived < 0 ? 0 : 1u << filter.waived;
    ret->query.count = filter.limit;
    return 0;
}
