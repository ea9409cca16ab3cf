/* What the files that read layers share: layers.c (an image: its layers put together), layer_summary.c (what is
 * gathered from one layer), layer_cache.c (keeping that), layer_folder.c with layer_split.c, and layer_stream.c (where
 * it comes from), layer_packages.c and layer_rpm.c (package databases). Nobody else includes this. */
#ifndef PROBES_IMAGES_LAYERS_INTERNAL_H
#define PROBES_IMAGES_LAYERS_INTERNAL_H

#include <stdint.h>

#include "common/vec.h"
#include "probes/images/layers.h"

enum { LAYER_FILES_MAX = 2 * 1024 * 1024, LAYER_FOUND_MAX = 4096, LAYER_PACKAGES_MAX = 32768 };

/* A file that a rule may want to know of. PATH is raw and begins with a slash. */
struct layer_entry {
    char *path;
    unsigned uid, mode;
    bool setuid, tool;
};

enum package_manager { MANAGER_DPKG, MANAGER_APK, MANAGER_RPM, MANAGER_PACMAN, MANAGER_OPKG, MANAGER_COUNT };

/* What one layer holds of a package manager's database. */
struct layer_packages {
    bool whole;   /* a database: it takes the place of the one below */
    bool partial; /* files of one package each: they add to what lies below */
    char *error;  /* there is a database, and why it cannot be read */
    VEC(char *) names;
};

/* One layer. What it lays over the layers below is kept as keyed hashes of paths, since it may be any path at all, and
 * whoever makes an image must not be able to make a path that hides another. */
struct layer_summary {
    const uint64_t *key; /* of the hashes: two words */
    VEC(struct layer_entry) entries;
    VEC(uint64_t) opaque;  /* folders that hide what lies below */
    VEC(uint64_t) files;   /* that it holds, or removes (whiteouts): they hide the path and what lies below it */
    VEC(uint64_t) folders; /* that it holds: they hide a file of the same path */
    struct layer_packages packages[MANAGER_COUNT];
    uint64_t count;   /* files seen */
    uint64_t dropped; /* setuid programs and tools beyond LAYER_FOUND_MAX */
};
void layer_summary_init(struct layer_summary *summary, const uint64_t *key);
void layer_summary_deinit(struct layer_summary *summary);
/* To be called when it is complete: sorts. */
void layer_summary_finish(struct layer_summary *summary);

/* One entry of a layer, of any kind; MODE's permission bits count for regular files only. PATH without a leading slash,
 * never hostile in its form: no "..", no empty parts. */
int layer_add(struct layer_summary *summary, const char *path, size_t length, unsigned mode, unsigned uid,
              struct error *error);
void layer_add_whiteout(struct layer_summary *summary, const char *path, size_t length);
void layer_add_opaque(struct layer_summary *summary, const char *path, size_t length);
/* A path of a tar, "./usr//bin/x/", as "usr/bin/x"; false for what leads out of the tree. */
bool layer_normalise(const char *path, struct str *ret);
/* Is it a tar's mark of an opaque folder, whose path are the first *RET_LENGTH bytes? (OCI image-spec, layer.md,
 * "Opaque Whiteout") */
#define LAYER_OPAQUE ".wh..wh..opq"
bool layer_is_opaque_mark(const char *path, size_t *ret_length);
/* Does the upper layer hide PATH (with its slash) of a lower one? */
bool layer_hides(const struct layer_summary *upper, const char *path);

/* Package databases. wanted: its content is to be given to layer_read_packages(), in one piece that it may change. What
 * cannot be read is noted in the summary and is no error of the layer. */
bool layer_is_package_file(const char *path);
void layer_read_packages(struct layer_summary *summary, const char *path, char *data, size_t length);
void layer_packages_unread(struct layer_summary *summary, const char *path, const char *why);
/* A link that leads from where a database should lie to where none is looked for is noted as unread. Is PATH such a
 * place? */
bool layer_is_database_place(const char *path);
void layer_check_link(struct layer_summary *summary, const char *path, const char *target);
const char *layer_manager_name(enum package_manager manager);
/* Adds a name; an error once there are too many. */
int layer_add_package(struct layer_packages *packages, const char *name, size_t length, struct error *error);
/* Longer ones are not read: from a folder they are mapped, from a stream they are held in memory. */
enum { PACKAGE_FILE_MAX = 256 * 1024 * 1024, PACKAGE_STREAM_MAX = 48 * 1024 * 1024 };

/* layer_rpm.c: the three formats of rpm databases. */
int layer_rpm_sqlite(struct layer_packages *packages, char *data, size_t length, struct error *error);
int layer_rpm_ndb(struct layer_packages *packages, char *data, size_t length, struct error *error);
int layer_rpm_bdb(struct layer_packages *packages, char *data, size_t length, struct error *error);

/* The cache's key, made when there is none. Fails when it can neither be read nor kept. */
int layer_cache_key(const char *cache, uint64_t ret_key[2]);
int layer_cache_load(const char *cache, const char *digest, struct layer_summary *ret);
void layer_cache_save(const char *cache, const char *digest, const struct layer_summary *summary);
/* Removes what was used longest ago until the cache is within its bounds. */
void layer_cache_trim(const char *cache);

/* The opaque folders of the image's layer of that number (0: the base) from what the engine kept of its tar. Fails when
 * there is no such file, or one that cannot be read or is of another layer. layer_parse_split() is its inner part. */
int layer_read_split(const struct layers_request *request, size_t layer, struct layer_summary *ret,
                     struct error *error);
int layer_parse_split(int fd, struct layer_summary *ret, struct error *error);
/* A layer's folder. Opaque folders are seen only by those who have CAP_SYS_ADMIN. */
int layer_read_folder(const struct host_root *root, const char *path, struct layer_summary *ret, struct error *error);
/* Every layer of the image, in SUMMARIES (set up by layer_summary_init()) from the base up; those that are KNOWN are
 * passed over. */
int layer_read_stream(const struct layers_request *request, struct layer_summary *summaries, const bool *known,
                      struct error *error);

#endif
