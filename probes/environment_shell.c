/* What a shell program does to one variable, by its text alone: assignments, export, declare, unset, set -a, in the
 * order in which they run. Where a condition decides that cannot be known, both ways are kept as possible states; one
 * that asks whether docker is there holds, as where it is not the variable means nothing. Subshells, parts of a
 * pipeline, what runs in the background and functions leave no trace; a function that sets the variable and is called,
 * eval and read make it unknown. Files that are sourced are not followed. */
#include <string.h>

#include "common/str.h"
#include "common/vec.h"
#include "probes/environment_states.h"
#include "probes/shell_words.h"

enum { FRAMES_MAX = 32, FUNCTIONS_MAX = 256 };

enum truth { TRUTH_MAYBE, TRUTH_NO, TRUTH_YES };
enum link { LINK_NONE, LINK_AND, LINK_OR };
enum frame_kind { FRAME_IF, FRAME_LOOP, FRAME_CASE, FRAME_GROUP, FRAME_SUBSHELL };

/* Where a list of commands stands: a && b || c. */
struct chain {
    enum link link;
    enum truth result; /* of what stands before the link */
    bool negated, piped;
    struct environment_states before; /* the command that is being read */
};

struct frame {
    enum frame_kind kind;
    struct chain chain;                /* of the list that holds this compound command */
    struct environment_states pending, /* with which the next branch would begin */
        done;                          /* with which branches have ended */
    bool catches_all;                  /* a branch that is taken when no other is has been seen */
    char *function;                    /* its name when this is a function's body */
    bool isolated;
    size_t touched;
};

struct word {
    char *text;
    size_t name_length;
    bool quoted, computed;
};
typedef VEC(struct word) word_vec;

struct reader {
    struct shell_lexer lexer;
    struct shell_token token; /* the one that is looked at */
    struct arena *arena;
    const char *place, *name;
    struct environment_states *states, returned;
    struct chain chain;
    enum truth last; /* the result of the last command */
    VEC(struct frame) frames;
    char *function;       /* defined by the compound command that comes next */
    VEC(char *) touching; /* functions that do something to the variable */
    size_t touched, isolations;
    bool gave_up;
};

static void advance(struct reader *r)
{
    shell_next(&r->lexer, &r->token);
}

static bool at_operator(const struct reader *r, const char *text)
{
    return shell_is_operator(&r->token, text);
}

static bool at_keyword(const struct reader *r, const char *text)
{
    return r->token.kind == SHELL_WORD && !r->token.quoted && !r->token.computed &&
           str_equal(str_text(&r->token.text), text);
}

/* ---- Acting on the variable ---- */

static void assign(struct reader *r, unsigned line, const char *value, bool computed)
{
    r->touched++;
    environment_states_assign(r->states, r->place, line, arena_strdup(r->arena, value), computed);
}

static void make_unknown(struct reader *r, unsigned line)
{
    assign(r, line, "", true);
    environment_states_export(r->states, r->place, line, true);
}

static void set_exported(struct reader *r, unsigned line, bool exported)
{
    r->touched++;
    environment_states_export(r->states, r->place, line, exported);
}

/* NAME=value or NAME+=value, by its text; false: of another name. */
static bool assign_text(struct reader *r, const struct word *word, unsigned line)
{
    size_t length = strlen(r->name);
    const char *rest = word->text + length;
    bool appends;

    if (strncmp(word->text, r->name, length) != 0 || (*rest != '=' && !str_starts(rest, "+=")))
        return false;
    appends = *rest == '+';
    assign(r, line, rest + 1 + appends, word->computed || appends);
    return true;
}

/* ---- Simple commands ---- */

static bool is_flag_group(const char *word)
{
    return (word[0] == '-' || word[0] == '+') && word[1] && strcmp(word, "--") != 0;
}

/* export, readonly, declare and the like: FLAG is what each name gets besides a value. */
static void run_declaration(struct reader *r, const struct word *words, size_t count, unsigned line, bool exports)
{
    bool to = true, changes = exports;
    size_t i = 0;

    for (; i < count && is_flag_group(words[i].text); i++) {
        const char *flags = words[i].text;

        if (strpbrk(flags, "fF"))
            return; /* functions */
        if (exports && strchr(flags, 'n'))
            to = false;
        if (!exports && strchr(flags, 'x')) {
            changes = true;
            to = flags[0] == '-';
        }
    }
    i += i < count && strcmp(words[i].text, "--") == 0;
    for (; i < count; i++)
        if ((assign_text(r, &words[i], line) || strcmp(words[i].text, r->name) == 0) && changes)
            set_exported(r, line, to);
}

