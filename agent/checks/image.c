/* Section 4 except the image's origin and history: an image's configuration and contents. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/remedy.h"
#include "common/capability.h"
#include "common/text.h"
#include "common/vec.h"

static const struct image_facts *need_image(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct image_facts *image = store_image(in->store, in->key, &why);

    if (!image)
        check_error(in, out, M_("image"), why);
    return image;
}

/* ---- The user that a container runs as ---- */

/* What root in the container is on the host. */
static const char *remapping(const struct info_facts *info, const struct container_facts *container)
{
    if (!info || (!info->userns && !info->rootless))
        return "";
    if (!info->rootless && strcmp(container->userns_mode, "host") == 0)
        return M_("; the engine remaps root, but not for this container (UsernsMode host)");
    return M_("; root is remapped to an unprivileged user of the host");
}

/* The user's part of "user:group", without blanks around it. */
static const char *user_of(const struct container_facts *container, size_t *ret_length)
{
    static const char blanks[] = " \t\r\n";
    const char *user = container->user + strspn(container->user, blanks);
    size_t length = strcspn(user, ":");

    while (length && strchr(blanks, user[length - 1]))
        length--;
    *ret_length = length;
    return user;
}

/* One that only the image's own /etc/passwd gives a uid. */
static bool is_name(const char *user, size_t length)
{
    int64_t uid;

    return length && !(length == 4 && strncmp(user, "root", 4) == 0) && text_go_number(user, length, &uid) < 0;
}

bool check_image_user_requires(const struct store *store, const char *key, enum input_kind kind)
{
    const struct container_facts *container = store_container(store, key, NULL);
    const char *user;
    size_t length;

    if (kind != INPUT_LAYERS && kind != INPUT_IMAGE)
        return true;
    if (!container || (kind == INPUT_IMAGE && !container->image_platform))
        return false;
    user = user_of(container, &length);
    return is_name(user, length);
}

static void say_root(const struct check_input *in, struct check_result *out, const struct container_facts *container,
                     const char *user, const char *why)
{
    check_say(in, out, VERDICT_FAIL, "runs as root (%s%s%s%s)%s", *user ? M_("user \"") : M_("no user is set"), user,
              *user ? "\"" : "", why, remapping(store_info(in->store, NULL), container));
    check_remedy_recreate(in, out,
                          &(struct remedy_change){.how = M_("with --user USER or from an image with USER"),
                                                  .key = "user",
                                                  .compose = M_("set user: USER, or name an image with USER"),
                                                  .service = "--user USER",
                                                  .need = FIX_WORDS});
}

/* LAYER_ACCOUNT_ROOT or _OTHER as the first account of that name is, 0: there is none. */
static char find_account(const char *accounts, const char *name, size_t length)
{
    for (const char *line = accounts; line && *line;) {
        size_t size = strcspn(line + 1, "\n");

        if (size == length && strncmp(line + 1, name, length) == 0)
            return *line;
        line += 1 + size;
        line += *line == '\n';
    }
    return 0;
}

/* The container's own files may have another /etc/passwd than its image once it has been started. */
static void judge_unknown_name(const struct check_input *in, struct check_result *out,
                               const struct container_facts *container, const struct layer_facts *layers)
{
    bool never_started = !container->started && strcmp(container->status, "created") == 0;

    check_say(in, out, never_started ? VERDICT_PASS : VERDICT_MANUAL,
              "user \"%s\" is unknown to the image, %s: the engine refuses to start %s", container->user,
              layers->accounts ? M_("whose /etc/passwd has no such name") : M_("which has no /etc/passwd"),
              never_started ? M_("it")
                            : M_("it unless the container's own /etc/passwd has that name; with which uid?"));
}

/* "linux/arm64" is also "linux/arm64/v8". */
static bool is_same_platform(const char *a, const char *b)
{
    size_t length = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

    return strncmp(a, b, length) == 0 && (!a[length] || a[length] == '/') && (!b[length] || b[length] == '/');
}

/* Of an image that is here for several platforms the files of one are known. False: of another than the container runs,
 * or it is not known of which; that has been reported. */
