/* A rule's parameters, for whoever wants to change them. */
#include "agent/api/view.h"

static void write_value(struct json_out *out, const char *key, enum param_type type, const struct param_value *value)
{
    switch (type) {
    case PARAM_BOOL:
        json_out_bool(out, key, value->number);
        break;
    case PARAM_INT:
        json_out_int(out, key, value->number);
        break;
    case PARAM_STRING:
        json_out_string(out, key, value->string);
        break;
    case PARAM_JSON:
        json_out_raw(out, key, value->string);
        break;
    case PARAM_STRING_LIST:
        json_out_array(out, key);
        for (size_t i = 0; i < value->list.count; i++)
            json_out_string(out, NULL, value->list.items[i]);
        json_out_end_array(out);
        break;
    }
}

void view_params(const struct rule *rule, struct json_out *out)
{
    static const char *const types[] = {[PARAM_BOOL] = N_("boolean"),
                                        [PARAM_INT] = N_("integer"),
                                        [PARAM_STRING] = N_("string"),
                                        [PARAM_STRING_LIST] = N_("list of strings"),
                                        [PARAM_JSON] = N_("any")};

    json_out_array(out, "params");
    for (size_t i = 0; rule->check->params && rule->check->params[i].name; i++) {
        const struct param_spec *spec = &rule->check->params[i];

        json_out_object(out, NULL);
        json_out_string(out, "name", spec->name);
        json_out_string(out, "type", types[spec->type]);
        if (spec->min || spec->max) {
            json_out_int(out, "min", spec->min);
            json_out_int(out, "max", spec->max);
        }
        write_value(out, "default", spec->type, &rule->defaults[i]);
        write_value(out, "value", spec->type, &rule->params[i]);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}
