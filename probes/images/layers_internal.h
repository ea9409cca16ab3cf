/* Shared by the files that read layers. layers.c has an image read by parts of the worker, layer_parts.c is what runs
 * in them: layer_folder.c with layer_split.c, or layer_stream.c from layer_fetch.c, reads a layer, layer_packages.c and
 * layer_rpm.c its package databases, layer_accounts.c its /etc/passwd, layer_image.c puts layers together.
 * layer_summary.c holds the findings in one layer, layer_text.c writes them as text, layer_cache.c keeps the texts.
 * Nobody else includes this. */
#ifndef PROBES_IMAGES_LAYERS_INTERNAL_H
#define PROBES_IMAGES_LAYERS_INTERNAL_H

#include <stdint.h>

#include "common/vec.h"
#include "probes/images/layers.h"

enum {
    LAYER_PATHS_MAX = 2 * 1024 * 1024, /* files, directories, whiteouts */
    LAYER_PATH_LENGTH_MAX = 4096,      /* PATH_MAX */
    LAYER_FOUND_MAX = 4096,
    LAYER_PLACES = 16384, /* a power of 2, so that a table is mostly empty */
    LAYER_PACKAGES_MAX = 32768,
    LAYER_TEXT_MAX = 128 * 1024 * 1024
};

/* A file that rules are about. PATH is raw and begins with a slash. */
struct layer_entry {
    char *path;
    uint64_t hash;         /* of the path; 0 where it was read from a text */
    uint64_t capabilities; /* those as good as root's that it is given when it is executed */
    unsigned uid, mode;
    bool setuid, tool;
};

enum package_manager { MANAGER_DPKG, MANAGER_APK, MANAGER_RPM, MANAGER_PACMAN, MANAGER_OPKG, MANAGER_COUNT };

/* One package manager's database in one layer. */
struct layer_packages {
    bool whole;   /* a whole database: it replaces the one below */
    bool partial; /* files of one package each: they add to what lies below */
    char *error;  /* why a database that is there cannot be read */
    VEC(char *) names;
};

/* One layer's /etc/passwd. */
struct layer_accounts {
    bool present;
    char *error; /* why it cannot be read; NULL: it was, unless it is not present */
    char *text;  /* see layer_facts.accounts */
};

/* One layer. The paths with which it hides lower layers' files may be any, so they are kept as hashes; keyed, or an
 * image's author could make a path that hides another. */
struct layer_summary {
    const uint64_t *key; /* of the hashes: two words */
    VEC(struct layer_entry) entries;
    VEC(uint64_t) opaque;  /* directories that hide what lies below */
    VEC(uint64_t) files;   /* that it holds, or removes (whiteouts): they hide the path and what lies below it */
    VEC(uint64_t) folders; /* that it holds: they hide a file of the same path */
    struct layer_packages packages[MANAGER_COUNT];
    struct layer_accounts accounts;
    uint16_t *places; /* of entries by their hashes, from 1 on: a table of LAYER_PLACES */
    uint64_t count;   /* files seen */
    uint64_t dropped; /* setuid programs and tools beyond LAYER_FOUND_MAX */
};
void layer_summary_init(struct layer_summary *summary, const uint64_t *key);
void layer_summary_deinit(struct layer_summary *summary);
/* To be called when it is complete: sorts. */
void layer_summary_finish(struct layer_summary *summary);

/* One entry of a layer, of any kind; MODE's permission bits and CAPABILITIES count for regular files only. Of a path
 * that a layer has twice the last entry counts. PATH without a leading slash, never hostile in its form: no "..", no
 * empty parts. */
int layer_add(struct layer_summary *summary, const char *path, size_t length, unsigned mode, unsigned uid,
              uint64_t capabilities, struct error *error);
/* The capabilities in the attribute security.capability (vfs_cap_data of linux/capability.h) that are as good as
 * root's. */
#define LAYER_CAPABILITY "security.capability"
uint64_t layer_capabilities(const void *attribute, size_t length);
int layer_add_whiteout(struct layer_summary *summary, const char *path, size_t length, struct error *error);
int layer_add_opaque(struct layer_summary *summary, const char *path, size_t length, struct error *error);
/* A path of a tar, "./usr//bin/x/", as "usr/bin/x"; false for what leads out of the tree. */
bool layer_normalise(const char *path, struct str *ret);
/* Is it a tar's mark of an opaque directory, whose path are the first *RET_LENGTH bytes? (OCI image-spec, layer.md,
 * "Opaque Whiteout") */
#define LAYER_OPAQUE ".wh..wh..opq"
bool layer_is_opaque_mark(const char *path, size_t *ret_length);
/* Does the upper layer hide PATH (with its slash) of a lower one? */
bool layer_hides(const struct layer_summary *upper, const char *path);

/* Files that are read: package databases and /etc/passwd. Is PATH one, whose content is to be given to
 * layer_read_file()? In one piece, of whose first FILE_WRITABLE bytes it may change any. What cannot be read is noted
 * in the summary and is no error of the layer. */
enum { FILE_WRITABLE = 100 };
bool layer_is_read(const char *path);
void layer_read_file(struct layer_summary *summary, const char *path, char *data, size_t length);
void layer_file_unread(struct layer_summary *summary, const char *path, const char *why);
/* Is PATH a place of such a file? A symbolic link from there to where none is looked for is noted as unread. */
bool layer_is_file_place(const char *path);
void layer_check_link(struct layer_summary *summary, const char *path, const char *target);

