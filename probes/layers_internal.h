/* What the files that read layers share: layers.c (an image: its layers put together), layer_summary.c (one layer's
 * findings, and keeping them), layer_folder.c and layer_stream.c (where they come from), layer_packages.c (package
 * databases). Nobody else includes this. */
#ifndef PROBES_LAYERS_INTERNAL_H
#define PROBES_LAYERS_INTERNAL_H

#include "common/vec.h"
#include "probes/layers.h"

enum { LAYER_FILES_MAX = 8 * 1024 * 1024, LAYER_FOUND_MAX = 4096, LAYER_PACKAGES_MAX = 32768 };

/* A file that a rule may want to know of. PATH begins with a slash. */
struct layer_entry {
    char *path;
    unsigned uid, mode;
    bool setuid, tool;
};

/* One layer. What it lays over the layers below is kept as hashes of paths, since it may be any path at all. */
struct layer_summary {
    VEC(struct layer_entry) entries;
    VEC(char *) opaque;    /* folders that hide what lies below */
    VEC(uint64_t) files;   /* that it holds, or removes (whiteouts): they hide the path and what lies below it */
    VEC(uint64_t) folders; /* that it holds: they hide a file of the same path */
    const char *manager;   /* "dpkg", "apk", "rpm"; NULL: it holds no package database */
    bool partial;          /* a database of one file per package: adds to the one below */
    VEC(char *) packages;
    uint64_t count; /* files seen */
};
void layer_summary_deinit(struct layer_summary *summary);
/* To be called when it is complete: sorts. */
void layer_summary_finish(struct layer_summary *summary);

/* One entry of a layer, of any kind. PATH without a leading slash, never hostile in its form: no "..", no empty parts.
 */
int layer_add(struct layer_summary *summary, const char *path, unsigned mode, unsigned uid, struct error *error);
void layer_add_whiteout(struct layer_summary *summary, const char *path);
void layer_add_opaque(struct layer_summary *summary, const char *path);
/* Does the upper layer hide PATH (with its slash) of a lower one? */
bool layer_hides(const struct layer_summary *upper, const char *path);

/* Package databases. wanted: its content is to be given to layer_read_packages(). */
bool layer_is_package_file(const char *path);
int layer_read_packages(struct layer_summary *summary, const char *path, const char *data, size_t length,
                        struct error *error);
enum { PACKAGE_FILE_MAX = 256 * 1024 * 1024 };

int layer_summary_load(const char *cache, const char *digest, struct layer_summary *ret);
int layer_summary_save(const char *cache, const char *digest, const struct layer_summary *summary, struct error *error);

int layer_read_folder(const struct host_root *root, const char *path, struct layer_summary *ret, struct error *error);
/* Every layer of the image, in SUMMARIES from the base up; those that are KNOWN are passed over. */
int layer_read_stream(const struct layers_request *request, struct layer_summary *summaries, const bool *known,
                      struct error *error);

#endif
