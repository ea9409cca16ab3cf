/* The files of a layer that are read, most of them package databases: dpkg's and opkg's status (and distroless's one
 * file per package), apk's installed, pacman's one directory per package, rpm's three formats (layer_rpm.c). One that
 * cannot be read is noted, never taken for empty. */
#include <errno.h>
#include <string.h>

#include "common/text.h"
#include "probes/images/layers_internal.h"

enum { NAME_MAX_LENGTH = 256 };

typedef int read_database(struct layer_packages *packages, char *data, size_t length, struct error *error);

static read_database read_status, read_part, read_apk, read_pacman, read_log;

/* PATH is a file, or with a slash at its end what lies below it. */
static const struct database {
    const char *path;
    enum package_manager manager;
    read_database *read;
    const char *ending; /* of files below a directory; NULL: any */
    bool partial;
} databases[] = {
    {"var/lib/dpkg/status", MANAGER_DPKG, read_status, NULL, false},
    {"var/lib/dpkg/status.d/", MANAGER_DPKG, read_part, NULL, true},
    {"lib/apk/db/installed", MANAGER_APK, read_apk, NULL, false},
    {"usr/lib/apk/db/installed", MANAGER_APK, read_apk, NULL, false},
    {"var/lib/rpm/rpmdb.sqlite", MANAGER_RPM, layer_rpm_sqlite, NULL, false},
    {"usr/lib/sysimage/rpm/rpmdb.sqlite", MANAGER_RPM, layer_rpm_sqlite, NULL, false},
    {"var/lib/rpm/rpmdb.sqlite-wal", MANAGER_RPM, read_log, NULL, false},
    {"usr/lib/sysimage/rpm/rpmdb.sqlite-wal", MANAGER_RPM, read_log, NULL, false},
    {"var/lib/rpm/Packages", MANAGER_RPM, layer_rpm_bdb, NULL, false},
    {"usr/lib/sysimage/rpm/Packages", MANAGER_RPM, layer_rpm_bdb, NULL, false},
    {"var/lib/rpm/Packages.db", MANAGER_RPM, layer_rpm_ndb, NULL, false},
    {"usr/lib/sysimage/rpm/Packages.db", MANAGER_RPM, layer_rpm_ndb, NULL, false},
    {"var/lib/pacman/local/", MANAGER_PACMAN, read_pacman, "/desc", true},
    {"var/lib/opkg/status", MANAGER_OPKG, read_status, NULL, false},
    {"usr/lib/opkg/status", MANAGER_OPKG, read_status, NULL, false},
};

static const struct database *database_of(const char *path)
{
    if (path[0] != 'v' && path[0] != 'l' && path[0] != 'u')
        return NULL;
    for (size_t i = 0; i < countof(databases); i++) {
        const struct database *database = &databases[i];

        if (!str_ends(database->path, "/") ? strcmp(path, database->path) == 0
                                           : str_starts(path, database->path) && !str_ends(path, ".md5sums") &&
                                                 (!database->ending || str_ends(path, database->ending)))
            return database;
    }
    return NULL;
}

bool layer_is_read(const char *path)
{
    return layer_is_accounts(path) || database_of(path);
}

const char *layer_manager_name(enum package_manager manager)
{
    static const char *const names[MANAGER_COUNT] = {[MANAGER_DPKG] = "dpkg",
                                                     [MANAGER_APK] = "apk",
                                                     [MANAGER_RPM] = "rpm",
                                                     [MANAGER_PACMAN] = "pacman",
                                                     [MANAGER_OPKG] = "opkg"};

    return names[manager];
}

int layer_add_package(struct layer_packages *packages, const char *name, size_t length, struct error *error)
{
    if (packages->names.count >= LAYER_PACKAGES_MAX)
        return error_set(error, EFBIG, "more than %d packages", (int)LAYER_PACKAGES_MAX);
    length = length < NAME_MAX_LENGTH ? length : NAME_MAX_LENGTH;
    if (memchr(name, '\n', length))
        return error_set(error, EBADMSG, "a malformed name");
    vec_push(&packages->names, mem_strndup(name, length));
    return 0;
}

/* ---- Texts ---- */

/* Are the files of the package there, by the last word of its Status line (dpkg(1), "PACKAGE STATES")? */
static bool is_installed(const char *line, size_t length)
{
    static const char *const states[] = {" installed", " unpacked", " half-configured", " triggers-awaited",
                                         " triggers-pending"};

    while (length && (line[length - 1] == ' ' || line[length - 1] == '\r'))
        length--;
    for (size_t i = 0; i < countof(states); i++)
        if (length >= strlen(states[i]) && memcmp(line + length - strlen(states[i]), states[i], strlen(states[i])) == 0)
            return true;
    return false;
}

/* Stanzas: KEY precedes a package's name. Those with a Status line that says that it is not installed do not count;
 * without one they count if they MAY_LACK it. */
