/* agentctl complete: what the agent knows, for the completion of shells. A hidden command: a candidate a line, after a
 * tab what it is; nothing at all where nobody answers. */
#include <string.h>

#include "agent/ctl/client.h"
#include "agent/ctl/ctl.h"
#include "common/text.h"

enum { PATIENCE_MS = 2000, LINES_MAX = 4000, NAME_MAX_BYTES = 256, TITLE_MAX_BYTES = 120 };

/* Words that mean themselves in every shell. What is made of anything else would have to be quoted in ways that the
 * three of them do not share, and is not offered. */
static bool is_plain(const char *word)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_./:@%+,-";

    return *word && *word != '-' && strlen(word) <= NAME_MAX_BYTES && strspn(word, plain) == strlen(word);
}

static void append_candidate(struct str *out, const char *word, const char *title)
{
    if (!word || !is_plain(word))
        return;
    str_printf(out, "%s\t", word);
    if (title)
        text_escape(out, title, strlen(title), TITLE_MAX_BYTES);
    str_append_char(out, '\n');
}

/* Each item of LIST: what is to be completed, by its members. */
static void append_all(struct str *out, const struct json *list, const char *const *names, const char *title)
{
    for (size_t i = 0; i < json_count(list) && i < LINES_MAX; i++)
        for (size_t k = 0; names[k]; k++) {
            const struct json *item = json_at(list, i);

            append_candidate(out, json_string(json_get(item, names[k])), json_string(json_get(item, title)));
        }
}

/* Those of failing execs, by the subject of their findings. */
static void append_execs(struct str *out, const struct json *findings)
{
    for (size_t i = 0; i < json_count(findings) && i < LINES_MAX; i++) {
        const struct json *finding = json_at(findings, i);

        append_candidate(out, json_string(json_path(finding, "subject", "id", NULL)),
                         json_string(json_get(finding, "evidence")));
    }
}

static void append_answer(const char *what, const struct json *root, struct str *out)
{
    static const char *const rules[] = {"slug", "rule", NULL}, *const sections[] = {"id", NULL};
    static const char *const subjects[] = {"name", NULL}, *const sinks[] = {"address", "type", NULL};

    if (strcmp(what, "rules") == 0)
        append_all(out, json_get(root, "rules"), rules, "title");
    else if (strcmp(what, "sections") == 0)
        append_all(out, json_path(root, "summary", "sections", NULL), sections, "title");
    else if (strcmp(what, "subjects") == 0)
        append_all(out, json_get(root, "subjects"), subjects, "kind");
    else if (strcmp(what, "sinks") == 0)
        append_all(out, json_get(root, "sinks"), sinks, "state");
    else
        append_execs(out, json_get(root, "findings"));
}

int ctl_complete(struct ctl *ctl)
{
    static const struct {
        const char *what, *path;
    } paths[] = {{"rules", "/v1/rules"},
                 {"sections", "/v1/status"},
                 {"subjects", "/v1/subjects"},
                 {"sinks", "/v1/status"},
                 {"execs", "/v1/findings?kind=exec&status=fail,error&limit=200"}};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    scoped_str text = STR_INIT, out = STR_INIT, path = STR_INIT;
    struct error error = ERROR_INIT;
    long status = 0;
    size_t i = 0;

    while (i + 1 < countof(paths) && strcmp(paths[i].what, ctl->words[0]) != 0)
        i++;
    str_append(&path, paths[i].path);
    client_parameter(&path, "lang", ctl_language(ctl));
    if (client_try(ctl->socket, path.data, PATIENCE_MS, &status, &text, &error) < 0 || status != 200 ||
        json_parse(str_text(&text), text.length, NULL, &doc, NULL) < 0)
        return EXIT_UNREACHABLE;
    append_answer(paths[i].what, json_root(doc), &out);
    fputs(str_text(&out), stdout);
    return 0;
}