static void run_unset(struct reader *r, const struct word *words, size_t count, unsigned line)
{
    for (size_t i = 0; i < count; i++) {
        if (str_starts(words[i].text, "-f"))
            return;
        if (strcmp(words[i].text, r->name) == 0)
            assign(r, line, NULL, false);
    }
}

static void run_set(struct reader *r, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count && is_flag_group(words[i].text); i++) {
        const char *flags = words[i].text;

        bool all = strchr(flags, 'a') != NULL;

        if (strchr(flags, 'o') && i + 1 < count)
            all |= strcmp(words[++i].text, "allexport") == 0;
        if (!all)
            continue;
        r->touched++;
        environment_states_all_export(r->states, flags[0] == '-');
    }
}

/* What follows is not run. */
static void run_return(struct reader *r)
{
    if (!r->isolations)
        environment_states_join(&r->returned, r->states);
    r->states->count = 0;
}

static bool names_docker(const struct word *word)
{
    const char *slash = strrchr(word->text, '/'), *name = slash ? slash + 1 : word->text;

    return !word->computed && (strcmp(name, "docker") == 0 || strcmp(name, "dockerd") == 0);
}

static enum truth invert(enum truth truth)
{
    return truth == TRUTH_MAYBE ? TRUTH_MAYBE : truth == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
}

/* [ -x /usr/bin/docker ] and the like; WORDS are those between the brackets. */
static enum truth run_test(const struct word *words, size_t count)
{
    if (count && strcmp(words[0].text, "!") == 0)
        return invert(run_test(words + 1, count - 1));
    if (count == 2 && names_docker(&words[1]) &&
        (strcmp(words[0].text, "-x") == 0 || strcmp(words[0].text, "-e") == 0 || strcmp(words[0].text, "-f") == 0))
        return TRUTH_YES;
    return TRUTH_MAYBE;
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool mentions(const struct word *words, size_t count, const char *name, bool within)
{
    for (size_t i = 0; i < count; i++)
        if (within ? strstr(words[i].text, name) != NULL : strcmp(words[i].text, name) == 0)
            return true;
    return false;
}

/* WORDS[0] is the command's name. */
static enum truth run_command(struct reader *r, const struct word *words, size_t count, unsigned line)
{
    static const char *const declarations[] = {"declare", "typeset", "readonly", "local"};
    static const char *const finders[] = {"which", "type", "hash"};
    static const char *const setters[] = {"read", "printf", "getopts", "mapfile", "readarray", "let"};
    const char *name = words[0].text;
    const struct word *rest = words + 1;
    size_t rest_count = count - 1;

    if (words[0].computed)
        return TRUTH_MAYBE;
    if (is_among((const char *const *)r->touching.items, r->touching.count, name)) {
        make_unknown(r, line);
    } else if (strcmp(name, "command") == 0 || strcmp(name, "builtin") == 0) {
        if (rest_count == 2 && strcmp(rest[0].text, "-v") == 0)
            return names_docker(&rest[1]) ? TRUTH_YES : TRUTH_MAYBE;
        if (rest_count && rest[0].text[0] != '-')
            return run_command(r, rest, rest_count, line);
    } else if (strcmp(name, "true") == 0 || strcmp(name, ":") == 0) {
        return TRUTH_YES;
    } else if (strcmp(name, "false") == 0) {
        return TRUTH_NO;
    } else if (strcmp(name, "export") == 0) {
        run_declaration(r, rest, rest_count, line, true);
        return TRUTH_YES;
    } else if (is_among(declarations, countof(declarations), name)) {
        run_declaration(r, rest, rest_count, line, false);
    } else if (strcmp(name, "unset") == 0) {
        run_unset(r, rest, rest_count, line);
    } else if (strcmp(name, "set") == 0) {
        run_set(r, rest, rest_count);
    } else if (strcmp(name, "return") == 0 || strcmp(name, "exit") == 0) {
        run_return(r);
    } else if (strcmp(name, "eval") == 0 || is_among(setters, countof(setters), name)) {
        if (mentions(rest, rest_count, r->name, strcmp(name, "eval") == 0))
            make_unknown(r, line);
    } else if (strcmp(name, "test") == 0) {
        return run_test(rest, rest_count);
    } else if (strcmp(name, "[") == 0 || strcmp(name, "[[") == 0) {
        return rest_count ? run_test(rest, rest_count - 1) : TRUTH_MAYBE;
    } else if (is_among(finders, countof(finders), name)) {
        return rest_count == 1 && names_docker(rest) ? TRUTH_YES : TRUTH_MAYBE;
    }
    return TRUTH_MAYBE;
}

/* Assignments before a command are that command's alone. */
static enum truth run_words(struct reader *r, const word_vec *words, unsigned line)
{
    enum truth truth = TRUTH_YES;
    size_t first = 0;

