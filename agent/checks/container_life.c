/* How a container is run and kept: root file system, restarts, health, its image, and what runs inside. */
#include <string.h>

#include "agent/checks/checks.h"
#include "agent/checks/remedy.h"
#include "agent/checks/task.h"
#include "probes/docker/docker_parse.h"

void check_container_readonly_root(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    if (c->readonly_rootfs) {
        check_say(in, out, VERDICT_PASS, "the root file system is read-only");
        return;
    }
    check_say(in, out, VERDICT_FAIL, "the root file system is writable");
    check_remedy_recreate(
        in, out,
        &(struct remedy_change){.how = M_("with --read-only, and --tmpfs or volumes where it writes"),
                                .key = "read_only",
                                .compose = M_("set read_only: true, with tmpfs or volumes where it writes"),
                                .service = "--read-only"});
}

void check_container_restart_policy(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    int64_t most = check_param(in, "max_retries")->number;
    struct task task;

    if (!c)
        return;
    check_fact_string(in, out, "policy", c->restart_policy);
    check_fact_int(in, out, "retries", c->restart_retries);
    task = check_task(in, c);
    if (task.state == TASK_REAL) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "a swarm task: its service restarts it");
        return;
    }
    if (!*c->restart_policy || strcmp(c->restart_policy, "no") == 0) {
        check_say(in, out, VERDICT_PASS, "not restarted automatically");
        return;
    }
    if (strcmp(c->restart_policy, "on-failure") == 0 && c->restart_retries > 0 && c->restart_retries <= most) {
        check_say(in, out, VERDICT_PASS, "restarted on failure, at most %lld times", (long long)c->restart_retries);
        return;
    }
    if (task.state != TASK_NONE) {
        check_say_unverified(in, out, &task);
        return;
    }
    if (strcmp(c->restart_policy, "on-failure") == 0 && c->restart_retries > 0)
        check_say(in, out, VERDICT_FAIL, "restarted on failure up to %lld times; at most %lld is required",
                  (long long)c->restart_retries, (long long)most);
    else if (strcmp(c->restart_policy, "on-failure") == 0)
        check_say(in, out, VERDICT_FAIL, "restarted on failure without a retry limit; at most %lld is required",
                  (long long)most);
    else
        check_say(in, out, VERDICT_FAIL, "restart policy %s", c->restart_policy);
    if (in->explain) {
        scoped_str command = STR_INIT, how = STR_INIT, compose = STR_INIT;

        str_printf(&command, "update --restart on-failure:%lld", (long long)most);
        message_add(&how, "with --restart on-failure:%lld", (long long)most);
        message_add(&compose, "set restart: \"on-failure:%lld\"", (long long)most);
        check_remedy_update(in, out, command.data,
                            &(struct remedy_change){.how = how.data, .key = "restart", .compose = compose.data});
    }
}

void check_container_health(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);

    if (!c)
        return;
    if (!c->running)
        check_say(in, out, VERDICT_NOT_APPLICABLE, "not running");
    else if (!c->health) {
        check_say(in, out, VERDICT_FAIL, "has no health check");
        check_remedy_recreate(in, out,
                              &(struct remedy_change){.how = M_("with --health-cmd COMMAND"),
                                                      .key = "healthcheck",
                                                      .compose = M_("set healthcheck: with test: COMMAND"),
                                                      .service = "--health-cmd COMMAND",
                                                      .need = FIX_WORDS});
    } else if (strcmp(c->health, "unhealthy") == 0) {
        check_say(in, out, VERDICT_FAIL, "unhealthy");
        check_remedy_look(in, out, "inspect --format '{{json .State.Health}}'");
    } else if (strcmp(c->health, "healthy") == 0 || strcmp(c->health, "starting") == 0)
        check_say(in, out, VERDICT_PASS, "health: %s", c->health);
    else
        check_say(in, out, VERDICT_ERROR, "health: unknown status %s", c->health);
}

