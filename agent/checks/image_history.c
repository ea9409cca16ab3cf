/* Reading history steps: which instruction wrote each, and the text that is the instruction's own. */
#include "agent/checks/image_history.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/initials.h"
#include "common/secrets/secrets.h"
#include "common/text.h"

static void cut(struct step *step, size_t length)
{
    step->body += length;
    step->length -= length;
    while (step->length && isspace((unsigned char)*step->body)) {
        step->body++;
        step->length--;
    }
}

static size_t word_length(const struct step *step, size_t at)
{
    size_t end = at;

    while (end < step->length && !isspace((unsigned char)step->body[end]))
        end++;
    return end - at;
}

static bool is_word_of(const struct step *step, size_t at, size_t length, const char *const *words)
{
    for (; length && *words; words++) {
        if (initials_slot(**words) != initials_slot(step->body[at])) /* most often */
            continue;
        if (strlen(*words) == length && strncasecmp(step->body + at, *words, length) == 0)
            return true;
    }
    return false;
}

/* Where the last part of the path begins that is the word from AT to END. */
static size_t base_of(const struct step *step, size_t at, size_t end)
{
    size_t name = end;

    while (name > at && step->body[name - 1] != '/' && step->body[name - 1] != '\\')
        name--;
    return name;
}

static size_t skip_blanks(const struct step *step, size_t at)
{
    while (at < step->length && isspace((unsigned char)step->body[at]))
        at++;
    return at;
}

/* The length of "/usr/bin/env " at AT; 0: something else. */
static size_t env_length(const struct step *step, size_t at)
{
    static const char *const env[] = {"env", NULL};
    size_t end = at + word_length(step, at), name = base_of(step, at, end);

    return is_word_of(step, name, end - name, env) ? skip_blanks(step, end) - at : 0;
}

/* The length of a shell at AT with its options up to the one that its script follows ("/bin/bash -o pipefail -c", "cmd
 * /S /C", "powershell -Command", "/usr/bin/env bash -c"); 0: not a shell. */
static size_t shell_length(const struct step *step, size_t at, bool *ret_windows)
{
    static const char *const unix_shells[] = {"sh", "bash", "ash", "dash", "zsh", "ksh", NULL};
    static const char *const windows_shells[] = {"cmd",  "cmd.exe",  "powershell", "powershell.exe",
                                                 "pwsh", "pwsh.exe", NULL};
    static const char *const windows_ends[] = {"/c", "-command", "-c", NULL};
    size_t begin = at + env_length(step, at), length = word_length(step, begin), end = begin + length, options = 0;
    size_t name = base_of(step, begin, end);
    bool is_windows = is_word_of(step, name, end - name, windows_shells);

    *ret_windows = is_windows;
    if (!is_windows && !is_word_of(step, name, end - name, unix_shells))
        return 0;
    while (end < step->length && options++ < 16) {
        const char *word;
        bool ends;

        end = skip_blanks(step, end);
        length = word_length(step, end);
        word = step->body + end;
        if (!length || (*word != '-' && *word != '+' && !(is_windows && *word == '/') &&
                        !(options > 1 && !is_windows && end >= 3 && step->body[end - 2] == 'o')))
            return 0;
        ends = is_windows ? is_word_of(step, end, length, windows_ends)
                          : *word == '-' && length > 1 && word[1] != '-' && word[length - 1] == 'c';
        end += length;
        if (ends)
            return end - at;
    }
    return 0;
}

/* A word with nothing in it that a shell would act on. */
static bool is_plain(const struct step *step, size_t at, size_t length)
{
    for (size_t i = at; i < at + length; i++)
        if (strchr(";&|<>()$`\"'\n", step->body[i]))
            return false;
    return length > 0;
}

/* The length of what a SHELL instruction may put before a shell ("conda run -n env /bin/bash -c"), or of a script in a
 * shell's place, with the shell's options; 0: neither. */
static size_t prefix_length(const struct step *step, bool *ret_windows)
{
    static const char *const programs[] = {"conda",  "mamba", "micromamba", "busybox", "toybox",    "pixi",
                                           "chroot", "scl",   "tini",       "poetry",  "dumb-init", NULL};
    enum { WORDS_MAX = 12 };
    size_t length = word_length(step, 0), name = base_of(step, 0, length), shell = shell_length(step, 0, ret_windows);

    if (shell)
        return shell;
    if (length - name >= 8 && strncmp(step->body + length - 8, "shell.sh", 8) == 0)
        return length;
    if (!is_word_of(step, name, length - name, programs))
        return 0;
    for (size_t at = 0, words = 0; at < step->length && words < WORDS_MAX; words++) {
        length = word_length(step, at);
        if (!is_plain(step, at, length))
            return 0;
        at = skip_blanks(step, at + length);
        shell = shell_length(step, at, ret_windows);
        if (shell)
            return at + shell;
    }
    return 0;
}

