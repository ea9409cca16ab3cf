/* Secrets in lines that other programs read: SQL, configuration files' directives, calls in scripts. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

enum { LAST = -1, NAMED = -2 };

/* Lines of configuration files: "requirepass value" (redis.conf), "rootpw value" (slapd.conf, kickstart). */
static bool match_directive(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char *const names[] = {
        "requirepass",       "masterauth",     "rootpw",       "bindpw",      "rpcpassword", "auth_pass",
        "insecure-password", "Xauth password", "IPSec secret", "rocommunity", "rwcommunity"};

    for (size_t i = 0; i < countof(names); i++) {
        size_t end = at + strlen(names[i]), start, stop;

        if (!secret_is_word_nocase(scan, at, names[i]))
            continue;
        start = secret_skip_blanks(scan, end);
        if (start == end)
            return false;
        stop = secret_value_end(scan, &start);
        if (strchr(names[i], 'y') && stop > start &&
            secret_is_made_of(scan->text + start, stop - start, "abcdefghijklmnopqrstuvwxyz"))
            return false; /* rocommunity public */
        return start < scan->length && scan->text[start] != '-' && secret_match_value(scan, at, end, start, stop, ret);
    }
    return false;
}

/* owner question password value: what debconf-set-selections reads (debconf-set-selections(1)). AT: the type, after a
 * question that is named for a secret. */
static bool match_selection(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char type[] = "password";
    enum { QUESTION_MAX = 64 };
    const char *text = scan->text;
    size_t end = at, name, start, stop;

    if (!secret_is_word(scan, at, type) || !at || (text[at - 1] != ' ' && text[at - 1] != '\t'))
        return false;
    start = secret_skip_blanks(scan, at + strlen(type));
    while (end && (text[end - 1] == ' ' || text[end - 1] == '\t'))
        end--;
    for (name = end; name && end - name < QUESTION_MAX &&
                     (isalnum((unsigned char)text[name - 1]) || strchr("_-.", text[name - 1]));)
        name--;
    secret_take(scan, at - name);
    if (start == at + strlen(type) || name == end || !name || text[name - 1] != '/' ||
        !secret_is_plain_name(scan, text + name, end - name))
        return false;
    stop = secret_value_end(scan, &start);
    return secret_match_value(scan, name, end, start, stop, ret);
}

/* Oracle's IDENTIFIED BY value; has no quotes: a word with a digit, or one that ends the statement. */
static bool is_bare_password(struct secret_scan *scan, size_t start, size_t *ret_stop)
{
    enum { MAX = 64 };
    size_t stop = start, digits = 0;

    while (stop < scan->length && stop - start < MAX && scan->text[stop] &&
           (isalnum((unsigned char)scan->text[stop]) || strchr("_$#!-", scan->text[stop])))
        digits += isdigit((unsigned char)scan->text[stop++]) != 0;
    secret_take(scan, stop - start);
    *ret_stop = stop;
    return stop > start && scan->text[start] != '$' && (digits || secret_is_word(scan, stop, ";")) &&
           !secret_is_word_nocase(scan, start, "values ");
}

/* CONNECT TO db USER name USING value (Db2, "CONNECT"). AT: USING. */
static bool match_using(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { BEFORE = 48 };
    static const char word[] = "using ";
    const char *text = scan->text;
    size_t start = at + strlen(word), stop, end = at, name;

    if (!secret_is_word_nocase(scan, at, word))
        return false;
    while (end && text[end - 1] == ' ')
        end--;
    for (name = end; name && end - name < BEFORE && !secret_is_blank(text[name - 1]);)
        name--;
    secret_take(scan, at - name);
    if (name < strlen("user ") || !secret_is_word_nocase(scan, name - strlen("user "), "user "))
        return false;
    stop = secret_value_end(scan, &start);
    if (stop <= start || !secret_is_real(scan, start, stop))
        return false;
    *ret =
        (struct secret_match){.kind = "password of a connection", .value = text + start, .value_length = stop - start};
    return true;
}

