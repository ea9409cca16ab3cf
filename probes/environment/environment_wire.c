/* What a variable is for everybody, between processes. */
#include "probes/environment/environment.h"

void environment_put(struct str *out, const struct environment_facts *facts)
{
    wire_put_text(out, facts->place);
    wire_put_number(out, facts->line);
    wire_put_text(out, facts->value);
    wire_put_number(out, facts->exported);
    wire_put_text(out, facts->open_place);
    wire_put_number(out, facts->open_line);
    wire_put_text(out, facts->error);
    wire_put_text(out, facts->client);
    wire_put_text(out, facts->client_version);
}

struct environment_facts *environment_take(struct wire_reader *reader, struct error *error)
{
    scoped(cleanup_arena) struct arena *arena = arena_new(1024);
    struct environment_facts *facts = arena_alloc(arena, sizeof *facts);

    reader->arena = arena;
    facts->place = wire_text(reader);
    facts->line = (unsigned)wire_number(reader);
    facts->value = wire_text(reader);
    facts->exported = wire_number(reader) != 0;
    facts->open_place = wire_text(reader);
    facts->open_line = (unsigned)wire_number(reader);
    facts->error = wire_text(reader);
    facts->client = wire_text(reader);
    facts->client_version = wire_text(reader);
    reader->broken |= (facts->value && !facts->place) || (facts->exported && !facts->value);
    if (wire_end(reader, error) < 0) {
        error_prefix(error, "environment");
        return NULL;
    }
    environment_digest(facts);
    facts->facts.arena = take(arena);
    return facts;
}
