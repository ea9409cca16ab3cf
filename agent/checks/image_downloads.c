/* The files that an image's steps download, by their names; see image_downloads.h. */
#include "agent/checks/image_downloads.h"

#include <string.h>

#include "agent/checks/image_verified.h"
#include "common/str.h"

enum { LOOK_STEPS = 32 };

struct downloads downloads_new(void)
{
    return (struct downloads){.by_name = map_new(NULL), .written = map_new(free), .sums = map_new(free)};
}

void downloads_deinit(struct downloads *downloads)
{
    struct download *next;

    for (struct download *download = downloads->first; download; download = next) {
        next = download->next;
        for (size_t i = 0; i < DOWNLOAD_NAMES_MAX; i++)
            free(download->names[i]);
        free(download->folder);
        free(download->text);
        free(download);
    }
    map_free(downloads->by_name);
    map_free(downloads->written);
    map_free(downloads->sums);
}

void downloads_name(struct downloads *downloads, struct download *download, const char *path)
{
    scoped(cleanup_free) char *name = verified_words_last_part(path);

    for (size_t i = 0; *name && strcmp(name, "-") != 0 && i < DOWNLOAD_NAMES_MAX; i++) {
        if (!download->names[i]) {
            download->older[i] = map_get(downloads->by_name, name);
            download->names[i] = take(name);
            map_set(downloads->by_name, download->names[i], download);
            return;
        }
        if (strcmp(download->names[i], name) == 0)
            return;
    }
}

struct download *downloads_add(struct downloads *downloads, size_t step, const char *url, const char *text,
                               size_t length)
{
    enum { URL_MAX = 4096 };
    struct download *download = mem_alloc(sizeof *download);
    size_t size = strnlen(url, URL_MAX), folder = strcspn(url, "?#\"' \t\n");

    folder = folder < size ? folder : size;
    while (folder && url[folder - 1] != '/')
        folder--;
    download->step = step;
    download->folder = mem_strndup(url, folder);
    download->text = mem_strndup(text, length);
    if (downloads->last)
        downloads->last->next = download;
    else
        downloads->first = download;
    downloads->last = download;
    downloads_name(downloads, download, url);
    return download;
}

struct download *downloads_find(const struct downloads *downloads, const char *path)
{
    scoped(cleanup_free) char *name = verified_words_last_part(path);

    return *name ? map_get(downloads->by_name, name) : NULL;
}

void downloads_enter(struct downloads *downloads, const char *path)
{
    struct download *download = downloads_find(downloads, path);

    if (download && download->directory)
        downloads->here = download;
}

/* The one before DOWNLOAD of the same name. */
static struct download *older(const struct download *download, const char *name)
{
    for (size_t i = 0; i < DOWNLOAD_NAMES_MAX && download->names[i]; i++)
        if (strcmp(download->names[i], name) == 0)
            return download->older[i];
    return NULL;
}

/* "*.deb", "node-*.tar.gz": what comes before and after the star. */
static bool matches(const struct download *download, const char *name)
{
    size_t before = strcspn(name, "*");
    const char *after = strrchr(name, '*') + 1;

    for (size_t i = 0; i < DOWNLOAD_NAMES_MAX && download->names[i]; i++)
        if (strlen(download->names[i]) >= before + strlen(after) && strncmp(download->names[i], name, before) == 0 &&
            str_ends(download->names[i], after))
            return true;
    return false;
}

static void mark(struct download *download, bool verified)
{
    if (verified)
        download->verified = true;
    else
        download->used = true;
}

/* What was marked before has had its older ones marked as well. */
static void mark_all(struct downloads *downloads, const char *path, bool verified, struct budget *budget)
{
    enum { PATTERN_MIN = 4 };
    scoped(cleanup_free) char *name = verified_words_last_part(path);

    if (strchr(name, '*')) {
        if (strlen(name) < PATTERN_MIN)
            return; /* whatever there is */
        for (struct download *download = downloads->first; download && budget_take(budget, LOOK_STEPS);
             download = download->next)
            if (matches(download, name))
                mark(download, verified);
        return;
    }
    for (struct download *download = *name ? map_get(downloads->by_name, name) : NULL;
         download && budget_take(budget, LOOK_STEPS); download = older(download, name)) {
        if (verified ? download->verified : download->used)
            return;
        mark(download, verified);
    }
}

void downloads_verify(struct downloads *downloads, const char *path, struct budget *budget)
{
    mark_all(downloads, path, true, budget);
}

void downloads_use(struct downloads *downloads, const char *path, struct budget *budget)
{
    mark_all(downloads, path, false, budget);
}

void downloads_verify_step(struct downloads *downloads, size_t step, const char *folder, struct budget *budget)
{
    for (struct download *download = downloads->first; download && budget_take(budget, LOOK_STEPS);
         download = download->next)
        if (download->step == step && (!folder || strcmp(download->folder, folder) == 0))
            download->verified = true;
}
