/* What a hostile systemd answers over D-Bus when it is asked for units, as a script (records.h) of replies: an object
 * path (o), a property that is a text (s), texts (a) or a number (u), an error (e), a body of any signature (v), any
 * bytes (r). */
#include <signal.h>
#include <string.h>

#include "probes/host/units.h"
#include "tests/fuzz/answering.h"
#include "tests/fuzz/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 16, MESSAGE_MAX = 65536, METHOD_CALL = 1, METHOD_RETURN = 2, ERROR = 3 };

static void require(bool condition)
{
    if (!condition)
        __builtin_trap();
}

/* ---- Marshalling, little-endian (D-Bus specification, "Marshaling") ---- */

static void pad(struct str *out, size_t to)
{
    while (out->length % to)
        str_append_char(out, '\0');
}

static void put_number(struct str *out, uint32_t number)
{
    pad(out, 4);
    for (int i = 0; i < 4; i++)
        str_append_char(out, (char)(number >> 8 * i));
}

static void put_text(struct str *out, const uint8_t *text, size_t length)
{
    put_number(out, (uint32_t)length);
    str_append_n(out, (const char *)text, length);
    str_append_char(out, '\0');
}

static void put_signature(struct str *out, const char *signature, size_t length)
{
    str_append_char(out, (char)length);
    str_append_n(out, signature, length);
    str_append_char(out, '\0');
}

static void put_texts(struct str *out, const uint8_t *bytes, size_t length)
{
    scoped_str texts = STR_INIT;

    for (size_t at = 0; at < length;) {
        const uint8_t *end = memchr(bytes + at, '\n', length - at);
        size_t part = end ? (size_t)(end - bytes) - at : length - at;

        put_text(&texts, bytes + at, part);
        at += part + 1;
    }
    put_number(out, (uint32_t)texts.length);
    str_append_n(out, str_text(&texts), texts.length);
}

static void put_message(struct str *out, unsigned type, uint32_t serial, const char *signature, size_t length,
                        const struct str *body)
{
    static const char name[] = "org.freedesktop.systemd1.NoSuchUnit";
    scoped_str fields = STR_INIT;

    str_append_n(&fields, "\5\1u\0", 4);
    put_number(&fields, serial);
    if (type == ERROR) {
        str_append_n(&fields, "\4\1s\0", 4);
        put_text(&fields, (const uint8_t *)name, strlen(name));
        pad(&fields, 8);
    }
    str_append_n(&fields, "\10\1g\0", 4);
    put_signature(&fields, signature, length);
    str_append_char(out, 'l');
    str_append_char(out, (char)type);
    str_append_n(out, "\1\1", 2);
    put_number(out, (uint32_t)body->length);
    put_number(out, serial + 1000);
    put_number(out, (uint32_t)fields.length);
    str_append_n(out, fields.data, fields.length);
    pad(out, 8);
    str_append_n(out, str_text(body), body->length);
}

static void put_reply(struct str *out, uint32_t serial, const struct a_record *record)
{
    char letter = (char)record->letter;
    const char *signature = letter == 'o' ? "o" : letter == 'e' ? "s" : "v";
    size_t length = 1;
    scoped_str body = STR_INIT;

    if (letter == 'r') {
        str_append_n(out, (const char *)record->bytes, record->length);
        return;
    }
    if (letter == 'o' || letter == 'e') {
        put_text(&body, record->bytes, record->length);
    } else if (letter == 'a') {
        put_signature(&body, "as", 2);
        put_texts(&body, record->bytes, record->length);
    } else if (letter == 'u') {
        put_signature(&body, "u", 1);
        put_number(&body, record_byte(record, 0) | record_byte(record, 1) << 8 | record_byte(record, 2) << 24);
    } else if (letter == 'v' && record->length) {
        length = record->bytes[0] % 8u < record->length ? record->bytes[0] % 8u : record->length - 1;
        signature = (const char *)record->bytes + 1;
        str_append_n(&body, (const char *)record->bytes + 1 + length, record->length - 1 - length);
    } else {
        put_signature(&body, "s", 1);
        put_text(&body, record->bytes, record->length);
    }
    put_message(out, letter == 'e' ? ERROR : METHOD_RETURN, serial, signature, length, &body);
}

/* ---- systemd, in its thread ---- */

/* The next message that the client sends, of which only the serial counts. */
static bool read_call(int fd, struct str *in, uint32_t *ret_serial)
{
    for (;;) {
        char buffer[4096];
        ssize_t n;

        if (in->length >= HEADER) {
            uint32_t numbers[3];
            size_t total;

            memcpy(numbers, in->data + 4, sizeof numbers);
            total = HEADER + ((size_t)numbers[2] + 7) / 8 * 8 + numbers[0];
            require(total < MESSAGE_MAX);
            if (in->length >= total) {
                memmove(in->data, in->data + total, in->length - total);
                in->length -= total;
                *ret_serial = numbers[1];
                return true;
            }
        }
        n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            return false;
        str_append_n(in, buffer, (size_t)n);
    }
}

static bool authenticate(int fd, struct str *in)
{
    static const char accepted[] = "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n",
                      last[] = "BEGIN\r\n";
    const char *end;

    while (!(end = in->length ? memmem(in->data, in->length, last, strlen(last)) : NULL)) {
        char buffer[4096];
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);

        if (n <= 0)
            return false;
        str_append_n(in, buffer, (size_t)n);
    }
    end += strlen(last);
    in->length -= (size_t)(end - in->data);
    memmove(in->data, end, in->length);
    return send(fd, accepted, strlen(accepted), MSG_NOSIGNAL) > 0;
}

static void serve(int fd, void *user)
{
    struct records script = *(const struct records *)user;
    struct a_record record = {0};
    scoped_str in = STR_INIT;
    uint32_t serial;
    bool greeted = false;

    if (!authenticate(fd, &in))
        return;
    while (read_call(fd, &in, &serial)) {
        scoped_str out = STR_INIT;

        if (!greeted) {
            scoped_str body = STR_INIT;

            put_text(&body, (const uint8_t *)":1.1", 4);
            put_message(&out, METHOD_RETURN, serial, "s", 1, &body);
        } else if (records_next(&script, &record)) {
            put_reply(&out, serial, &record);
        } else {
            return;
        }
        if (send(fd, str_text(&out), out.length, MSG_NOSIGNAL) < 0)
            return;
        if (greeted && record.letter == 'r') /* nothing may be what it waits for */
            return;
        greeted = true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *items[] = {"docker.service", "docker.socket"};
    const struct string_list names = {.items = items, .count = 2};
    struct records script = {data, size};
    struct answering systemd = {.serve = serve, .user = &script};
    scoped(cleanup_host_root) struct host_root *root = NULL;
    struct units_facts *facts = NULL;
    scoped_str output = STR_INIT;
    struct units_request request = {.names = &names};
    struct folder folder;

    signal(SIGPIPE, SIG_IGN);
    folder_make(&folder);
    folder_put(&folder, "run/systemd/system/x", "", 0);
    folder_put(&folder, "run/dbus/x", "", 0);
    folder_put(&folder, "etc/systemd/system/docker.service", "[Service]\n", 10);
    answering_start(&systemd, &folder, "run/dbus/system_bus_socket");
    require(host_root_open(folder.path, &root, NULL) == 0);
    request.root = root;
    require(units_run(&output, &request, NULL) == 0);
    require(units_parse(str_text(&output), output.length, &facts, NULL) == 0);
    require(units_find(facts, "docker.service") != NULL);
    facts_free(&facts->facts);
    answering_stop(&systemd);
    folder_remove(&folder);
    return 0;
}