/* "docker.io/library/nginx" → "nginx": as the engine lists it. */
static const char *familiar(const char *reference)
{
    static const char *const prefixes[] = {"index.docker.io/", "docker.io/", "library/"};

    for (size_t i = 0; i < countof(prefixes); i++)
        if (str_starts(reference, prefixes[i]))
            reference += strlen(prefixes[i]);
    return reference;
}

/* Where the tag begins (at its colon), or NULL: the colon of a registry's port does not begin one. */
static const char *tag_of(const char *reference)
{
    const char *slash = strrchr(reference, '/');

    return strchr(slash ? slash : reference, ':');
}

static bool begins_id(const char *reference, const char *image_id)
{
    const char *hex = str_starts(image_id, "sha256:") ? image_id + strlen("sha256:") : image_id;

    return strspn(reference, "0123456789abcdef") == strlen(reference) && str_starts(hex, reference);
}

/* A reference that is an id, or the beginning of one that is long enough to be no name by chance, cannot move. */
static bool is_image_id(const char *reference, const char *image_id)
{
    enum { SURE_LENGTH = 4 };

    return strcmp(reference, image_id) == 0 || str_starts(reference, "sha256:") ||
           (strlen(reference) >= SURE_LENGTH && begins_id(reference, image_id));
}

static const struct image_list_item *find_tag(const struct image_list_facts *images, const char *wanted)
{
    for (size_t i = 0; i < images->count; i++)
        for (size_t t = 0; t < images->items[i].tags.count; t++)
            if (strcmp(familiar(images->items[i].tags.items[t]), wanted) == 0)
                return &images->items[i];
    return NULL;
}

void check_container_image_current(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const char *why, *tag, *reference;
    const struct image_list_facts *images;
    const struct image_list_item *current;
    scoped_str wanted = STR_INIT;

    if (!c)
        return;
    reference = c->image_ref ? c->image_ref : "";
    check_fact_string(in, out, "reference", reference);
    check_fact_string(in, out, "image", c->image_id);
    if (!*reference || !c->image_id) {
        check_error(in, out, M_("container"), M_("the engine does not report its image"));
        return;
    }
    if (strchr(reference, '@') || is_image_id(reference, c->image_id)) {
        check_say(in, out, VERDICT_PASS, "created from %s, which pins the image", reference);
        return;
    }
    images = store_images(in->store, &why);
    if (!images) {
        check_error(in, out, M_("images"), why);
        return;
    }
    tag = tag_of(reference);
    str_append(&wanted, familiar(reference));
    if (!tag)
        str_append(&wanted, ":latest");
    current = find_tag(images, wanted.data);
    if (!current && begins_id(reference, c->image_id)) {
        check_say(in, out, VERDICT_MANUAL,
                  "created from %s, which is either the start of its image ID or a tag that is no longer on this host",
                  reference);
    } else if (!current) {
        check_say(in, out, VERDICT_FAIL, "created from %s, a tag that is no longer on this host", wanted.data);
    } else if (strcmp(current->id, c->image_id) != 0) {
        check_say(in, out, VERDICT_FAIL, "created from an older %s: it runs %.19s, the tag is now %.19s", wanted.data,
                  c->image_id, current->id);
    } else if (!tag || strcmp(tag, ":latest") == 0) {
        check_say(in, out, VERDICT_MANUAL,
                  "created from the %s on this host; the tag does not show whether a newer image has been published",
                  wanted.data);
    } else {
        check_say(in, out, VERDICT_PASS, "created from the %s on this host", wanted.data);
    }
    if (out->verdict == VERDICT_FAIL)
        check_remedy_recreate(in, out,
                              &(struct remedy_change){.how = M_("from the current image"),
                                                      .key = "image",
                                                      .compose = M_("leave image as it is, or name a newer one"),
                                                      .service = "--force --image IMAGE",
                                                      .need = FIX_WORDS});
}