static bool is_of_known_platform(const struct check_input *in, struct check_result *out,
                                 const struct container_facts *container)
{
    const char *why;
    const struct image_facts *image;
    scoped_str text = STR_INIT;

    if (!container->image_platform)
        return true;
    image = store_image(in->store, container->image_id, &why);
    if (!image) {
        check_error(in, out, M_("image"), why);
        return false;
    }
    if (!image->platform || is_same_platform(container->image_platform, image->platform))
        return true;
    message_add(&text, "the container is of %s, and the files that are known of its image are of %s",
                container->image_platform, image->platform);
    check_error(in, out, M_("the image's /etc/passwd, by which the user may be root"), text.data);
    return false;
}

static void judge_name(const struct check_input *in, struct check_result *out, const struct container_facts *container,
                       const char *name, size_t length)
{
    enum { WHOLE_MAX = 1024 }; /* what facts keep of a text is longer */
    const char *why = M_("the engine does not say of which image the container is");
    const struct layer_facts *layers =
        !str_empty(container->image_id) ? store_layers(in->store, container->image_id, &why) : NULL;
    char account;

    if (length > WHOLE_MAX)
        why = M_("the name is too long");
    else if (layers && layers->accounts_error)
        why = layers->accounts_error;
    if (!layers || layers->accounts_error || length > WHOLE_MAX) {
        check_error(in, out, M_("the image's /etc/passwd, by which the user may be root"), why);
        if (!layers && !str_empty(container->image_id) && !store_image(in->store, container->image_id, &why))
            check_error(in, out, M_("the image, which may have been removed"), why);
        return;
    }
    if (!is_of_known_platform(in, out, container))
        return;
    account = find_account(layers->accounts, name, length);
    if (account == LAYER_ACCOUNT_ROOT)
        say_root(in, out, container, name, ", whose uid in the image's /etc/passwd is 0");
    else if (account)
        check_say(in, out, VERDICT_PASS, "runs as %s", container->user);
    else
        judge_unknown_name(in, out, container, layers);
}

void check_image_user(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *container = check_container(in, out);
    const char *user;
    size_t length;
    int64_t uid;

    if (!container)
        return;
    user = user_of(container, &length);
    check_fact_string(in, out, "user", container->user);
    if (is_name(user, length))
        judge_name(in, out, container, user, length);
    else if (text_go_number(user, length, &uid) < 0 || (uint32_t)uid == 0)
        say_root(in, out, container, user, "");
    else if (uid < 0 || uid > INT32_MAX)
        check_say(in, out, VERDICT_PASS, "user %s is outside the range of uids: the engine refuses to start it",
                  container->user);
    else
        check_say(in, out, VERDICT_PASS, "runs as %s", container->user);
}

/* ---- Health check ---- */

/* How the engine reads HealthConfig.Test: ["NONE"], ["CMD", argument…], ["CMD-SHELL", line]; it ignores any other kind,
 * and one without a command cannot be run. NULL: there is a check. */
static const char *why_no_check(const struct string_list *test)
{
    const char *kind = test->items[0], *command = test->count > 1 ? test->items[1] : "";

    if (strcmp(kind, "NONE") == 0)
        return "its HEALTHCHECK is NONE";
    if (strcmp(kind, "CMD") != 0 && strcmp(kind, "CMD-SHELL") != 0)
        return M_("its HEALTHCHECK is of a kind that the engine does not run");
    return command[strspn(command, " \t\r\n")] ? NULL : M_("its HEALTHCHECK has no command");
}

void check_image_healthcheck(const struct check_input *in, struct check_result *out)
{
    const struct image_facts *image = need_image(in, out);
    const struct version_facts *version = store_version(in->store, NULL);
    const char *why;

    if (!image)
        return;
    if (!image->has_healthcheck || !image->healthcheck.count) {
        if (version && version->is_podman)
            check_say(in, out, VERDICT_MANUAL,
                      "podman's API does not report whether an image has a HEALTHCHECK: does \"podman image inspect\" "
                      "show one?");
        else
            check_say(in, out, VERDICT_FAIL, "has no HEALTHCHECK");
        return;
    }
    why = why_no_check(&image->healthcheck);
    check_say(in, out, why ? VERDICT_FAIL : VERDICT_PASS, "%s", why ? why : M_("has a HEALTHCHECK"));
}

/* ---- Contents ---- */

static const struct layer_facts *need_layers(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct layer_facts *layers = store_layers(in->store, in->key, &why);

    if (!layers)
        check_error(in, out, M_("the image's files"), why);
    if (!layers && !store_image(in->store, in->key, &why)) /* perhaps they are not read because of that */
        check_error(in, out, M_("image"), why);
    return layers;
}

