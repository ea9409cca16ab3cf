/* The findings in each layer, in a file named after the layer's digest; and a record of layers that cannot be read, so
 * that a hostile layer costs its time once and not with each image that shares it. Such a layer is tried again after a
 * day.
 *
 * The files are in the agent's own state directory. Nothing is synced: a file that is cut, or of an older version,
 * fails its check and counts as missing. A file's modification time is that of its last use, or of the failure. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "probes/images/layers_internal.h"

enum { CACHE_FILES_MAX = 4096, NAME_LENGTH = 64, WHY_MAX = 1024, UNREADABLE_SECONDS = 24 * 60 * 60 };
static const int64_t cache_bytes_max = INT64_C(256) << 20;
static const char unreadable[] = ".unreadable";

/* The file for a digest "sha256:0123…", with ENDING; NULL for a digest of any other form. */
static char *cache_path(const char *cache, const char *digest, const char *ending)
{
    const char *hex = str_starts(digest, "sha256:") ? digest + strlen("sha256:") : "";

    return cache && strlen(hex) == NAME_LENGTH && strspn(hex, "0123456789abcdef") == NAME_LENGTH
               ? mem_printf("%s/%s%s", cache, hex, ending)
               : NULL;
}

int layer_cache_key(const char *cache, uint64_t ret_key[2])
{
    enum { KEY_LENGTH = 2 * sizeof(uint64_t) };
    scoped(cleanup_free) char *path = cache ? mem_printf("%s/key", cache) : NULL;
    scoped_str text = STR_INIT;

    if (path && file_read(path, KEY_LENGTH, &text, NULL) == 0 && text.length == KEY_LENGTH) {
        memcpy(ret_key, text.data, KEY_LENGTH);
        return 0;
    }
    if (getrandom(ret_key, KEY_LENGTH, 0) != KEY_LENGTH)
        return -EIO;
    return path ? file_replace(path, (const char *)ret_key, KEY_LENGTH, 0600, NULL) : -ENOENT;
}

static void write_file(const char *path, const struct str *text)
{
    scoped(cleanup_free) char *temporary = mem_printf("%s.new", path);
    scoped(cleanup_close) int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    for (size_t at = 0; at < text->length;) {
        ssize_t n = write(fd, text->data + at, text->length - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            unlink(temporary);
            return;
        }
        at += (size_t)n;
    }
    if (rename(temporary, path) < 0)
        unlink(temporary);
}

int layer_cache_read(const char *cache, const char *digest, const uint64_t *key, struct str *ret_text)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest, "");
    int r = path ? file_read(path, LAYER_TEXT_MAX, ret_text, NULL) : -ENOENT;

    if (r < 0)
        return r;
    return layer_text_is_whole(str_text(ret_text), ret_text->length, key) ? 0 : -EBADMSG;
}

int layer_cache_open(const char *cache, const char *digest)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest, "");
    int fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : (errno = ENOENT, -1);

    if (fd >= 0)
        futimens(fd, NULL);
    return fd < 0 ? -errno : fd;
}

int layer_cache_load(int fd, struct layer_summary *ret)
{
    scoped_str text = STR_INIT;
    int r = file_read_open(fd, LAYER_TEXT_MAX, &text);

    return r < 0 ? r : layer_text_parse(str_text(&text), text.length, ret);
}

void layer_cache_save(const char *cache, const char *digest, const struct str *text)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest, "");

    if (path)
        write_file(path, text);
}

void layer_cache_remove(const char *cache, const char *digest)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest, "");

    if (path)
        unlink(path);
}

/* ---- Layers that cannot be read ---- */

void layer_cache_save_unreadable(const char *cache, const char *digest, const uint64_t *key, const char *why)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest, unreadable);
    scoped_str text = STR_INIT;
    size_t begin;

    if (!path)
        return;
    begin = layer_text_begin(&text);
    str_append(&text, why);
    layer_text_end(&text, begin, key);
    write_file(path, &text);
}

bool layer_cache_is_unreadable(const char *cache, const char *digest, const uint64_t *key, struct error *error)
{
    scoped(cleanup_free) char *path = cache_path(cache, digest, unreadable);
    scoped_str text = STR_INIT;
    struct stat st;

    if (!path || stat(path, &st) < 0 || file_read(path, WHY_MAX, &text, NULL) < 0 ||
        !layer_text_is_whole(str_text(&text), text.length, key))
        return false;
    if (time(NULL) - st.st_mtim.tv_sec > UNREADABLE_SECONDS || st.st_mtim.tv_sec > time(NULL)) {
        unlink(path);
        return false;
    }
    error_set(error, EIO, "%s", strchr(text.data, '\n') + 1);
    return true;
}

/* ---- Bounds ---- */

struct cached {
    char name[NAME_LENGTH + sizeof unreadable];
    int64_t size;
    struct timespec used;
};

static int by_use(const void *a, const void *b)
{
    const struct cached *x = a, *y = b;

    return x->used.tv_sec != y->used.tv_sec ? (x->used.tv_sec < y->used.tv_sec ? -1 : 1)
                                            : (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

void layer_cache_trim(const char *cache)
{
    DIR *dir = cache ? opendir(cache) : NULL;
    VEC(struct cached) files = {0};
    int64_t bytes = 0;

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name);
        struct cached file = {0};
        struct stat st;

        if ((length != NAME_LENGTH && length != NAME_LENGTH + strlen(unreadable)) ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        memcpy(file.name, entry->d_name, length + 1);
        file.size = st.st_size;
        file.used = st.st_mtim;
        bytes += file.size;
        vec_push(&files, file);
    }
    if (files.count > CACHE_FILES_MAX || bytes > cache_bytes_max) {
        size_t left = files.count;

        qsort(files.items, files.count, sizeof *files.items, by_use);
        for (size_t i = 0; i < files.count && (left > CACHE_FILES_MAX || bytes > cache_bytes_max); i++, left--) {
            unlinkat(dirfd(dir), files.items[i].name, 0);
            bytes -= files.items[i].size;
        }
    }
    vec_free(&files);
    if (dir)
        closedir(dir);
}
