/* Section 6: images and containers that nobody uses pile up. */
#include <string.h>

#include "agent/checks/checks.h"
#include "common/text.h"
#include "common/vec.h"

/* How many are named at least, and at most: a remedy removes what is named, so that the finding is closed by it, or
 * goes on with the next ones. */
enum { NAMED_MIN = 5, NAMED_MAX = 100 };

/* Before it no image or container was made: a build that is to be reproducible sets its image's time to some such. */
#define AGE_BEGINS INT64_C(946684800)

static size_t count_named(size_t least, size_t all)
{
    size_t named = least < NAMED_MIN ? NAMED_MIN : least > NAMED_MAX ? NAMED_MAX : least;

    return named < all ? named : all;
}

/* The first container whose document lacks one of the members in NAMES has been reported. */
static bool have_members(const struct check_input *in, struct check_result *out, const char *names)
{
    const struct facts *facts;
    size_t at = 0;
    const char *key;

    if (!store_unread(in->store, INPUT_CONTAINER))
        return true;
    while (store_next(in->store, INPUT_CONTAINER, &at, &key, &facts))
        if (facts->unread_count && !check_has_answer(in, out, INPUT_CONTAINER, key, names))
            return false;
    return true;
}

/* Some containers could not be read, or not what NAMES says: what they are counts. */
static bool know_containers(const struct check_input *in, struct check_result *out, const char *names)
{
    const char *key, *why = store_failure(in->store, INPUT_CONTAINER, &key);
    scoped_str what = STR_INIT;

    if (!why)
        return have_members(in, out, names);
    message_add(&what, "container %.12s, one of %zu that cannot be read", key,
                store_failed(in->store, INPUT_CONTAINER));
    check_error(in, out, what.data, why);
    return false;
}

/* ---- Images ---- */

static const char *image_name(const struct image_list_item *image)
{
    return image->tags.count ? image->tags.items[0] : image->digests.count ? image->digests.items[0] : image->id;
}

/* The largest first. */
static int by_size(const void *a, const void *b)
{
    const struct image_list_item *x = *(const struct image_list_item *const *)a,
                                 *y = *(const struct image_list_item *const *)b;

    return x->size < y->size ? 1 : x->size > y->size ? -1 : strcmp(image_name(x), image_name(y));
}

static int by_creation(const void *a, const void *b)
{
    const struct image_list_item *x = *(const struct image_list_item *const *)a,
                                 *y = *(const struct image_list_item *const *)b;

    return x->created < y->created ? -1 : x->created > y->created ? 1 : strcmp(x->id, y->id);
}

typedef VEC(const struct image_list_item *) image_list;

/* As docker lists and prunes them: without a tag and not used by any container. A digest is not a name: an image keeps
 * it when a newer one takes its tag. One that was pulled by its digest has that among its tags in containerd's store.
 */
static bool is_dangling(const struct check_input *in, const struct image_list_item *image)
{
    return !image->tags.count && !store_image_users(in->store, image->id);
}

/* Dangling images older than the limit; the moment when the next one becomes so is the time to look again.
 * RET_DATELESS: one whose creation time is not a valid date, or NULL. */
static void find_old(const struct check_input *in, struct check_result *out, const struct image_list_facts *images,
                     image_list *ret, const struct image_list_item **ret_dateless)
{
    usec_t limit = check_param(in, "dangling_days")->number * 24 * 3600 * USEC_PER_SEC, created;

    *ret_dateless = NULL;
    for (size_t i = 0; i < images->count; i++) {
        if (!is_dangling(in, &images->items[i]) || images->items[i].created < AGE_BEGINS)
            continue;
        if (usec_from_seconds(images->items[i].created, &created) < 0)
            *ret_dateless = &images->items[i];
        else if (created + limit < in->now)
            vec_push(ret, &images->items[i]);
        else if (!out->recheck || created + limit + 1 < out->recheck)
            out->recheck = created + limit + 1;
    }
}

static void find_unused(const struct check_input *in, const struct image_list_facts *images, image_list *ret)
{
    for (size_t i = 0; i < images->count; i++)
        if (!store_image_users(in->store, images->items[i].id))
            vec_push(ret, &images->items[i]);
}

static bool is_among(const image_list *list, size_t count, const struct image_list_item *image)
{
    for (size_t i = 0; i < count && i < list->count; i++)
        if (list->items[i] == image)
            return true;
    return false;
}

/* By every tag: an image of several is not removed by its id. */
static void add_image_words(const struct image_list_item *image, struct str *ret)
{
    for (size_t i = 0; i < image->tags.count; i++) {
        str_append(ret, " ");
        text_shell_quote(ret, image->tags.items[i]);
    }
    if (image->tags.count)
        return;
    str_append(ret, " ");
    text_shell_quote(ret, image->id);
}