/* A daemon's title may be "sshd: /usr/sbin/sshd -D [listener]": its name ends at the colon. */
static bool is_named(const char *process, const char *name)
{
    size_t length = strlen(name);

    return process && strncmp(process, name, length) == 0 && (!process[length] || process[length] == ':');
}

void check_container_sshd(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const struct string_list *names = &check_param(in, "names")->list;
    const struct process_facts *processes;
    const char *why;

    if (!c)
        return;
    if (!c->running) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "not running");
        return;
    }
    processes = store_processes(in->store, in->key, &why);
    if (!processes && !c->pid && strcmp(c->status, "restarting") == 0) {
        check_say(in, out, VERDICT_NOT_APPLICABLE, "waiting to be restarted");
        return;
    }
    if (!processes) {
        check_error(in, out, M_("processes"), why);
        return;
    }
    for (size_t i = 0; i < processes->count; i++)
        for (size_t n = 0; n < names->count; n++) {
            const struct process_item *process = &processes->items[i];

            if (is_named(process->comm, names->items[n]) || is_named(process->argv0, names->items[n]) ||
                is_named(process->exe, names->items[n])) {
                check_say(in, out, VERDICT_FAIL, "%s runs inside (process %d)", names->items[n], (int)process->pid);
                break;
            }
        }
    if (out->verdict == VERDICT_FAIL)
        check_remedy_recreate(
            in, out,
            &(struct remedy_change){.how = check_is_podman(in)
                                               ? M_("from an image without an SSH server; use podman exec instead")
                                               : M_("from an image without an SSH server; use docker exec instead"),
                                    .key = "image",
                                    .compose = M_("name an image without an SSH server"),
                                    .service = "--image IMAGE",
                                    .need = FIX_WORDS});
    else if (!processes->count)
        check_error(in, out, M_("processes"), M_("none was found, although the container is running"));
    else if (processes->truncated)
        check_error(in, out, M_("processes"), M_("there are too many to examine them all"));
    else if (processes->unseen)
        check_error(in, out, M_("processes' programs"), processes->unseen);
    else
        check_say(in, out, VERDICT_PASS, "no SSH server among %zu processes", processes->count);
}

/* What the image itself gives to every container of it is the image's finding. */
static bool is_of_image(const struct image_facts *image, uint64_t digest)
{
    const struct string_list *const lists[] = {&image->entrypoint, &image->command};

    for (size_t i = 0; i < image->env.count; i++)
        if (docker_exec_text(image->env.items[i], strlen(image->env.items[i])) == digest)
            return true;
    for (size_t l = 0; l < countof(lists); l++) {
        scoped_str line = STR_INIT;

        for (size_t i = 0; i < lists[l]->count; i++)
            str_printf(&line, "%s%s", i ? " " : "", lists[l]->items[i]);
        if (line.length && docker_exec_text(line.data, line.length) == digest)
            return true;
    }
    return false;
}

void check_container_secrets(const struct check_input *in, struct check_result *out)
{
    const struct container_facts *c = check_container(in, out);
    const struct image_facts *image;

    if (!c)
        return;
    image = store_image(in->store, c->image_id, NULL);
    for (size_t i = 0; i < c->exposed_count; i++)
        if (!image || !is_of_image(image, c->exposed[i].digest))
            check_say(in, out, VERDICT_FAIL, "a secret is given to it: %s", c->exposed[i].what);
    if (out->verdict == VERDICT_NONE)
        check_say(in, out, VERDICT_PASS, "no secret is given to it beside those of its image");
    else
        check_remedy_recreate(
            in, out,
            &(struct remedy_change){
                .how = M_("with its secrets in files, then change those that were exposed"),
                .key = "environment",
                .compose = M_("move them from environment, command and labels to secrets, and change those that were "
                              "exposed"),
                .service = "--env-rm VARIABLE --secret-add SECRET",
                .need = FIX_WORDS});
}
