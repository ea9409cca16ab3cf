/* Which docker client this host's shells run, by the package that it is of: asking the program itself would mean to run
 * it. rpm's database is not read: there the engine's version has to do. */
#include <string.h>

#include "common/str.h"
#include "probes/environment/environment.h"

enum { DATABASE_MAX = 64 << 20 };

/* A database of records: a paragraph each, fields at the beginnings of lines. */
struct database {
    const char *path, *name, *version, *installed; /* INSTALLED: a line without which the package is not; may be NULL */
};

/* The rest of the line of RECORD that begins with FIELD; NULL: none does. */
static const char *find_field(const char *record, size_t length, const char *field, size_t *ret_length)
{
    size_t field_length = strlen(field);

    for (const char *line = record; line < record + length;) {
        const char *end = memchr(line, '\n', (size_t)(record + length - line));

        end = end ? end : record + length;
        if ((size_t)(end - line) >= field_length && memcmp(line, field, field_length) == 0) {
            *ret_length = (size_t)(end - line) - field_length;
            return line + field_length;
        }
        line = end + 1;
    }
    return NULL;
}

/* Without a Debian epoch ("5:29.1.3-1"). */
static const char *copy_version(struct arena *arena, const char *version, size_t length)
{
    const char *colon = memchr(version, ':', length);

    if (colon) {
        length -= (size_t)(colon + 1 - version);
        version = colon + 1;
    }
    return arena_strndup(arena, version, length);
}

bool environment_find_package(const char *text, const char *name_field, const char *version_field,
                              const char *installed, const char *package, struct arena *arena, const char **ret_version)
{
    scoped(cleanup_free) char *first = mem_printf("%s%s\n", name_field, package);
    size_t first_length = strlen(first);

    for (const char *at = text; (at = strstr(at, first)); at += first_length) {
        const char *end = strstr(at, "\n\n"), *version;
        size_t length = end ? (size_t)(end - at) : strlen(at), version_length = 0, unused;

        if (at > text && at[-1] != '\n')
            continue;
        version = find_field(at, length, version_field, &version_length);
        if (!version || (installed && !find_field(at, length, installed, &unused)))
            continue;
        *ret_version = copy_version(arena, version, version_length);
        return true;
    }
    return false;
}

void environment_find_client(const struct host_root *root, struct environment_facts *facts)
{
    static const struct database databases[] = {
        {"/var/lib/dpkg/status", "Package: ", "Version: ", "Status: install ok installed"},
        {"/lib/apk/db/installed", "P:", "V:", NULL},
    };
    /* The last has the client in it where no other one is. */
    static const char *const packages[] = {"docker-ce-cli", "docker-cli", "moby-cli", "docker.io"};
    struct stat st;

    /* First in everybody's PATH, and of no package. */
    if (host_stat(root, "/usr/local/bin/docker", &st, NULL) == 0)
        return;
    for (size_t d = 0; d < countof(databases) && !facts->client; d++) {
        const struct database *database = &databases[d];
        scoped_str text = STR_INIT;

        if (host_read(root, database->path, DATABASE_MAX, &text, NULL) < 0)
            continue;
        for (size_t i = 0; i < countof(packages) && !facts->client; i++)
            if (environment_find_package(str_text(&text), database->name, database->version, database->installed,
                                         packages[i], facts->facts.arena, &facts->client_version))
                facts->client = packages[i];
    }
}
