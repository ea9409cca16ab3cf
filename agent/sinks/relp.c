/* A frame is "TXNR COMMAND DATALEN[ DATA]\n". The server's are answers ("rsp", with the number of what they answer),
 * and the hint that it ends the session ("serverclose", number 0). Everything else ends it too. */
#include "agent/sinks/relp.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { TXNR_MAX = 999999999, DIGITS_MAX = 9, COMMAND_MAX = 32 };

struct frame {
    uint32_t txnr;
    const char *command;
    size_t command_length;
    const char *data;
    uint32_t length;
};

void relp_deinit(struct relp *relp)
{
    str_deinit(&relp->in);
    *relp = (struct relp){0};
}

/* After the largest number comes 1 again. */
static uint32_t txnr_of(uint64_t count)
{
    return (uint32_t)((count - 1) % TXNR_MAX + 1);
}

static void append_frame(struct relp *relp, const char *command, const char *data, size_t length, usec_t now,
                         struct str *out)
{
    if (relp->framed == relp->acknowledged)
        relp->progress = now;
    str_printf(out, "%" PRIu32 " %s %zu", txnr_of(++relp->framed), command, length);
    if (length)
        str_append_char(out, ' ');
    str_append_n(out, data, length);
    str_append_char(out, '\n');
}

/* Version 0 is the one that librelp speaks, and so what there is. */
void relp_frame_open(struct relp *relp, usec_t now, struct str *out)
{
    static const char offers[] = "\nrelp_version=0\nrelp_software=docker-bench-agent\ncommands=syslog";

    append_frame(relp, "open", offers, strlen(offers), now, out);
}

bool relp_has_room(const struct relp *relp)
{
    return relp->open && !relp->failed && relp->framed - relp->acknowledged < RELP_WINDOW;
}

void relp_frame_syslog(struct relp *relp, const struct str *message, usec_t now, struct str *out)
{
    append_frame(relp, "syslog", str_text(message), message->length, now, out);
}

void relp_frame_close(struct relp *relp, usec_t now, struct str *out)
{
    append_frame(relp, "close", "", 0, now, out);
}

void relp_sent(struct relp *relp)
{
    relp->sent = relp->framed;
}

/* ---- Reading frames ---- */

static int refuse(struct error *error, const char *what)
{
    return error_set(error, EPROTO, "RELP: the receiver's answer is not valid: %s", what);
}

/* 0; -EAGAIN: it may go on; -EPROTO. */
static int read_number(const char **at, const char *end, uint32_t *ret)
{
    const char *begin = *at;
    uint32_t value = 0;

    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        if (*at - begin == DIGITS_MAX)
            return -EPROTO;
        value = value * 10 + (uint32_t)(**at - '0');
    }
    if (*at == end)
        return -EAGAIN;
    *ret = value;
    return *at > begin ? 0 : -EPROTO;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int read_command(const char **at, const char *end, struct frame *frame)
{
    frame->command = *at;
    while (*at < end && *at - frame->command <= COMMAND_MAX && is_letter(**at))
        ++*at;
    frame->command_length = (size_t)(*at - frame->command);
    if (frame->command_length > COMMAND_MAX)
        return -EPROTO;
    if (*at == end)
        return -EAGAIN;
    return frame->command_length ? 0 : -EPROTO;
}

static int read_char(const char **at, const char *end, char expected)
{
    if (*at == end)
        return -EAGAIN;
    return *(*at)++ == expected ? 0 : -EPROTO;
}

static int read_header(const char **at, const char *end, struct frame *frame)
{
    int r = read_number(at, end, &frame->txnr);

    if (r == 0)
        r = read_char(at, end, ' ');
    if (r == 0)
        r = read_command(at, end, frame);
    if (r == 0)
        r = read_char(at, end, ' ');
    return r < 0 ? r : read_number(at, end, &frame->length);
}

/* As read_number(); AT is after the frame then. */
static int read_frame(const char **at, const char *end, struct frame *ret)
{
    int r = read_header(at, end, ret);

    if (r < 0)
        return r;
    if (ret->length > RELP_ANSWER_MAX)
        return -EPROTO;
    if (ret->length || **at == ' ') /* which may follow a length of 0 */
        r = read_char(at, end, ' ');
    if (r < 0)
        return r;
    if ((size_t)(end - *at) <= ret->length)
        return -EAGAIN;
    ret->data = *at;
    *at += ret->length;
    return read_char(at, end, '\n');
}

/* ---- What frames say ---- */

static bool is_command(const struct frame *frame, const char *command)
{
    return frame->command_length == strlen(command) && memcmp(frame->command, command, frame->command_length) == 0;
}

/* The value of an offer, one a line: NAME=VALUE. NULL: it is not made. */
static const char *find_offer(const char *at, const char *end, const char *name, size_t *ret_length)
{
    size_t length = strlen(name);

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline ? newline : end;

        if ((size_t)(line_end - at) > length && memcmp(at, name, length) == 0 && at[length] == '=') {
            *ret_length = (size_t)(line_end - at) - length - 1;
            return at + length + 1;
        }
        at = line_end + 1;
    }
    return NULL;
}