    while (first < words->count && words->items[first].name_length)
        first++;
    if (first < words->count)
        return run_command(r, words->items + first, words->count - first, line);
    for (size_t i = 0; i < words->count; i++) {
        assign_text(r, &words->items[i], line);
        if (words->items[i].computed) /* a substitution's result is the command's */
            truth = TRUTH_MAYBE;
    }
    return truth;
}

/* ---- Lists ---- */

static void begin_command(struct reader *r)
{
    r->chain.before = *r->states;
    if ((r->chain.link == LINK_AND && r->chain.result == TRUTH_NO) ||
        (r->chain.link == LINK_OR && r->chain.result == TRUTH_YES))
        r->states->count = 0;
}

/* The token that is looked at stands behind the command, whose result is TRUTH. */
static void end_command(struct reader *r, enum truth truth)
{
    struct chain *chain = &r->chain;
    bool pipe = at_operator(r, "|") || at_operator(r, "|&");
    bool by_and = chain->link == LINK_AND;
    enum truth skips = by_and ? TRUTH_NO : TRUTH_YES; /* the result before the link by which the command is not run */

    if (chain->piped || pipe || at_operator(r, "&")) {
        *r->states = chain->before;
        truth = TRUTH_MAYBE;
    }
    if (chain->negated)
        truth = invert(truth);
    if (chain->link == LINK_NONE) {
        chain->result = truth;
    } else if (chain->result == skips) {
        *r->states = chain->before;
    } else if (chain->result == TRUTH_MAYBE) {
        environment_states_join(r->states, &chain->before);
        chain->result = truth == skips ? skips : TRUTH_MAYBE;
    } else {
        chain->result = truth;
    }
    chain->negated = false;
    chain->piped = pipe;
    if (pipe)
        return;
    chain->link = at_operator(r, "&&") ? LINK_AND : at_operator(r, "||") ? LINK_OR : LINK_NONE;
    if (chain->link == LINK_NONE)
        r->last = chain->result;
}

static void skip_redirection(struct reader *r)
{
    advance(r);
    if (r->token.kind == SHELL_WORD)
        advance(r);
}

static void skip_newlines(struct reader *r)
{
    while (r->token.kind == SHELL_NEWLINE)
        advance(r);
}

static void push_word(struct reader *r, word_vec *words)
{
    vec_push(words, (struct word){.text = mem_strdup(str_text(&r->token.text)),
                                  .name_length = r->token.name_length,
                                  .quoted = r->token.quoted,
                                  .computed = r->token.computed});
    advance(r);
}

static void free_words(word_vec *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i].text);
    vec_free(words);
}

static bool ends_condition(const word_vec *words)
{
    const struct word *last = words->count ? &words->items[words->count - 1] : NULL;

    return last && !last->quoted && strcmp(last->text, "]]") == 0;
}

/* name () …: what comes next is the function's body. */
static void begin_function(struct reader *r, const char *name)
{
    free(r->function);
    r->function = mem_strdup(name);
    if (at_operator(r, "("))
        advance(r);
    if (at_operator(r, ")"))
        advance(r);
    skip_newlines(r);
}

