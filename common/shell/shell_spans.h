/* The words of commands by their places in a text: for who has to say where something is, in a text that may be a
 * script, a part of one or anything else. Nothing is expanded and nested scripts are not read, as shell_parse() does;
 * quotes, here-documents and what ends a command are found from any place on. Each of them is looked for once and
 * remembered. */
#ifndef COMMON_SHELL_SHELL_SPANS_H
#define COMMON_SHELL_SHELL_SPANS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/budget.h"

/* What comes next and is looked for once. */
enum shell_mark {
    SHELL_MARK_SINGLE_QUOTE,
    SHELL_MARK_DOUBLE_QUOTE, /* with no backslash before it */
    SHELL_MARK_ESCAPE_END,   /* of \" */
    SHELL_MARK_LINE_END,
    SHELL_MARK_COUNT,
};

/* Members are the reader's own. */
struct shell_spans {
    const char *text;
    size_t length;
    struct budget *budget;
    struct {
        size_t from, at; /* there is none from FROM up to AT; AT above the length: it was not looked for yet */
    } marks[SHELL_MARK_COUNT];
    size_t document_from, document_to; /* the here-document that was read last */
};

struct shell_span {
    size_t from, to;
};

enum { SHELL_SPANS_MAX = 64, SHELL_SPAN_LENGTH_MAX = 4096 };

struct shell_span_command {
    size_t end; /* of its text: at what ends it, or the text's end */
    struct shell_span words[SHELL_SPANS_MAX];
    size_t count;
    struct shell_span input; /* the here-string or here-document that it reads; empty: none */
};

/* TEXT and BUDGET, from which steps are taken, live as long as SPANS. */
void shell_spans_init(struct shell_spans *spans, const char *text, size_t length, struct budget *budget);
/* The first place of MARK at or after FROM; the text's length if there is none. */
size_t shell_spans_next(struct shell_spans *spans, enum shell_mark mark, size_t from);
/* The words from AT on, up to what ends the command; at most SHELL_SPANS_MAX of them, within SHELL_SPAN_LENGTH_MAX. */
void shell_spans_read(struct shell_spans *spans, size_t at, struct shell_span_command *ret);
bool shell_span_is(const struct shell_spans *spans, struct shell_span word, const char *text);
bool shell_span_is_flag(const struct shell_spans *spans, struct shell_span word);
/* The program's name in WORD, without its directory. */
struct shell_span shell_span_base(const struct shell_spans *spans, struct shell_span word);

#endif
