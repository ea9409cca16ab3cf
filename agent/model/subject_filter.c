/* A subject is looked for by its id, by the beginning of it, and by its name. */
#include "agent/model/subject_filter.h"

#include <string.h>

#include "common/str.h"
#include "common/text.h"

enum { PREFIX_MIN = 12 };

bool subject_filter_matches(const char *wanted, const char *kind, const char *id, const char *name)
{
    size_t length = strlen(kind);

    if (str_starts(wanted, kind) && wanted[length] == ':' && wanted[length + 1])
        wanted += length + 1;
    return strcmp(wanted, id) == 0 || (strlen(wanted) >= PREFIX_MIN && str_starts(id, wanted)) ||
           text_glob(wanted, name);
}