/* SQL: IDENTIFIED BY 'value', IDENTIFIED WITH plugin BY 'value', PASSWORD 'value', PASSWORD('value'). */
static bool match_sql(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { BETWEEN = 80 };
    const char *text = scan->text;
    size_t end, start, stop;
    bool quote = false;

    if (secret_is_word_nocase(scan, at, "identified ")) {
        end = at + strlen("identified");
        for (start = end; start < scan->length && start - end < BETWEEN && !secret_is_word_nocase(scan, start, " by ");)
            start++;
        secret_take(scan, 2 * (start - end));
        if (!secret_is_word_nocase(scan, start, " by "))
            return false;
        start = secret_skip_blanks(scan, start + strlen(" by "));
        if (secret_is_word_nocase(scan, start, "password "))
            start = secret_skip_blanks(scan, start + strlen("password "));
    } else if (secret_is_word_nocase(scan, at, "password ") || secret_is_word_nocase(scan, at, "password(")) {
        end = at + strlen("password");
        start = secret_skip_blanks(scan, end + (text[end] == '('));
    } else {
        return false;
    }
    if (secret_is_word_nocase(scan, at, "identified ") && is_bare_password(scan, start, &stop))
        return secret_match_value(scan, at, end, start, stop, ret);
    for (; start < scan->length && strchr("\"'\\", text[start]) && text[start] && !quote; start++)
        quote |= text[start] != '\\';
    if (!quote)
        return false;
    for (stop = start; stop < scan->length && stop - start < 512 && !strchr("\"'\\\n", text[stop]);)
        stop++;
    secret_take(scan, 4 * (stop - start));
    return secret_match_value(scan, at, end, start, stop, ret);
}

/* INSERT INTO users (name, password) VALUES ('admin', 'value'): the value of the column that is named for a secret. AT:
 * VALUES. */
static bool match_insert(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { COLUMNS_MAX = 512, ROW_MAX = 1024 };
    const char *text = scan->text;
    size_t open = at, close, column = 0, name_from = 0, name_to = 0, value, from;

    if (!secret_is_word_nocase(scan, at, "values") || !at || !strchr(" )", text[at - 1]))
        return false;
    while (open && text[open - 1] == ' ')
        open--;
    if (!open || text[open - 1] != ')')
        return false;
    close = --open;
    while (open && close - open < COLUMNS_MAX && text[open - 1] != '(' && text[open - 1] != ')')
        open--;
    secret_take(scan, at - open);
    for (size_t i = open; i <= close && !name_to; i++) {
        size_t end;

        while (i < close && strchr(" `\"\\[", text[i]))
            i++;
        for (end = i; end < close && (isalnum((unsigned char)text[end]) || text[end] == '_');)
            end++;
        if (end > i && secret_is_plain_name(scan, text + i, end - i)) {
            name_from = i;
            name_to = end;
            break;
        }
        while (end < close && text[end] != ',')
            end++;
        i = end;
        column++;
    }
    value = secret_skip_blanks(scan, at + strlen("values"));
    if (!name_to || value >= scan->length || text[value] != '(')
        return false;
    for (from = ++value; column && value < scan->length && value - from < ROW_MAX && text[value] != ')'; value++) {
        char quote = text[value];

        if (quote == '\'' || quote == '"')
            for (value++; value < scan->length && value - from < ROW_MAX && text[value] != quote;)
                value++;
        else if (quote == ',')
            column--;
    }
    secret_take(scan, value - from);
    value = secret_skip_blanks(scan, value);
    value += value < scan->length && text[value] == '\\';
    if (column || value >= scan->length || (text[value] != '\'' && text[value] != '"'))
        return false;
    from = ++value;
    while (value < scan->length && value - from < ROW_MAX && text[value] != text[from - 1] && text[value] != '\\')
        value++;
    secret_take(scan, value - from);
    return secret_match_value(scan, name_from, name_to, from, value, ret);
}

