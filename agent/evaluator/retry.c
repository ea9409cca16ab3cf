/* What the engine could not answer is asked for again, until it is answered or its subject is gone.
 *
 * Each input that failed has a pause of its own, which doubles with every failure up to a limit and differs between
 * inputs, so that they do not come back all at once. And there is a limit to all of them together: a round takes a few,
 * more when what was retried is answered, fewer while it is not. An engine with ten thousand containers that answers
 * none of them is asked for some dozens a second. A sweep makes everything due at once, within the same limit.
 *
 * What is being retried is reported as a state of the agent: its findings are errors, and the agent is degraded. */
#include "agent/evaluator/evaluator_internal.h"

#include <errno.h>
#include <string.h>

#include "common/secrets/secrets.h"
#include "common/text.h"

enum { ROUND_MS = 250, A_ROUND_MIN = 4, A_ROUND_FIRST = 16, A_ROUND_MAX = 256 };

/* First and longest pause. What was refused, is unknown to this engine or larger than is read will hardly be answered
 * soon. What is done in the background takes minutes of work each time. */
static const struct pauses {
    usec_t first, last;
} soon = {USEC_PER_SEC, 300 * USEC_PER_SEC}, slow = {120 * USEC_PER_SEC, 1800 * USEC_PER_SEC},
  background = {15 * USEC_PER_SEC, 3600 * USEC_PER_SEC};

static usec_t pause_after(const struct input *input, int number)
{
    const struct pauses *pauses = input_types[input->kind].background                       ? &background
                                  : number == EACCES || number == ENOENT || number == EFBIG ? &slow
                                                                                            : &soon;
    usec_t pause = pauses->first;
    struct hash hash;

    for (unsigned i = 1; i < input->failures && pause < pauses->last; i++)
        pause *= 2;
    pause = pause < pauses->last ? pause : pauses->last;
    hash_init(&hash);
    hash_bytes(&hash, input->key, strlen(input->key));
    hash_bytes(&hash, &input->fetch_number, sizeof input->fetch_number);
    return pause - (usec_t)(hash_end(&hash) % (uint64_t)(pause / 4));
}

bool retry_is_due_to(enum input_kind kind, int number)
{
    /* ENODATA: there is nothing to be asked; EREMOTE: not from here. */
    return input_types[kind].from_engine && number != ENODATA && number != EREMOTE;
}

static void arm(struct evaluator *evaluator, usec_t at)
{
    usec_t now = clock_monotonic(), left = at > now ? at - now : 0;
    struct timeval wait;

    if (left < ROUND_MS * 1000)
        left = ROUND_MS * 1000;
    if (evtimer_pending(evaluator->retry_timer, NULL) && evaluator->next_retry <= now + left)
        return;
    evaluator->next_retry = now + left;
    wait = (struct timeval){.tv_sec = left / USEC_PER_SEC, .tv_usec = left % USEC_PER_SEC};
    evtimer_add(evaluator->retry_timer, &wait);
}

void retry_failed(struct evaluator *evaluator, struct input *input, int number)
{
    if (!input->unread)
        evaluator->unread[input->kind]++;
    input->unread = true;
    if (input->failures++ && evaluator->retries_a_round > A_ROUND_MIN)
        evaluator->retries_a_round /= 2;
    retry_drop(evaluator, input);
    input->retry_at = clock_monotonic() + pause_after(input, number);
    TAILQ_INSERT_TAIL(&evaluator->retries, input, retry);
    arm(evaluator, input->retry_at);
}

void retry_answered(struct evaluator *evaluator, struct input *input)
{
    if (input->unread && evaluator->retries_a_round < A_ROUND_MAX)
        evaluator->retries_a_round *= 2;
    retry_forget(evaluator, input);
}

void retry_now(struct evaluator *evaluator, enum input_kind kind, const char *key)
{
    struct input *input = input_find(evaluator, kind, key);

    if (!input || !input->retry_at)
        return;
    input->retry_at = 1;
    arm(evaluator, 0);
}

void evaluator_retry_failed(struct evaluator *evaluator)
{
    struct input *input;

    TAILQ_FOREACH(input, &evaluator->retries, retry)
    if (!input_types[input->kind].background)
        input->retry_at = 1;
    if (!TAILQ_EMPTY(&evaluator->retries))
        arm(evaluator, 0);
}