static bool skip_shell(struct step *step)
{
    bool windows = false;
    size_t length = prefix_length(step, &windows);

    if (length) {
        cut(step, length);
        step->dialect = windows ? SHELL_WINDOWS : SHELL_POSIX;
    }
    return length > 0;
}

static void cut_arguments(struct step *step, size_t length)
{
    step->arguments = step->body;
    step->arguments_length = length;
    cut(step, length);
}

/* "|2 A=b C=d e /bin/sh -c": the count, then the build arguments, whose values may hold spaces. If no shell follows
 * (the exec form), as far as it can be determined. */
static void skip_arguments(struct step *step)
{
    size_t at = word_length(step, 0), arguments;
    bool windows;

    arguments = strtoul(step->body + 1, NULL, 10);
    for (size_t i = at; i < step->length; i++)
        if (isspace((unsigned char)step->body[i]) && i + 1 < step->length && shell_length(step, i + 1, &windows)) {
            cut_arguments(step, i + 1);
            return;
        }
    for (; arguments && at < step->length; arguments--) {
        at = skip_blanks(step, at);
        at += word_length(step, at);
    }
    cut_arguments(step, at);
}

/* "A=b C=d /bin/sh -c", as buildah wrote them. */
static void skip_assignments(struct step *step)
{
    bool windows;

    for (size_t at = 0; at < step->length;) {
        size_t length = word_length(step, at), name = at;

        while (name < at + length && (isalnum((unsigned char)step->body[name]) || step->body[name] == '_'))
            name++;
        if (name == at || name == at + length || step->body[name] != '=' || !is_plain(step, at, length))
            return;
        at = skip_blanks(step, at + length);
        if (shell_length(step, at, &windows)) {
            cut_arguments(step, at);
            return;
        }
    }
}

static bool begins_with(const struct step *step, const char *text)
{
    size_t length = strlen(text);

    return step->length >= length && memcmp(step->body, text, length) == 0;
}

/* The flags of the instruction itself, which buildah and kaniko keep. */
static void skip_flags(struct step *step)
{
    while (begins_with(step, "--mount=") || begins_with(step, "--network=") || begins_with(step, "--security=") ||
           begins_with(step, "--device="))
        cut(step, word_length(step, 0));
}

static void skip_to_command(struct step *step)
{
    skip_flags(step);
    if (begins_with(step, "|"))
        skip_arguments(step);
    else
        skip_assignments(step);
    skip_flags(step);
    skip_shell(step);
    skip_flags(step);
}

static void drop_ending(struct step *step, const char *ending)
{
    size_t length = strlen(ending);

    if (step->length >= length && memcmp(step->body + step->length - length, ending, length) == 0)
        step->length -= length;
}

/* Nothing but what PowerShell images set before a command: "$Name = 'value';". */
static bool sets_preferences(const struct step *step)
{
    for (size_t at = skip_blanks(step, 0); at < step->length;) {
        const char *end = memchr(step->body + at, ';', step->length - at);

        if (step->body[at] != '$' || !end || !memchr(step->body + at, '=', (size_t)(end - step->body) - at))
            return false;
        at = skip_blanks(step, (size_t)(end - step->body) + 1);
    }
    return true;
}

/* The classic builder's mark of an instruction that runs nothing follows the shell, whichever one SHELL names: skips
 * both. In what a shell runs it would be a comment. */
static bool skip_mark(struct step *step)
{
    static const char mark[] = "#(nop)";
    enum { PREFIX_MAX = 4096 };
    struct step prefix = *step;
    const char *at = memmem(step->body, step->length < PREFIX_MAX ? step->length : PREFIX_MAX, mark, sizeof mark - 1);

    if (!at)
        return false;
    prefix.length = (size_t)(at - step->body);
    if (begins_with(&prefix, "|"))
        skip_arguments(&prefix);
    if (skip_shell(&prefix) ? prefix.length && !(prefix.dialect == SHELL_WINDOWS && sets_preferences(&prefix))
                            : !is_plain(&prefix, 0, word_length(&prefix, 0)) ||
                                  skip_blanks(&prefix, word_length(&prefix, 0)) < prefix.length)
        return false;
    cut(step, (size_t)(at - step->body) + sizeof mark - 1);
    return true;
}