/* What a call is given: crypt("value"), auth("user", "value"), define('NAME', 'value'). */
static const struct call {
    const char *name;
    int argument; /* which of its strings is the password; LAST: the last one; NAMED: the one after a secret's name */
} calls[] = {
    {"crypt(", 1},
    {"bcrypt(", 1},
    {"password_hash(", 1},
    {"Hash::make(", 1},
    {"hash_password(", 1},
    {"passwd(", 1},
    {"hashpw(", 1},
    {"hashSync(", 1},
    {"make_password(", 1},
    {"set_password(", 1},
    {"generate_password_hash(", 1},
    {"db.auth(", 2},
    {"changeUserPassword(", 2},
    {"create_superuser(", LAST},
    {"create_user(", LAST},
    {"-oauth\"", 2},
    {"-oauth\\\"", 2},
    {"SetEnvironmentVariable(", NAMED},
    {"define(", NAMED},
    {"putenv(", NAMED},
    {"setenv(", NAMED},
    {"setProperty(", NAMED},
    {"setdefault(", NAMED},
    {"connect(", 3},
    {"Connect(", 3},
    {"mysqli_connect(", 3},
    {"getConnection(", 3},
    {"createConnection(", 3},
    {"PDO(", 3},
    {"mysqli(", 3},
    {"Credentials(", 4},
    {"Credentials(", 2},
    {"createAccount(", 2},
    {"HTTPBasicAuth(", 2},
    {"BasicAuth(", 2},
    {"PasswordAuthentication(", 2},
    {"login(", 2},
};

/* A string in quotes from AT on, after what separates it from the one before; false: there is none. */
static bool next_string(struct secret_scan *scan, size_t at, size_t *ret_start, size_t *ret_end)
{
    enum { BETWEEN_MAX = 8, STRING_MAX = 512 };
    const char *text = scan->text;
    size_t start = at, end;
    char quote;

    while (start < scan->length && start - at < BETWEEN_MAX && text[start] && strchr(" ,:{[\n\\bru@", text[start]))
        start++;
    if (start >= scan->length || (text[start] != '"' && text[start] != '\''))
        return false;
    quote = text[start++];
    for (end = start; end < scan->length && end - start < STRING_MAX && text[end] != quote;)
        end++;
    secret_take(scan, end - at);
    if (end >= scan->length || text[end] != quote)
        return false;
    *ret_start = start;
    *ret_end = end - (end > start && text[end - 1] == '\\');
    return true;
}

static bool match_call(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { STRINGS_MAX = 6, CALL_STEPS = 2 };

    if (!scan->text[at] || !strchr("cphmgds-SbHPBClCg", scan->text[at])) /* their first letters */
        return false;
    for (size_t i = 0; i < countof(calls); i++) {
        size_t start = 0, end = 0, next = at + strlen(calls[i].name), named_from = 0, named_to = 0;
        int count = 0;

        secret_take(scan, CALL_STEPS);
        if (!secret_is_word(scan, at, calls[i].name))
            continue;
        while (count < STRINGS_MAX && count != calls[i].argument && next_string(scan, next, &start, &end)) {
            count++;
            if (calls[i].argument == NAMED && named_to)
                return secret_is_named(scan, scan->text + named_from, named_to - named_from, start, end) &&
                       secret_match_value(scan, named_from, named_to, start, end, ret);
            named_from = start;
            named_to = end;
            next = end + 1 + (end + 1 < scan->length && scan->text[end] == '\\');
        }
        if (calls[i].argument == LAST ? count < 2 || !secret_is_word(scan, next, ")") : count != calls[i].argument)
            continue;
        if (end <= start || !secret_is_real(scan, start, end))
            return false;
        *ret = (struct secret_match){
            .kind = "password given to a call", .value = scan->text + start, .value_length = end - start};
        return true;
    }
    return false;
}

/* What signs, given the key: jwt.sign(claims, "key"), createHmac("sha256", "key"), hmac.new(b"key", …). AT: the name.
 */
