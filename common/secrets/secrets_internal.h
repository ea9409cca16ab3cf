/* Shared by the parts of the search for secrets (secrets.h): the walk, marks, words and commands. */
#ifndef COMMON_SECRETS_SECRETS_INTERNAL_H
#define COMMON_SECRETS_SECRETS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/secrets/secrets.h"

/* What comes next and is looked for once, besides quotes and lines (shell_spans.h). */
enum mark {
    MARK_AT,
    MARK_REFERENCE, /* "${", "$(" or a backtick */
    MARK_URL_END,
    MARK_WORD_END,
    MARK_COUNT,
};
_Static_assert((int)MARK_COUNT <= (int)SECRET_MARKS, "too many marks");

/* Takes steps of the scan's budget; false: they are used up. Only the walk itself ends then: what else is done at one
 * place is limited, or done once for the whole text. */
static inline bool secret_take(struct secret_scan *scan, size_t steps)
{
    return budget_take(&scan->budget, steps);
}

/* ---- secret_scan.c ---- */

/* The first place of MARK at or after FROM; the text's length if there is none. */
size_t secret_next_mark(struct secret_scan *scan, enum mark mark, size_t from);

bool secret_is_blank(char c);
/* The end of the value at START: quoted (START moves past the quote), or up to white space or whatever ends a word in a
 * shell. */
size_t secret_value_end(struct secret_scan *scan, size_t *start);
/* Does a word begin at AT? */
bool secret_is_word_start(const char *text, size_t at);
/* Does the text at AT begin with WORD? NOCASE: whatever its case. */
bool secret_begins_with(const struct secret_scan *scan, size_t at, const char *word);
bool secret_begins_with_nocase(const struct secret_scan *scan, size_t at, const char *word);
static inline bool secret_is_word(const struct secret_scan *scan, size_t at, const char *word)
{
    return at < scan->length && scan->text[at] == *word && secret_begins_with(scan, at, word); /* most often not */
}
static inline bool secret_is_word_nocase(const struct secret_scan *scan, size_t at, const char *word)
{
    return at < scan->length && initials_slot(scan->text[at]) == initials_slot(*word) &&
           secret_begins_with_nocase(scan, at, word);
}

/* Is each character one of CHARACTERS? */
bool secret_is_made_of(const char *text, size_t length, const char *characters);

/* ---- secret_base64.c ---- */

static inline bool secret_is_base64_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}
/* Decodes the base64 of TEXT, whole groups of four characters, to at most MAX bytes; how many they are. */
size_t secret_decode(const char *text, size_t length, unsigned char *bytes, size_t max);
/* Is VALUE user:password in base64? */
bool secret_is_encoded_pair(const char *value, size_t length);

/* ---- secret_values.c ---- */

/* Is the text from START to END a value, and not a placeholder for a secret or the place where it is kept? */
bool secret_is_real(struct secret_scan *scan, size_t start, size_t end);
/* ---- secret_placeholders.c ---- */

/* Does VALUE stand for a secret: changeme, <your-token>, API_KEY? */
bool secret_is_placeholder(struct secret_scan *scan, const char *value, size_t length);
/* Is VALUE, in the form of a key, a published example or the placeholder for one: ghp_xxxx, AKIAIOSFODNN7EXAMPLE? */
bool secret_is_filler(struct secret_scan *scan, const char *value, size_t length);

/* ---- secret_shapes.c ---- */

/* Letters and digits that nobody gives a thing for a name; a key in base64 or the like; the name of a method. */
bool secret_is_random(struct secret_scan *scan, const char *value, size_t length);
bool secret_is_key(struct secret_scan *scan, const char *value, size_t length);
bool secret_is_choice(struct secret_scan *scan, const char *value, size_t length);
bool secret_is_address(struct secret_scan *scan, const char *value, size_t length); /* host:port */
bool secret_is_uuid(const char *value, size_t length);
bool secret_is_amount(const char *value, size_t length);

/* ---- secret_names.c ---- */

/* Does NAME indicate that what follows it is a secret, or at least speak of one? */
bool secret_is_name(struct secret_scan *scan, const char *name, size_t length);
/* Does it indicate one whatever follows? */
bool secret_is_plain_name(struct secret_scan *scan, const char *name, size_t length);
/* Is it one that a value belongs to, not what only speaks of a secret? */
bool secret_names_value(struct secret_scan *scan, const char *name, size_t length);
/* The same, knowing the value, the text from START to END: MAX_TOKENS=4096 names an amount. */
bool secret_is_named(struct secret_scan *scan, const char *name, size_t name_length, size_t start, size_t end);

/* ---- secret_formats.c ---- */

/* Prepares SCAN for the next function. */
void secret_formats_index(struct secret_scan *scan);
/* A secret recognized by its own shape at AT. */
bool secret_match_format(struct secret_scan *scan, size_t at, struct secret_match *ret);

/* ---- secret_keys.c ---- */

/* A private key at AT. */
bool secret_match_key(struct secret_scan *scan, size_t at, struct secret_match *ret);

/* ---- secret_urls.c ---- */

/* Is it user:password, or other words for what belongs there? */
bool secret_is_documented_pair(const char *text, size_t length);
/* A password in an address at AT. */
bool secret_match_url(struct secret_scan *scan, size_t at, struct secret_match *ret);

/* ---- secret_pairs.c ---- */

extern const char *const secret_named_kind;

size_t secret_skip_blanks(struct secret_scan *scan, size_t at);
/* RET: the text from START to STOP as the value of the name before it; false: it is none that is real. */
bool secret_match_value(struct secret_scan *scan, size_t name, size_t name_end, size_t start, size_t stop,
                        struct secret_match *ret);
/* A secret recognized by the name before it: NAME=value and similar forms. */
bool secret_match_pair(struct secret_scan *scan, size_t at, struct secret_match *ret);

/* ---- secret_lines.c ---- */

/* A secret in a line of SQL, of a configuration file, of a script. */
/* A password of an access list of Redis, at its sign. */
bool secret_match_access_list(struct secret_scan *scan, size_t at, struct secret_match *ret);
bool secret_match_line(struct secret_scan *scan, size_t at, struct secret_match *ret);

/* ---- secret_notes.c ---- */

/* Notes a password from FROM to TO for later. If there is no room, the last note is extended. */
void secret_note(struct secret_scan *scan, size_t from, size_t to);
/* The first note that begins at or before AT, without what is before AT; it is forgotten. False: there is none. */
bool secret_take_note(struct secret_scan *scan, size_t at, size_t *ret_from, size_t *ret_to);

/* ---- secret_input.c ---- */

/* Notes the passwords in COMMAND's here-string or here-document, when it reads any. */
void secret_look_at_input(struct secret_scan *scan, const struct shell_span_command *command);
/* Is WORD the file that a command's output goes to? */
bool secret_is_target(const struct secret_scan *scan, struct shell_span word);
/* Notes the passwords in COMMAND's OUTPUT, when it goes to a program that reads any, or to a file that is named as one.
 */
void secret_look_at_output(struct secret_scan *scan, const struct shell_span_command *command,
                           struct shell_span output);
/* Notes the password in the .netrc's entry that goes on at AT. */
void secret_look_at_netrc(struct secret_scan *scan, size_t at);

/* ---- secret_commands.c ---- */

/* Prepares SCAN for the next function. */
void secret_commands_index(struct secret_scan *scan);
/* A secret that a program is given: in its arguments, or through a pipe. */
bool secret_match_command(struct secret_scan *scan, size_t at, struct secret_match *ret);

#endif
