/* Steps that update a package index and install nothing, from an image's history: 4.7. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/image_history.h"
#include "common/str.h"

/* What package managers' commands do to the index and to the image. */
struct seen {
    const struct shell_command *update; /* the first one */
    bool installs;
    bool runs_script; /* a file's, which may install as well */
};

static bool has_letter(const char *word, char letter)
{
    return word[0] == '-' && word[1] != '-' && strchr(word + 1, letter);
}

static void see_update(struct seen *seen, const struct shell_command *command)
{
    if (!seen->update)
        seen->update = command;
}

/* Managers whose options select what they do: these update the index as well (or do nothing else), words are packages.
 */
static bool look_at_options(const struct shell_command *command, struct seen *seen)
{
    static const struct {
        const char *name;
        const char *sync;        /* letters, one of which must be there to install; NULL: none is needed */
        const char *refresh;     /* letters that bring the index along */
        const char *long_option; /* that does the same */
        const char *values;      /* options followed by their value, each between blanks */
    } managers[] = {
        {"pacman", "S", "y", "--refresh",
         " --ignore --ignoregroup -b --dbpath -r --root --cachedir --config --arch --gpgdir --hookdir --logfile "
         "--color "
         "--assume-installed --overwrite "},
        {"yay", "S", "y", "--refresh", " --ignore --ignoregroup "},
        {"paru", "S", "y", "--refresh", " --ignore --ignoregroup "},
        {"emerge", NULL, "", "--sync", " --jobs -j --load-average --exclude -X --root --with-bdeps "},
        {"xbps-install", NULL, "S", "--sync", " -C --config -c --cachedir -r --rootdir -R --repository "},
    };
    const char *name = command->program;
    bool sync = false, refresh = false, target = false;
    size_t manager = 0;

    while (manager < countof(managers) && strcmp(managers[manager].name, name) != 0)
        manager++;
    if (manager == countof(managers))
        return false;
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;
        scoped(cleanup_free) char *between = mem_printf(" %s ", word);

        sync |= !managers[manager].sync || has_letter(word, *managers[manager].sync) || has_letter(word, 'U') ||
                strcmp(word, "--sync") == 0 || strcmp(word, "--upgrade") == 0;
        refresh |= strcmp(word, managers[manager].long_option) == 0;
        for (const char *letter = managers[manager].refresh; *letter; letter++)
            refresh |= has_letter(word, *letter);
        target |= word[0] != '-';
        i += strstr(managers[manager].values, between) != NULL;
    }
    seen->installs |= sync && target;
    if (refresh && sync && !target)
        see_update(seen, command);
    return true;
}

/* Programs that do the one or the other, whatever their words. */
static bool look_at_name(const struct shell_command *command, struct seen *seen)
{
    static const char *const updates[] = {"urpmi.update", "emerge-webrsync", NULL};
    static const char *const installs[] = {
        "urpmi",   "gdebi", "mk-build-deps", "install_packages", "clean-install", "apt-install", "rosdep",
        "tasksel", NULL};
    static const char *const options[] = {"install-deps", "--with-deps", NULL}; /* of playwright */
    const char *name = command->program;

    for (size_t i = 1; i < command->words.count; i++)
        seen->installs |= shell_is_one_of(command->words.items[i].text, options);
    if (shell_is_one_of(name, updates))
        see_update(seen, command);
    else if (shell_is_one_of(name, installs))
        seen->installs = true;
    else
        return false;
    return true;
}

