/* Section 6: images and containers that nobody uses pile up. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/vec.h"

enum { NAMED_MAX = 5 };

static int by_size(const void *a, const void *b)
{
    int64_t x = (*(const struct image_list_item *const *)a)->size,
            y = (*(const struct image_list_item *const *)b)->size;

    return x < y ? 1 : x > y ? -1 : 0;
}

static const char *image_name(const struct image_list_item *image)
{
    return image->tags.count ? image->tags.items[0] : image->digests.count ? image->digests.items[0] : image->id;
}

/* As docker lists and prunes them: without a tag and not used by any container. A digest is not a name: an image keeps
 * it when a newer one takes its tag. One that was pulled by its digest has that among its tags in containerd's store.
 */
static bool is_dangling(const struct check_input *in, const struct image_list_item *image)
{
    return !image->tags.count && !store_image_users(in->store, image->id);
}

/* Dangling images older than the limit; the moment when the next one becomes so is the time to look again. RET_AGELESS:
 * one whose creation time is not a valid date, or NULL. */
static size_t count_old(const struct check_input *in, struct check_result *out, const struct image_list_facts *images,
                        const struct image_list_item **ret_ageless)
{
    usec_t limit = check_param(in, "dangling_days")->number * 24 * 3600 * USEC_PER_SEC, created;
    size_t old = 0;

    *ret_ageless = NULL;
    for (size_t i = 0; i < images->count; i++) {
        if (!is_dangling(in, &images->items[i]))
            continue;
        if (usec_from_seconds(images->items[i].created, &created) < 0)
            *ret_ageless = &images->items[i];
        else if (created + limit < in->now)
            old++;
        else if (!out->recheck || created + limit + 1 < out->recheck)
            out->recheck = created + limit + 1;
    }
    return old;
}

void check_image_sprawl(const struct check_input *in, struct check_result *out)
{
    int64_t most = check_param(in, "max_unused")->number, days = check_param(in, "dangling_days")->number;
    const char *why;
    const struct image_list_facts *images = store_images(in->store, &why);
    const struct container_list_facts *containers = store_containers(in->store, images ? &why : NULL);
    VEC(const struct image_list_item *) unused = {0};
    const struct image_list_item *ageless;
    size_t old;

    if (!images || !containers) {
        check_error(in, out, images ? "containers" : "images", why);
        return;
    }
    if (store_failed(in->store, INPUT_CONTAINER)) {
        check_error(in, out, "containers", "some could not be read, so the images in use are unknown");
        return;
    }
    for (size_t i = 0; i < images->count; i++)
        if (!store_image_users(in->store, images->items[i].id))
            vec_push(&unused, &images->items[i]);
    old = count_old(in, out, images, &ageless);
    check_fact_int(in, out, "images", (int64_t)images->count);
    check_fact_int(in, out, "unused", (int64_t)unused.count);
    check_fact_int(in, out, "old_dangling", (int64_t)old);
    if ((int64_t)unused.count > most || old) {
        check_say(in, out, VERDICT_FAIL,
                  "%zu of %zu images are not used by any container (at most %lld allowed); %zu untagged images are "
                  "older than %lld days",
                  unused.count, images->count, (long long)most, old, (long long)days);
        if (in->explain && unused.count) {
            qsort(unused.items, unused.count, sizeof *unused.items, by_size);
            for (size_t i = 0; i < unused.count && i < NAMED_MAX; i++)
                check_say(in, out, VERDICT_FAIL, "%s (%lld MB)", image_name(unused.items[i]),
                          (long long)(unused.items[i]->size / 1000000));
        }
        check_remedy(in, out, "docker image prune --all");
    } else if (ageless) {
        check_error(in, out, image_name(ageless), "the creation time that the engine reports is not a valid date");
    } else {
        check_say(in, out, VERDICT_PASS, "%zu of %zu images are not used by any container", unused.count,
                  images->count);
    }
    vec_free(&unused);
}

static int by_age(const void *a, const void *b)
{
    const struct container_facts *x = *(const struct container_facts *const *)a,
                                 *y = *(const struct container_facts *const *)b;
    usec_t xt = x->finished ? x->finished : x->created, yt = y->finished ? y->finished : y->created;

    return xt < yt ? -1 : xt > yt ? 1 : 0;
}

static void name_stopped(const struct check_input *in, struct check_result *out)
{
    VEC(const struct container_facts *) stopped = {0};
    size_t at = 0;
    const char *key;
    const struct facts *facts;

    while (store_next(in->store, INPUT_CONTAINER, &at, &key, &facts))
        if (!((const struct container_facts *)facts)->running)
            vec_push(&stopped, (const struct container_facts *)facts);
    if (stopped.count)
        qsort(stopped.items, stopped.count, sizeof *stopped.items, by_age);
    for (size_t i = 0; i < stopped.count && i < NAMED_MAX; i++)
        check_say(in, out, VERDICT_FAIL, "%s (%s)", stopped.items[i]->name, stopped.items[i]->status);
    vec_free(&stopped);
}

void check_container_sprawl(const struct check_input *in, struct check_result *out)
{
    int64_t most = check_param(in, "max_difference")->number;
    size_t count = store_count(in->store, INPUT_CONTAINER), running = store_running(in->store);
    const char *why;

    if (!store_containers(in->store, &why)) {
        check_error(in, out, "containers", why);
        return;
    }
    if (store_failed(in->store, INPUT_CONTAINER)) {
        check_error(in, out, "containers", "some could not be read");
        return;
    }
    check_fact_int(in, out, "containers", (int64_t)count);
    check_fact_int(in, out, "running", (int64_t)running);
    if ((int64_t)(count - running) < most) {
        check_say(in, out, VERDICT_PASS, "%zu of %zu containers are not running", count - running, count);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "%zu of %zu containers are not running (fewer than %lld required), oldest first",
              count - running, count, (long long)most);
    if (in->explain)
        name_stopped(in, out);
    check_remedy(in, out, "docker container prune");
}