static void on_round(evutil_socket_t fd, short what, void *user)
{
    struct evaluator *evaluator = user;
    usec_t now = clock_monotonic(), next = 0;
    unsigned left = evaluator->retries_a_round;
    struct input *input, *after;

    (void)fd;
    (void)what;
    for (input = TAILQ_FIRST(&evaluator->retries); input; input = after) {
        after = TAILQ_NEXT(input, retry);
        if (input->retry_at <= now && left) {
            left--;
            retry_drop(evaluator, input);
            if (!input->stale && !input->in_flight)
                evaluator_stale(evaluator, input->kind, input->key[0] ? input->key : NULL, "retry");
        } else if (!next || input->retry_at < next) {
            next = input->retry_at;
        }
    }
    if (next)
        arm(evaluator, next);
    retry_report(evaluator);
}

/* ---- What is reported of it ---- */

static const struct noun {
    const char *one, *many;
} nouns[INPUT_KIND_COUNT] = {
    [INPUT_VERSION] = {M_("the engine's version"), NULL},
    [INPUT_INFO] = {M_("the engine's info"), NULL},
    [INPUT_CONTAINERS] = {M_("the list of containers"), NULL},
    [INPUT_IMAGES] = {M_("the list of images"), NULL},
    [INPUT_NETWORKS] = {M_("the list of networks"), NULL},
    [INPUT_SERVICES] = {M_("the swarm's services"), NULL},
    [INPUT_TASKS] = {M_("the tasks of the swarm"), NULL},
    [INPUT_SECRETS] = {M_("the swarm's secrets"), NULL},
    [INPUT_UNLOCK_KEY] = {M_("the swarm's unlock key"), NULL},
    [INPUT_CONTAINER] = {M_("container"), M_("containers")},
    [INPUT_IMAGE] = {M_("image"), M_("images")},
    [INPUT_HISTORY] = {M_("history of an image"), M_("histories of images")},
    [INPUT_EXEC] = {M_("exec"), M_("execs")},
};

/* Why one of KIND could not be read. */
static const char *find_reason(const struct evaluator *evaluator, enum input_kind kind)
{
    size_t at = 0;
    const char *key, *why = NULL;
    void *value;

    while (map_next(evaluator->inputs[kind], &at, &key, &value)) {
        const struct input *input = value;

        if (input->unread && !store_get(evaluator->store, kind, input->key, &why))
            return why;
    }
    return NULL;
}

/* "3 containers (the engine answered 500)"; one line, without secrets: it may be a proxy's. */
static void append_unread(struct str *text, const struct noun *noun, size_t count, const char *why)
{
    enum { WHY_MAX = 160 };
    scoped_str what = STR_INIT, redacted = STR_INIT, shown = STR_INIT;

    if (noun->many)
        message_add(&what, "%zu %s", count, count == 1 ? noun->one : noun->many);
    else
        str_append(&what, noun->one);
    str_append(text, text->length ? ", " : "");
    if (!why) {
        str_append(text, what.data);
        return;
    }
    secret_redact_messages(&redacted, why);
    message_escape(&shown, str_text(&redacted), WHY_MAX);
    message_add(text, "%s (%s)", what.data, str_text(&shown));
}

void retry_report(struct evaluator *evaluator)
{
    scoped_str list = STR_INIT, text = STR_INIT;

    for (unsigned kind = 0; kind < INPUT_KIND_COUNT; kind++) {
        size_t count = evaluator->unread[kind];
        const struct noun *noun = &nouns[kind];

        if (!count || !noun->one)
            continue;
        append_unread(&list, noun, count, find_reason(evaluator, (enum input_kind)kind));
    }
    if (!list.length) {
        evaluator_agent_state(evaluator, "agent-unread", true, M_("everything is read"), "retry");
        return;
    }
    message_add(&text, "%s cannot be read and will be asked for again", list.data);
    evaluator_agent_state(evaluator, "agent-unread", false, text.data, "retry");
}

void retry_init(struct evaluator *evaluator)
{
    TAILQ_INIT(&evaluator->retries);
    evaluator->retries_a_round = A_ROUND_FIRST;
    evaluator->retry_timer = evtimer_new(evaluator->base, on_round, evaluator);
}

void retry_deinit(struct evaluator *evaluator)
{
    event_free(evaluator->retry_timer);
}