/* Names the files, as long as they fit on a line. */
static void remedy_setuid(const struct check_input *in, struct check_result *out, const struct string_list *paths)
{
    enum { NAMED_MAX = 8 };
    static const char where[] = M_("at the end of the Dockerfile, as root (after a USER only with USER root before it, "
                                   "and the image's own USER again after it)");
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < paths->count && paths->count <= NAMED_MAX; i++) {
        str_append_char(&text, ' ');
        text_shell_quote(&text, paths->items[i]);
    }
    if (text.length)
        check_remedy_note(in, out, "%s: RUN chmod a-s%s", where, text.data);
    else
        check_remedy_note(in, out, "%s: RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +", where);
}

/* Their names, in the order of their numbers (capabilities(7)). */
static void append_capabilities(struct str *text, uint64_t capabilities)
{
    static const struct {
        unsigned number;
        const char *name;
    } names[] = {{CAP_CHOWN, "cap_chown"},
                 {CAP_DAC_OVERRIDE, "cap_dac_override"},
                 {CAP_DAC_READ_SEARCH, "cap_dac_read_search"},
                 {CAP_FOWNER, "cap_fowner"},
                 {CAP_SETGID, "cap_setgid"},
                 {CAP_SETUID, "cap_setuid"},
                 {CAP_SETPCAP, "cap_setpcap"},
                 {CAP_SYS_MODULE, "cap_sys_module"},
                 {CAP_SYS_RAWIO, "cap_sys_rawio"},
                 {CAP_SYS_PTRACE, "cap_sys_ptrace"},
                 {CAP_SYS_ADMIN, "cap_sys_admin"},
                 {CAP_MKNOD, "cap_mknod"},
                 {CAP_SETFCAP, "cap_setfcap"},
                 {CAP_BPF, "cap_bpf"}};
    size_t before = text->length;

    for (size_t i = 0; i < countof(names); i++)
        if (capabilities & CAPABILITY(names[i].number))
            str_printf(text, "%s%s", text->length > before ? ", " : "", names[i].name);
}

/* Beside setuid programs they are named as well; alone they are for a person to judge. */
static void say_capable(const struct check_input *in, struct check_result *out, const struct layer_facts *layers)
{
    int64_t count = 0;

    for (size_t i = 0; i < layers->setuid_count; i++) {
        const struct layer_file *file = &layers->setuid[i];
        scoped_str names = STR_INIT;

        if (!file->capabilities || check_allowed(in, "allowed", file->path))
            continue;
        count++;
        append_capabilities(&names, file->capabilities);
        check_say(in, out, out->verdict == VERDICT_FAIL ? VERDICT_FAIL : VERDICT_MANUAL,
                  "%s has capabilities as good as root's: %s", file->path, str_text(&names));
    }
    check_fact_int(in, out, "capable", count);
}

void check_image_setuid(const struct check_input *in, struct check_result *out)
{
    const struct layer_facts *layers = need_layers(in, out);
    VEC(const char *) found = {0};

    if (!layers)
        return;
    check_fact_int(in, out, "files", (int64_t)layers->files);
    for (size_t i = 0; i < layers->setuid_count; i++) {
        const struct layer_file *file = &layers->setuid[i];

        if (!file->setuid || check_allowed(in, "allowed", file->path))
            continue;
        vec_push(&found, file->path);
        check_say(in, out, VERDICT_FAIL, "%s (%04o, uid %u)", file->path, (unsigned)file->mode & 07777,
                  (unsigned)file->uid);
    }
    check_fact_int(in, out, "setuid", (int64_t)found.count);
    say_capable(in, out, layers);
    if (layers->dropped && !found.count)
        check_error(in, out, M_("the image's files"), M_("more setuid programs and tools than can be listed"));
    else if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "%s",
                  layers->setuid_count ? M_("only allowed files are setuid or setgid")
                                       : M_("no file is setuid or setgid"));
    else if (found.count)
        remedy_setuid(in, out, &(struct string_list){.items = found.items, .count = found.count});
    vec_free(&found);
}

static bool is_among(const struct string_list *list, const char *s)
{
    for (size_t i = 0; i < list->count; i++)
        if (text_glob(list->items[i], s))
            return true;
    return false;
}

