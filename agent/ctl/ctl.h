/* Shared by the commands of agentctl. */
#ifndef AGENT_CTL_CTL_H
#define AGENT_CTL_CTL_H

#include "agent/ctl/table.h"
#include "agent/words/words.h"
#include "common/error.h"
#include "common/json_in.h"
#include "common/map.h"
#include "common/options/options.h"

enum { EXIT_FOUND = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3, EXIT_REFUSED = 4, EXIT_UNWRITTEN = 5 };

/* What the command line gave, by the table in options.c. */
struct ctl {
    const struct program_options *program;
    const char *socket, *lang, *color, *output;
    bool json, no_color, no_header, zh; /* ZH: of messages */
    struct terminal terminal;
    /* options of single commands; NULL or false: not given */
    const char *rule, *section, *status, *severity, *subject, *kind, *waived, *limit, *since, *until, *fail_on,
        *textfile, *by, *reason, *config, *format, *file, *level, *new_only;
    bool all, flat, fail_on_error, list, remove, print, show;
    char **words; /* after the command */
    int word_count;
};

/* English or Chinese; formats of the same arguments if they are formats. */
__attribute__((format_arg(2), format_arg(3))) static inline const char *tr(const struct ctl *ctl, const char *en,
                                                                           const char *zh)
{
    return ctl->zh ? zh : en;
}

/* The same of a text that agent/words has: a word of the API, or what one of its rooms says. */
__attribute__((format_arg(2))) static inline const char *ctl_words(const struct ctl *ctl, const char *english)
{
    return words(ctl->zh ? LANGUAGE_ZH : LANGUAGE_EN, english);
}

typedef int ctl_command(struct ctl *ctl); /* returns the exit status */
ctl_command ctl_status, ctl_findings, ctl_rules, ctl_explain, ctl_watch, ctl_scan, ctl_check, ctl_version, ctl_ack,
    ctl_resend, ctl_metrics, ctl_history, ctl_diff, ctl_help, ctl_waive, ctl_report, ctl_complete, ctl_fix,
    ctl_baseline, ctl_config;

/* Requests PATH (the language is added) and parses the answer. BODY NULL: GET. Prints errors. 0, or the exit status;
 * with --json the answer is printed (ctl_print_json()) and RET_DOC stays NULL. The caller frees RET_DOC. */
int ctl_ask(const struct ctl *ctl, const char *path, const char *body, struct json_doc **ret_doc);
/* The same without printing, for commands that read the answer even with --json. */
int ctl_get(const struct ctl *ctl, const char *path, const char *body, struct json_doc **ret_doc, struct str *ret_text);
/* Prints what the agent answered as it is, but for what a terminal must not get, which is escaped as in JSON. */
void ctl_print_json(const char *text, size_t length);
/* Prints the error in TEXT to standard error. Returns the exit status: EXIT_USAGE for what the caller typed. */
int ctl_refused(const struct ctl *ctl, long status, const struct str *text);
/* Prints ERROR, why the agent cannot be reached, and what to do. Returns EXIT_UNREACHABLE. */
int ctl_unreachable(const struct ctl *ctl, const struct error *error);
/* "agentctl: …" to standard error, escaped. */
void ctl_complain(const char *format, ...) printf_like(1, 2);
/* The same of ERROR, in the language of messages. */
void ctl_complain_of(const struct ctl *ctl, const struct error *error);
/* The language of texts that the API is asked for, "en" or "zh". */
const char *ctl_language(const struct ctl *ctl);
/* finding_rows.c */
/* A status or severity of the API, for people in their language; programs get the API's own words. NULL: "gone". */
const char *ctl_word(const struct ctl *ctl, const char *word);
bool ctl_is_waived(const struct json *finding);
/* Appends "container web"; the kind is left out where it is the name. */
void ctl_append_subject(const struct ctl *ctl, struct str *out, const struct json *subject);
/* A table with a row for each finding. LEAD: the key of a first column that programs get; NULL: there is none. */
struct table *ctl_finding_table(const struct ctl *ctl, const char *lead);
void ctl_finding_row(const struct ctl *ctl, struct table *table, const char *lead, const struct json *finding);
/* A row of such a table for what is no finding. */
void ctl_lead_row(struct table *table, const char *lead, const char *text);
/* acknowledged.c: appends those of the rule SLUG, of the last 90 days. 0, or the exit status. */
int ctl_print_acknowledged(const struct ctl *ctl, const char *slug, struct str *out);
/* findings.c: calls EACH for every finding of every page of BASE until it returns false, LIMIT of them at most (NULL:
 * all). 0, or the exit status. */
int ctl_each_finding(struct ctl *ctl, const struct str *base, const char *limit,
                     bool (*each)(struct ctl *ctl, const struct json *finding, void *user), void *user);
/* baseline_file.c: reads the file PATH. 0; the exit status, after a message. The caller frees RET. */
struct baseline;
int ctl_read_baseline(const struct ctl *ctl, const char *path, struct baseline **ret);
/* pages.c: an answer of several pages. Begin with zeros. */
struct ctl_pages {
    char *after;      /* where the next page begins; NULL: there is none, or none has been read */
    struct map *seen; /* the places so far */
};
/* To the page after the one of ROOT with COUNT findings. 0; EXIT_REFUSED, after a message, when the answers lead
 * nowhere: a place repeats, a page is empty and not the last, or they are too many. */
int ctl_pages_turn(const struct ctl *ctl, struct ctl_pages *pages, const struct json *root, size_t count);
void ctl_pages_deinit(struct ctl_pages *pages);
/* history.c */
/* The filters that were given and the language, as parameters of PATH. */
void ctl_add_filters(const struct ctl *ctl, struct str *path);
/* /v1/events from SINCE to UNTIL (as typed; NULL: no bound) with the filters that were given. 0, or the exit status. */
int ctl_events_path(const struct ctl *ctl, const char *since, const char *until, struct str *path);
/* UNTIL is not after SINCE, both as typed: the exit status. */
int ctl_refuse_span(const struct ctl *ctl, const char *since, const char *until);
/* Says on standard error when the history begins, by the first LINE of an answer, if that is after SINCE (as typed). */
bool ctl_print_beginning(const struct ctl *ctl, const struct json *line, const char *since);
/* Says on standard error why the answer ends before its end, if LINE says so. */
bool ctl_print_failure(const struct ctl *ctl, const struct json *line);
/* Calls LINE for each line of PATH's answer, no more of them than its first line announces. Prints errors. 0, or the
 * exit status. */
int ctl_stream_events(const struct ctl *ctl, const char *path,
                      bool (*line)(const char *line, size_t length, void *user), void *user);
/* The same and where help is. Returns EXIT_USAGE. */
int ctl_usage(const struct ctl *ctl, const char *format, ...) printf_like(2, 3);

#endif