/* WORD is one of those in LIST, with commas between them. */
static bool is_listed(const char *list, size_t length, const char *word)
{
    const char *end = list + length;

    while (list < end) {
        const char *comma = memchr(list, ',', (size_t)(end - list)), *item_end = comma ? comma : end;

        if ((size_t)(item_end - list) == strlen(word) && memcmp(list, word, strlen(word)) == 0)
            return true;
        list = item_end + 1;
    }
    return false;
}

static int accept_offers(struct relp *relp, const char *at, const char *end, struct error *error)
{
    const char *value;
    size_t length = 0;

    value = find_offer(at, end, "relp_version", &length);
    if (!value || length != 1 || (*value != '0' && *value != '1'))
        return refuse(error, "no known version");
    value = find_offer(at, end, "commands", &length);
    if (!value || !is_listed(value, length, "syslog"))
        return error_set(error, EPROTO, "RELP: the receiver does not accept syslog");
    relp->open = true;
    return 0;
}

/* All up to the first without an answer is acknowledged. */
static void acknowledge(struct relp *relp, uint64_t count)
{
    relp->answered[count % RELP_WINDOW / 64] |= UINT64_C(1) << count % 64;
    while (relp->acknowledged < relp->sent) {
        uint64_t next = relp->acknowledged + 1, bit = UINT64_C(1) << next % 64;
        uint64_t *word = &relp->answered[next % RELP_WINDOW / 64];

        if (!(*word & bit))
            break;
        *word &= ~bit;
        relp->acknowledged = next;
    }
}

/* Which one TXNR is, of those that are sent and have no answer. 0: none. */
static uint64_t find_unanswered(const struct relp *relp, uint32_t txnr)
{
    uint64_t waiting = relp->sent - relp->acknowledged, count;

    if (!waiting || txnr == 0)
        return 0;
    count = relp->acknowledged + 1 + (txnr + TXNR_MAX - txnr_of(relp->acknowledged + 1)) % TXNR_MAX;
    return count <= relp->sent && !(relp->answered[count % RELP_WINDOW / 64] & UINT64_C(1) << count % 64) ? count : 0;
}

static int take_answer(struct relp *relp, const struct frame *frame, usec_t now, struct error *error)
{
    const char *data = frame->data, *end = data + frame->length, *newline = memchr(data, '\n', frame->length);
    uint64_t count = find_unanswered(relp, frame->txnr);
    uint32_t code;
    int r = 0;

    if (!count)
        return refuse(error, "it is to nothing that awaits one");
    if (frame->length < 3 || strspn(data, "0123456789") < 3 || (frame->length > 3 && data[3] != ' ' && data[3] != '\n'))
        return refuse(error, "no status");
    code = (uint32_t)(data[0] - '0') * 100 + (uint32_t)(data[1] - '0') * 10 + (uint32_t)(data[2] - '0');
    if (code != 200) {
        const char *text_end = newline ? newline : end;

        return error_set(error, EREMOTEIO, "RELP: the receiver answers %.*s", (int)(text_end - data), data);
    }
    if (!relp->open)
        r = accept_offers(relp, newline ? newline + 1 : end, end, error);
    if (r < 0)
        return r;
    acknowledge(relp, count);
    relp->progress = now;
    return 0;
}

static int take_frame(struct relp *relp, const struct frame *frame, usec_t now, struct error *error)
{
    if (is_command(frame, "rsp"))
        return take_answer(relp, frame, now, error);
    if (frame->txnr == 0 && is_command(frame, "serverclose"))
        return error_set(error, ESHUTDOWN, "RELP: the receiver has closed the session");
    return refuse(error, "not an answer");
}

static int take_frames(struct relp *relp, usec_t now, struct error *error)
{
    const char *begin = str_text(&relp->in), *at = begin, *end = at + relp->in.length;
    struct frame frame;
    int r = 0;

    while (r == 0) {
        const char *next = at;

        r = read_frame(&next, end, &frame);
        if (r == -EPROTO)
            refuse(error, "not a frame");
        if (r == 0)
            r = take_frame(relp, &frame, now, error);
        if (r == 0)
            at = next;
    }
    if (at > begin) {
        memmove(relp->in.data, at, (size_t)(end - at) + 1);
        relp->in.length = (size_t)(end - at);
    }
    return r == -EAGAIN ? 0 : r;
}

int relp_receive(struct relp *relp, const void *data, size_t length, usec_t now, struct error *error)
{
    int r;

    if (relp->failed)
        return error_set(error, EPROTO, "RELP: the session has failed");
    str_append_n(&relp->in, data, length);
    r = take_frames(relp, now, error);
    relp->failed = r < 0;
    return r;
}

int relp_check(const struct relp *relp, usec_t now, struct error *error)
{
    if (relp->framed == relp->acknowledged || now - relp->progress < RELP_PATIENCE_SECONDS * USEC_PER_SEC)
        return 0;
    return error_set(error, ETIMEDOUT, "RELP: the receiver has not answered for %d s", RELP_PATIENCE_SECONDS);
}
