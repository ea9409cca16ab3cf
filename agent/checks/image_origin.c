/* Where an image comes from, by the names of its digests. Names are compared as Docker completes them ("nginx" is
 * "docker.io/library/nginx"), component by component. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"

/* The first component is a registry when it could be a host's name, as Docker takes it. */
static bool is_registry(const char *name, size_t length)
{
    if (length == strlen("localhost") && strncmp(name, "localhost", length) == 0)
        return true;
    for (size_t i = 0; i < length; i++)
        if (strchr(".:*?", name[i]) || (name[i] >= 'A' && name[i] <= 'Z'))
            return true;
    return false;
}

/* Appends NAME, LENGTH long, complete. */
static void full_name(struct str *out, const char *name, size_t length)
{
    static const char old_hub[] = "index.docker.io", hub[] = "docker.io";
    const char *slash = memchr(name, '/', length), *rest = slash ? slash + 1 : name;
    size_t first = slash ? (size_t)(slash - name) : 0;
    bool of_hub = (first == strlen(hub) && strncmp(name, hub, first) == 0) ||
                  (first == strlen(old_hub) && strncmp(name, old_hub, first) == 0);

    if (slash && !of_hub && is_registry(name, first)) {
        str_append_n(out, name, length);
        return;
    }
    if (!of_hub)
        rest = name;
    length -= (size_t)(rest - name);
    str_append(out, "docker.io/");
    if (length && !memchr(rest, '/', length))
        str_append(out, "library/");
    str_append_n(out, rest, length);
}

/* An entry is a registry, a namespace or a repository; a lone word with a dot or a colon is a registry. */
static void full_entry(struct str *out, const char *entry)
{
    size_t length = strlen(entry);

    while (length && entry[length - 1] == '/')
        length--;
    if (length == strlen("index.docker.io") && strncmp(entry, "index.docker.io", length) == 0)
        str_append(out, "docker.io");
    else if (!memchr(entry, '/', length) && is_registry(entry, length))
        str_append_n(out, entry, length);
    else if (length && (str_starts(entry, "docker.io/") || str_starts(entry, "index.docker.io/")))
        str_printf(out, "docker.io/%.*s", (int)(entry + length - strchr(entry, '/') - 1), strchr(entry, '/') + 1);
    else if (length)
        full_name(out, entry, length);
}

/* True when PATTERN, whose '*' and '?' stay within a component, is NAME or a parent of it. */
static bool covers(const char *pattern, const char *name)
{
    for (;;) {
        size_t pattern_length = strcspn(pattern, "/"), length = strcspn(name, "/");
        scoped(cleanup_free) char *glob = mem_strndup(pattern, pattern_length);
        scoped(cleanup_free) char *component = mem_strndup(name, length);

        if (!length || !text_glob(glob, component))
            return false;
        pattern += pattern_length;
        name += length;
        if (!*pattern)
            return true;
        pattern++;
        name += *name == '/';
    }
}

static bool is_trusted(const struct string_list *trusted, const char *name)
{
    for (size_t i = 0; i < trusted->count; i++) {
        scoped_str entry = STR_INIT;

        full_entry(&entry, trusted->items[i]);
        if (entry.length && covers(entry.data, name))
            return true;
    }
    return false;
}

/* containerd's store and podman's show a digest under every name that an image was given here, so that one which was
 * made here looks as if it had been pulled. RET_WHY: which input that depends on could not be read; else NULL. */
static bool names_are_origins(const struct check_input *in, const char **ret_what, const char **ret_why)
{
    const char *why;
    const struct info_facts *info = store_info(in->store, &why);
    const struct version_facts *version;

    *ret_why = info ? NULL : why;
    *ret_what = "info";
    if (!info)
        return false;
    version = store_version(in->store, &why);
    *ret_why = version || info->containerd_store ? NULL : why;
    *ret_what = "version";
    return !info->containerd_store && version && !version->is_podman;
}

static void judge_origin(const struct check_input *in, struct check_result *out, const char *name, bool recorded)
{
    const struct string_list *trusted = &check_param(in, "trusted")->list;
    const char *what, *why = NULL;
    bool is_origin;

    if (!trusted->count) {
        check_say(in, out, VERDICT_MANUAL, "comes from %s; no trusted registries are configured", name);
        return;
    }
    if (!is_trusted(trusted, name)) {
        check_say(in, out, VERDICT_FAIL, "comes from %s, which is not trusted", name);
        return;
    }
    is_origin = recorded || names_are_origins(in, &what, &why);
    if (why)
        check_error(in, out, what, why);
    else if (is_origin)
        check_say(in, out, VERDICT_PASS, "comes from %s", name);
    else
        check_say(in, out, VERDICT_MANUAL,
                  "named %s, which is trusted; this image store does not record whether it was pulled from there "
                  "or built here",
                  name);
}

/* Origins are the repositories that the engine remembers to have pulled from (API 1.53), else, as with an image that is
 * here since before it did, the names of digests. */
void check_image_trusted_base(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct image_facts *image = store_image(in->store, in->key, &why);
    const struct string_list *origins;
    bool recorded;

    if (!image) {
        check_error(in, out, M_("image"), why);
        return;
    }
    recorded = image->has_identity && (image->pulled_from.count || image->built_here);
    origins = recorded ? &image->pulled_from : &image->digests;
    check_fact_list(in, out, "digests", &image->digests);
    check_fact_list(in, out, "tags", &image->tags);
    if (image->has_identity) {
        check_fact_list(in, out, "pulled_from", &image->pulled_from);
        check_fact_list(in, out, "signers", &image->signers);
    }
    if (!origins->count)
        check_say(in, out, VERDICT_MANUAL, "%s on this host: no registry vouches for it",
                  recorded ? M_("built") : M_("built or loaded"));
    for (size_t i = 0; i < origins->count; i++) {
        scoped_str name = STR_INIT;

        full_name(&name, origins->items[i], strcspn(origins->items[i], "@"));
        judge_origin(in, out, name.data, recorded);
    }
    for (size_t i = 0; i < image->signers.count && i < 4; i++)
        check_say(in, out, VERDICT_NONE, "signed: %s, as the engine has verified", image->signers.items[i]);
}
