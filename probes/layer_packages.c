/* Package databases: dpkg's status (and distroless's one file per package), apk's installed, rpm's SQLite. rpm's older
 * formats (Berkeley DB, ndb) are told as what cannot be read. */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mman.h>

#include "probes/layers_internal.h"

enum kind { NONE, DPKG, DPKG_PART, APK, RPM_SQLITE, RPM_OLD };

static enum kind kind_of(const char *path)
{
    static const struct {
        const char *path;
        enum kind kind;
    } files[] = {{"var/lib/dpkg/status", DPKG},
                 {"lib/apk/db/installed", APK},
                 {"usr/lib/apk/db/installed", APK},
                 {"var/lib/rpm/rpmdb.sqlite", RPM_SQLITE},
                 {"usr/lib/sysimage/rpm/rpmdb.sqlite", RPM_SQLITE},
                 {"var/lib/rpm/Packages", RPM_OLD},
                 {"usr/lib/sysimage/rpm/Packages", RPM_OLD},
                 {"var/lib/rpm/Packages.db", RPM_OLD},
                 {"usr/lib/sysimage/rpm/Packages.db", RPM_OLD}};
    static const char parts[] = "var/lib/dpkg/status.d/";

    for (size_t i = 0; i < countof(files); i++)
        if (strcmp(files[i].path, path) == 0)
            return files[i].kind;
    return str_starts(path, parts) && !str_ends(path, ".md5sums") ? DPKG_PART : NONE;
}

bool layer_is_package_file(const char *path)
{
    return kind_of(path) != NONE;
}

static int add(struct layer_summary *summary, const char *name, size_t length, struct error *error)
{
    if (summary->packages.count >= LAYER_PACKAGES_MAX)
        return error_set(error, EFBIG, "more than %d packages", (int)LAYER_PACKAGES_MAX);
    vec_push(&summary->packages, mem_strndup(name, length < 256 ? length : 256));
    return 0;
}

/* Stanzas of "Package: NAME" with "Status: install ok installed" (a part has no Status line); apk's "P:NAME". */
static int read_stanzas(struct layer_summary *summary, const char *data, size_t length, enum kind kind,
                        struct error *error)
{
    const char *key = kind == APK ? "P:" : "Package: ", *name = NULL;
    size_t key_length = strlen(key), name_length = 0;
    bool installed = kind != DPKG;
    int r = 0;

    for (const char *line = data, *end = data + length; r == 0 && line <= end;) {
        const char *newline = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
        size_t size = (size_t)((newline ? newline : end) - line);

        if (size > key_length && strncmp(line, key, key_length) == 0) {
            name = line + key_length;
            name_length = size - key_length;
        } else if (kind == DPKG && size > 8 && strncmp(line, "Status: ", 8) == 0) {
            installed = memmem(line, size, " installed", 10) != NULL;
        } else if (!size && name) {
            if (installed)
                r = add(summary, name, name_length, error);
            name = NULL;
            installed = kind != DPKG;
        }
        line += size + 1;
    }
    if (r == 0 && name && installed)
        r = add(summary, name, name_length, error);
    return r;
}

/* The name in an rpm header: big-endian counts, index entries (tag, type, offset, count), then the data. */
static const char *header_name(const unsigned char *blob, size_t size, size_t *ret_length)
{
    enum { TAG_NAME = 1000, ENTRY_SIZE = 16, ENTRIES_MAX = 65536 };
    uint32_t entries, bytes;

#define be32(at) ((uint32_t)(at)[0] << 24 | (uint32_t)(at)[1] << 16 | (uint32_t)(at)[2] << 8 | (uint32_t)(at)[3])
    if (size < 8)
        return NULL;
    entries = be32(blob);
    bytes = be32(blob + 4);
    if (entries > ENTRIES_MAX || size < 8 + (size_t)entries * ENTRY_SIZE + bytes)
        return NULL;
    for (uint32_t i = 0; i < entries; i++) {
        const unsigned char *entry = blob + 8 + (size_t)i * ENTRY_SIZE;
        const char *store = (const char *)blob + 8 + (size_t)entries * ENTRY_SIZE;

        if (be32(entry) == TAG_NAME && be32(entry + 8) < bytes) {
            *ret_length = strnlen(store + be32(entry + 8), bytes - be32(entry + 8));
            return store + be32(entry + 8);
        }
    }
#undef be32
    return NULL;
}

static int read_rows(struct layer_summary *summary, sqlite3 *db, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int r = 0, code = sqlite3_prepare_v2(db, "SELECT blob FROM Packages", -1, &statement, NULL);

    while (code == SQLITE_OK && r == 0) {
        const unsigned char *blob;
        const char *name;
        size_t length;
        int step = sqlite3_step(statement);

        if (step == SQLITE_DONE)
            break;
        if (step != SQLITE_ROW) {
            code = step;
            break;
        }
        blob = sqlite3_column_blob(statement, 0);
        name = blob ? header_name(blob, (size_t)sqlite3_column_bytes(statement, 0), &length) : NULL;
        r = name ? add(summary, name, length, error) : error_set(error, EBADMSG, "rpm database: a malformed header");
    }
    if (r == 0 && code != SQLITE_OK)
        r = error_set(error, EBADMSG, "rpm database: %s", sqlite3_errmsg(db));
    sqlite3_finalize(statement);
    return r;
}

/* SQLite reads the bytes where they are. */
static int read_rpm(struct layer_summary *summary, const char *data, size_t length, struct error *error)
{
    sqlite3 *db = NULL;
    int r;

    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_deserialize(db, "main", (unsigned char *)(uintptr_t)data, (sqlite3_int64)length, (sqlite3_int64)length,
                            SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
        r = error_set(error, EBADMSG, "rpm database: %s", db ? sqlite3_errmsg(db) : "SQLite cannot be set up");
    else
        r = read_rows(summary, db, error);
    sqlite3_close(db);
    return r;
}

int layer_read_packages(struct layer_summary *summary, const char *path, const char *data, size_t length,
                        struct error *error)
{
    enum kind kind = kind_of(path);
    int r = 0;

    switch (kind) {
    case DPKG:
    case DPKG_PART:
    case APK:
        summary->manager = kind == APK ? "apk" : "dpkg";
        summary->partial = kind == DPKG_PART;
        r = read_stanzas(summary, data, length, kind, error);
        break;
    case RPM_SQLITE:
        summary->manager = "rpm";
        r = read_rpm(summary, data, length, error);
        break;
    case RPM_OLD:
        r = error_set(error, ENOTSUP, "rpm database of an old format");
        break;
    case NONE:
        break;
    }
    return r < 0 ? error_prefix(error, "/%s", path) : 0;
}
