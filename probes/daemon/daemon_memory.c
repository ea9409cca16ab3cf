/* What is remembered is bound to one process: its id, its start in clock ticks and the start of the machine. Secrets in
 * values are not remembered at all, not even as a hash, from which a weak one could be guessed: values are redacted,
 * and compared so. No rule judges by a secret, so that one that was changed alone is no change. */
#include "probes/daemon/daemon_memory.h"

#include <errno.h>
#include <string.h>

#include "common/file.h"
#include "common/json_in.h"
#include "common/json_out.h"
#include "common/secrets/secrets.h"
#include "probes/daemon/daemon_age.h"
#include "probes/daemon/daemon_options.h"

enum { FILE_LIMIT = 8 << 20, BOOT_SIZE = 64 };

typedef VEC(struct daemon_option) option_vec; /* of owned texts */

struct daemon_memory {
    char *path;
    bool keep;
    char boot[BOOT_SIZE]; /* the machine's present start; "": unknown */
    /* the process */
    pid_t pid;
    uint64_t start_ticks;
    char *config_path;
    option_vec options; /* redacted */
    usec_t reloaded;
};

static void free_options(option_vec *options)
{
    for (size_t i = 0; i < options->count; i++) {
        free((char *)options->items[i].name);
        free((char *)options->items[i].value);
        free((char *)options->items[i].file);
    }
    vec_free(options);
}

static char *redacted(const char *value)
{
    scoped_str text = STR_INIT;

    secret_redact(&text, value, strlen(value), false);
    return mem_strdup(str_text(&text));
}

/* VALUE, which is owned by OPTIONS then, with the rest of OPTION. */
static void push_option(option_vec *options, const struct daemon_option *option, char *value)
{
    vec_push(options, (struct daemon_option){.name = mem_strdup(option->name),
                                             .value = value,
                                             .place = OPTION_DAEMON_JSON,
                                             .file = mem_strdup(option->file)});
}

/* ---- The file ---- */

static void read_record(struct daemon_memory *memory, const struct json *root)
{
    const struct json *list = json_get(root, "options");

    if (!*memory->boot || !str_equal(json_string(json_get(root, "boot")), memory->boot))
        return;
    memory->pid = (pid_t)json_int(json_get(root, "pid"), 0);
    memory->start_ticks = (uint64_t)json_int(json_get(root, "start"), 0);
    memory->config_path = mem_strdup(json_string(json_get(root, "path")));
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *item = json_at(list, i);
        const struct daemon_option option = {.name = json_text(json_get(item, "name"), ""),
                                             .value = json_text(json_get(item, "value"), ""),
                                             .file = json_string(json_get(item, "file"))};

        push_option(&memory->options, &option, mem_strdup(option.value));
    }
}

struct daemon_memory *daemon_memory_new(const char *state_dir, bool keep)
{
    struct daemon_memory *memory = mem_alloc(sizeof *memory);
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT, boot = STR_INIT;

    memory->path = mem_printf("%s/daemon.json", state_dir);
    memory->keep = keep;
    if (file_read("/proc/sys/kernel/random/boot_id", BOOT_SIZE - 1, &boot, NULL) == 0)
        snprintf(memory->boot, sizeof memory->boot, "%.*s", (int)strcspn(str_text(&boot), "\n"), str_text(&boot));
    if (file_read(memory->path, FILE_LIMIT, &text, NULL) == 0 &&
        json_parse(str_text(&text), text.length, NULL, &doc, NULL) == 0)
        read_record(memory, json_root(doc));
    return memory;
}

void daemon_memory_free(struct daemon_memory *memory)
{
    if (!memory)
        return;
    free_options(&memory->options);
    free(memory->config_path);
    free(memory->path);
    free(memory);
}

static int write_record(const struct daemon_memory *memory, struct error *error)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    const char *text;
    size_t length;

    if (!memory->keep || !*memory->boot)
        return 0;
    json_out_object(out, NULL);
    json_out_string(out, "boot", memory->boot);
    json_out_int(out, "pid", memory->pid);
    json_out_int(out, "start", (int64_t)memory->start_ticks);
    json_out_string(out, "path", memory->config_path);
    json_out_array(out, "options");
    for (size_t i = 0; i < memory->options.count; i++) {
        const struct daemon_option *option = &memory->options.items[i];

        json_out_object(out, NULL);
        json_out_string(out, "name", option->name);
        json_out_string(out, "value", option->value);
        if (option->file)
            json_out_string(out, "file", option->file);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    json_out_end_object(out);
    text = json_out_text(out, &length);
    return file_replace(memory->path, text, length, 0600, error);
}

/* ---- The process ---- */