static void read_simple(struct reader *r)
{
    word_vec words = {0};
    unsigned line = r->token.line;
    bool in_condition = at_keyword(r, "[[");

    for (;;) {
        if (in_condition && r->token.kind != SHELL_END) {
            push_word(r, &words);
            in_condition = !ends_condition(&words);
        } else if (r->token.kind == SHELL_WORD) {
            push_word(r, &words);
        } else if (shell_is_redirection(&r->token)) {
            skip_redirection(r);
        } else {
            break;
        }
    }
    if (words.count == 1 && at_operator(r, "(")) {
        begin_function(r, words.items[0].text);
    } else {
        begin_command(r);
        end_command(r, words.count ? run_words(r, &words, line) : TRUTH_YES);
        if (at_operator(r, "(")) /* what no shell would take */
            advance(r);
    }
    free_words(&words);
}

/* ---- Compound commands ---- */

static struct frame *top(struct reader *r, enum frame_kind kind)
{
    struct frame *frame = r->frames.count ? &r->frames.items[r->frames.count - 1] : NULL;

    return frame && frame->kind == kind ? frame : NULL;
}

static void open_frame(struct reader *r, enum frame_kind kind)
{
    struct frame frame = {.kind = kind, .touched = r->touched};

    advance(r);
    if (r->frames.count == FRAMES_MAX) {
        r->gave_up = true;
        return;
    }
    begin_command(r);
    frame.chain = r->chain;
    frame.function = take(r->function);
    frame.isolated = frame.function || kind == FRAME_SUBSHELL || r->chain.piped;
    r->isolations += frame.isolated;
    r->chain = (struct chain){.link = LINK_NONE};
    vec_push(&r->frames, frame);
}

/* At the word that ends the innermost compound command. */
static void close_frame(struct reader *r)
{
    struct frame frame = r->frames.items[--r->frames.count];

    r->chain = frame.chain;
    r->isolations -= frame.isolated;
    if (frame.isolated)
        *r->states = frame.chain.before;
    if (frame.function && r->touched != frame.touched) {
        r->gave_up |= r->touching.count == FUNCTIONS_MAX;
        vec_push(&r->touching, take(frame.function));
    }
    free(frame.function);
    advance(r);
    while (shell_is_redirection(&r->token))
        skip_redirection(r);
    end_command(r, TRUTH_MAYBE);
}

static void end_branch(struct reader *r, struct frame *frame)
{
    environment_states_join(&frame->done, r->states);
    *r->states = frame->pending;
}

static void read_then(struct reader *r, struct frame *frame)
{
    frame->pending = *r->states;
    if (r->last == TRUTH_YES)
        frame->pending.count = 0;
    if (r->last == TRUTH_NO)
        r->states->count = 0;
    advance(r);
}

static void read_fi(struct reader *r, struct frame *frame)
{
    environment_states_join(&frame->done, r->states);
    environment_states_join(&frame->done, &frame->pending);
    *r->states = frame->done;
    close_frame(r);
}

/* Up to "do", of "for x in …" or "for ((…))". */
static void read_for(struct reader *r)
{
    bool begins = true;

    open_frame(r, FRAME_LOOP);
    if (str_equal(str_text(&r->token.text), r->name))
        make_unknown(r, r->token.line);
    if (r->token.kind == SHELL_WORD)
        advance(r);
    while (r->token.kind != SHELL_END && !(begins && at_keyword(r, "do"))) {
        begins = r->token.kind == SHELL_NEWLINE || at_operator(r, ";") || r->token.computed;
        advance(r);
    }
}

/* From behind "in" or ";;" on: the next pattern, or the end. */
static void read_pattern(struct reader *r, struct frame *frame)
{
    skip_newlines(r);
    if (at_keyword(r, "esac")) {
        if (!frame->catches_all)
            environment_states_join(&frame->done, &frame->pending);
        *r->states = frame->done;
        close_frame(r);
        return;
    }
    if (at_operator(r, "("))
        advance(r);
    while (r->token.kind != SHELL_END && !at_operator(r, ")")) {
        frame->catches_all |= at_keyword(r, "*");
        advance(r);
    }
    advance(r);
}

static void read_case(struct reader *r)
{
    struct frame *frame;

    open_frame(r, FRAME_CASE);
    while (r->token.kind != SHELL_END && !at_keyword(r, "in"))
        advance(r);
    advance(r);
    frame = top(r, FRAME_CASE);
    if (!frame)
        return;
    frame->pending = *r->states;
    read_pattern(r, frame);
}