/* Managers whose first word that is not an option selects what they do. */
static void look_at_words(const struct shell_command *command, struct seen *seen)
{
    static const char *const rpm_words[] = {"update",
                                            "upgrade",
                                            "up",
                                            "distro-sync",
                                            "dist-upgrade",
                                            "update-minimal",
                                            "upgrade-minimal",
                                            "check-update",
                                            "check-upgrade",
                                            "makecache",
                                            "upgrade-to",
                                            "update-to",
                                            NULL};
    static const char *const zypper_words[] = {"refresh", "ref", "refresh-services", "refs",  "update",
                                               "up",      "dup", "dist-upgrade",     "patch", NULL};
    static const char *const plain_words[] = {"update", NULL}, *const emaint_words[] = {"sync", NULL},
                             *const eopkg_words[] = {"update-repo", "ur", NULL};
    static const char *const install_words[] = {"install", "add",  "localinstall",   "localupdate", "groupinstall",
                                                "in",      "it",   "build-dep",      "builddep",    "reinstall",
                                                "satisfy", "swap", "source-install", "si",          NULL};
    static const char *const other_words[] = {
        "remove",       "purge",     "erase",   "rm",   "del",  "autoremove", "clean",     "autoclean", "source",
        "download",     "search",    "show",    "list", "info", "check",      "changelog", "policy",    "provides",
        "whatprovides", "repoquery", "history", "mark", "hold", "unhold",     NULL};
    static const struct {
        const char *name;
        const char *const *updates;
    } managers[] = {
        {"apt-get", plain_words}, {"apt", plain_words},      {"aptitude", plain_words}, {"apt-fast", plain_words},
        {"nala", plain_words},    {"apk", plain_words},      {"opkg", plain_words},     {"yum", rpm_words},
        {"dnf", rpm_words},       {"dnf5", rpm_words},       {"dnf-3", rpm_words},      {"swupd", plain_words},
        {"pkg", plain_words},     {"slackpkg", plain_words}, {"brew", plain_words},     {"microdnf", rpm_words},
        {"tdnf", rpm_words},      {"zypper", zypper_words},  {"emaint", emaint_words},  {"eopkg", eopkg_words}};
    const char *name = command->program;
    const char *const *updates = NULL;
    bool refreshes = false; /* apk -U: brings the index along */

    for (size_t i = 0; i < countof(managers); i++)
        if (strcmp(managers[i].name, name) == 0)
            updates = managers[i].updates;
    for (size_t i = 1; updates && strcmp(name, "apk") == 0 && i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        refreshes |= has_letter(word, 'U') || strcmp(word, "--update-cache") == 0 || strcmp(word, "--update") == 0;
    }
    for (size_t i = 1; updates && i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        if (shell_is_one_of(word, other_words))
            return;
        if (shell_is_one_of(word, install_words)) {
            seen->installs = true;
            return;
        }
        if (shell_is_one_of(word, updates) || (refreshes && strcmp(word, "upgrade") == 0)) {
            see_update(seen, command);
            return;
        }
    }
}

/* Does it run a script that is not in the history: a file's, or what a download brings? */
static bool is_script(const struct shell_command *command)
{
    const char *program = command->words.count ? command->words.items[0].text : "";

    if (shell_is_shell(command->program) &&
        (shell_script_file(command) || (command->piped && !command->scripts && shell_reads_input(command))))
        return true;
    return (str_ends(program, ".sh") && strchr(program, '/'));
}

static struct seen look_at(const struct shell_line *line)
{
    struct seen seen = {0};

    for (size_t i = 0; i < line->count; i++) {
        if (!look_at_options(line->items[i], &seen) && !look_at_name(line->items[i], &seen))
            look_at_words(line->items[i], &seen);
        seen.runs_script |= is_script(line->items[i]);
    }
    return seen;
}

void check_image_update_instruction(const struct check_input *in, struct check_result *out)
{
    scoped(history_end) struct history_reading reading;
    size_t open = SIZE_MAX; /* a step that updates, and runs a script that may install */

    if (!history_begin(&reading, in, out))
        return;
    for (size_t i = 0; i < reading.count; i++) {
        scoped(shell_line_deinit) struct shell_line line = {0};
        struct seen seen;

        history_learn(&reading, i);
        if (reading.steps[i].instruction != INSTRUCTION_RUN)
            continue;
        history_parse(&reading, i, reading.variables, &line);
        if (!history_judged(&reading, i, &line))
            continue;
        seen = look_at(&line);
        if (!seen.update || seen.installs)
            continue;
        if (seen.runs_script)
            open = i;
        else
            history_say(&reading, i, "updates the package index and installs nothing", seen.update->source,
                        seen.update->source_length);
    }
    if (open != SIZE_MAX && out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_ERROR,
                  "step %zu: updates the package index and runs a script; the history does not show what that installs",
                  open + 1);
    else if (!history_say_end(&reading, "no step only updates the package index"))
        check_remedy(in, out,
                     "# in these steps: RUN <update> && <install package=version>; then docker build --no-cache");
}