static int read_stanzas(struct layer_packages *packages, const char *data, size_t length, const char *key,
                        bool may_lack, struct error *error)
{
    size_t key_length = strlen(key), name_length = 0;
    const char *name = NULL;
    bool installed = may_lack;
    int r = 0;

    for (const char *line = data, *end = data + length; r == 0 && line <= end;) {
        const char *newline = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
        size_t size = (size_t)((newline ? newline : end) - line);

        if (size > key_length && memcmp(line, key, key_length) == 0) {
            name = line + key_length;
            name_length = size - key_length;
        } else if (size > 8 && memcmp(line, "Status: ", 8) == 0) {
            installed = is_installed(line, size);
        } else if (!size) {
            if (name && installed)
                r = layer_add_package(packages, name, name_length, error);
            name = NULL;
            installed = may_lack;
        }
        line += size + 1;
    }
    if (r == 0 && name && installed)
        r = layer_add_package(packages, name, name_length, error);
    return r;
}

static int read_status(struct layer_packages *packages, char *data, size_t length, struct error *error)
{
    return read_stanzas(packages, data, length, "Package: ", false, error);
}

static int read_part(struct layer_packages *packages, char *data, size_t length, struct error *error)
{
    return read_stanzas(packages, data, length, "Package: ", true, error);
}

static int read_apk(struct layer_packages *packages, char *data, size_t length, struct error *error)
{
    return read_stanzas(packages, data, length, "P:", true, error);
}

/* "%NAME%", and the name on the next line. */
static int read_pacman(struct layer_packages *packages, char *data, size_t length, struct error *error)
{
    static const char key[] = "%NAME%\n";
    const char *at = memmem(data, length, key, sizeof key - 1), *newline;
    size_t left;

    if (!at)
        return error_set(error, EBADMSG, "no package name");
    at += sizeof key - 1;
    left = length - (size_t)(at - data);
    newline = memchr(at, '\n', left);
    return layer_add_package(packages, at, newline ? (size_t)(newline - at) : left, error);
}

/* SQLite folds its log into the database when rpm exits: what is left in the log is not in the database. */
static int read_log(struct layer_packages *packages, char *data, size_t length, struct error *error)
{
    (void)packages;
    (void)data;
    return error_set(error, ENOTSUP, "%zu bytes of changes are not yet in the database", length);
}

/* ---- Choosing the reader ---- */

static void note_unread(struct layer_packages *packages, const char *path, const char *why)
{
    if (!packages->error)
        packages->error = mem_printf("/%s: %s", path, why);
}

void layer_file_unread(struct layer_summary *summary, const char *path, const char *why)
{
    const struct database *database = database_of(path);

    if (layer_is_accounts(path))
        layer_accounts_unread(&summary->accounts, path, why);
    else if (database)
        note_unread(&summary->packages[database->manager], path, why);
}

void layer_read_file(struct layer_summary *summary, const char *path, char *data, size_t length)
{
    const struct database *database = database_of(path);
    struct error error = ERROR_INIT;
    struct layer_packages *packages;

    if (layer_is_accounts(path))
        layer_read_accounts(&summary->accounts, data, length);
    if (!database)
        return;
    packages = &summary->packages[database->manager];
    if (database->partial)
        packages->partial = true;
    else
        packages->whole = true;
    if (length ? database->read(packages, data, length, &error) < 0 : false)
        note_unread(packages, path, error.message);
}

/* ---- Links ---- */

/* The database that PATH names, or that is below PATH in a directory which only package managers use; NULL: none. */
static const struct database *place_of(const char *path)
{
    size_t length = strlen(path);

    if (strcmp(path, "lib") == 0 || strcmp(path, "usr") == 0 || strcmp(path, "usr/lib") == 0 ||
        strcmp(path, "var") == 0 || strcmp(path, "var/lib") == 0)
        return NULL;
    for (size_t i = 0; i < countof(databases); i++)
        if (strncmp(databases[i].path, path, length) == 0 &&
            (!databases[i].path[length] || databases[i].path[length] == '/'))
            return &databases[i];
    return NULL;
}

bool layer_is_file_place(const char *path)
{
    return layer_is_accounts_place(path) || ((path[0] == 'v' || path[0] == 'l' || path[0] == 'u') && place_of(path));
}

/* TARGET, relative to the directory of PATH, without "." and "..". */
static void resolve_target(struct str *out, const char *path, const char *target)
{
    const char *slash = strrchr(path, '/');

    if (*target != '/' && slash)
        str_append_n(out, path, (size_t)(slash - path));
    while (*target) {
        size_t length = strcspn(target, "/");

        if (length == 2 && strncmp(target, "..", 2) == 0) {
            while (out->length && out->data[out->length - 1] != '/')
                out->length--;
            if (out->length)
                out->length--;
        } else if (length && !(length == 1 && *target == '.')) {
            if (out->length)
                str_append_char(out, '/');
            str_append_n(out, target, length);
        }
        target += length + (target[length] == '/');
    }
    if (out->data)
        out->data[out->length] = '\0';
}

void layer_check_link(struct layer_summary *summary, const char *path, const char *target)
{
    bool accounts = layer_is_accounts_place(path);
    const struct database *database = accounts ? NULL : place_of(path), *other;
    scoped_str resolved = STR_INIT, shown = STR_INIT;

    if (!database && !accounts)
        return;
    resolve_target(&resolved, path, target);
    other = resolved.length && database ? place_of(resolved.data) : NULL;
    if (other && other->manager == database->manager)
        return;
    str_append(&shown, "a symbolic link to ");
    text_escape(&shown, target, strlen(target), 128);
    str_append(&shown, ", which is not followed");
    if (accounts)
        layer_accounts_unread(&summary->accounts, path, shown.data);
    else
        note_unread(&summary->packages[database->manager], path, shown.data);
}