static bool match_signing(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const struct {
        const char *name;
        const char *owner; /* within what is before it; NULL: it needs none */
        bool second;       /* the key is the second argument */
    } signers[] = {{"sign(", "jwt", true},      {"sign(", "jsonwebtoken", true},
                   {"verify(", "jwt", true},    {"verify(", "jsonwebtoken", true},
                   {"encode(", "jwt", true},    {"decode(", "jwt", true},
                   {"createHmac(", NULL, true}, {"hmac.new(", NULL, false},
                   {"HMAC.new(", NULL, false},  {"Serializer(", NULL, false},
                   {"Signer(", NULL, false},    {"Fernet(", NULL, false}};
    enum { OWNER_MAX = 24, ARGUMENT_MAX = 256, STEPS = 2 };
    const char *text = scan->text;

    if (!text[at] || !strchr("svedchHSF", text[at]))
        return false;
    for (size_t i = 0; i < countof(signers); i++) {
        size_t next = at + strlen(signers[i].name), from = at > OWNER_MAX ? at - OWNER_MAX : 0, start, end;
        int depth = 0;

        secret_take(scan, STEPS);
        if (!secret_is_word(scan, at, signers[i].name))
            continue;
        if (signers[i].owner) {
            bool owned = false;

            for (size_t k = from; k < at && !owned; k++)
                owned = secret_begins_with_nocase(scan, k, signers[i].owner);
            secret_take(scan, at - from);
            if (!owned)
                continue;
        }
        if (signers[i].second) {
            size_t first = next;

            for (; next < scan->length && next - first < ARGUMENT_MAX && depth >= 0 && (depth || text[next] != ',');
                 next++)
                depth += (text[next] && strchr("([{", text[next])) - (text[next] && strchr(")]}", text[next]));
            secret_take(scan, next - first);
            if (next >= scan->length || text[next] != ',')
                return false;
            next++;
        }
        if (!next_string(scan, next, &start, &end) || end <= start || !secret_is_real(scan, start, end))
            return false;
        *ret = (struct secret_match){.kind = "key of a signature", .value = text + start, .value_length = end - start};
        return true;
    }
    return false;
}

/* A line "password value" (.msmtprc, .fetchmailrc): not one of PAM's, whose values have no digit. */
static bool match_password_line(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char word[] = "password ";
    const char *text = scan->text;
    size_t start = at + strlen(word), stop;

    if (!secret_is_word(scan, at, word) ||
        (at && text[at - 1] != '\n' && !(at >= 2 && text[at - 2] == '\\' && text[at - 1] == 'n')))
        return false;
    stop = secret_value_end(scan, &start);
    for (size_t i = start; i + 1 < stop; i++)
        if (!secret_take(scan, 1) || (text[i] == '\\' && text[i + 1] == 'n'))
            stop = i;
    for (size_t i = start; i < stop && secret_take(scan, 1); i++)
        if (isdigit((unsigned char)text[i]))
            return secret_match_value(scan, at, at + strlen(word) - 1, start, stop, ret);
    return false;
}

/* Driver=…;PWD=value: ODBC's, where the shell's variable of that name cannot be. */
static bool match_odbc(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    static const char word[] = "PWD=";
    size_t start = at + strlen(word), stop;

    if (!at || scan->text[at - 1] != ';' || !secret_is_word(scan, at, word))
        return false;
    stop = secret_value_end(scan, &start);
    return secret_match_value(scan, at, at + strlen(word) - 1, start, stop, ret);
}

/* user NAME on >value ~*: an access list of Redis. AT: the sign. */
bool secret_match_access_list(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { VALUE_MAX = 128 };
    const char *text = scan->text;
    size_t stop = at + 1;

    if (text[at] != '>' || at < 4 || memcmp(text + at - 4, " on ", 4) != 0)
        return false;
    while (stop < scan->length && stop - at < VALUE_MAX && !secret_is_blank(text[stop]) && !strchr("\"'", text[stop]))
        stop++;
    secret_take(scan, stop - at);
    if (stop + 1 >= scan->length || text[stop] != ' ' || !strchr("~+&a", text[stop + 1]) ||
        !secret_is_real(scan, at + 1, stop))
        return false;
    *ret = (struct secret_match){
        .kind = "password of an access list", .value = text + at + 1, .value_length = stop - at - 1};
    return true;
}