/* The instruction's name at the beginning; cuts it off. Small letters are as good, but where they would be a program's
 * name. */
static enum instruction read_instruction(struct step *step)
{
    static const struct {
        const char *word;
        enum instruction instruction;
    } words[] = {{"COPY", INSTRUCTION_COPY},       {"ADD", INSTRUCTION_ADD},          {"RUN", INSTRUCTION_RUN},
                 {"ENV", INSTRUCTION_ENV},         {"ARG", INSTRUCTION_ARG},          {"LABEL", INSTRUCTION_META},
                 {"CMD", INSTRUCTION_META},        {"ENTRYPOINT", INSTRUCTION_META},  {"EXPOSE", INSTRUCTION_META},
                 {"USER", INSTRUCTION_META},       {"WORKDIR", INSTRUCTION_WORKDIR},  {"VOLUME", INSTRUCTION_META},
                 {"STOPSIGNAL", INSTRUCTION_META}, {"HEALTHCHECK", INSTRUCTION_META}, {"SHELL", INSTRUCTION_META},
                 {"ONBUILD", INSTRUCTION_META},    {"MAINTAINER", INSTRUCTION_META},  {"FROM", INSTRUCTION_META}};
    static const char *const programs[] = {"env", "cmd", "user", "from", NULL};
    size_t length = word_length(step, 0);
    bool is_program = is_word_of(step, 0, length, programs);

    for (size_t i = 0; i < countof(words) && length < step->length; i++) {
        bool is_trigger;

        if (strlen(words[i].word) != length || strncasecmp(step->body, words[i].word, length) != 0 ||
            (is_program && !begins_with(step, words[i].word)))
            continue;
        is_trigger = strcmp(words[i].word, "ONBUILD") == 0 && !step->is_trigger;
        step->is_trigger |= is_trigger;
        cut(step, length);
        return is_trigger ? read_instruction(step) : words[i].instruction;
    }
    return INSTRUCTION_OTHER;
}

struct step history_step_read(const struct history_step *history_step)
{
    struct step step = {.body = history_step->created_by, .length = strlen(history_step->created_by)};
    bool marked;

    cut(&step, 0);
    drop_ending(&step, " # buildkit");
    marked = skip_mark(&step);
    step.instruction = read_instruction(&step);
    if (marked)
        return step;
    if (step.instruction == INSTRUCTION_OTHER && step.length && *step.body != '#')
        step.instruction = INSTRUCTION_RUN;
    if (step.instruction == INSTRUCTION_RUN)
        skip_to_command(&step);
    return step;
}

/* ---- What a history does not show ---- */

/* BuildKit and buildah mount the script of "RUN <<EOF" there, if it names its own interpreter, and record its path. */
static bool is_mounted_script(const struct step *step)
{
    static const char folder[] = "/dev/pipes/";

    return step->instruction == INSTRUCTION_RUN && memmem(step->body, step->length, folder, sizeof folder - 1);
}

/* "docker commit" records the container's own command: of an interactive shell not what was typed. */
static bool is_bare_shell(const struct history_step *history_step)
{
    static const char *const shells[] = {"sh", "bash", "ash", "dash", "zsh", "ksh", "fish", NULL};
    struct step step = {.body = history_step->created_by, .length = strlen(history_step->created_by)};
    size_t length, name;

    cut(&step, 0);
    length = word_length(&step, 0);
    name = base_of(&step, 0, length);
    if (!is_word_of(&step, name, length - name, shells))
        return false;
    for (cut(&step, length); step.length; cut(&step, length)) {
        length = word_length(&step, 0);
        if (*step.body != '-' || (length > 1 && step.body[1] != '-' && memchr(step.body, 'c', length)))
            return false; /* a script, or the option that one follows */
    }
    return true;
}

/* A layer without an instruction that is accounted for all the same: a root file system that was imported, as with ADD
 * of one; "--squash", whose steps are there before it. */
static bool is_named_layer(const struct history_step *step)
{
    return str_starts(step->comment, "Imported from") || str_starts(step->comment, "merge sha256:");
}

/* May it have made a layer? The history does not say so: a RUN that changes nothing makes one of no bytes. */
static bool may_have_layer(const struct history_step *history_step, const struct step *step)
{
    switch (step->instruction) {
    case INSTRUCTION_RUN:
    case INSTRUCTION_COPY:
    case INSTRUCTION_ADD:
    case INSTRUCTION_WORKDIR:
        return true;
    case INSTRUCTION_OTHER:
    case INSTRUCTION_ENV:
    case INSTRUCTION_ARG:
    case INSTRUCTION_META:
        break;
    }
    return history_step->size > 0 || (!*history_step->created_by && !str_empty(history_step->comment));
}

