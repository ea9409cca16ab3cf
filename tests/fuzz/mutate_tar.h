/* A libFuzzer mutator that keeps a tar one: a field of a header, a member's data or the order of the members changes,
 * and the checksums are right again. Data that is a tar is mutated as one, JSON as JSON. Without checksums that are
 * right libarchive reads no further than the first header. */
#ifndef TESTS_FUZZ_MUTATE_TAR_H
#define TESTS_FUZZ_MUTATE_TAR_H

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/mutate_json.h"
#include "tests/fuzz/mutate_random.h"

enum { TAR_BLOCK = 512, TAR_MEMBERS_MAX = 48, TAR_DATA_MAX = 256 * 1024 };

struct tar_member {
    uint8_t header[TAR_BLOCK];
    struct str data;
};

struct tar {
    struct tar_member members[TAR_MEMBERS_MAX];
    size_t count;
};

/* Of a header: with its checksum as blanks. */
static inline unsigned tar_checksum(const uint8_t *header)
{
    unsigned sum = 0;

    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : header[i];
    return sum;
}

static inline bool tar_is(const uint8_t *data, size_t size)
{
    return size >= TAR_BLOCK && data[0] &&
           strtoul((char[9]){(char)data[148], (char)data[149], (char)data[150], (char)data[151], (char)data[152],
                             (char)data[153], (char)data[154]},
                   NULL, 8) == tar_checksum(data);
}

