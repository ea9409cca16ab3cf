/* agentctl watch: what changes, as it happens, until somebody ends it; an agent that restarts is waited for. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/watch_lulls.h"
#include "agent/ctl/watch_print.h"
#include "common/number.h"
#include "common/when.h"

enum { AGAIN_S = 1 }; /* between two attempts to reach an agent that has gone */

struct watch {
    const struct ctl *ctl;
    struct watch_blocks blocks;
    struct watch_lulls lulls;
    uint64_t seq;   /* of the last transition that it has had; as --since before */
    usec_t from;    /* --since, if that is a time; 0: it is none */
    bool has_since; /* SEQ or FROM says where to begin */
    bool has_begun; /* there has been an answer */
    bool lost;      /* and its end has been said */
    bool again;     /* it is to be asked for again, from SEQ on */
    char *stream;   /* of the agent's history */
    int status;     /* why it ends, 0: it does not */
};

/* A filter for people alone: a program in a pipe gets lines at once. */
static bool holds_blocks(const struct ctl *ctl)
{
    return terminal_is_screen(&ctl->terminal);
}

static void make_path(const struct watch *watch, struct str *path)
{
    const struct ctl *ctl = watch->ctl;
    char formatted[CLOCK_TEXT_SIZE], number[24];

    str_append(path, "/v1/events?follow=true");
    if (holds_blocks(ctl))
        client_parameter(path, "marks", "true");
    snprintf(number, sizeof number, "%" PRIu64, watch->seq);
    if (watch->has_since && watch->from && !watch->has_begun)
        client_parameter(path, "since_time", clock_format(watch->from, formatted));
    else if (watch->has_since || watch->has_begun)
        client_parameter(path, "since", number);
    ctl_add_filters(ctl, path);
    if (!ctl->status && !ctl->all && !ctl->json)
        client_parameter(path, "status", "fail,error");
}

static void show_block(const struct watch_block *block, void *user)
{
    const struct watch *watch = user;
    scoped_str out = STR_INIT;

    watch_print_block(watch->ctl, block, &out);
    fputs(str_text(&out), stdout);
}

static void show_blocks(struct watch *watch)
{
    watch_blocks_end(&watch->blocks, show_block, watch);
}

static const char *what_is_watched(const struct ctl *ctl)
{
    if (ctl->json || ctl->all)
        return tr(ctl, "every change", "所有变化");
    return ctl->status ? tr(ctl, "changes to and from the statuses given", "所给状态的变化")
                       : tr(ctl, "failures, errors and recoveries", "不通过、错误和恢复");
}

/* The first line of an answer. False: nothing can follow. */
static bool begin(struct watch *watch, const struct json *hello)
{
    const struct ctl *ctl = watch->ctl;
    uint64_t last = (uint64_t)json_int(json_get(hello, "last_seq"), 0);
    const char *stream = json_text(json_get(hello, "stream"), "");

    if (!watch->has_begun && watch->has_since && !watch->from && watch->seq > last) {
        watch->status = ctl_usage(ctl,
                                  tr(ctl, "--since %" PRIu64 " is ahead of the last transition, %" PRIu64,
                                     "--since %" PRIu64 " 超过了最后一个变化 %" PRIu64),
                                  watch->seq, last);
        return false;
    }
    if (!watch->has_begun) {
        if (!watch->has_since)
            watch->seq = last;
        ctl_complain(tr(ctl, "watching %s since transition %" PRIu64 "; Ctrl-C ends it",
                        "正在监视%s，从变化 %" PRIu64 " 起；按 Ctrl-C 结束"),
                     what_is_watched(ctl),
                     watch->from ? (uint64_t)json_int(json_get(hello, "oldest_seq"), 0) : watch->seq);
    } else if (strcmp(watch->stream, stream) != 0) {
        ctl_complain("%s", tr(ctl, "the agent is back, with a history begun anew", "代理已恢复，历史记录已重新开始"));
        watch->seq = last;
        watch->again = true;
    } else if (watch->lost) {
        ctl_complain(
            tr(ctl, "the agent is back; going on after transition %" PRIu64, "代理已恢复；从变化 %" PRIu64 " 之后继续"),
            watch->seq);
    }
    watch->has_begun = true;
    watch->lost = false;
    free(watch->stream);
    watch->stream = mem_strdup(stream);
    return !watch->again;
}