/* Names of flags whose values dockerd reads again at a SIGHUP (daemon/reload*.go, from 20.10 on). */
static bool is_reloadable(const char *name)
{
    static const char *const names[] = {
        "debug",
        "label",
        "live-restore",
        "insecure-registry",
        "registry-mirror",
        "allow-nondistributable-artifacts",
        "max-concurrent-downloads",
        "max-concurrent-uploads",
        "max-download-attempts",
        "default-runtime",
        "add-runtime",
        "default-shm-size",
        "default-ipc-mode",
        "default-cgroupns-mode",
        "default-stop-timeout",
        "shutdown-timeout",
        "authorization-plugin",
        "feature",
        "network-diagnostic-port",
        "nri-opts",
    };

    for (size_t i = 0; i < countof(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool is_of_file(const struct daemon_option *option)
{
    return option->place == OPTION_DAEMON_JSON;
}

static void forget(struct daemon_memory *memory)
{
    free_options(&memory->options);
    free(memory->config_path);
    memory->config_path = NULL;
    memory->pid = 0;
}

static bool is_same_process(const struct daemon_memory *memory, const struct daemon_facts *facts)
{
    return memory->pid == facts->pid && memory->start_ticks == facts->start_ticks &&
           str_equal(memory->config_path, facts->config_path);
}

static bool is_same_option(const struct daemon_option *remembered, const struct daemon_option *option)
{
    scoped(cleanup_free) char *value = NULL;

    if (strcmp(remembered->name, option->name) != 0)
        return false;
    value = redacted(option->value);
    return strcmp(remembered->value, value) == 0;
}

/* Are the remembered options those of the file, in order? */
static bool is_same_list(const option_vec *options, const struct daemon_facts *facts)
{
    size_t at = 0;

    for (size_t i = 0; i < facts->option_count; i++) {
        if (!is_of_file(&facts->options[i]))
            continue;
        if (at == options->count || !is_same_option(&options->items[at], &facts->options[i]))
            return false;
        at++;
    }
    return at == options->count;
}

static void remember_file(struct daemon_memory *memory, const struct daemon_facts *facts)
{
    forget(memory);
    memory->pid = facts->pid;
    memory->start_ticks = facts->start_ticks;
    memory->config_path = mem_strdup(facts->config_path);
    for (size_t i = 0; i < facts->option_count; i++)
        if (is_of_file(&facts->options[i]))
            push_option(&memory->options, &facts->options[i], redacted(facts->options[i].value));
}

/* Those of the file that can be reloaded take the place of the remembered ones. */
static void remember_reload(struct daemon_memory *memory, const struct daemon_facts *facts)
{
    option_vec merged = {0};

    for (size_t i = 0; i < memory->options.count; i++)
        if (!is_reloadable(memory->options.items[i].name))
            push_option(&merged, &memory->options.items[i], mem_strdup(memory->options.items[i].value));
    for (size_t i = 0; i < facts->option_count; i++)
        if (is_of_file(&facts->options[i]) && is_reloadable(facts->options[i].name))
            push_option(&merged, &facts->options[i], redacted(facts->options[i].value));
    free_options(&memory->options);
    memory->options = merged;
}

/* The value of a REMEMBERED option, in full if the file still has it. */
static const char *whole_value(const struct daemon_facts *facts, const struct daemon_option *remembered)
{
    for (size_t i = 0; i < facts->option_count; i++)
        if (is_of_file(&facts->options[i]) && is_same_option(remembered, &facts->options[i]))
            return facts->options[i].value;
    return remembered->value;
}

/* FACTS' options become the arguments' and the remembered ones, the file's "next". */
static void recall(const struct daemon_memory *memory, struct daemon_facts *facts)
{
    struct arena *arena = facts->facts.arena;
    size_t room = facts->option_count + memory->options.count + 1, count = 0;
    struct daemon_option *options = arena_alloc(arena, room * sizeof *options);

    for (size_t i = 0; i < facts->option_count; i++)
        if (!is_of_file(&facts->options[i]))
            options[count++] = facts->options[i];
    for (size_t i = 0; i < memory->options.count; i++) {
        const struct daemon_option *option = &memory->options.items[i];

        options[count++] = (struct daemon_option){.name = arena_strdup(arena, option->name),
                                                  .value = arena_strdup(arena, whole_value(facts, option)),
                                                  .place = OPTION_DAEMON_JSON,
                                                  .file = arena_strdup(arena, option->file)};
    }
    facts->next = facts->options;
    facts->next_count = facts->option_count;
    facts->options = options;
    facts->option_count = count;
    facts->config_age = CONFIG_REMEMBERED;
}

void daemon_memory_reloaded(struct daemon_memory *memory, usec_t at)
{
    memory->reloaded = at;
}

int daemon_memory_apply(struct daemon_memory *memory, struct daemon_facts *facts, struct error *error)
{
    bool same = is_same_process(memory, facts);
    int r = 0;

    if (facts->pid <= 0 || !facts->start_ticks || facts->config_error)
        return 0;
    if (facts->config_age == CONFIG_CURRENT) {
        if (same && is_same_list(&memory->options, facts))
            return 0;
        remember_file(memory, facts);
        return write_record(memory, error);
    }
    if (!same)
        return 0;
    if (memory->reloaded && facts->config_changed <= memory->reloaded) {
        remember_reload(memory, facts);
        r = write_record(memory, error);
    }
    memory->reloaded = 0;
    if (is_same_list(&memory->options, facts))
        facts->config_age = CONFIG_CURRENT; /* changed back, or its mode alone */
    else
        recall(memory, facts);
    daemon_options_digest(facts);
    return r;
}
