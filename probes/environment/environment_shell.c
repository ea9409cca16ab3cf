/* What a shell program does to one variable, by its text alone: its commands in the order in which they run. Where a
 * condition decides that cannot be known, both ways are kept as possible states; one that asks whether docker is there
 * holds, as where it is not the variable means nothing. Subshells, parts of a pipeline, what runs in the background and
 * functions leave no trace; a function that sets the variable and is called, eval and read make it unknown. Files that
 * are sourced are not followed. */
#include <string.h>

#include "common/str.h"
#include "common/vec.h"
#include "probes/environment/environment_commands.h"
#include "probes/environment/shell_words.h"

enum { FRAMES_MAX = 32 };

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

typedef VEC(struct environment_word) word_vec;

struct reader {
    struct shell_lexer lexer;
    struct shell_token token; /* the one that is looked at */
    struct environment_script script;
    struct chain chain;
    enum truth last; /* the result of the last command */
    VEC(struct frame) frames;
    char *function; /* defined by the compound command that comes next */
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

/* ---- Lists ---- */

static void begin_command(struct reader *r)
{
    r->chain.before = *r->script.states;
    if ((r->chain.link == LINK_AND && r->chain.result == TRUTH_NO) ||
        (r->chain.link == LINK_OR && r->chain.result == TRUTH_YES))
        r->script.states->count = 0;
}

/* The token that is looked at stands behind the command, whose result is TRUTH. */
static void end_command(struct reader *r, enum truth truth)
{
    struct chain *chain = &r->chain;
    bool pipe = at_operator(r, "|") || at_operator(r, "|&");
    bool by_and = chain->link == LINK_AND;
    enum truth skips = by_and ? TRUTH_NO : TRUTH_YES; /* the result before the link by which the command is not run */

    if (chain->piped || pipe || at_operator(r, "&")) {
        *r->script.states = chain->before;
        truth = TRUTH_MAYBE;
    }
    if (chain->negated)
        truth = environment_invert(truth);
    if (chain->link == LINK_NONE) {
        chain->result = truth;
    } else if (chain->result == skips) {
        *r->script.states = chain->before;
    } else if (chain->result == TRUTH_MAYBE) {
        environment_states_join(r->script.states, &chain->before);
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
    vec_push(words, (struct environment_word){.text = mem_strdup(str_text(&r->token.text)),
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
    const struct environment_word *last = words->count ? &words->items[words->count - 1] : NULL;

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
        end_command(r, words.count ? environment_run(&r->script, words.items, words.count, line) : TRUTH_YES);
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
    struct frame frame = {.kind = kind, .touched = r->script.touched};

    advance(r);
    if (r->frames.count == FRAMES_MAX) {
        r->gave_up = true;
        return;
    }
    begin_command(r);
    frame.chain = r->chain;
    frame.function = take(r->function);
    frame.isolated = frame.function || kind == FRAME_SUBSHELL || r->chain.piped;
    r->script.isolations += frame.isolated;
    r->chain = (struct chain){.link = LINK_NONE};
    vec_push(&r->frames, frame);
}

/* At the word that ends the innermost compound command. */
static void close_frame(struct reader *r)
{
    struct frame frame = r->frames.items[--r->frames.count];

    r->chain = frame.chain;
    r->script.isolations -= frame.isolated;
    if (frame.isolated)
        *r->script.states = frame.chain.before;
    if (frame.function && r->script.touched != frame.touched) {
        r->gave_up |= r->script.touching.count == ENVIRONMENT_FUNCTIONS_MAX;
        vec_push(&r->script.touching, take(frame.function));
    }
    free(frame.function);
    advance(r);
    while (shell_is_redirection(&r->token))
        skip_redirection(r);
    end_command(r, TRUTH_MAYBE);
}

static void end_branch(struct reader *r, struct frame *frame)
{
    environment_states_join(&frame->done, r->script.states);
    *r->script.states = frame->pending;
}

static void read_then(struct reader *r, struct frame *frame)
{
    frame->pending = *r->script.states;
    if (r->last == TRUTH_YES)
        frame->pending.count = 0;
    if (r->last == TRUTH_NO)
        r->script.states->count = 0;
    advance(r);
}

static void read_fi(struct reader *r, struct frame *frame)
{
    environment_states_join(&frame->done, r->script.states);
    environment_states_join(&frame->done, &frame->pending);
    *r->script.states = frame->done;
    close_frame(r);
}

/* Up to "do", of "for x in …" or "for ((…))". */
static void read_for(struct reader *r)
{
    bool begins = true;

    open_frame(r, FRAME_LOOP);
    if (str_equal(str_text(&r->token.text), r->script.name))
        environment_make_unknown(&r->script, r->token.line);
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
        *r->script.states = frame->done;
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
    frame->pending = *r->script.states;
    read_pattern(r, frame);
}

/* At the end of a branch of case. What falls through is kept both ways. */
static void read_branch_end(struct reader *r, struct frame *frame)
{
    struct environment_states fallen = {.count = 0};

    if (at_operator(r, ";&") || at_operator(r, ";;&"))
        fallen = *r->script.states;
    end_branch(r, frame);
    environment_states_join(r->script.states, &fallen);
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
        frame->pending = *r->script.states;
        advance(r);
    } else if (at_keyword(r, "done") && (frame = top(r, FRAME_LOOP))) {
        environment_states_join(r->script.states, &frame->pending);
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
    for (size_t i = 0; i < r->script.touching.count; i++)
        free(r->script.touching.items[i]);
    vec_free(&r->frames);
    vec_free(&r->script.touching);
    free(r->function);
    str_deinit(&r->token.text);
    shell_lexer_deinit(&r->lexer);
}

void environment_read_shell(struct environment_states *states, struct arena *arena, const char *place, const char *text,
                            const char *name)
{
    struct reader r = {.script = {.arena = arena, .place = place, .name = name, .states = states}};

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
    environment_states_join(states, &r.script.returned);
    if (r.gave_up || r.lexer.too_deep)
        environment_make_unknown(&r.script, r.token.line);
    free_reader(&r);
}
