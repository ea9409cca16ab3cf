/* How an image was built, from its history: 4.7, 4.9, 4.10, 4.11. Steps are shown with every secret redacted. */
#include <ctype.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"
#include "common/secrets.h"
#include "common/text.h"

enum { STEP_SHOWN_MAX = 160 };

static const struct history_facts *need_history(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct history_facts *history = store_history(in->store, in->key, &why);

    if (!history) {
        check_error(in, out, "history", why);
        return NULL;
    }
    for (size_t i = 0; i < history->count; i++)
        if (*history->items[i].created_by)
            return history;
    check_say(in, out, VERDICT_MANUAL, "it has no history: how it was built is not known");
    return NULL;
}

static void say_step(const struct check_input *in, struct check_result *out, size_t number, const struct step *step,
                     const char *what)
{
    scoped_str redacted = STR_INIT, shown = STR_INIT;

    if (in->explain) {
        secret_redact(&redacted, step->body, step->length, false);
        text_escape(&shown, str_text(&redacted), redacted.length, STEP_SHOWN_MAX);
    }
    check_say(in, out, VERDICT_FAIL, "step %zu: %s: %s", number + 1, what, str_text(&shown));
}

/* ---- 4.7 ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* What a package manager's command does to the index and to the image. */
static void look_at_command(const struct shell_command *command, bool *updates, bool *installs)
{
    static const char *const managers[] = {"apt-get",  "apt",  "aptitude", "apk",          "yum",    "dnf",
                                           "microdnf", "tdnf", "zypper",   "urpmi.update", "pacman", NULL};
    static const char *const rpm_managers[] = {"yum", "dnf", "microdnf", "tdnf", NULL};
    static const char *const update_words[] = {"update", NULL};
    static const char *const rpm_update_words[] = {
        "update", "upgrade", "update-minimal", "upgrade-minimal", "check-update", "makecache", NULL};
    static const char *const zypper_words[] = {"refresh", "ref", "update", "up", "dup", "patch", NULL};
    static const char *const install_words[] = {"install",   "add",       "localinstall", "groupinstall", "in",
                                                "build-dep", "reinstall", "module",       "group",        NULL};
    const char *name = base_name(command->words[0]);

    if (!is_one_of(name, managers))
        return;
    for (size_t i = 1; i < command->count; i++) {
        const char *word = command->words[i];

        if (strcmp(name, "pacman") == 0) {
            if (word[0] == '-' && word[1] == 'S' && strchr(word, 'y'))
                *(i + 1 < command->count ? installs : updates) = true;
            continue;
        }
        if (is_one_of(word, install_words)) {
            *installs = true;
            return;
        }
        if (is_one_of(word, is_one_of(name, rpm_managers) ? rpm_update_words
                            : strcmp(name, "zypper") == 0 ? zypper_words
                                                          : update_words)) {
            *updates = true;
            return;
        }
    }
}