bool history_explains(const struct history_facts *history, const struct image_facts *image, bool runs,
                      struct str *ret_why)
{
    static const char exporter[] = "buildkit.exporter.image"; /* layers of which BuildKit knows no step either */
    size_t layers = 0;
    bool any = false;

    for (size_t i = 0; i < history->count; i++)
        any |= *history->items[i].created_by != '\0';
    if (!any) {
        str_append(ret_why, M_("no history: how the image was built is unknown"));
        return false;
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct history_step *item = &history->items[i];
        const struct step step = history_step_read(item);

        layers += may_have_layer(item, &step);
        if (runs && is_mounted_script(&step))
            message_add(ret_why, "step %zu runs a script that the history does not show (%.*s)", i + 1,
                        (int)(step.length < 80 ? step.length : 80), step.body);
        else if (item->size > 0 && is_bare_shell(item))
            message_add(ret_why, "step %zu was made by hand in a container (%.40s), which the history does not show",
                        i + 1, item->created_by);
        else if (!*item->created_by && !is_named_layer(item) && (item->size > 0 || str_starts(item->comment, exporter)))
            message_add(ret_why, "step %zu is a layer of which the history does not show how it was made", i + 1);
        if (ret_why->length)
            return false;
    }
    if (!image || layers >= image->layers.count)
        return true;
    message_add(ret_why,
                "the history shows steps for %zu of the image's %zu layers: how the others were made is unknown",
                layers, image->layers.count);
    return false;
}

/* ---- Variables ---- */

/* Sets the variable NAME to VALUE without the quotes around it, and clears VALUE. */
static void remember(struct map *variables, const char *name, struct str *value)
{
    const char *text = str_text(value);
    size_t length = value->length;
    bool quoted = length >= 2 && (*text == '"' || *text == '\'') && text[length - 1] == *text;

    map_set(variables, name, mem_strndup(text + quoted, length - 2 * (size_t)quoted));
    str_clear(value);
}

/* "NAME=value NAME=value", where values may hold blanks; or "NAME value", the older form. */
static void learn(struct map *variables, const char *text, size_t length)
{
    struct step rest = {.body = text, .length = length};
    scoped(cleanup_free) char *name = NULL;
    scoped_str value = STR_INIT;

    for (cut(&rest, 0); rest.length; cut(&rest, word_length(&rest, 0))) {
        scoped(cleanup_free) char *word = mem_strndup(rest.body, word_length(&rest, 0));
        bool assigns = shell_is_assignment(word);

        if (assigns && name)
            remember(variables, name, &value);
        if (assigns || !name) {
            free(name);
            name = mem_strndup(word, assigns ? strcspn(word, "+=") : strlen(word));
        } else if (value.length) {
            str_append_char(&value, ' ');
        }
        if (assigns)
            str_append(&value, strchr(word, '=') + 1);
        else if (strcmp(name, word) != 0 || value.length)
            str_append(&value, word);
    }
    if (name)
        remember(variables, name, &value);
}

/* ---- Judging ---- */

/* Steps of the budget, for each character: reading the steps, learning variables from them and looking at their values,
 * parsing commands. IMAGE_MAX is what the event loop can spare for one image. The commands of ordinary builds take
 * about 15 for each character, those of a step may take COMMANDS_STEPS. */
enum { READ_STEPS = 3, LEARN_STEPS = 8, COMMANDS_STEPS = 64, COMMANDS_MIN = 16384, IMAGE_MAX = 5 << 19 };
enum { SHOWN_BYTES_MAX = 1 << 17 };

static const char too_long[] = M_("its history is too long to judge");

void history_learn(struct history_reading *reading, size_t number)
{
    const struct step *step = &reading->steps[number];
    bool sets = step->instruction == INSTRUCTION_ENV || step->instruction == INSTRUCTION_ARG;
    size_t count = 0; /* "|2 " before a build's arguments */

    if (!budget_take(&reading->budget, LEARN_STEPS * (step->arguments_length + (sets ? step->length : 0))))
        return;
    if (sets && (step->instruction == INSTRUCTION_ENV || memchr(step->body, '=', step->length)))
        learn(reading->variables, step->body, step->length); /* an ARG without a value is not known */
    if (step->arguments_length && *step->arguments == '|')
        while (count < step->arguments_length && !isspace((unsigned char)step->arguments[count]))
            count++;
    if (step->arguments)
        learn(reading->variables, step->arguments + count, step->arguments_length - count);
}

