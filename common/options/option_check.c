/* Values of options and arguments, checked before anybody is asked: a message says what is allowed and what was
 * probably meant. */
#include <errno.h>
#include <string.h>

#include "common/number.h"
#include "common/options/options.h"
#include "common/text.h"
#include "common/when.h"

enum { SHOWN = 64 }; /* bytes of a word in a message */

static const char *const languages[] = {"en", "zh", NULL};

static int refuse_word(const struct option_value *value, const char *const *words, const char *what, bool zh,
                       const char *word, struct str *why)
{
    const char *nearest;
    size_t count = 0;

    if (zh)
        str_printf(why, "%s 的值 \"%.*s\" 未知；可用的值：", what, SHOWN, word);
    else if (value->noun)
        str_printf(why, "unknown %s \"%.*s\"; use ", value->noun, SHOWN, word);
    else
        str_printf(why, "%s: unknown value \"%.*s\"; use ", what, SHOWN, word);
    for (; words[count]; count++)
        str_printf(why, "%s%s", !count ? "" : zh ? "、" : ", ", words[count]);
    nearest = text_nearest(words, count, word);
    if (nearest)
        str_printf(why, zh ? "；您是不是要用 \"%s\"？" : "; did you mean \"%s\"?", nearest);
    return -EINVAL;
}

static bool is_one_of(const char *const *words, const char *word)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

static void to_lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

/* "High , CRITICAL" becomes "high,critical", in place. */
static int check_words(const struct option_value *value, const char *what, bool zh, char *text, struct str *why)
{
    scoped_str word = STR_INIT;
    char *to = text;

    to_lower(text);
    for (const char *at = text;; at++) {
        size_t length;
        bool ends;

        at += strspn(at, " \t");
        length = strcspn(at, ",");
        str_clear(&word);
        str_append_n(&word, at, length);
        while (word.length && strchr(" \t", word.data[word.length - 1]))
            word.data[--word.length] = '\0';
        if (!is_one_of(value->words, str_text(&word)))
            return refuse_word(value, value->words, what, zh, str_text(&word), why);
        at += length;
        ends = !*at;
        memcpy(to, word.data, word.length); /* never beyond AT: it is the same without blanks */
        to += word.length;
        *to++ = ends ? '\0' : ',';
        if (ends)
            return 0;
    }
}

static int check_number(const struct option_value *value, const char *what, bool zh, const char *text, struct str *why)
{
    uint64_t number = 0;
    const char *end = number_read(text, 10, (uint64_t)value->max, &number);

    if (end && !*end && number >= (uint64_t)value->min)
        return 0;
    str_printf(why,
               zh ? "%s 的值 \"%.*s\" 必须是 %lld 到 %lld 的整数"
                  : "%s: \"%.*s\" is not a whole number from %lld to %lld",
               what, SHOWN, text, (long long)value->min, (long long)value->max);
    return -EINVAL;
}

static bool is_number(const char *text)
{
    uint64_t number;
    const char *end = number_read(text, 10, INT64_MAX, &number);

    return end && !*end;
}

static int check_time(const struct option_value *value, const char *what, bool zh, const char *text, struct str *why)
{
    usec_t at;

    if ((value->kind == OPTION_SINCE && is_number(text)) || when_parse(text, clock_now(&clock_system), &at) == 0)
        return 0;
    str_printf(
        why,
        zh ? "%s 的值 \"%.*s\" 不是时间，例如 yesterday、today、2h、3d、2026-11-24 或 \"2026-11-24 09:30\""
           : "%s takes a time such as yesterday, today, 2h, 3d, 2026-11-24 or \"2026-11-24 09:30\", not \"%.*s\"",
        what, SHOWN, text);
    if (value->kind == OPTION_SINCE)
        str_append(why, zh ? "，也不是变化的序号" : ", or the number of a transition");
    return -EINVAL;
}

int option_check(const struct option_value *value, const char *what, bool zh, char *text, struct str *why)
{
    if (!*text) {
        str_printf(why, zh ? "%s 的值不能为空" : "%s must not be empty", what);
        return -EINVAL;
    }
    switch (value->kind) {
    case OPTION_WORDS:
        return check_words(value, what, zh, text, why);
    case OPTION_WORD:
    case OPTION_LANGUAGE: {
        const char *const *words = value->kind == OPTION_WORD ? value->words : languages;

        to_lower(text);
        return is_one_of(words, text) ? 0 : refuse_word(value, words, what, zh, text, why);
    }
    case OPTION_NUMBER:
        return check_number(value, what, zh, text, why);
    case OPTION_TIME:
    case OPTION_SINCE:
        return check_time(value, what, zh, text, why);
    case OPTION_FLAG:
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_FOLDER:
    case OPTION_ADDRESS:
    case OPTION_USER:
    case OPTION_RULE:
    case OPTION_SECTION:
    case OPTION_SUBJECT:
    case OPTION_SINK:
    case OPTION_EXEC:
    case OPTION_COMMAND:
    case OPTION_KIND_COUNT:
        return 0;
    }
    return 0;
}