static inline void tar_read(struct tar *tar, const uint8_t *data, size_t size)
{
    for (size_t at = 0; tar->count < TAR_MEMBERS_MAX && at < size && tar_is(data + at, size - at);) {
        struct tar_member *member = &tar->members[tar->count++];
        char text[13] = "";
        size_t length;

        memcpy(member->header, data + at, TAR_BLOCK);
        memcpy(text, data + at + 124, 12);
        length = strtoul(text, NULL, 8);
        at += TAR_BLOCK;
        if (length > size - at)
            length = size - at;
        str_append_n(&member->data, (const char *)data + at, length);
        at += (length + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
}

static inline void tar_free(struct tar *tar)
{
    for (size_t i = 0; i < tar->count; i++)
        str_deinit(&tar->members[i].data);
    free(tar);
}

static inline void tar_write(const struct tar *tar, struct str *out)
{
    static const char zeros[2 * TAR_BLOCK];

    for (size_t i = 0; i < tar->count; i++) {
        const struct tar_member *member = &tar->members[i];
        uint8_t header[TAR_BLOCK];
        char sum[8];

        memcpy(header, member->header, TAR_BLOCK);
        snprintf(sum, sizeof sum, "%06o", tar_checksum(header) & 0777777);
        memcpy(header + 148, sum, 7);
        header[155] = ' ';
        str_append_n(out, (const char *)header, TAR_BLOCK);
        str_append_n(out, str_text(&member->data), member->data.length);
        str_append_n(out, zeros, -member->data.length % TAR_BLOCK);
    }
    str_append_n(out, zeros, sizeof zeros);
}

static inline void tar_set_size(struct tar_member *member)
{
    char text[13];

    snprintf(text, sizeof text, "%011zo", member->data.length & 07777777777);
    memcpy(member->header + 124, text, 12);
}

static inline void tar_set_text(struct tar_member *member, size_t at, size_t size, const char *text)
{
    size_t length = strlen(text);

    memset(member->header + at, 0, size);
    memcpy(member->header + at, text, length < size ? length : size);
}

static const char *const tar_paths[] = {"etc/passwd",
                                        "./etc//passwd",
                                        "etc",
                                        "usr/bin/sudo",
                                        "usr/bin/.wh.sudo",
                                        "usr/.wh..wh..opq",
                                        ".wh..wh..opq",
                                        ".wh.",
                                        ".wh.usr",
                                        ".wh..wh.plnk",
                                        "../x",
                                        "/",
                                        "",
                                        ".",
                                        "var/lib/dpkg/status",
                                        "var/lib/dpkg/status.d/base",
                                        "lib/apk/db/installed",
                                        "var/lib/rpm/Packages",
                                        "var/lib/rpm/rpmdb.sqlite",
                                        "usr/lib/sysimage/rpm/Packages.db",
                                        "var/lib/pacman/local/bash-5/desc",
                                        "var/lib/dpkg",
                                        "manifest.json",
                                        "blobs/sha256/aa",
                                        "blobs/sha256/bb",
                                        "aa/layer.tar",
                                        "../aa/layer.tar",
                                        "\xff\xfe/x"};

static inline void tar_add_pax(struct tar_member *member, struct mutate_random *random)
{
    static const char *const names[] = {"path",
                                        "linkpath",
                                        "size",
                                        "uid",
                                        "mtime",
                                        "SCHILY.xattr.security.capability",
                                        "hdrcharset",
                                        "LIBARCHIVE.xattr.security.capability",
                                        "GNU.sparse.map",
                                        "GNU.sparse.major",
                                        "GNU.sparse.name",
                                        "GNU.sparse.realsize",
                                        "SCHILY.acl.access"};
    static const char capability[] = "\x01\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0";
    static const char *const values[] = {"", "0", "1", "-1", "99999999999999999999", "BINARY", "0,1,2,3", "x=y\n"};
    const char *name = MUTATE_PICK(random, names);
    scoped_str record = STR_INIT;
    size_t length;

    str_printf(&record, " %s=", name);
    if (strstr(name, "capability"))
        str_append_n(&record, capability, sizeof capability);
    else
        str_append(&record, mutate_below(random, 2) ? MUTATE_PICK(random, tar_paths) : MUTATE_PICK(random, values));
    str_append_char(&record, '\n');
    length = record.length + 1;
    length += length >= 9;
    length += length >= 99;
    str_printf(&member->data, "%zu", length);
    str_append_n(&member->data, record.data, record.length);
    member->header[156] = mutate_below(random, 8) ? 'x' : 'g';
}

static inline void tar_insert(struct tar *tar, struct mutate_random *random)
{
    static const char text[] = "root:x:0:0::/:/bin/sh\nPackage: bash\nStatus: install ok installed\n\nP:musl\n\n";
    size_t at = mutate_below(random, tar->count + 1);
    struct tar_member *member = &tar->members[at];

    if (tar->count == TAR_MEMBERS_MAX)
        return;
    memmove(member + 1, member, (tar->count++ - at) * sizeof *member);
    *member = (struct tar_member){.data = STR_INIT};
    tar_set_text(member, 0, 100, MUTATE_PICK(random, tar_paths));
    tar_set_text(member, 100, 8, mutate_below(random, 2) ? "0004755" : "0000644");
    tar_set_text(member, 108, 8, "0000000");
    tar_set_text(member, 116, 8, "0000000");
    tar_set_text(member, 136, 12, "00000000000");
    tar_set_text(member, 257, 6, "ustar");
    member->header[156] = (uint8_t) "0125LK"[mutate_below(random, 6)];
    if (mutate_below(random, 3) == 0)
        tar_add_pax(member, random);
    else if (strchr("0LK", member->header[156]))
        str_append(&member->data, member->header[156] == '0' ? text : MUTATE_PICK(random, tar_paths));
    else
        tar_set_text(member, 157, 100, MUTATE_PICK(random, tar_paths));
    tar_set_size(member);
}

static inline void tar_mutate_header(struct tar_member *member, struct mutate_random *random)
{
    static const struct {
        size_t at, size;
    } fields[] = {{0, 100}, {100, 8},   {108, 8}, {116, 8}, {124, 12}, {136, 12},
                  {156, 1}, {157, 100}, {257, 8}, {329, 8}, {337, 8},  {345, 155}};
    static const char types[] = "01234567xgLKSDVMNA\0 ";
    size_t i = mutate_below(random, sizeof fields / sizeof *fields);

    switch (mutate_below(random, 4)) {
    case 0:
        tar_set_text(member, mutate_below(random, 3) ? 0 : 157, 100, MUTATE_PICK(random, tar_paths));
        break;
    case 1:
        member->header[156] = (uint8_t)types[mutate_below(random, sizeof types)];
        break;
    case 2: /* a number in base 256 */
        memset(member->header + fields[i].at, 0xff, fields[i].size);
        break;
    default:
        LLVMFuzzerMutate(member->header + fields[i].at, fields[i].size, fields[i].size);
    }
}

/* The data as those who keep images compress a layer. */
static inline void tar_compress(struct str *data, struct mutate_random *random)
{
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    scoped(cleanup_free) char *buffer = mem_alloc(2 * data->length + 65536);
    size_t used = 0;

    archive_write_set_format_raw(archive);
    if (mutate_below(random, 2))
        archive_write_add_filter_gzip(archive);
    else
        archive_write_add_filter_zstd(archive);
    archive_entry_set_filetype(entry, AE_IFREG);
    if (archive_write_open_memory(archive, buffer, 2 * data->length + 65536, &used) == ARCHIVE_OK &&
        archive_write_header(archive, entry) == ARCHIVE_OK &&
        archive_write_data(archive, str_text(data), data->length) >= 0 && archive_write_close(archive) == ARCHIVE_OK) {
        str_clear(data);
        str_append_n(data, buffer, used);
    }
    archive_entry_free(entry);
    archive_write_free(archive);
}

static inline size_t mutate_tar(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static inline void tar_mutate_data(struct tar_member *member, struct mutate_random *random)
{
    const uint8_t *old = (const uint8_t *)str_text(&member->data);
    size_t length = member->data.length, max = length + 2 * TAR_BLOCK + 64;
    unsigned seed = (unsigned)mutate_below(random, UINT32_MAX);
    scoped(cleanup_free) uint8_t *buffer = mem_alloc(max);

    if (length > TAR_DATA_MAX)
        return;
    if (length && mutate_below(random, 32) == 0) {
        tar_compress(&member->data, random);
    } else {
        if (length)
            memcpy(buffer, old, length);
        if (tar_is(old, length))
            length = mutate_tar(buffer, length, max, seed);
        else if (length && (*old == '{' || *old == '['))
            length = mutate_json(buffer, length, max, seed);
        else
            length = LLVMFuzzerMutate(buffer, length, max);
        str_clear(&member->data);
        str_append_n(&member->data, (const char *)buffer, length);
    }
    tar_set_size(member);
}

static inline void tar_mutate_once(struct tar *tar, struct mutate_random *random)
{
    size_t at = tar->count ? mutate_below(random, tar->count) : 0;
    struct tar_member *member = &tar->members[at], kept;

    switch (tar->count ? mutate_below(random, 10) : 0) {
    case 0:
    case 1:
        tar_insert(tar, random);
        break;
    case 2:
        str_deinit(&member->data);
        memmove(member, member + 1, (--tar->count - at) * sizeof *member);
        break;
    case 3:
        kept = *member;
        *member = tar->members[tar->count - 1];
        tar->members[tar->count - 1] = kept;
        break;
    case 4:
    case 5:
    case 6:
        tar_mutate_header(member, random);
        break;
    default:
        tar_mutate_data(member, random);
    }
}

static inline size_t mutate_tar(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutate_random random = mutate_random_of(seed);
    struct tar *tar = mem_alloc(sizeof *tar);
    scoped_str out = STR_INIT;

    tar_read(tar, data, size);
    tar_mutate_once(tar, &random);
    tar_write(tar, &out);
    tar_free(tar);
    if (mutate_below(&random, 64) == 0) /* cut */
        out.length = mutate_below(&random, out.length);
    if (out.length > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, out.data, out.length);
    return out.length;
}

#endif
