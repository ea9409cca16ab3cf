/* How an image was built, from its history: 4.7, 4.9, 4.10 (4.11: image_verified.c). Steps are shown with every secret
 * redacted. */
#include <ctype.h>
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"
#include "common/secrets.h"
#include "common/text.h"

enum { STEP_SHOWN_MAX = 160 };

/* ---- 4.7 ---- */

static bool has_letter(const char *word, char letter)
{
    return word[0] == '-' && word[1] != '-' && strchr(word + 1, letter);
}

/* pacman -Sy: with something to install behind it, or without. */
static void look_at_pacman(const struct shell_command *command, bool *updates, bool *installs)
{
    bool sync = false, refresh = false, target = false;

    for (size_t i = 1; i < command->count; i++) {
        const char *word = command->words[i];

        sync |= has_letter(word, 'S') || strcmp(word, "--sync") == 0;
        refresh |= has_letter(word, 'y') || strcmp(word, "--refresh") == 0;
        target |= word[0] != '-' && word[0] != '>' && word[0] != '<';
    }
    *installs |= sync && target;
    *updates |= sync && refresh && !target;
}

/* What a package manager's command does to the index and to the image. */
static void look_at_command(const struct shell_command *command, bool *updates, bool *installs)
{
    static const char *const rpm_words[] = {"update",       "upgrade",        "distro-sync",
                                            "dist-upgrade", "update-minimal", "upgrade-minimal",
                                            "check-update", "makecache",      NULL};
    static const char *const zypper_words[] = {"refresh", "ref", "update", "up", "dup", "dist-upgrade", "patch", NULL};
    static const char *const plain_words[] = {"update", NULL}, *const emerge_words[] = {"--sync", NULL};
    static const char *const install_words[] = {
        "install", "add", "localinstall", "groupinstall", "in", "build-dep", "reinstall", "satisfy", NULL};
    static const struct manager {
        const char *name;
        const char *const *updates;
    } managers[] = {
        {"apt-get", plain_words}, {"apt", plain_words},     {"aptitude", plain_words}, {"apt-fast", plain_words},
        {"nala", plain_words},    {"apk", plain_words},     {"opkg", plain_words},     {"yum", rpm_words},
        {"dnf", rpm_words},       {"dnf5", rpm_words},      {"microdnf", rpm_words},   {"tdnf", rpm_words},
        {"zypper", zypper_words}, {"emerge", emerge_words}, {"pacman", NULL},          {"urpmi.update", NULL}};
    const char *name = shell_base_name(command->words[0]);
    const struct manager *manager = NULL;
    bool refreshes = false; /* apk -U: brings the index along */

    for (size_t i = 0; i < countof(managers); i++)
        if (strcmp(managers[i].name, name) == 0)
            manager = &managers[i];
    if (!manager)
        return;
    if (strcmp(name, "pacman") == 0)
        look_at_pacman(command, updates, installs);
    else if (!manager->updates)
        *updates = true;
    for (size_t i = 1; manager->updates && i < command->count; i++) {
        const char *word = command->words[i];

        refreshes |= strcmp(name, "apk") == 0 &&
                     (has_letter(word, 'U') || strcmp(word, "--update-cache") == 0 || strcmp(word, "--update") == 0);
        if (shell_is_one_of(word, install_words)) {
            *installs = true;
            return;
        }
        if (shell_is_one_of(word, manager->updates) || (refreshes && strcmp(word, "upgrade") == 0)) {
            *updates = true;
            return;
        }
    }
}

void check_image_update_instruction(const struct check_input *in, struct check_result *out)
{
    const struct history_facts *history = history_need(in, out);

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
            history_say_step(in, out, i, &step, "updates the package index and installs nothing");
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no step updates a package index on its own");
    else
        check_remedy(in, out,
                     "# in these steps: RUN <update> && <install package=version>; then docker build --no-cache");
}

/* ---- 4.9 ---- */

/* Is WORD the name of an archive that ADD unpacks, or the classic builder's "file:…" or "multi:…"? */
static bool may_be_root(const char *word)
{
    static const char *const endings[] = {".tar",     ".tar.gz", ".tgz",     ".tar.xz", ".txz",
                                          ".tar.bz2", ".tbz2",   ".tar.zst", ".tzst",   ".tar.lzma"};

    if (str_starts(word, "file:") || str_starts(word, "multi:"))
        return true;
    for (size_t i = 0; i < countof(endings); i++)
        if (str_ends(word, endings[i]))
            return true;
    return false;
}

/* The file system that an image begins with: one archive, unpacked at the root. A URL's is not unpacked. */
static bool is_root(const struct step *step)
{
    scoped(shell_line_deinit) struct shell_line line = {0};
    size_t sources = 0;
    const struct shell_command *words;

    shell_split(step->body, step->length, &line);
    if (line.count != 1)
        return false;
    words = &line.items[0];
    for (size_t i = 0; i + 1 < words->count; i++) {
        const char *word = words->words[i];

        if (str_starts(word, "--") || strcmp(word, "in") == 0)
            continue;
        sources++;
        if (strstr(word, "://") || !may_be_root(word))
            return false;
    }
    return sources == 1 && words->count > 1 && strcmp(words->words[words->count - 1], "/") == 0;
}

void check_image_add_instruction(const struct check_input *in, struct check_result *out)
{
    const struct history_facts *history = history_need(in, out);
    bool first = true; /* nothing has been put into the image yet */

    if (!history)
        return;
    for (size_t i = 0; i < history->count; i++) {
        struct step step = history_step_read(&history->items[i]);

        if (step.instruction == INSTRUCTION_ADD && !(first && is_root(&step)))
            history_say_step(in, out, i, &step, "ADD");
        if (step.instruction == INSTRUCTION_ADD || step.instruction == INSTRUCTION_COPY ||
            step.instruction == INSTRUCTION_RUN ||
            (step.instruction == INSTRUCTION_OTHER && history->items[i].size > 0))
            first = false;
    }
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no ADD beyond the base layer");
    else
        check_remedy(in, out,
                     "# in these steps: COPY for files; RUN curl … && sha256sum -c for what comes from elsewhere");
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
    struct secret_scan scan;
    struct secret_match match;

    secret_scan_init(&scan, text, strlen(text));
    while (secret_next(&scan, &match))
        say_secret(in, out, place, &match, told);
}

/* "NAME=value" lists. */
static void scan_list(const struct check_input *in, struct check_result *out, const char *place,
                      const struct string_list *list, struct map *told)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t name_length = strcspn(list->items[i], "=");
        scoped(cleanup_free) char *name = mem_strndup(list->items[i], name_length);
        const char *value = list->items[i] + name_length + (list->items[i][name_length] == '=');
        struct secret_match match;

        if (secret_is_value(name, value, &match))
            say_secret(in, out, place, &match, told);
    }
}

static void scan_words(const struct check_input *in, struct check_result *out, const char *place,
                       const struct string_list *words, struct map *told)
{
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < words->count; i++)
        str_printf(&text, "%s%s", i ? " " : "", words->items[i]);
    scan_text(in, out, place, str_text(&text), told);
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
    scan_words(in, out, "entrypoint", &image->entrypoint, told);
    scan_words(in, out, "command", &image->command, told);
    scan_words(in, out, "health check", &image->healthcheck, told);
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
                     "# change these secrets, whoever has the image has them; then docker build --secret and "
                     "RUN --mount=type=secret, and docker rmi %s",
                     in->key);
}
