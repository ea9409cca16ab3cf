/* The first byte chooses what text of the host the rest is: mountinfo, listening sockets (tcp, tcp6 behind a NUL), an
 * environment file of each format, containerd's configuration, a certificate, a group listing, TOML, a unit, addresses,
 * a seccomp profile. */
#include <string.h>

#include "probes/daemon/containerd.h"
#include "probes/daemon/seccomp_profile.h"
#include "probes/daemon/toml.h"
#include "probes/environment/environment.h"
#include "probes/host/addresses.h"
#include "probes/host/certificate.h"
#include "probes/host/groups.h"
#include "probes/host/listeners.h"
#include "probes/host/unit_file.h"
#include "probes/watch/mounts.h"

static void read_seccomp(const char *text)
{
    static const struct seccomp_target target = {.arch = "amd64", .kernel = "6.1.0"};
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct seccomp_profile profile;

    seccomp_profile_read(text, strlen(text), arena, &profile);
    seccomp_profile_resolve(&profile, &target, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_mounts(const char *text, size_t length)
{
    struct mounts_facts *facts = NULL;

    if (mounts_parse(text, length, &facts, NULL) < 0)
        return;
    for (size_t i = 0; i < facts->count; i++)
        if (!facts->items[i].mount_point || !facts->items[i].type || !facts->items[i].options)
            __builtin_trap();
    facts_free(&facts->facts);
}

static void read_listeners(const char *text, size_t length)
{
    static const unsigned long own[] = {1, 12345, 99999};
    struct listener_facts *facts = NULL;
    size_t first = strlen(text);

    if (listeners_parse(text, first < length ? text + first + 1 : NULL, own, countof(own), &facts, NULL) < 0)
        __builtin_trap();
    for (size_t i = 0; i < facts->count; i++)
        if (!*facts->items[i].address)
            __builtin_trap();
    facts_free(&facts->facts);
}

static void read_environment(const char *text, enum environment_format format)
{
    struct arena *arena = arena_new(512);
    struct environment_facts *facts = arena_alloc(arena, sizeof *facts);

    facts->facts.arena = arena;
    environment_parse(facts, "a file", text, format, "DOCKER_CONTENT_TRUST");
    if ((facts->value && (!facts->place || !facts->line)) || (facts->exported && !facts->value))
        __builtin_trap();
    facts_free(&facts->facts);
}

static void read_certificate(const char *text, size_t length)
{
    struct certificate_periods periods;

    if (certificate_periods(text, length, &periods, NULL) == 0 &&
        (!periods.count || periods.newest_begins < periods.first_begins))
        __builtin_trap();
}

static void read_group(const char *text, size_t length)
{
    struct group_facts *facts = NULL;

    if (groups_parse(text, length, &facts, NULL) == 0)
        facts_free(&facts->facts);
}

static void note_toml(const char *key, enum toml_kind kind, const char *value, void *user)
{
    (void)user;
    if (!*key || !value || (kind == TOML_ARRAY && *value))
        __builtin_trap();
}

static void note_assignment(const char *key, const char *value, void *user)
{
    scoped_str text = STR_INIT;

    (void)user;
    if (strchr(key, '=') || strchr(value, '\n'))
        __builtin_trap();
    unit_expand("docker.socket", value, &text);
}

/* fib_trie, NUL, if_inet6 */
static void read_addresses(const char *text, size_t length)
{
    struct arena *arena = arena_new(1024);
    struct string_list list;
    size_t first = strlen(text);

    addresses_parse(text, first < length ? text + first + 1 : "", arena, &list);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_free) char *copy = mem_strndup((const char *)data, size);
    const char *text = copy + 1;

    switch (copy[0]) {
    case 'm':
        read_mounts(text, size - 1);
        break;
    case 'l':
        read_listeners(text, size - 1);
        break;
    case 'p':
        read_environment(text, ENVIRONMENT_PAM);
        break;
    case 's':
        read_environment(text, ENVIRONMENT_SHELL);
        break;
    case 'y':
        read_environment(text, ENVIRONMENT_SYSTEMD);
        break;
    case 'c':
        free(containerd_root_in_config(text));
        break;
    case 'x':
        read_certificate(text, size - 1);
        break;
    case 'g':
        read_group(text, size - 1);
        break;
    case 't':
        toml_parse(text, strlen(text), note_toml, NULL, NULL);
        break;
    case 'u':
        unit_file_parse(copy + 1, "Socket", note_assignment, NULL);
        break;
    case 'a':
        read_addresses(text, size - 1);
        break;
    case 'q':
        read_seccomp(text);
        break;
    default:
        break;
    }
    return 0;
}
