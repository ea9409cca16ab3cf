/* Section 4 but the image's history: what an image is set up to do, where it comes from, what lies in it. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"
#include "common/vec.h"

static const struct image_facts *need_image(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct image_facts *image = store_image(in->store, in->key, &why);

    if (!image)
        check_error(in, out, "image", why);
    return image;
}

/* ---- The user that a container runs as ---- */

/* Every spelling of uid 0: "0", "00", "+0", "-0". */
static bool is_zero(const char *s, size_t length)
{
    if (length && (*s == '+' || *s == '-')) {
        s++;
        length--;
    }
    for (size_t i = 0; i < length; i++)
        if (s[i] != '0')
            return false;
    return length > 0;
}

void check_image_user(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *container = check_container(in, out);
    const struct info_facts *info = store_info(in->store, NULL);
    size_t length;

    if (!container)
        return;
    length = strcspn(container->user, ":");
    check_fact_string(in, out, "user", container->user);
    if (length && !is_zero(container->user, length) && !(length == 4 && strncmp(container->user, "root", 4) == 0)) {
        check_say(in, out, VERDICT_PASS, "it runs as %s", container->user);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "it runs as root (%s%s%s)%s", *container->user ? "user \"" : "no user is set",
              container->user, *container->user ? "\"" : "",
              info && (info->userns || info->rootless) ? "; root is remapped to an ordinary user of the host" : "");
    check_remedy_recreate(in, out, "with --user <uid> or from an image with USER");
}

/* ---- Origin ---- */

/* "nginx@sha256:…" is "docker.io/library/nginx". */
static void full_name(struct str *out, const char *reference)
{
    size_t length = strcspn(reference, "@"), first = strcspn(reference, "/");
    bool has_host = first < length && (memchr(reference, '.', first) || memchr(reference, ':', first) ||
                                       (first == 9 && strncmp(reference, "localhost", 9) == 0));

    if (!has_host)
        str_append(out, first < length ? "docker.io/" : "docker.io/library/");
    str_append_n(out, reference, length);
}

/* An entry is a registry, a namespace or a repository, or a glob of one. */
static bool is_trusted(const struct string_list *trusted, const char *name)
{
    for (size_t i = 0; i < trusted->count; i++) {
        const char *entry = trusted->items[i];
        size_t length = strlen(entry);

        while (length && entry[length - 1] == '/')
            length--;
        if (length &&
            ((strncmp(name, entry, length) == 0 && (name[length] == '/' || !name[length])) || text_glob(entry, name)))
            return true;
    }
    return false;
}

void check_image_trusted_base(const struct check_input *in, struct check_result *out)
{
    const struct string_list *trusted = &check_param(in, "trusted")->list;
    const struct image_facts *image = need_image(in, out);

    if (!image)
        return;
    check_fact_list(in, out, "digests", &image->digests);
    check_fact_list(in, out, "tags", &image->tags);
    if (!image->digests.count) {
        check_say(in, out, VERDICT_MANUAL, "it was made or loaded on this host: no registry vouches for it");
        return;
    }
    for (size_t i = 0; i < image->digests.count; i++) {
        scoped_str name = STR_INIT;

        full_name(&name, image->digests.items[i]);
        if (!trusted->count)
            check_say(in, out, VERDICT_MANUAL, "it comes from %s; no trusted registries are configured", name.data);
        else if (is_trusted(trusted, name.data))
            check_say(in, out, VERDICT_PASS, "it comes from %s", name.data);
        else
            check_say(in, out, VERDICT_FAIL, "it comes from %s, which is not trusted", name.data);
    }
}

/* ---- Health check ---- */

void check_image_healthcheck(const struct check_input *in, struct check_result *out)
{
    const struct image_facts *image = need_image(in, out);
    const struct version_facts *version = store_version(in->store, NULL);

    if (!image)
        return;
    if (!image->has_healthcheck || !image->healthcheck.count) {
        if (version && version->is_podman)
            check_say(in, out, VERDICT_MANUAL,
                      "podman's API does not tell whether an image has a HEALTHCHECK: does "
                      "\"podman image inspect\" show one?");
        else
            check_say(in, out, VERDICT_FAIL, "it has no HEALTHCHECK");
    } else if (strcmp(image->healthcheck.items[0], "NONE") == 0) {
        check_say(in, out, VERDICT_FAIL, "its HEALTHCHECK is NONE");
    } else {
        check_say(in, out, VERDICT_PASS, "it has a HEALTHCHECK");
    }
}

/* ---- What lies in it ---- */

static const struct layer_facts *need_layers(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct layer_facts *layers = store_layers(in->store, in->key, &why);

    if (!layers)
        check_error(in, out, "the image's files", why);
    return layers;
}