/* Names the old ones and the largest of the others, EXCESS of which are too many. Both lists are put in order. */
static void name_images(const struct check_input *in, struct check_result *out, image_list *old, image_list *unused,
                        size_t excess)
{
    size_t named_old = count_named(old->count, old->count), named = 0, most;
    scoped_str words = STR_INIT;
    char text[CLOCK_TEXT_SIZE];
    usec_t created;

    if (old->count)
        qsort(old->items, old->count, sizeof *old->items, by_creation);
    if (unused->count)
        qsort(unused->items, unused->count, sizeof *unused->items, by_size);
    for (size_t i = 0; i < named_old; i++) {
        usec_from_seconds(old->items[i]->created, &created);
        check_say(in, out, VERDICT_FAIL, "%s (without a tag, of %.10s)", old->items[i]->id,
                  clock_format(created, text));
        add_image_words(old->items[i], &words);
    }
    excess = excess > named_old ? excess - named_old : 0;
    most = excess ? count_named(excess, unused->count) : 0;
    for (size_t i = 0; i < unused->count && named < most; i++) {
        if (is_among(old, named_old, unused->items[i]))
            continue;
        check_say(in, out, VERDICT_FAIL, "%s (%lld MB)", image_name(unused->items[i]),
                  (long long)(unused->items[i]->size / 1000000));
        if (named++ < excess)
            add_image_words(unused->items[i], &words);
    }
    if (words.length) {
        check_remedy(in, out, "%s rmi%s", check_engine_command(in), words.data);
        out->fix.need = FIX_DECISION;
    }
}

static void judge_images(const struct check_input *in, struct check_result *out, const struct image_list_facts *images,
                         image_list *old, image_list *unused)
{
    int64_t most = check_param(in, "max_unused")->number, days = check_param(in, "dangling_days")->number;
    const struct image_list_item *dateless;

    find_unused(in, images, unused);
    find_old(in, out, images, old, &dateless);
    check_fact_int(in, out, "images", (int64_t)images->count);
    check_fact_int(in, out, "unused", (int64_t)unused->count);
    check_fact_int(in, out, "old_dangling", (int64_t)old->count);
    if ((int64_t)unused->count > most || old->count) {
        check_say(in, out, VERDICT_FAIL,
                  "%zu of %zu images are not used by any container (at most %lld allowed); %zu untagged images are "
                  "older than %lld days",
                  unused->count, images->count, (long long)most, old->count, (long long)days);
        if (in->explain)
            name_images(in, out, old, unused, (int64_t)unused->count > most ? unused->count - (size_t)most : 0);
    } else if (dateless) {
        check_error(in, out, image_name(dateless), M_("the creation time that the engine reports is not a valid date"));
    } else {
        check_say(in, out, VERDICT_PASS, "%zu of %zu images are not used by any container", unused->count,
                  images->count);
    }
}

void check_image_sprawl(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct image_list_facts *images = store_images(in->store, &why);
    const struct container_list_facts *containers = store_containers(in->store, images ? &why : NULL);
    image_list unused = {0}, old = {0};

    if (!images || !containers) {
        check_error(in, out, images ? M_("containers") : M_("images"), why);
        return;
    }
    if (!know_containers(in, out, "Image"))
        return;
    judge_images(in, out, images, &old, &unused);
    vec_free(&unused);
    vec_free(&old);
}

/* ---- Containers ---- */

/* The longest stopped first, equally old ones by name. */
static int by_age(const void *a, const void *b)
{
    const struct container_facts *x = *(const struct container_facts *const *)a,
                                 *y = *(const struct container_facts *const *)b;
    usec_t xt = x->finished ? x->finished : x->created, yt = y->finished ? y->finished : y->created;

    return xt != yt ? (xt < yt ? -1 : 1) : strcmp(x->name, y->name) ? strcmp(x->name, y->name) : strcmp(x->id, y->id);
}

/* EXCESS of them are too many. A paused one is not removed: what it does has not ended. */
static void name_stopped(const struct check_input *in, struct check_result *out, size_t excess)
{
    VEC(const struct container_facts *) stopped = {0};
    size_t at = 0, removed = 0, named;
    const char *key;
    const struct facts *facts;
    scoped_str words = STR_INIT;

    while (store_next(in->store, INPUT_CONTAINER, &at, &key, &facts)) {
        const struct container_facts *container = (const struct container_facts *)facts;

        if (!container->running || container->paused)
            vec_push(&stopped, container);
    }
    if (stopped.count)
        qsort(stopped.items, stopped.count, sizeof *stopped.items, by_age);
    named = count_named(excess, stopped.count);
    invariant(!named || stopped.items);
    for (size_t i = 0; i < named; i++) {
        const struct container_facts *container = stopped.items[i];
        scoped(cleanup_free) char *short_id = mem_strndup(container->id, 12);
        const char *name = str_empty(container->name) ? short_id : container->name;

        check_say(in, out, VERDICT_FAIL, "%s (%s)", name, container->status);
        if (container->running || removed++ >= excess)
            continue;
        str_append(&words, " ");
        text_shell_quote(&words, name);
    }
    if (words.length) {
        check_remedy(in, out, "%s rm%s", check_engine_command(in), words.data);
        out->fix.need = FIX_DECISION;
    }
    vec_free(&stopped);
}

void check_container_sprawl(const struct check_input *in, struct check_result *out)
{
    int64_t most = check_param(in, "max_difference")->number;
    size_t count = store_count(in->store, INPUT_CONTAINER), running = store_running(in->store);
    const char *why;

    if (!store_containers(in->store, &why)) {
        check_error(in, out, M_("containers"), why);
        return;
    }
    if (!know_containers(in, out, "State.Running State.Paused"))
        return;
    check_fact_int(in, out, "containers", (int64_t)count);
    check_fact_int(in, out, "running", (int64_t)running);
    if ((int64_t)(count - running) < most) {
        check_say(in, out, VERDICT_PASS, "%zu of %zu containers are not running", count - running, count);
        return;
    }
    check_say(in, out, VERDICT_FAIL, "%zu of %zu containers are not running (fewer than %lld required), oldest first",
              count - running, count, (long long)most);
    if (in->explain)
        name_stopped(in, out, count - running - (size_t)most + 1);
}
