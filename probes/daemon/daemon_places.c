/* The text is known to be JSON: only strings, braces and lines are followed. What is recorded is what a line editor
 * needs: the line of a value, a piece of text in it that is to be replaced, and which of its occurrences it is. */
#include "probes/daemon/daemon_places.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/str.h"
#include "common/vec.h"

enum { PIECE_MAX = 512 };

static const char *hex_digest(struct arena *arena, const char *text, size_t length)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size;
    scoped_str hex = STR_INIT;

    if (!EVP_Digest(text, length, hash, &size, EVP_sha256(), NULL))
        return NULL;
    for (unsigned i = 0; i < size; i++)
        str_printf(&hex, "%02x", hash[i]);
    return arena_strdup(arena, str_text(&hex));
}

struct scanner {
    const char *begin, *at, *end;
    const char *line_begin;
    unsigned line;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void step(struct scanner *s)
{
    if (*s->at++ != '\n')
        return;
    s->line++;
    s->line_begin = s->at;
}

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->end && is_blank(*s->at))
        step(s);
}

/* From one quote to after the other; a string of JSON has no line break in it. */
static void skip_string(struct scanner *s)
{
    s->at++;
    while (s->at < s->end && *s->at != '"')
        s->at += *s->at == '\\' && s->at + 1 < s->end ? 2 : 1;
    if (s->at < s->end)
        s->at++;
}

/* False: it is an object. */
static bool skip_value(struct scanner *s)
{
    bool object = s->at < s->end && *s->at == '{', scalar = s->at < s->end && *s->at != '{' && *s->at != '[';
    unsigned depth = 0;

    do {
        if (s->at >= s->end || (!depth && (*s->at == ',' || *s->at == '}')))
            return !object;
        if (*s->at == '"') {
            skip_string(s);
        } else if (scalar) {
            while (s->at < s->end && !is_blank(*s->at) && *s->at != ',' && *s->at != '}')
                s->at++;
        } else {
            depth += *s->at == '{' || *s->at == '[';
            depth -= *s->at == '}' || *s->at == ']';
            step(s);
        }
    } while (depth);
    return !object;
}

/* Which occurrence of the text from PIECE to END it is in its line, as sed counts them; 0: it cannot be addressed so.
 */
static unsigned count_occurrences(const char *line, const char *piece, const char *end)
{
    size_t length = (size_t)(end - piece);
    unsigned count = 1;

    for (const char *at = line; at < piece; at++)
        if (memcmp(at, piece, length) == 0) {
            if (at + length > piece)
                return 0;
            at += length - 1;
            count++;
        }
    return count;
}

/* A member of the outermost object; S is at its key. */
static struct config_place read_member(struct scanner *s, struct arena *arena)
{
    const char *key = s->at + 1, *piece = s->at, *value, *line_begin;
    struct config_place place = {0};
    unsigned line;
    bool replaceable;

    skip_string(s);
    place.key = arena_strndup(arena, key, (size_t)(s->at - key) - 1);
    skip_blanks(s);
    if (s->at < s->end)
        s->at++; /* the colon */
    skip_blanks(s);
    value = s->at;
    for (const char *c = piece; c < value; c++)
        if (*c == '\n' || *c == '\t') /* the key is on another line, or cannot be quoted plainly */
            piece = value;
    line = s->line;
    line_begin = s->line_begin;
    replaceable = skip_value(s);
    place.at = (size_t)(value - s->begin);
    place.length = (size_t)(s->at - value);
    if (!replaceable || s->at == value || s->at - piece > PIECE_MAX)
        return place;
    place.nth = count_occurrences(line_begin, piece, s->at);
    if (!place.nth)
        return place;
    place.line = line;
    place.more_lines = s->line - line;
    place.before = arena_strndup(arena, piece, (size_t)(value - piece));
    place.value = arena_strndup(arena, value, (size_t)(s->at - value));
    return place;
}

void daemon_places_read(struct daemon_facts *facts, const char *text, size_t length)
{
    static const char mark[] = "\xef\xbb\xbf";
    struct scanner s = {.begin = text, .at = text, .end = text + length, .line_begin = text, .line = 1};
    VEC(struct config_place) places = {0};

    facts->config_sha256 = hex_digest(facts->facts.arena, text, length);
    if (length >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0)
        s.at += strlen(mark);
    skip_blanks(&s);
    if (s.at == s.end || *s.at != '{') {
        facts->config_is_blank = s.at == s.end;
        return;
    }
    facts->config_brace_line = s.line;
    s.at++;
    facts->config_inside = (size_t)(s.at - text);
    for (skip_blanks(&s); s.at < s.end && *s.at == '"'; skip_blanks(&s)) {
        vec_push(&places, read_member(&s, facts->facts.arena));
        skip_blanks(&s);
        if (s.at == s.end || *s.at != ',')
            break;
        s.at++;
    }
    facts->config_is_blank = !places.count;
    facts->place_count = places.count;
    facts->places = arena_alloc(facts->facts.arena, (places.count + 1) * sizeof *facts->places);
    if (places.count)
        memcpy(facts->places, places.items, places.count * sizeof *places.items);
    vec_free(&places);
}