/* Nobody has asked for it, and nobody has to act on it. */
static bool is_lull(struct watch *watch, const struct json *root)
{
    return !watch->ctl->all && !watch->ctl->status && watch_lulls_take(&watch->lulls, root);
}

static void take_transition(struct watch *watch, const struct json *root)
{
    uint64_t seq = (uint64_t)json_int(json_get(root, "seq"), 0);
    scoped_str line = STR_INIT;

    if (seq > watch->seq)
        watch->seq = seq;
    if (watch->ctl->json)
        return;
    if (!holds_blocks(watch->ctl)) {
        watch_print_line(root, &line);
        fputs(str_text(&line), stdout);
    } else if (!is_lull(watch, root) && !watch_blocks_add(&watch->blocks, root)) {
        show_blocks(watch);
    }
}

static void take_mark(struct watch *watch, const struct json *root)
{
    uint64_t seq = (uint64_t)json_int(json_get(root, "settled"), 0);

    if (seq > watch->seq)
        watch->seq = seq;
    show_blocks(watch);
}

static bool take_line(const char *line, size_t length, void *user)
{
    struct watch *watch = user;
    const struct ctl *ctl = watch->ctl;
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *root;

    if (json_parse(line, length, NULL, &doc, NULL) < 0)
        return true;
    root = json_root(doc);
    if (json_get(root, "hello") && !begin(watch, json_get(root, "hello")))
        return false;
    if (ctl->json) {
        ctl_print_json(line, length);
        putchar('\n');
    }
    if (json_get(root, "lost")) {
        show_blocks(watch);
        ctl_complain(tr(ctl, "%lld older transitions are not kept any more", "%lld 条较早的变化已不再保留"),
                     (long long)json_int(json_get(root, "lost"), 0));
    } else if (json_get(root, "settled")) {
        take_mark(watch, root);
    } else if (json_get(root, "seq")) {
        take_transition(watch, root);
    }
    return fflush(stdout) == 0;
}

/* One answer, to its end. 0: it is to be asked for again. */
static int follow(struct watch *watch)
{
    scoped_str path = STR_INIT, text = STR_INIT;
    struct error error = ERROR_INIT;
    long status = 0;
    int r;

    watch->again = false;
    make_path(watch, &path);
    r = client_stream(watch->ctl->socket, path.data, true, take_line, watch, &status, &text, &error);
    show_blocks(watch);
    if (watch->status || watch->again)
        return watch->status;
    if (fflush(stdout) != 0 || ferror(stdout))
        return EXIT_UNWRITTEN;
    if (status != 200 && status && (!watch->has_begun || status < 500))
        return ctl_refused(watch->ctl, status, &text);
    if (r < 0 && !watch->has_begun)
        return ctl_unreachable(watch->ctl, &error);
    if (r < 0 && error.number == EACCES)
        return ctl_unreachable(watch->ctl, &error);
    if (!watch->lost)
        ctl_complain("%s", tr(watch->ctl, "the agent has ended the stream; waiting for it to come back",
                              "代理结束了数据流；正在等待它恢复"));
    watch->lost = true;
    return 0;
}

int ctl_watch(struct ctl *ctl)
{
    struct watch watch = {.ctl = ctl, .has_since = ctl->since != NULL};
    const char *end = number_read(ctl->since, 10, INT64_MAX, &watch.seq);
    int r;

    if (ctl->since && (!end || *end) && when_parse(ctl->since, clock_now(&clock_system), &watch.from) < 0)
        watch.has_since = false; /* never: the command line's check has read it */
    while ((r = follow(&watch)) == 0)
        sleep(AGAIN_S);
    watch_blocks_deinit(&watch.blocks);
    watch_lulls_deinit(&watch.lulls);
    free(watch.stream);
    return r;
}