/* layer_accounts.c: /etc/passwd, or a folder on its way. */
#define LAYER_PASSWD "etc/passwd"
bool layer_is_accounts(const char *path);
bool layer_is_accounts_place(const char *path);
void layer_read_accounts(struct layer_accounts *accounts, const char *data, size_t length);
void layer_accounts_unread(struct layer_accounts *accounts, const char *path, const char *why);
void layer_accounts_deinit(struct layer_accounts *accounts);

const char *layer_manager_name(enum package_manager manager);
/* Adds a name; an error once there are too many. */
int layer_add_package(struct layer_packages *packages, const char *name, size_t length, struct error *error);
/* The longest that are read: from a directory they are mapped, from a stream they are held in memory. */
enum { LAYER_FILE_MAX = 256 * 1024 * 1024, LAYER_STREAM_MAX = 48 * 1024 * 1024 };

/* layer_rpm.c: the three formats of rpm databases. */
int layer_rpm_sqlite(struct layer_packages *packages, char *data, size_t length, struct error *error);
int layer_rpm_ndb(struct layer_packages *packages, char *data, size_t length, struct error *error);
int layer_rpm_bdb(struct layer_packages *packages, char *data, size_t length, struct error *error);

/* A layer's summary as text, appended to TEXT, with a keyed check before it. */
void layer_text_write(const struct layer_summary *summary, struct str *text);
/* Into RET, set up with the same key; -EBADMSG when the check does not hold, or the text is of another version. */
int layer_text_parse(const char *text, size_t length, struct layer_summary *ret);
/* Any text with such a check: what is appended between begin, which gives its beginning, and end. */
size_t layer_text_begin(struct str *text);
void layer_text_end(struct str *text, size_t begin, const uint64_t *key);
bool layer_text_is_whole(const char *text, size_t length, const uint64_t *key);

/* The cache's key, made when there is none. Fails when it can neither be read nor kept. CACHE may be NULL here and
 * below: nothing is kept. */
int layer_cache_key(const char *cache, uint64_t ret_key[2]);
/* A layer's text, checked. -ENOENT: there is none; -EBADMSG: it fails its check. */
int layer_cache_read(const char *cache, const char *digest, const uint64_t *key, struct str *ret_text);
/* Its file, which the caller closes, as used now; a negative errno: there is none. layer_cache_load: what is in it,
 * parsed into RET, which has the key. */
int layer_cache_open(const char *cache, const char *digest);
int layer_cache_load(int fd, struct layer_summary *ret);
void layer_cache_save(const char *cache, const char *digest, const struct str *text);
void layer_cache_remove(const char *cache, const char *digest);
/* Records that a layer could not be read, and WHY. is_unreadable: for a day after that, with WHY in ERROR. */
void layer_cache_save_unreadable(const char *cache, const char *digest, const uint64_t *key, const char *why);
bool layer_cache_is_unreadable(const char *cache, const char *digest, const uint64_t *key, struct error *error);
/* Removes what was used longest ago until the cache is within its bounds. */
void layer_cache_trim(const char *cache);

/* The opaque directories of the image's layer of that number (0: the base) from what the engine kept of its tar: its
 * descriptor, or a negative errno when there is no such file or it is of another layer. */
int layer_open_split(const struct layers_request *request, size_t layer, struct error *error);
int layer_parse_split(int fd, struct layer_summary *ret, struct error *error);

/* Files that are to be read, found but not parsed yet: mapped. */
struct layer_databases {
    struct layer_database *items;
    size_t count, size;
};
/* Reads a layer's directory. Opaque directories are recognised only with CAP_SYS_ADMIN. */
int layer_read_folder(int fd, struct layer_summary *ret, struct layer_databases *ret_databases, struct error *error);
/* Parses them into RET; needs no descriptor. */
void layer_read_databases(struct layer_databases *databases, struct layer_summary *ret);
void layer_free_databases(struct layer_databases *databases);
/* Every layer of the image whose export comes from FD, in SUMMARIES (set up by layer_summary_init()) from the base up;
 * those that are KNOWN are passed over. FD is read to its end. */
int layer_read_stream(int fd, const struct layers_request *request, struct layer_summary *summaries, const bool *known,
                      struct error *error);

/* ---- layer_parts.c: in parts of the worker ---- */

/* A layer's directory as text, with LAYERS_CAPABILITIES. -EACCES, -EPERM, -ENOENT: only the engine can read it. */
struct folder_part {
    const struct layers_request *request;
    const uint64_t *key;
    size_t layer;
};
worker_run layer_folder_run;
/* Layers that are not KNOWN from the engine's export, which comes from FD: of each, from the base up, its length and
 * its text. */
struct stream_part {
    const struct layers_request *request;
    const uint64_t *key;
    const bool *known;
    int fd;
};
worker_run layer_stream_run;
/* layer_fetch.c: the engine's export, written to FD, and no output. -EPIPE: nobody reads it any more. */
struct fetch_part {
    const struct layers_request *request;
    int fd;
};
worker_run layer_fetch_run;
/* The image put together, for layers_parse(), from TEXTS (one for each layer; of length 0: it is in the cache).
 * -EBADMSG: one of them cannot be parsed. */
struct image_part {
    const struct layers_request *request;
    const char *cache;
    const uint64_t *key;
    const struct str *texts;
};
worker_run layer_image_run;

#endif
