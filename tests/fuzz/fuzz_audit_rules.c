/* Any bytes as a file of audit rules, and as what the worker that lists the kernel's rules hands over. */
#include <string.h>

#include "probes/audit/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum audit_place look(enum audit_kind kind, const char *path, void *user)
{
    (void)user;
    return (enum audit_place)((strlen(path) + kind) % (AUDIT_PLACE_DIRECTORY + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_free) char *text = mem_strndup((const char *)data, size);
    struct arena *arena = arena_new(1024);
    struct audit_rule_list rules = {0};
    struct audit_facts *facts = NULL;
    struct host_root *root = NULL;

    audit_parse_lines(arena, text, look, NULL, &rules);
    for (size_t i = 0; i < rules.count; i++)
        if (rules.items[i].path && !memchr(rules.items[i].path, '\0', size + 1))
            __builtin_trap();
    free(rules.items);
    arena_free(arena);
    if (size && data[0] == '{' && host_root_open("/proc/self/ns", &root, NULL) == 0) { /* a root without rule files */
        if (audit_parse(root, text, size, 0, NULL, &facts, NULL) == 0)
            facts_free(&facts->facts);
        host_root_close(root);
    }
    return 0;
}