void check_image_update_instruction(const struct check_input *in, struct check_result *out)
{
    const struct history_facts *history = need_history(in, out);

    if (!history)
        return;
    for (size_t i = 0; i < history->count; i++) {
        struct step step = history_step_read(&history->items[i]);
        scoped(shell_line_deinit) struct shell_line line = {0};
        bool updates = false, installs = false;

        if (step.instruction != INSTRUCTION_RUN)
            continue;
        shell_split(step.body, step.length, &line);
        for (size_t k = 0; k < line.count; k++)
            look_at_command(&line.items[k], &updates, &installs);
        if (updates && !installs)
            say_step(in, out, i, &step, "updates the package index and installs nothing");
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no step updates a package index on its own");
}

/* ---- 4.9 ---- */

/* The destination is the last word; the classic builder writes "file:… in DESTINATION". */
static bool goes_to_root(const struct step *step)
{
    size_t end = step->length, start;

    while (end && isspace((unsigned char)step->body[end - 1]))
        end--;
    start = end;
    while (start && !isspace((unsigned char)step->body[start - 1]))
        start--;
    return end - start == 1 && step->body[start] == '/';
}

void check_image_add_instruction(const struct check_input *in, struct check_result *out)
{
    const struct history_facts *history = need_history(in, out);
    bool first = true; /* nothing has been put into the image yet */

    if (!history)
        return;
    for (size_t i = 0; i < history->count; i++) {
        struct step step = history_step_read(&history->items[i]);

        if (step.instruction == INSTRUCTION_ADD && !(first && goes_to_root(&step)))
            say_step(in, out, i, &step, "ADD");
        if (step.instruction == INSTRUCTION_ADD || step.instruction == INSTRUCTION_COPY ||
            step.instruction == INSTRUCTION_RUN ||
            (step.instruction == INSTRUCTION_OTHER && history->items[i].size > 0))
            first = false;
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no ADD beyond the base layer");
}

/* ---- 4.10 ---- */

/* A build argument comes up in each step behind it: it is told once. */
static void say_secret(const struct check_input *in, struct check_result *out, const char *place,
                       const struct secret_match *match, struct map *told)
{
    scoped_str name = STR_INIT;
    scoped(cleanup_free) char *what =
        mem_printf("%s %.*s %zu", match->kind, (int)(match->name_length < 128 ? match->name_length : 128),
                   match->name ? match->name : "", match->value_length);

    if (match->name && map_get(told, what))
        return;
    map_set(told, what, told);

    if (match->name)
        text_escape(&name, match->name, match->name_length, 64);
    check_say(in, out, VERDICT_FAIL, "%s: %s%s%s (%zu characters)", place, match->kind, name.length ? " " : "",
              str_text(&name), match->value_length);
}

static void scan_text(const struct check_input *in, struct check_result *out, const char *place, const char *text,
                      struct map *told)
{
    struct secret_match match;
    size_t at = 0, length = strlen(text);

    while (secret_next(text, length, &at, &match))
        say_secret(in, out, place, &match, told);
}

/* "NAME=value" lists. */
static void scan_list(const struct check_input *in, struct check_result *out, const char *place,
                      const struct string_list *list, struct map *told)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t name_length = strcspn(list->items[i], "=");
        scoped(cleanup_free) char *name = mem_strndup(list->items[i], name_length);
        const char *value = list->items[i] + name_length + (list->items[i][name_length] == '='), *kind;

        if (secret_is_value(name, value, &kind))
            say_secret(in, out, place,
                       &(struct secret_match){
                           .kind = kind, .name = name, .name_length = name_length, .value_length = strlen(value)},
                       told);
    }
}

void check_image_secrets(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct image_facts *image = store_image(in->store, in->key, &why);
    const struct history_facts *history = store_history(in->store, in->key, image ? &why : NULL);
    scoped(cleanup_map) struct map *told = map_new(NULL);

    if (!image || !history) {
        check_error(in, out, image ? "history" : "image", why);
        return;
    }
    scan_list(in, out, "environment", &image->env, told);
    scan_list(in, out, "label", &image->labels, told);
    for (size_t i = 0; i < history->count; i++) {
        char place[32];

        snprintf(place, sizeof place, "step %zu", i + 1);
        scan_text(in, out, place, history->items[i].created_by, told);
        scan_text(in, out, place, history->items[i].comment, told);
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "nothing in its history, environment and labels looks like a secret");
    else
        check_remedy(in, out,
                     "# change these secrets: whoever has the image has them; build with RUN --mount=type=secret");
}

/* ---- 4.11 ---- */

static bool is_interpreter(const char *word)
{
    static const char *const names[] = {"sh",   "bash", "ash",  "dash", "zsh",    "ksh", "python", "python2", "python3",
                                        "perl", "ruby", "node", "php",  "source", ".",   "eval",   NULL};

    return is_one_of(base_name(word), names);
}

static bool is_download(const struct shell_command *command)
{
    static const char *const names[] = {"curl", "wget", "fetch", "aria2c", NULL};

    return is_one_of(base_name(command->words[0]), names);
}

/* curl's -k stands alone or among other letters, before one that takes a value. */
static bool has_insecure_letter(const char *word)
{
    if (word[0] != '-' || word[1] == '-')
        return false;
    for (const char *at = word + 1; *at; at++) {
        if (*at == 'k')
            return true;
        if (strchr("oHdXuAebcTFmxwKECDYyrQtzPU", *at))
            return false;
    }
    return false;
}