static void remember_unread(struct history_reading *reading, size_t number, const char *why)
{
    if (reading->why)
        return;
    reading->unread = number;
    reading->why = why;
}

bool history_begin(struct history_reading *reading, const struct check_input *in, struct check_result *out)
{
    const char *why;

    *reading = (struct history_reading){.in = in,
                                        .out = out,
                                        .facts = store_history(in->store, in->key, &why),
                                        .variables = map_new(free),
                                        .budget.max = IMAGE_MAX,
                                        .shown.max = SHOWN_BYTES_MAX};
    if (!reading->facts) {
        check_error(in, out, M_("history"), why);
        return false;
    }
    reading->steps = mem_realloc_array(NULL, reading->facts->count + 1, sizeof *reading->steps);
    for (size_t i = 0; i < reading->facts->count; i++) {
        const struct history_step *step = &reading->facts->items[i];

        if (!budget_take(&reading->budget, READ_STEPS * strlen(step->created_by) + READ_STEPS)) {
            check_say(in, out, VERDICT_ERROR, "%s", too_long);
            return false;
        }
        reading->steps[reading->count++] = history_step_read(step);
    }
    return true;
}

void history_end(struct history_reading *reading)
{
    map_free(reading->variables);
    free(reading->steps);
}

bool history_parse(struct history_reading *reading, size_t number, const struct map *variables, struct shell_line *line)
{
    const struct step *step = &reading->steps[number];
    const struct shell_options options = {.dialect = step->dialect, .variables = variables};
    size_t left = budget_is_over(&reading->budget) ? 0 : reading->budget.max - reading->budget.taken;
    size_t max = COMMANDS_STEPS * step->length + COMMANDS_MIN;

    reading->own = (struct budget){.max = max < left ? max : left};
    shell_parse(step->body, step->length, &options, &reading->own, line);
    shell_drop_uncalled(line);
    return !budget_is_over(&reading->own);
}

bool history_judged(struct history_reading *reading, size_t number, const struct shell_line *line)
{
    bool over = budget_is_over(&reading->own);

    if (!budget_take(&reading->budget, reading->own.taken))
        remember_unread(reading, number, "with it this image takes too much work");
    else if (line->why || over)
        remember_unread(reading, number, line->why ? line->why : M_("its commands take too much work"));
    return !line->why && !over;
}

/* TEXT with all secrets redacted, and as much of it as is shown. */
static void show(struct history_reading *reading, struct str *out, const char *text, size_t length)
{
    enum { SHOWN_MAX = 160, READ_MAX = 64 * 1024 };
    scoped_str redacted = STR_INIT;

    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    length = length < READ_MAX ? length : READ_MAX;
    if (!budget_take(&reading->shown, length))
        return;
    secret_redact(&redacted, text, length, true);
    text_escape(out, str_text(&redacted), redacted.length, SHOWN_MAX);
}

void history_say(struct history_reading *reading, enum verdict verdict, size_t number, const char *what,
                 const char *text, size_t length)
{
    scoped_str shown = STR_INIT;

    if (reading->in->explain && text)
        show(reading, &shown, text, length);
    check_say(reading->in, reading->out, verdict, "step %zu: %s%s%s", number + 1, what, shown.length ? ": " : "",
              str_text(&shown));
}

bool history_say_end(struct history_reading *reading, const char *good)
{
    const struct check_input *in = reading->in;
    const char *image_why;
    const struct image_facts *image = store_image(in->store, in->key, &image_why);
    scoped_str unseen = STR_INIT;

    if (reading->out->verdict == VERDICT_FAIL)
        return false;
    if (reading->why)
        check_say(in, reading->out, VERDICT_ERROR, "RUN step %zu is too complex to judge: %s", reading->unread + 1,
                  reading->why);
    else if (budget_is_over(&reading->budget))
        check_say(in, reading->out, VERDICT_ERROR, "%s", too_long);
    else if (!history_explains(reading->facts, image, !reading->runs_do_not_matter, &unseen))
        check_say(in, reading->out, VERDICT_MANUAL, "%s", unseen.data);
    else if (!image)
        check_error(in, reading->out, M_("whether the history shows every layer: image"), image_why);
    else if (reading->out->verdict == VERDICT_NONE)
        check_say(in, reading->out, VERDICT_PASS, "%s", good);
    return true;
}
