/* A program of the build, one for each table: prints what is made from it.
 * usage: PROGRAM man|bash|zsh|fish  (for man, the page's prose is read from standard input) */
#include <errno.h>
#include <string.h>

#include "common/options/document.h"
#include TABLE_HEADER

static int read_prose(struct str *ret)
{
    char part[4096];
    size_t length;

    while ((length = fread(part, 1, sizeof part, stdin)) > 0)
        str_append_n(ret, part, length);
    return ferror(stdin) ? -EIO : 0;
}

int main(int argc, char **argv)
{
    scoped_str prose = STR_INIT, out = STR_INIT;
    const char *what = argc == 2 ? argv[1] : "";

    if (strcmp(what, "man") == 0 && read_prose(&prose) == 0)
        document_man(&TABLE, str_text(&prose), &out);
    else if (strcmp(what, "bash") == 0)
        document_bash(&TABLE, &out);
    else if (strcmp(what, "zsh") == 0)
        document_zsh(&TABLE, &out);
    else if (strcmp(what, "fish") == 0)
        document_fish(&TABLE, &out);
    if (!out.length) {
        fprintf(stderr, "usage: %s man|bash|zsh|fish\n", argc ? argv[0] : "document");
        return OPTIONS_USAGE;
    }
    fputs(out.data, stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