/* Names the files, as long as they fit on a line. */
static void remedy_setuid(const struct check_input *in, struct check_result *out, const struct string_list *paths)
{
    enum { NAMED_MAX = 8 };
    scoped_str text = STR_INIT;

    for (size_t i = 0; i < paths->count && paths->count <= NAMED_MAX; i++) {
        str_append_char(&text, ' ');
        text_shell_quote(&text, paths->items[i]);
    }
    if (text.length)
        check_remedy(in, out, "# at the end of the Dockerfile: RUN chmod a-s%s", text.data);
    else
        check_remedy(in, out,
                     "# at the end of the Dockerfile: RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +");
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

        if (check_allowed(in, "allowed", file->path))
            continue;
        vec_push(&found, file->path);
        check_say(in, out, VERDICT_FAIL, "%s (%04o, uid %u)", file->path, (unsigned)file->mode & 07777,
                  (unsigned)file->uid);
    }
    check_fact_int(in, out, "setuid", (int64_t)found.count);
    if (layers->dropped && !found.count)
        check_error(in, out, "the image's files", "there are more setuid programs and tools than are listed");
    else if (!found.count)
        check_say(in, out, VERDICT_PASS, "%s",
                  layers->setuid_count ? "only allowed files are setuid or setgid" : "no file is setuid or setgid");
    else
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
        check_error(in, out, "package database", layers->packages_error);
    if (!most && !unwanted->count) {
        check_say(in, out, VERDICT_MANUAL,
                  "%zu packages (%s), %zu interactive or build tools%s; no limits are configured",
                  layers->packages.count, layers->package_manager ? layers->package_manager : "no package manager",
                  layers->tools.count, layers->tools.count ? ":" : "");
        for (size_t i = 0; i < layers->tools.count && i < 10; i++)
            check_say(in, out, VERDICT_MANUAL, "%s", layers->tools.items[i]);
        return;
    }
    if (most && (int64_t)layers->packages.count > most)
        check_say(in, out, VERDICT_FAIL, "%zu packages, %lld at most are wanted", layers->packages.count,
                  (long long)most);
    for (size_t i = 0; i < layers->packages.count; i++)
        if (is_among(unwanted, layers->packages.items[i]))
            check_say(in, out, VERDICT_FAIL, "package %s", layers->packages.items[i]);
    for (size_t i = 0; i < layers->tools.count; i++)
        if (is_among_tools(unwanted, layers->tools.items[i]))
            check_say(in, out, VERDICT_FAIL, "program %s", layers->tools.items[i]);
    if (layers->dropped && out->verdict == VERDICT_NONE)
        check_error(in, out, "the image's files", "there are more setuid programs and tools than are listed");
    else if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "%zu packages, none of them unwanted", layers->packages.count);
    if (out->verdict == VERDICT_FAIL)
        check_remedy(in, out, "# build in one stage, and copy the result into a minimal image");
}

/* ---- A scanner's report ---- */

void check_image_scanned(const struct check_input *in, struct check_result *out)
{
    static const char *const names[] = {"unknown", "low", "medium", "high", "critical"};
    const struct image_facts *image = need_image(in, out);
    const char *why, *threshold = check_param(in, "threshold")->string;
    const struct scan_facts *scan = store_scan(in->store, in->key, &why);
    usec_t created;
    size_t from = 0;

    if (!image)
        return;
    if (scan && scan->threshold)
        threshold = scan->threshold;
    while (from < countof(names) && strcmp(names[from], threshold) != 0)
        from++;
    if (from == countof(names)) {
        check_error(in, out, "params.threshold", "not one of low, medium, high, critical");
        return;
    }
    if (image->created && clock_parse(image->created, &created) == 0)
        check_fact_int(in, out, "age_days", (in->now - created) / (24 * 3600 * USEC_PER_SEC));
    if (!scan && strcmp(why, SCAN_NOT_CONFIGURED) == 0) {
        check_say(in, out, VERDICT_MANUAL, "no scanner is configured; the image is of %.10s",
                  image->created ? image->created : "unknown age");
        return;
    }
    if (!scan) {
        check_error(in, out, "scanner", why);
        return;
    }
    for (size_t i = from; i < countof(names); i++)
        if (scan->counts[i])
            check_say(in, out, VERDICT_FAIL, "%u %s", scan->counts[i], names[i]);
    if (out->verdict != VERDICT_FAIL) {
        check_say(in, out, VERDICT_PASS, "the scanner found nothing of severity %s or above", threshold);
        return;
    }
    for (size_t i = 0; i < scan->worst.count && i < 5; i++)
        check_say(in, out, VERDICT_FAIL, "%s", scan->worst.items[i]);
}