/* At the end of a branch of case. What falls through is kept both ways. */
static void read_branch_end(struct reader *r, struct frame *frame)
{
    struct environment_states fallen = {.count = 0};

    if (at_operator(r, ";&") || at_operator(r, ";;&"))
        fallen = *r->states;
    end_branch(r, frame);
    environment_states_join(r->states, &fallen);
    if (!at_keyword(r, "esac"))
        advance(r);
    read_pattern(r, frame);
}

static void read_function(struct reader *r)
{
    scoped(cleanup_free) char *name = NULL;

    advance(r);
    if (r->token.kind != SHELL_WORD)
        return;
    name = mem_strdup(str_text(&r->token.text));
    advance(r);
    begin_function(r, name);
}

/* False: the word is none of the shell's own. */
static bool read_keyword(struct reader *r)
{
    struct frame *frame;

    if (at_keyword(r, "if")) {
        open_frame(r, FRAME_IF);
    } else if (at_keyword(r, "then") && (frame = top(r, FRAME_IF))) {
        read_then(r, frame);
    } else if ((at_keyword(r, "elif") || at_keyword(r, "else")) && (frame = top(r, FRAME_IF))) {
        end_branch(r, frame);
        frame->pending.count = 0;
        advance(r);
    } else if (at_keyword(r, "fi") && (frame = top(r, FRAME_IF))) {
        read_fi(r, frame);
    } else if (at_keyword(r, "while") || at_keyword(r, "until")) {
        open_frame(r, FRAME_LOOP);
    } else if (at_keyword(r, "for") || at_keyword(r, "select")) {
        read_for(r);
    } else if (at_keyword(r, "do") && (frame = top(r, FRAME_LOOP))) {
        frame->pending = *r->states;
        advance(r);
    } else if (at_keyword(r, "done") && (frame = top(r, FRAME_LOOP))) {
        environment_states_join(r->states, &frame->pending);
        close_frame(r);
    } else if (at_keyword(r, "case")) {
        read_case(r);
    } else if (at_keyword(r, "esac") && (frame = top(r, FRAME_CASE))) {
        read_branch_end(r, frame);
    } else if (at_keyword(r, "{")) {
        open_frame(r, FRAME_GROUP);
    } else if (at_keyword(r, "}") && top(r, FRAME_GROUP)) {
        close_frame(r);
    } else if (at_keyword(r, "function")) {
        read_function(r);
    } else if (at_keyword(r, "!")) {
        r->chain.negated = !r->chain.negated;
        advance(r);
    } else if (at_keyword(r, "time")) {
        advance(r);
    } else {
        return false;
    }
    return true;
}

static void read_operator(struct reader *r)
{
    struct frame *frame = top(r, FRAME_CASE);

    if (at_operator(r, "(")) {
        open_frame(r, FRAME_SUBSHELL);
    } else if (at_operator(r, ")") && top(r, FRAME_SUBSHELL)) {
        close_frame(r);
    } else if (frame && (at_operator(r, ";;") || at_operator(r, ";&") || at_operator(r, ";;&"))) {
        read_branch_end(r, frame);
    } else if (shell_is_redirection(&r->token)) {
        read_simple(r);
    } else {
        advance(r);
    }
}

static void free_reader(struct reader *r)
{
    for (size_t i = 0; i < r->frames.count; i++)
        free(r->frames.items[i].function);
    for (size_t i = 0; i < r->touching.count; i++)
        free(r->touching.items[i]);
    vec_free(&r->frames);
    vec_free(&r->touching);
    free(r->function);
    str_deinit(&r->token.text);
    shell_lexer_deinit(&r->lexer);
}

void environment_read_shell(struct environment_states *states, struct arena *arena, const char *place, const char *text,
                            const char *name)
{
    struct reader r = {.arena = arena, .place = place, .name = name, .states = states};

    shell_lexer_init(&r.lexer, text);
    advance(&r);
    while (r.token.kind != SHELL_END && !r.gave_up) {
        if (r.token.kind == SHELL_OPERATOR)
            read_operator(&r);
        else if (r.token.kind == SHELL_NEWLINE)
            advance(&r);
        else if (!read_keyword(&r))
            read_simple(&r);
    }
    if (r.frames.count) /* what is not closed is not run */
        *states = r.frames.items[0].chain.before;
    environment_states_join(states, &r.returned);
    if (r.gave_up || r.lexer.too_deep)
        make_unknown(&r, r.token.line);
    free_reader(&r);
}
