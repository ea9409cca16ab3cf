/* See the header. */
#include "exports_beside.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"

static la_ssize_t on_write(struct archive *archive, void *user, const void *data, size_t length)
{
    (void)archive;
    str_append_n(user, data, length);
    return (la_ssize_t)length;
}

static struct archive *begin_tar(struct str *out)
{
    struct archive *tar = archive_write_new();

    archive_write_set_format_ustar(tar);
    archive_write_set_bytes_per_block(tar, 0);
    ck_assert_int_eq(archive_write_open(tar, out, NULL, on_write, NULL), ARCHIVE_OK);
    return tar;
}

static void add(struct archive *tar, const char *path, mode_t mode, const void *data, size_t length)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, path);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_size(entry, (la_int64_t)length);
    ck_assert_int_eq(archive_write_header(tar, entry), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_data(tar, data, length), (la_ssize_t)length);
    archive_entry_free(entry);
}

static void end_tar(struct archive *tar)
{
    ck_assert_int_eq(archive_write_close(tar), ARCHIVE_OK);
    archive_write_free(tar);
}

static char *path_of(unsigned number)
{
    return mem_printf("/images/%s/get", fake_image_id(number));
}

void exports_serve(struct fake *fake, unsigned number, unsigned drip)
{
    static const char manifest[] = "[{\"Layers\":[\"a/layer.tar\"]}]";
    scoped(cleanup_free) char *path = path_of(number);
    scoped_str layer = STR_INIT, body = STR_INIT, reply = STR_INIT;
    struct archive *tar = begin_tar(&layer);

    add(tar, "bin/program", S_IFREG | 04755, "x", 1);
    end_tar(tar);
    tar = begin_tar(&body);
    add(tar, "a/layer.tar", S_IFREG | 0644, layer.data, layer.length);
    add(tar, "manifest.json", S_IFREG | 0644, manifest, strlen(manifest));
    end_tar(tar);
    str_printf(&reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body.length);
    str_append_n(&reply, body.data, body.length);
    fake_fault(fake, &(struct fake_fault){.path = path, .reply = reply.data, .length = reply.length, .drip = drip});
}

void exports_hang(struct fake *fake, unsigned number)
{
    scoped(cleanup_free) char *path = path_of(number);

    fake_fault(fake, &(struct fake_fault){.path = path, .hangs = true});
}

size_t exports_requests(const struct fake *fake, unsigned number)
{
    scoped(cleanup_free) char *path = path_of(number);

    return fake_requests(fake, path);
}