static bool is_unverified_flag(const struct shell_command *command, const char *word)
{
    static const char *const flags[] = {
        "--allow-unauthenticated", "--force-yes",         "--nogpgcheck",
        "--no-gpg-check",          "--no-gpg-checks",     "--allow-untrusted",
        "--no-check-certificate",  "--trusted-host",      "--allow-insecure-repositories",
        "--nosignature",           "--disable-gpg-check", NULL};
    static const char *const starts[] = {
        "--trusted-host=", "--allow-unauthenticated=", "APT::Get::AllowUnauthenticated="};

    if (is_one_of(word, flags))
        return true;
    for (size_t i = 0; i < countof(starts); i++)
        if (str_starts(word, starts[i]))
            return true;
    return strcmp(base_name(command->words[0]), "curl") == 0 &&
           (strcmp(word, "--insecure") == 0 || has_insecure_letter(word));
}

static bool is_plain_http_file(const char *word)
{
    static const char *const endings[] = {".deb", ".rpm", ".apk", ".tar", ".tar.gz", ".tgz",    ".tar.xz", ".tar.bz2",
                                          ".zip", ".jar", ".whl", ".gem", ".sh",     ".run",    ".bin",    ".gz",
                                          ".xz",  ".bz2", ".pkg", ".exe", ".msi",    ".tar.zst"};
    scoped(cleanup_free) char *path = NULL;
    const char *url = strstr(word, "http://");

    if (!url || str_starts(url + 7, "localhost") || str_starts(url + 7, "127."))
        return false;
    path = mem_strndup(url, strcspn(url, "?#\"' "));
    for (size_t i = 0; i < countof(endings); i++)
        if (str_ends(path, endings[i]))
            return true;
    return false;
}

static bool verifies(const struct shell_line *line)
{
    static const char *const programs[] = {"sha256sum", "sha512sum", "sha1sum",  "sha384sum", "md5sum", "shasum",
                                           "b2sum",     "cosign",    "minisign", "gpgv",      NULL};

    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *command = &line->items[i];

        if (is_one_of(base_name(command->words[0]), programs))
            return true;
        for (size_t k = 1; k < command->count; k++)
            if (strcmp(command->words[k], "--verify") == 0 || str_starts(command->words[k], "--checksum"))
                return true;
    }
    return false;
}

/* curl … | sh, sh <(curl …), sh -c "$(curl …)". */
static bool pipes_to_interpreter(const struct shell_line *line)
{
    bool downloading = false;

    for (size_t i = 0; i < line->count; i++) {
        const struct shell_command *command = &line->items[i];

        if (!command->piped)
            downloading = false;
        if (downloading && is_interpreter(command->words[0]))
            return true;
        downloading |= is_download(command);
        if (is_interpreter(command->words[0]))
            for (size_t k = 1; k < command->count; k++)
                if (strstr(command->words[k], "$(curl ") || strstr(command->words[k], "$(wget ") ||
                    (strcmp(command->words[k], "<") == 0 && i + 1 < line->count && is_download(&line->items[i + 1])))
                    return true;
    }
    return false;
}

static void judge_run(const struct check_input *in, struct check_result *out, size_t number, const struct step *step)
{
    scoped(shell_line_deinit) struct shell_line line = {0};
    bool checked;

    shell_split(step->body, step->length, &line);
    checked = verifies(&line);
    if (pipes_to_interpreter(&line)) {
        say_step(in, out, number, step, "runs what it downloads unseen");
        return;
    }
    for (size_t i = 0; i < line.count; i++)
        for (size_t k = 1; k < line.items[i].count; k++) {
            const char *word = line.items[i].words[k];

            if (is_unverified_flag(&line.items[i], word) || strstr(word, "[trusted=yes]") ||
                strcmp(word, "gpgcheck=0") == 0) {
                say_step(in, out, number, step, "switches verification off");
                return;
            }
            if (!checked && strcmp(line.items[i].words[0], "echo") != 0 && is_plain_http_file(word)) {
                say_step(in, out, number, step, "takes a file over plain HTTP and checks no checksum");
                return;
            }
        }
}

void check_image_verified_packages(const struct check_input *in, struct check_result *out)
{
    const struct history_facts *history = need_history(in, out);

    if (!history)
        return;
    for (size_t i = 0; i < history->count; i++) {
        struct step step = history_step_read(&history->items[i]);
        scoped(cleanup_free) char *body = mem_strndup(step.body, step.length);

        if (step.instruction == INSTRUCTION_RUN)
            judge_run(in, out, i, &step);
        else if (step.instruction == INSTRUCTION_ADD && strstr(body, "http://") && !strstr(body, "--checksum"))
            say_step(in, out, i, &step, "takes a file over plain HTTP and checks no checksum");
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no step installs what is not verified");
}
