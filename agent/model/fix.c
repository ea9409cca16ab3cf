/* Bounded: what is longer than a person reads is left out whole, as a command must not be cut. */
#include "agent/model/fix.h"

#include "common/memory.h"

enum { COMMAND_MAX = 16384, DETAILS_MAX = 65536, FILES_MAX = 16384 };

const char *fix_kind_name(enum fix_kind kind)
{
    static const char *const names[] = {"none", "command", "daemon.json", "service", "compose", "container", "manager"};

    return names[kind];
}

const char *fix_effect_name(enum fix_effect effect)
{
    static const char *const names[] = {"nothing", "reload", "restart", "recreate"};

    return names[effect];
}

void fix_clear(struct fix *fix)
{
    fix->kind = FIX_NONE;
    fix->effect = FIX_QUIET;
    fix->need = FIX_NOTHING;
    fix->is_too_long = false;
    str_clear(&fix->command);
    json_out_free(take(fix->details));
    json_out_free(take(fix->files));
}

void fix_deinit(struct fix *fix)
{
    fix_clear(fix);
    str_deinit(&fix->command);
}

/* As much of COMMAND as a shell runs: a comment begins at a # after a blank, outside of quotes. */
static size_t running_length(const char *command)
{
    char quote = 0;
    size_t end = 0;

    for (size_t i = 0; command[i]; i++) {
        char c = command[i];

        if (!quote && c == '#' && (!i || command[i - 1] == ' '))
            return end;
        if (c == '\\' && quote != '\'' && command[i + 1])
            c = command[++i];
        else if (quote && c == quote)
            quote = 0;
        else if (!quote && (c == '\'' || c == '"'))
            quote = c;
        end = c == ' ' ? end : i + 1;
    }
    return end;
}

void fix_add_command(struct fix *fix, const char *command)
{
    size_t length = running_length(command);

    fix->is_too_long |= fix->command.length + length > COMMAND_MAX;
    if (!length)
        fix->need = FIX_WORDS;
    if (!length || fix->is_too_long)
        return;
    if (fix->kind == FIX_NONE)
        fix->kind = FIX_COMMAND;
    if (fix->command.length)
        str_append(&fix->command, " && ");
    str_append_n(&fix->command, command, length);
}

void fix_add_file(struct fix *fix, const char *path)
{
    if (!fix->files) {
        fix->files = json_out_new(false);
        json_out_array(fix->files, NULL);
    }
    json_out_string(fix->files, NULL, path);
}

struct json_out *fix_details(struct fix *fix)
{
    if (!fix->details) {
        fix->details = json_out_new(false);
        json_out_object(fix->details, NULL);
    }
    return fix->details;
}

void fix_write(struct fix *fix, struct json_out *out)
{
    size_t length = 0, files_length = 0;
    const char *details = "{}", *files = "[]";

    if (fix->details) {
        json_out_end_object(fix->details);
        details = json_out_text(fix->details, &length);
    }
    if (fix->files) {
        json_out_end_array(fix->files);
        files = json_out_text(fix->files, &files_length);
    }
    if (fix->kind == FIX_NONE || fix->is_too_long || length > DETAILS_MAX || files_length > FILES_MAX) {
        json_out_null(out, "fix");
        return;
    }
    json_out_object(out, "fix");
    json_out_string(out, "kind", fix_kind_name(fix->kind));
    json_out_string(out, "effect", fix_effect_name(fix->effect));
    json_out_bool(out, "unattended", fix->need == FIX_NOTHING && (fix->command.length || fix->kind == FIX_DAEMON_JSON));
    if (fix->command.length && fix->need != FIX_WORDS)
        json_out_string(out, "command", fix->command.data);
    else
        json_out_null(out, "command");
    json_out_raw(out, "files", files);
    json_out_raw(out, "details", details);
    json_out_end_object(out);
}