/* expect "assword:"; send "value\r" (expect(1)). */
static bool match_send(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { BEFORE_MAX = 64, VALUE_MAX = 128 };
    const char *text = scan->text;
    size_t from = at > BEFORE_MAX ? at - BEFORE_MAX : 0, start = at + 4, stop;

    if (!secret_is_word(scan, at, "send") || start >= scan->length || (text[start] != ' ' && text[start] != '\t'))
        return false;
    secret_take(scan, at - from);
    if (!memmem(text + from, at - from, "assword", strlen("assword")) &&
        !memmem(text + from, at - from, "assphrase", strlen("assphrase")))
        return false;
    start = secret_skip_blanks(scan, start);
    if (secret_is_word(scan, start, "-- "))
        start = secret_skip_blanks(scan, start + strlen("-- "));
    start += start < scan->length && text[start] == '\\';
    if (start >= scan->length || text[start] != '"')
        return false;
    for (stop = ++start; stop < scan->length && stop - start < VALUE_MAX && !strchr("\"\\", text[stop]) && text[stop];)
        stop++;
    secret_take(scan, stop - start);
    if (stop <= start || !secret_is_real(scan, start, stop))
        return false;
    *ret = (struct secret_match){.kind = "password that is sent", .value = text + start, .value_length = stop - start};
    return true;
}

/* sed s/DB_PASSWORD_HERE/value/: the name of a secret, and in its place a word with a digit that names none. */
static bool match_substitution(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { PART_MAX = 128, VALUE_MIN = 6 };
    const char *text = scan->text;
    size_t from = at + 2, middle = from, stop;
    bool digit = false;
    char sign;

    if (text[at] != 's' || scan->length - at < 6 || !strchr("/|#,!@%", text[at + 1]) || !text[at + 1] ||
        !secret_is_word_start(text, at))
        return false;
    sign = text[at + 1];
    while (middle < scan->length && middle - from < PART_MAX && text[middle] != sign && text[middle] != '\n')
        middle++;
    for (stop = middle + 1;
         stop < scan->length && stop - middle < PART_MAX && text[stop] != sign && text[stop] != '\n';)
        digit |= isdigit((unsigned char)text[stop++]) != 0;
    secret_take(scan, 2 * (stop - at));
    if (stop >= scan->length || text[middle] != sign || text[stop] != sign || !digit || stop - middle - 1 < VALUE_MIN)
        return false;
    while (from < middle && strchr("^%_@<{$[\\", text[from]))
        from++;
    for (size_t i = from; i < middle; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("_-@%>}]$", text[i]))
            return false;
    for (size_t i = middle + 1; i < stop; i++)
        if (secret_is_blank(text[i]) || strchr("=:/\\$&", text[i]))
            return false;
    return secret_is_plain_name(scan, text + from, middle - from) &&
           !secret_is_name(scan, text + middle + 1, stop - middle - 1) &&
           secret_match_value(scan, from, middle, middle + 1, stop, ret);
}

bool secret_match_line(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    return match_substitution(scan, at, ret) || match_send(scan, at, ret) || match_odbc(scan, at, ret) ||
           match_selection(scan, at, ret) || match_insert(scan, at, ret) || match_call(scan, at, ret) ||
           match_signing(scan, at, ret) || match_password_line(scan, at, ret) ||
           (secret_is_word_start(scan->text, at) && (match_directive(scan, at, ret) || match_using(scan, at, ret))) ||
           ((secret_is_word_start(scan->text, at) || scan->text[at - 1] == '=') && match_sql(scan, at, ret));
}
