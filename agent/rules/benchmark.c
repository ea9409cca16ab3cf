/* Benchmarks: numberings of rules, config/benchmarks/NAME.json. */
#include <errno.h>
#include <string.h>

#include "agent/rules/rule_set_internal.h"
#include "common/memory.h"
#include "common/str.h"

const char *benchmark_section_of(struct arena *arena, const char *id)
{
    return arena_strndup(arena, id, strcspn(id, "."));
}

const char *benchmark_id(const struct benchmark *benchmark, const char *slug)
{
    for (size_t i = 0; i < benchmark->entry_count; i++)
        if (strcmp(benchmark->entries[i].slug, slug) == 0)
            return benchmark->entries[i].id;
    return NULL;
}

static int read_sections(struct arena *arena, const struct json *sections, const char *file, struct benchmark *ret,
                         struct error *error)
{
    static const char *const keys[] = {"id", "title", NULL};
    int r = 0;

    if (json_type(sections) != JSON_ARRAY)
        return config_json_refuse(error, file, sections, "sections: must be a list");
    ret->section_count = json_count(sections);
    ret->sections = arena_alloc(arena, (ret->section_count + 1) * sizeof *ret->sections);
    for (size_t i = 0; r == 0 && i < ret->section_count; i++) {
        const struct json *section = json_at(sections, i);

        r = config_json_keys(section, file, keys, error);
        ret->sections[i].id = arena_strdup(arena, json_string(json_get(section, "id")));
        if (r == 0 && !ret->sections[i].id)
            r = config_json_refuse(error, file, section, "sections: missing id");
        if (r == 0)
            r = config_json_texts(arena, section, "title", file, true, ret->sections[i].title, error);
    }
    return r;
}

static bool is_id(const char *id)
{
    return *id >= '0' && *id <= '9' && strspn(id, "0123456789.") == strlen(id);
}

static int read_entries(struct arena *arena, const struct json *rules, const char *file, struct benchmark *ret,
                        struct error *error)
{
    if (json_type(rules) != JSON_OBJECT)
        return config_json_refuse(error, file, rules, "rules: must be an object that maps ids to slugs");
    ret->entry_count = json_count(rules);
    ret->entries = arena_alloc(arena, (ret->entry_count + 1) * sizeof *ret->entries);
    for (size_t i = 0; i < ret->entry_count; i++) {
        const char *id;
        const struct json *slug = json_member(rules, i, &id, NULL);

        if (!json_string(slug) || !is_id(id))
            return config_json_refuse(error, file, slug, "rules: \"%s\" must be a dotted number that names a slug", id);
        for (size_t k = 0; k < i; k++)
            if (strcmp(ret->entries[k].id, id) == 0 || strcmp(ret->entries[k].slug, json_string(slug)) == 0)
                return config_json_refuse(error, file, slug, "rules: duplicate rule %s (%s)", id, json_string(slug));
        ret->entries[i].id = arena_strdup(arena, id);
        ret->entries[i].slug = arena_strdup(arena, json_string(slug));
    }
    return 0;
}

int benchmark_read(struct arena *arena, const struct json *root, const char *file, struct benchmark *ret,
                   struct error *error)
{
    static const char *const keys[] = {"name", "title", "sections", "rules", NULL};
    int r = config_json_keys(root, file, keys, error);

    if (r < 0)
        return r;
    ret->name = arena_strdup(arena, json_string(json_get(root, "name")));
    if (!ret->name)
        return config_json_refuse(error, file, root, "name: missing");
    r = config_json_texts(arena, root, "title", file, true, ret->title, error);
    if (r == 0)
        r = read_sections(arena, json_get(root, "sections"), file, ret, error);
    return r < 0 ? r : read_entries(arena, json_get(root, "rules"), file, ret, error);
}