/* A tool is meant by its path or by its name: "nc" is /usr/bin/nc. */
static bool is_among_tools(const struct string_list *list, const char *path)
{
    const char *slash = strrchr(path, '/');

    return is_among(list, path) || (slash && is_among(list, slash + 1));
}

void check_image_packages(const struct check_input *in, struct check_result *out)
{
    const struct string_list *unwanted = &check_param(in, "unwanted")->list;
    int64_t most = check_param(in, "max_packages")->number;
    const struct layer_facts *layers = need_layers(in, out);

    if (!layers)
        return;
    check_fact_string(in, out, "package_manager", layers->package_manager);
    check_fact_int(in, out, "packages", (int64_t)layers->packages.count);
    check_fact_list(in, out, "tools", &layers->tools);
    if (layers->packages_error)
        check_error(in, out, M_("package database"), layers->packages_error);
    if (!most && !unwanted->count) {
        check_say(in, out, VERDICT_MANUAL,
                  "%zu packages (%s), %zu interactive or build tools%s; no limits are configured",
                  layers->packages.count, layers->package_manager ? layers->package_manager : M_("no package manager"),
                  layers->tools.count, layers->tools.count ? ":" : "");
        for (size_t i = 0; i < layers->tools.count && i < 10; i++)
            check_say(in, out, VERDICT_MANUAL, "%s", layers->tools.items[i]);
        return;
    }
    if (most && (int64_t)layers->packages.count > most)
        check_say(in, out, VERDICT_FAIL, "%zu packages, at most %lld allowed", layers->packages.count, (long long)most);
    for (size_t i = 0; i < layers->packages.count; i++)
        if (is_among(unwanted, layers->packages.items[i]))
            check_say(in, out, VERDICT_FAIL, "package %s", layers->packages.items[i]);
    for (size_t i = 0; i < layers->tools.count; i++)
        if (is_among_tools(unwanted, layers->tools.items[i]))
            check_say(in, out, VERDICT_FAIL, "program %s", layers->tools.items[i]);
    if (layers->dropped && out->verdict == VERDICT_NONE)
        check_error(in, out, M_("the image's files"), M_("more setuid programs and tools than can be listed"));
    else if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "%zu packages, no unwanted packages or programs", layers->packages.count);
    if (out->verdict == VERDICT_FAIL)
        check_remedy_note(in, out, "build in one stage, and copy the result into a minimal image");
}

/* ---- A scanner's report ---- */

void check_image_scanned(const struct check_input *in, struct check_result *out)
{
    static const char *const names[] = {"unknown", "low", "medium", "high", "critical"};
    const struct image_facts *image = need_image(in, out);
    const char *why, *threshold = check_param(in, "threshold")->string;
    const struct scan_facts *scan = store_scan(in->store, in->key, &why);
    usec_t created;
    bool is_dated;
    size_t from = 0;

    if (!image)
        return;
    if (scan && scan->threshold)
        threshold = scan->threshold;
    while (from < countof(names) && strcmp(names[from], threshold) != 0)
        from++;
    if (from == countof(names)) {
        check_error(in, out, "params.threshold", M_("must be low, medium, high or critical"));
        return;
    }
    is_dated = image->created && clock_parse(image->created, &created) == 0;
    if (is_dated)
        check_fact_int(in, out, "age_days", (in->now - created) / (24 * 3600 * USEC_PER_SEC));
    if (!scan && strcmp(why, SCAN_NOT_CONFIGURED) == 0) {
        if (is_dated)
            check_say(in, out, VERDICT_MANUAL, "no scanner is configured; the image was created on %.10s",
                      image->created);
        else
            check_say(in, out, VERDICT_MANUAL, "no scanner is configured; the image's age is unknown");
        return;
    }
    if (!scan) {
        check_error(in, out, M_("scanner"), why);
        return;
    }
    for (size_t i = from; i < countof(names); i++)
        if (scan->counts[i])
            check_say(in, out, VERDICT_FAIL, "%u %s", scan->counts[i], names[i]);
    if (out->verdict != VERDICT_FAIL) {
        check_say(in, out, VERDICT_PASS, "the scanner found no vulnerability of severity %s or above", threshold);
        return;
    }
    for (size_t i = 0; i < scan->worst.count && i < 5; i++)
        check_say(in, out, VERDICT_FAIL, "%s", scan->worst.items[i]);
}
