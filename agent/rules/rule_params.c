/* Parameters of a rule, read against what its check takes. */
#include <errno.h>
#include <string.h>

#include "agent/rules/rule_set_internal.h"
#include "common/json_out.h"
#include "common/memory.h"
#include "common/str.h"

static const char *const type_names[] = {
    [PARAM_BOOL] = M_("true or false"), [PARAM_INT] = M_("a whole number"),
    [PARAM_STRING] = M_("a string"),    [PARAM_STRING_LIST] = M_("a list of strings"),
    [PARAM_JSON] = M_("a value"),
};

static bool is_of_type(const struct json *value, enum param_type type)
{
    switch (type) {
    case PARAM_BOOL:
        return json_type(value) == JSON_BOOL;
    case PARAM_INT:
        return json_type(value) == JSON_NUMBER && json_double(value, 0) == (double)json_int(value, 0);
    case PARAM_STRING:
        return json_type(value) == JSON_STRING;
    case PARAM_JSON:
        return true;
    case PARAM_STRING_LIST:
        break;
    }
    for (size_t i = 0; i < json_count(value); i++)
        if (!json_string(json_at(value, i)))
            return false;
    return json_type(value) == JSON_ARRAY;
}

static int read_value(struct arena *arena, const struct param_spec *spec, const struct json *value, const char *file,
                      struct param_value *ret, struct error *error)
{
    if (!is_of_type(value, spec->type))
        return config_json_refuse(error, file, value, "params.%s: must be %s", spec->name, type_names[spec->type]);
    switch (spec->type) {
    case PARAM_BOOL:
        ret->number = json_bool(value, false);
        break;
    case PARAM_INT:
        ret->number = json_int(value, 0);
        if ((spec->min || spec->max) && (ret->number < spec->min || ret->number > spec->max))
            return config_json_refuse(error, file, value, "params.%s: must be from %lld to %lld", spec->name,
                                      (long long)spec->min, (long long)spec->max);
        break;
    case PARAM_STRING:
        ret->string = arena_strdup(arena, json_string(value));
        break;
    case PARAM_JSON: {
        scoped(cleanup_json_out) struct json_out *out = json_out_new(false);

        json_out_value(out, NULL, value);
        ret->string = arena_strdup(arena, json_out_text(out, NULL));
        break;
    }
    case PARAM_STRING_LIST:
        ret->list.count = json_count(value);
        ret->list.items = arena_alloc(arena, (ret->list.count + 1) * sizeof *ret->list.items);
        for (size_t i = 0; i < ret->list.count; i++)
            ret->list.items[i] = arena_strdup(arena, json_string(json_at(value, i)));
        break;
    }
    return 0;
}

static int read_fallback(struct arena *arena, const struct param_spec *spec, struct param_value *ret,
                         struct error *error)
{
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    int r = json_parse(spec->fallback, strlen(spec->fallback), NULL, &doc, error);

    return r < 0 ? r : read_value(arena, spec, json_root(doc), "default", ret, error);
}

static int check_names(const struct check *check, const struct json *object, const char *file, struct error *error)
{
    const char *names[32] = {NULL};
    size_t count = 0;

    for (const struct param_spec *spec = check->params; spec && spec->name && count + 1 < countof(names); spec++)
        names[count++] = spec->name;
    return config_json_keys(object, file, names, error);
}

int rule_params_read(struct arena *arena, const struct check *check, const struct json *owner, const char *file,
                     bool defaults, struct param_value *params, struct error *error)
{
    const struct json *object = json_get(owner, "params");
    int r;

    if (object && json_type(object) != JSON_OBJECT)
        return config_json_refuse(error, file, object, "params: must be an object");
    r = check_names(check, object, file, error);
    for (size_t i = 0; r == 0 && check->params && check->params[i].name; i++) {
        const struct param_spec *spec = &check->params[i];
        const struct json *value = json_get(object, spec->name);

        if (value)
            r = read_value(arena, spec, value, file, &params[i], error);
        else if (defaults && spec->fallback)
            r = read_fallback(arena, spec, &params[i], error);
        else if (defaults)
            r = config_json_refuse(error, file, object ? object : owner, "params.%s: missing (%s)", spec->name,
                                   type_names[spec->type]);
    }
    return r;
}
