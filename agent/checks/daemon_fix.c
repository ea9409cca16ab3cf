/* Changes of daemon.json as programs take them: several findings' are merged into one, so each names the bytes that it
 * replaces, in a file of that digest, and what it puts there. Nothing of the file itself is given away. */
#include "agent/checks/daemon.h"

#include <string.h>

/* The member of that key that counts; NULL: the file has none. */
static const struct config_place *find_place(const struct daemon_facts *daemon, const char *key)
{
    for (size_t i = daemon->place_count; i-- > 0;)
        if (strcmp(daemon->places[i].key, key) == 0)
            return &daemon->places[i];
    return NULL;
}

/* "at" and "cut": the bytes of the old value; those of a new member lie after the brace, and are none. */
static void write_member(struct json_out *out, const struct daemon_facts *daemon, const struct daemon_setting *setting)
{
    const struct config_place *place = find_place(daemon, setting->key);

    json_out_object(out, NULL);
    json_out_string(out, "key", setting->key);
    json_out_string(out, "value", setting->value);
    json_out_int(out, "at", (int64_t)(place ? place->at : daemon->config_inside));
    json_out_int(out, "cut", (int64_t)(place ? place->length : 0));
    json_out_end_object(out);
}

static const char *effect_note(const struct check_input *in, enum daemon_effect effect)
{
    const struct info_facts *info = store_info(in->store, NULL);

    if (effect == DAEMON_RELOAD)
        return "no container is stopped";
    if (!info || info->live_restore == TRI_ABSENT)
        return "stops the running containers unless live restore is on";
    return info->live_restore == TRI_TRUE ? "live restore is on: running containers stay"
                                          : "stops all running containers: only those with a restart policy come back";
}

void daemon_fix(const struct check_input *in, struct check_result *out, const struct daemon_setting *settings,
                size_t count, enum daemon_effect effect)
{
    const struct daemon_facts *daemon = store_daemon(in->store, NULL);
    struct json_out *details;
    scoped_str command = STR_INIT;

    fix_clear(&out->fix);
    if (!in->explain || !daemon || !daemon->config_path || (daemon->config_exists && !daemon->config_sha256))
        return;
    daemon_effect_command(in, effect, &command);
    out->fix.kind = FIX_DAEMON_JSON;
    out->fix.effect = effect == DAEMON_RELOAD ? FIX_RELOADS : FIX_RESTARTS;
    details = fix_details(&out->fix);
    json_out_string(details, "path", daemon->config_path);
    json_out_string(details, "sha256", daemon->config_exists ? daemon->config_sha256 : NULL);
    json_out_bool(details, "empty", daemon->config_exists && daemon->config_is_blank);
    json_out_bool(details, "validate", daemon_can_validate(in));
    json_out_string(details, "apply", str_text(&command));
    json_out_string(details, "note", effect_note(in, effect));
    json_out_array(details, "members");
    for (size_t i = 0; i < count; i++)
        write_member(details, daemon, &settings[i]);
    json_out_end_array(details);
    fix_add_file(&out->fix, daemon->config_path);
}
