#include "probes/host/own_container.h"

#include <string.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/str.h"

enum { DIGITS = OWN_CONTAINER_SIZE - 1 };

/* The last component of a path that is an id. */
static bool find_id(const char *path, size_t length, char ret[OWN_CONTAINER_SIZE])
{
    const char *end = path + length;
    bool found = false;

    for (const char *at = path; (at = memchr(at, '/', (size_t)(end - at)));) {
        size_t part;

        at++;
        part = strcspn(at, "/ \n");
        if (part != DIGITS || strspn(at, "0123456789abcdef") != DIGITS)
            continue;
        memcpy(ret, at, DIGITS);
        ret[DIGITS] = '\0';
        found = true;
    }
    return found;
}

/* The field of LINE with that index, up to the next blank; its LENGTH is 0 where there is none. */
static const char *field(const char *line, unsigned index, size_t *ret_length)
{
    for (; index; index--) {
        line += strcspn(line, " \n");
        line += *line == ' ';
    }
    *ret_length = strcspn(line, " \n");
    return line;
}

bool own_container_parse(const char *mountinfo, char ret[OWN_CONTAINER_SIZE])
{
    static const char *const points[] = {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"};
    enum { ROOT = 3, POINT = 4 };

    for (const char *line = mountinfo; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t root_length, point_length;
        const char *root = field(line, ROOT, &root_length), *point = field(line, POINT, &point_length);

        for (size_t i = 0; i < countof(points); i++)
            if (strlen(points[i]) == point_length && memcmp(point, points[i], point_length) == 0 &&
                find_id(root, root_length, ret))
                return true;
    }
    return false;
}

bool own_container_read(char ret[OWN_CONTAINER_SIZE])
{
    enum { MOUNTINFO_MAX = 8 * 1024 * 1024 };
    scoped_str text = STR_INIT;

    return file_read("/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL) == 0 &&
           own_container_parse(str_text(&text), ret);
}
