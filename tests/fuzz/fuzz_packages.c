/* The first byte chooses the package database that the rest is; or, with 'L', a path and a link's target, a NUL
 * between; or, with 'W', what the worker that walks an image hands over. */
#include <string.h>

#include "probes/images/layers_internal.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_sqlite.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    static const char *const statements[] = {
        "INSERT INTO Packages(blob) VALUES(?1)",
        "UPDATE Packages SET blob = ?1",
        "UPDATE Packages SET blob = ?2",
        "UPDATE Packages SET blob = 'text'",
        "UPDATE Packages SET blob = zeroblob(9000)",
        "DELETE FROM Packages",
        "ALTER TABLE Packages RENAME COLUMN blob TO other",
        "ALTER TABLE Packages ADD COLUMN g AS (hnum + 1)",
        "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)",
        "DROP TABLE Packages",
        "CREATE VIEW Packages AS SELECT ?1 AS blob",
        "CREATE INDEX i ON Packages(blob)",
        "CREATE TRIGGER t AFTER INSERT ON Packages BEGIN SELECT 1; END",
        "UPDATE sqlite_schema SET rootpage = ?2",
        "UPDATE sqlite_schema SET type = 'view'",
        "UPDATE sqlite_schema SET sql = 'CREATE VIEW Packages AS SELECT 1 AS blob'",
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE Packages(hnum, blob AS (randomblob(9)))'",
        "UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE Packages USING dbstat'",
        "UPDATE sqlite_schema SET name = 'PACKAGES'",
        "VACUUM",
    };

    if (size < 2 || seed % 8 == 0 || !strchr("sw", data[0]))
        return LLVMFuzzerMutate(data, size, max_size);
    return 1 + mutate_sqlite(data + 1, size - 1, max_size - 1, seed / 8, statements, countof(statements));
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    char letter;
    const char *path;
} databases[] = {
    {'d', "var/lib/dpkg/status"},      {'D', "var/lib/dpkg/status.d/base"},
    {'a', "lib/apk/db/installed"},     {'p', "var/lib/pacman/local/bash-5/desc"},
    {'s', "var/lib/rpm/rpmdb.sqlite"}, {'w', "var/lib/rpm/rpmdb.sqlite-wal"},
    {'b', "var/lib/rpm/Packages"},     {'n', "usr/lib/sysimage/rpm/Packages.db"},
};

static void read_database(struct layer_summary *summary, const char *path, const char *data, size_t length)
{
    scoped(cleanup_free) char *copy = mem_strndup(data, length); /* it may be changed */

    layer_read_file(summary, path, copy, length);
    for (size_t i = 0; i < MANAGER_COUNT; i++) {
        const struct layer_packages *packages = &summary->packages[i];

        if (packages->names.count > LAYER_PACKAGES_MAX ||
            (packages->names.count && !packages->whole && !packages->partial))
            __builtin_trap();
    }
}

static void read_link(struct layer_summary *summary, const char *data, size_t length)
{
    scoped(cleanup_free) char *path = mem_strndup(data, length);
    size_t path_length = strlen(path);

    layer_is_file_place(path);
    layer_check_link(summary, path, path_length < length ? path + path_length + 1 : "");
}

static void read_result(const char *data, size_t length)
{
    struct layer_facts *facts = NULL;

    if (layers_parse(data, length, &facts, NULL) == 0)
        facts_free(&facts->facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t key[2] = {1, 2};
    struct layer_summary summary;

    layer_summary_init(&summary, key);
    for (size_t i = 0; size && i < countof(databases); i++)
        if (databases[i].letter == (char)data[0])
            read_database(&summary, databases[i].path, (const char *)data + 1, size - 1);
    if (size && data[0] == 'L')
        read_link(&summary, (const char *)data + 1, size - 1);
    if (size && data[0] == 'W')
        read_result((const char *)data + 1, size - 1);
    layer_summary_finish(&summary);
    layer_summary_deinit(&summary);
    return 0;
}
