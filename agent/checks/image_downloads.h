/* The files that an image's steps download, which of them are checked against a checksum or a signature, and which are
 * installed or run: 4.11. A file is known by the last part of its path or URL, as far as the steps show it. */
#ifndef AGENT_CHECKS_IMAGE_DOWNLOADS_H
#define AGENT_CHECKS_IMAGE_DOWNLOADS_H

#include "common/budget.h"
#include "common/map.h"
#include "common/shell/shell.h"

enum { DOWNLOAD_NAMES_MAX = 3 };

struct download {
    char *names[DOWNLOAD_NAMES_MAX];            /* of the URL, of the files that it is stored as; NULL: fewer */
    struct download *older[DOWNLOAD_NAMES_MAX]; /* with the same name */
    struct download *next;                      /* the one after it */
    char *folder;                               /* the URL up to the last "/" */
    char *text;                                 /* the command or instruction */
    size_t step;                                /* its number, from 0 */
    bool plain;                                 /* over HTTP, FTP, git:// or svn:// */
    bool insecure;                              /* whose certificate is not verified */
    bool packaged;       /* by its name a package, an archive, a program, a key or a repository */
    bool directory;      /* a repository of sources that is cloned */
    bool key;            /* what signatures are verified by */
    bool listed;         /* files that a list names which the steps do not show */
    bool verified, used; /* against a checksum or signature; installed or run */
};

struct downloads {
    struct download *first, *last;
    struct map *by_name;       /* the latest of each name */
    struct map *written;       /* what commands wrote into files, strings by the files' names */
    struct map *sums;          /* the files of which commands wrote the sums into a file, likewise */
    struct download *here;     /* the clone that commands run in; NULL: none */
    struct download *work_dir; /* the one that a step begins in */
    bool any_listed;           /* one of them is */
};

struct downloads downloads_new(void);
void downloads_deinit(struct downloads *downloads);

/* ---- image_downloads.c ---- */

/* Adds one; the caller sets the rest. TEXT and URL are copied. */
struct download *downloads_add(struct downloads *downloads, size_t step, const char *url, const char *text,
                               size_t length);
/* The file is (also) there by this PATH. */
void downloads_name(struct downloads *downloads, struct download *download, const char *path);
/* Those of that name are verified, or used. PATH may hold "*". */
void downloads_verify(struct downloads *downloads, const char *path, struct budget *budget);
void downloads_use(struct downloads *downloads, const char *path, struct budget *budget);
/* All of a step are verified that come from FOLDER (NULL: from anywhere). */
void downloads_verify_step(struct downloads *downloads, size_t step, const char *folder, struct budget *budget);
/* Commands run in PATH from here on. */
void downloads_enter(struct downloads *downloads, const char *path);
/* The latest of that name; NULL: there is none. */
struct download *downloads_find(const struct downloads *downloads, const char *path);

/* ---- image_downloads_read.c ---- */

/* Adds what COMMAND, in step number STEP, downloads. */
void downloads_read(struct downloads *downloads, size_t step, const struct shell_command *command,
                    struct budget *budget);
/* Is it by its name, in a URL or path, an archive, a package or a program? */
bool downloads_is_archive(const char *path, size_t length);

/* For both files that read commands: where it comes from, and a file that it is stored as. */
void downloads_set_source(struct download *download, const char *url);
void downloads_add_file(struct downloads *downloads, struct download *download, const char *path);

/* ---- image_downloads_other.c ---- */

/* Adds what COMMAND, of git and its like, clones. */
void downloads_read_clone(struct downloads *downloads, size_t step, const struct shell_command *command);
/* Adds what calls in TEXT, of PowerShell or of an interpreter's language, download. */
void downloads_read_text(struct downloads *downloads, size_t step, const char *text, struct budget *budget);

/* Adds what the instruction ADD, BODY, brings from URL. CHECKED: it names the checksum. */
void downloads_add_instruction(struct downloads *downloads, size_t step, const char *url, const char *body,
                               const char *destination, bool checked);

/* ---- image_downloads_sums.c ---- */

/* Remembers what COMMAND writes into a file that may be a list of sums or of URLs, or the sums of files. */
void downloads_remember(struct downloads *downloads, const struct shell_command *command);

/* What COMMAND, in step number STEP, checks. */
void downloads_check(struct downloads *downloads, size_t step, const struct shell_command *command,
                     struct budget *budget);

/* ---- image_downloads_windows.c ---- */

/* Adds what COMMAND, one of PowerShell's, brings; what those in TEXT do, one of whose words is in brackets or in a
 * variable. */
void downloads_read_windows(struct downloads *downloads, size_t step, const struct shell_command *command);
void downloads_read_powershell(struct downloads *downloads, size_t step, const char *text, struct budget *budget);
/* What Get-FileHash in TEXT is of. */
void downloads_check_powershell(struct downloads *downloads, const char *text, struct budget *budget);

/* ---- image_downloads_used.c ---- */

/* What COMMAND, in step number STEP, installs or runs. */
void downloads_run(struct downloads *downloads, size_t step, const struct shell_command *command,
                   struct budget *budget);

#endif
