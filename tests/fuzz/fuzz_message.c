/* The first byte chooses. Any bytes as a text that may hold messages: escaped, shortened and rendered in both
 * languages, it leaves none of the bytes that messages are made with, and stays within its limit. Or what is between
 * NULs as the arguments of one of the words' own messages: where they hold none of those bytes it is what printf()
 * makes of it, in both languages, and else at least begins and ends so. */
#include <stdint.h>
#include <string.h>

#include "agent/words/words_internal.h"
#include "common/memory.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARGUMENTS = 4, LIMIT_UNKNOWN = 65536 /* of message_render() */ };
static const char ellipsis[] = "…";

static void require(bool holds)
{
    if (!holds)
        __builtin_trap();
}

/* ---- Texts from outside ---- */

static void check_rendered(const struct str *text, bool was_utf8, size_t limit)
{
    require(!strpbrk(str_text(text), MESSAGE_MARKS));
    require(text->length <= limit + strlen(ellipsis));
    require(!was_utf8 || text_is_utf8(str_text(text), text->length));
}

static void render(const char *text, size_t limit)
{
    bool is_utf8 = text_is_utf8(text, strlen(text));
    scoped_str shown = STR_INIT;

    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        str_clear(&shown);
        words_render(&shown, text, (enum language)language, limit);
        check_rendered(&shown, is_utf8, limit ? limit : LIMIT_UNKNOWN);
        if (!strpbrk(text, MESSAGE_MARKS) && !limit && strlen(text) <= LIMIT_UNKNOWN)
            require(str_equal(str_text(&shown), text));
    }
}

static void check_escaped(const struct str *text)
{
    for (size_t i = 0; i < text->length; i++)
        require((unsigned char)text->data[i] >= 0x20 || strchr(MESSAGE_MARKS, text->data[i]));
    require(text_is_utf8(str_text(text), text->length));
}

static void read_text(const char *text, size_t limit)
{
    scoped_str escaped = STR_INIT, buffer = STR_INIT;
    const char *rest;

    render(text, limit);
    message_escape(&escaped, text, limit);
    check_escaped(&escaped);
    render(str_text(&escaped), limit);
    rest = message_without_context(text, "daemon", &buffer);
    require(strlen(rest) <= strlen(text));
    render(rest, 0);
    require(!strpbrk(message_english(text, &buffer), MESSAGE_MARKS) || !message_is_in(text));
}

/* ---- Arguments ---- */

/* Is each conversion of FORMAT "%s", as it has ARGUMENTS of them at most? */
static bool takes_texts(const char *format)
{
    unsigned count = 0;

    for (const char *at = format; (at = strchr(at, '%')); at += 2)
        if (at[1] == 's')
            count++;
        else if (at[1] != '%')
            return false;
    return count <= ARGUMENTS;
}

/* One of the tables' that takes nothing but texts. */
static const struct words_entry *choose(unsigned number)
{
    size_t tables = 1;

    while (words_tables[tables])
        tables++;
    for (;; number++) {
        const struct words_table *table = words_tables[number % tables];
        const struct words_entry *entry = &table->entries[number / tables % table->count];

        if (takes_texts(entry->english))
            return entry;
    }
}

static void add(struct str *out, bool escaped, const char *format, ...) printf_like(3, 4);
static void add(struct str *out, bool escaped, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    if (escaped)
        message_vadd_escaped(out, format, list);
    else
        message_vadd(out, format, list);
    va_end(list);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the tables' own, looked at above */
#pragma GCC diagnostic ignored "-Wformat-extra-args"
static void check_message(const struct words_entry *entry, const char *const items[ARGUMENTS], bool escaped)
{
    const char *formats[LANGUAGE_COUNT] = {[LANGUAGE_EN] = entry->english, [LANGUAGE_ZH] = entry->chinese};
    const char *shown_items[ARGUMENTS];
    struct str shown[ARGUMENTS] = {0};
    scoped_str message = STR_INIT;
    bool plain = true;

    for (size_t i = 0; i < ARGUMENTS; i++) {
        plain = plain && !strpbrk(items[i], MESSAGE_MARKS) && strlen(items[i]) <= MESSAGE_ARGUMENT_MAX / 4;
        text_escape(&shown[i], items[i], strlen(items[i]), 0);
        shown_items[i] = escaped ? str_text(&shown[i]) : items[i];
    }
    str_append(&message, "[");
    add(&message, escaped, entry->english, items[0], items[1], items[2], items[3]);
    str_append(&message, "]");
    for (int language = 0; language < LANGUAGE_COUNT; language++) {
        scoped_str rendered = STR_INIT, wanted = STR_INIT;

        words_render(&rendered, str_text(&message), (enum language)language, 0);
        check_rendered(&rendered, false, LIMIT_UNKNOWN);
        require(str_text(&rendered)[0] == '[');
        require(rendered.length > LIMIT_UNKNOWN || str_ends(str_text(&rendered), "]"));
        str_append(&wanted, "[");
        str_printf(&wanted, formats[language], shown_items[0], shown_items[1], shown_items[2], shown_items[3]);
        str_append(&wanted, "]");
        require(!plain || str_equal(str_text(&rendered), str_text(&wanted)));
    }
    for (size_t i = 0; i < ARGUMENTS; i++)
        str_deinit(&shown[i]);
}
#pragma GCC diagnostic pop

/* Two bytes choose the message; the texts are used again where there are too few. */
static void read_arguments(const char *text, size_t length, bool escaped)
{
    const char *items[ARGUMENTS];
    unsigned number;
    size_t at = 0;

    if (length < 2)
        return;
    number = (unsigned char)text[0] | (unsigned)(unsigned char)text[1] << 8;
    text += 2;
    length -= 2;
    for (size_t i = 0; i < ARGUMENTS; i++) {
        items[i] = text + at;
        at += strlen(text + at) + 1;
        at = at > length ? 0 : at;
    }
    check_message(choose(number), items, escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t limits[] = {0, 1, 100, 4096};
    scoped(cleanup_free) char *text = NULL;

    if (!size)
        return 0;
    text = mem_strndup((const char *)data + 1, size - 1);
    if (data[0] & 1)
        read_arguments(text, size - 1, data[0] & 2);
    else
        read_text(text, limits[data[0] / 2 % countof(limits)]);
    return 0;
}
