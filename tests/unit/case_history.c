/* The shapes of history, as the classic builder, BuildKit and podman (buildah) write them. */
#include "case_history.h"

#include <errno.h>
#include <string.h>

#include "common/json_out.h"

static const struct shape {
    const char *name;
    const char *before, *after; /* around the command of a RUN */
    const char *comment;
    bool buildkit; /* other instructions stand plain, not in #(nop) */
} shapes[] = {
    {"classic", "/bin/sh -c ", "", "", false},
    {"classic, arguments", "|2 A=b C=d e /bin/sh -c ", "", "", false},
    {"classic, bash", "/bin/bash -c ", "", "", false},
    {"classic, bash, pipefail", "/bin/bash -o pipefail -c ", "", "", false},
    {"BuildKit", "RUN /bin/sh -c ", " # buildkit", "buildkit.dockerfile.v0", true},
    {"BuildKit, arguments", "RUN |2 A=b C=d e /bin/sh -c ", " # buildkit", "buildkit.dockerfile.v0", true},
    {"BuildKit, bash", "RUN /bin/bash -c ", " # buildkit", "buildkit.dockerfile.v0", true},
    {"BuildKit, bash, pipefail", "RUN /bin/bash -exo pipefail -c ", " # buildkit", "buildkit.dockerfile.v0", true},
    {"BuildKit, arguments, bash", "RUN |1 V=1 /bin/bash -eo pipefail -c ", " # buildkit", "buildkit.dockerfile.v0",
     true},
    {"podman", "/bin/sh -c ", "", "FROM docker.io/library/debian:12", false},
};
const size_t history_shape_count = countof(shapes);

const char *history_shape_name(size_t shape)
{
    return shapes[shape].name;
}

static void write_step(struct json_out *out, const char *text, const char *comment)
{
    json_out_object(out, NULL);
    json_out_string(out, "Id", "<missing>");
    json_out_string(out, "CreatedBy", text);
    json_out_int(out, "Size", 1);
    json_out_string(out, "Comment", comment);
    json_out_end_object(out);
}

static void write_run(struct json_out *out, const struct shape *shape, const char *command)
{
    scoped_str text = STR_INIT;

    str_printf(&text, "%s%s%s", shape->before, command, shape->after);
    write_step(out, str_text(&text), shape->comment);
}

static void write_instruction(struct json_out *out, const struct shape *shape, const char *instruction)
{
    scoped_str text = STR_INIT;

    if (str_starts(instruction, "RUN ")) {
        write_run(out, shape, instruction + 4);
        return;
    }
    if (shape->buildkit)
        str_printf(&text, "%s%s", instruction,
                   str_starts(instruction, "COPY ") || str_starts(instruction, "ADD ") ? " # buildkit" : "");
    else
        str_printf(&text, "/bin/sh -c #(nop)  %s", instruction);
    write_step(out, str_text(&text), shape->comment);
}

int history_write(const struct json *steps, size_t shape, struct json_doc **ret_doc, struct error *error)
{
    scoped(cleanup_json_out) struct json_out *out = json_out_new(false);
    size_t length;
    const char *text;

    json_out_array(out, NULL);
    if (json_string(steps))
        write_run(out, &shapes[shape], json_string(steps));
    for (size_t i = json_count(steps); i > 0; i--) {
        const char *instruction = json_string(json_at(steps, i - 1));

        if (!instruction)
            return error_set(error, EINVAL, "run: neither a command nor a list of instructions");
        write_instruction(out, &shapes[shape], instruction);
    }
    write_step(out, "/bin/sh -c #(nop) ADD file:8b8a3a6b4b9c3c in / ", "");
    json_out_end_array(out);
    text = json_out_text(out, &length);
    return json_parse(text, length, NULL, ret_doc, error);
}
