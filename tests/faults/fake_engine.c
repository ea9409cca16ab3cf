/* See the header. */
#include "fake_engine.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/vec.h"

enum { RING = 256, CONTAINERS_MAX = 20000, PATHS_MAX = 4096 };

struct fault {
    struct fake_fault said;
    char *path, *reply, *status;
};

struct connection {
    TAILQ_ENTRY(connection) link;
    struct fake *fake;
    struct bufferevent *stream;
    struct event *drip_timer;
    struct evbuffer *waiting; /* what is dripped */
    unsigned drip;
    bool is_events, ends; /* ends: closed when all is written */
};

struct container {
    bool privileged;
    char *network, *name;
};

struct image {
    unsigned number;
    char *digest, *directory;
};

struct fake {
    struct event_base *base;
    char *socket_path;
    struct evconnlistener *listener;
    TAILQ_HEAD(, connection) connections;
    VEC(struct fault) faults;
    struct container containers[CONTAINERS_MAX];
    size_t container_count, split, image_labels;
    VEC(struct image) images; /* besides the one of the containers */
    bool restless, dropping, execs_differ;
    uint64_t inspections;
    pid_t pid;
    char *engine_id, *health;
    bool debug;
    char *ring[RING];
    size_t ring_lengths[RING], ring_first, ring_count;
    int64_t last_nano;
    VEC(char *) requests;
    struct str template, info;
    unsigned api, oldest; /* 1.API is the newest version, 1.OLDEST the oldest */
};

static unsigned id_generation;

static const char *hex_id(char kind, size_t index)
{
    static char texts[4][65];
    static unsigned at;
    char *text = texts[at++ % 4];

    snprintf(text, sizeof texts[0], "%c%047x%016zx", kind, id_generation, index);
    return text;
}

const char *fake_container_id(size_t index)
{
    return hex_id('c', index);
}

const char *fake_exec_id(size_t index)
{
    return hex_id('e', index);
}

static const char *image_id(void)
{
    static char text[80];

    snprintf(text, sizeof text, "sha256:%s", hex_id('a', 1));
    return text;
}

const char *fake_image_id(unsigned number)
{
    static char text[80];

    snprintf(text, sizeof text, "sha256:%s", hex_id('b', number));
    return text;
}

static void connection_free(struct connection *connection)
{
    TAILQ_REMOVE(&connection->fake->connections, connection, link);
    bufferevent_free(connection->stream);
    event_free(connection->drip_timer);
    evbuffer_free(connection->waiting);
    free(connection);
}

static void replace(struct str *out, const char *template, const char *const (*words)[2], size_t count)
{
    for (const char *at = template; *at;) {
        size_t i = 0;

        while (i < count && !str_starts(at, words[i][0]))
            i++;
        if (i < count) {
            str_append(out, words[i][1]);
            at += strlen(words[i][0]);
        } else {
            str_append_char(out, *at++);
        }
    }
}

void fake_container(struct fake *fake, size_t index, struct str *out)
{
    const struct container *container = &fake->containers[index];
    scoped(cleanup_free) char *name =
        mem_printf("c%zu%s%" PRIu64, index, fake->restless ? "-" : "", fake->restless ? ++fake->inspections : 0);
    scoped(cleanup_free) char *pid = mem_printf("%d", (int)fake->pid);
    const char *words[][2] = {{"@ID@", fake_container_id(index)},
                              {"@NAME@", container->name ? container->name : name},
                              {"@IMAGE@", image_id()},
                              {"@NETWORK@", container->network ? container->network : "bridge"},
                              {"@PID@", pid},
                              {"@RUNNING@", fake->pid ? "true" : "false"},
                              {"@PRIVILEGED@", container->privileged ? "true" : "false"}};

    if (fake->health) {
        scoped(cleanup_free) char *check = mem_printf(
            "\"Config\":{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"%s\"],\"Interval\":1000000000},\"", fake->health);
        const char *config[][2] = {{"\"Config\":{\"", check}};
        scoped_str text = STR_INIT;

        replace(&text, str_text(&fake->template), config, countof(config));
        replace(out, str_text(&text), words, countof(words));
        return;
    }
    replace(out, str_text(&fake->template), words, countof(words));
}

static size_t index_of(const char *id)
{
    return (size_t)strtoull(id + 48, NULL, 16);
}

static bool is_own(const char *path, const char *before, const char **ret_id)
{
    if (!str_starts(path, before))
        return false;
    *ret_id = path + strlen(before);
    return strlen(*ret_id) >= 64;
}

static void say_list(struct fake *fake, struct str *out)
{
    str_append_char(out, '[');
    for (size_t i = 0; i < fake->container_count; i++)
        str_printf(out, "%s{\"Id\":\"%s\",\"Names\":[\"/c%zu\"],\"Image\":\"bb\",\"ImageID\":\"%s\",\"State\":\"%s\"}",
                   i ? "," : "", fake_container_id(i), i, image_id(), fake->pid ? "running" : "exited");
    str_append_char(out, ']');
}

/* From 1.52 on what is empty is left out, from 1.53 on there is the origin that the engine trusts. */
static void say_new_image(struct fake *fake, struct str *out)
{
    str_printf(
        out,
        "{\"Id\":\"%s\",\"RepoTags\":[\"bb:1.0\"],\"RepoDigests\":[],\"Created\":\"2026-01-01T00:00:00Z\","
        "\"Size\":1,\"Architecture\":\"amd64\",\"Os\":\"linux\",\"Descriptor\":{\"mediaType\":"
        "\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\",\"size\":428},\"Identity\":{\"Build\":[{"
        "\"Ref\":\"r\",\"CreatedAt\":\"2026-01-01T00:00:00Z\"}]},\"Config\":{\"Env\":[\"PATH=/bin\"],\"Labels\":"
        "{\"a\":\"",
        image_id(), image_id());
    for (size_t i = 0; i < fake->image_labels; i++)
        str_append_char(out, 'x');
    str_append(out, "\"}},\"RootFS\":{\"Type\":\"layers\",\"Layers\":[]},\"Metadata\":{\"LastTagTime\":"
                    "\"2026-01-01T00:00:00Z\"}}");
}

static void say_image(struct fake *fake, struct str *out)
{
    if (fake->api >= 52) {
        say_new_image(fake, out);
        return;
    }
    str_printf(out,
               "{\"Id\":\"%s\",\"RepoTags\":[\"bb:1.0\"],\"RepoDigests\":[],\"Created\":\"2026-01-01T00:00:00Z\","
               "\"Size\":1,\"Os\":\"linux\",\"Architecture\":\"amd64\",\"Config\":{\"User\":\"\",\"Env\":[\"PATH=/"
               "bin\"],\"Labels\":{\"a\":\"",
               image_id());
    for (size_t i = 0; i < fake->image_labels; i++)
        str_append_char(out, 'x');
    str_append(out, "\"}},\"RootFS\":{\"Type\":\"layers\",\"Layers\":[]}}");
}

static void say_image_list(struct fake *fake, struct str *out)
{
    str_printf(out, "[{\"Id\":\"%s\",\"RepoTags\":[\"bb:1.0\"],\"RepoDigests\":null,\"Created\":1,\"Size\":1}",
               image_id());
    for (size_t i = 0; i < fake->images.count; i++)
        str_printf(out, ",{\"Id\":\"%s\",\"RepoTags\":[\"extra:%u\"],\"RepoDigests\":null,\"Created\":1,\"Size\":1}",
                   fake_image_id(fake->images.items[i].number), fake->images.items[i].number);
    str_append_char(out, ']');
}

/* One of the others; false: PATH names none. */
static bool say_other_image(struct fake *fake, const char *path, struct str *out)
{
    for (size_t i = 0; i < fake->images.count; i++) {
        const struct image *image = &fake->images.items[i];
        const char *id = fake_image_id(image->number);

        if (!strstr(path, id) && !strstr(path, id + strlen("sha256:")))
            continue;
        str_printf(out,
                   "{\"Id\":\"%s\",\"RepoTags\":[\"extra:%u\"],\"RepoDigests\":[],\"Created\":\"2026-01-01T00:00:00Z\","
                   "\"Size\":1,\"Os\":\"linux\",\"Architecture\":\"amd64\",\"Config\":{\"User\":\"\",\"Env\":[\"PATH=/"
                   "bin\"],\"Labels\":{}},",
                   id, image->number);
        if (image->directory)
            str_printf(out, "\"GraphDriver\":{\"Name\":\"overlay2\",\"Data\":{\"UpperDir\":\"%s\"}},",
                       image->directory);
        str_printf(out, "\"RootFS\":{\"Type\":\"layers\",\"Layers\":[\"%s\"]}}", image->digest);
        return true;
    }
    return false;
}

static const char *engine_version(const struct fake *fake)
{
    return fake->api >= 57 ? "29.10.0" : fake->api >= 51 ? "28.5.2" : fake->api >= 45 ? "26.1.5" : "20.10.24";
}

/* False: there is no such thing. */
static bool say(struct fake *fake, const char *path, struct str *out)
{
    const char *id;

    if (str_starts(path, "/_ping")) {
        str_append(out, "OK");
    } else if (str_starts(path, "/version")) {
        str_printf(out, "{\"Version\":\"%s\",\"ApiVersion\":\"1.%u\",\"MinAPIVersion\":\"1.%u\"}", engine_version(fake),
                   fake->api, fake->oldest ? fake->oldest : 12);
    } else if (str_starts(path, "/info")) {
        const char *words[][2] = {{"@ENGINE@", fake->engine_id ? fake->engine_id : "ONE"},
                                  {"@DEBUG@", fake->debug ? "true" : "false"}};

        replace(out, str_text(&fake->info), words, countof(words));
    } else if (str_starts(path, "/containers/json")) {
        say_list(fake, out);
    } else if (is_own(path, "/containers/", &id)) {
        size_t index = index_of(id);

        if (strncmp(id, fake_container_id(index), 64) != 0 || index >= fake->container_count)
            return false;
        fake_container(fake, index, out);
    } else if (str_starts(path, "/images/json")) {
        say_image_list(fake, out);
    } else if (str_starts(path, "/images/") && strstr(path, "/history")) {
        str_append(out, "[{\"Id\":\"x\",\"Created\":1,\"CreatedBy\":\"/bin/sh -c #(nop)  CMD "
                        "[\\\"sh\\\"]\",\"Size\":0,\"Comment\":\"\"}]");
    } else if (str_starts(path, "/images/")) {
        if (strstr(path, image_id()))
            say_image(fake, out);
        else
            return say_other_image(fake, path, out);
    } else if (str_starts(path, "/networks")) {
        str_append(out, "[]");
    } else if (is_own(path, "/exec/", &id)) {
        scoped(cleanup_free) char *command =
            fake->execs_differ ? mem_printf("true-%zu", index_of(id)) : mem_strdup("true");

        str_printf(out,
                   "{\"ID\":\"%.64s\",\"Running\":false,\"ExitCode\":0,\"ProcessConfig\":{\"tty\":false,\"entrypoint\":"
                   "\"%s\",\"arguments\":[],\"privileged\":%s},\"ContainerID\":\"%s\",\"Pid\":1}",
                   id, command, index_of(id) >= 1000000 ? "true" : "false",
                   fake_container_id(index_of(id) % 1000000 % 10000));
    } else {
        return false;
    }
    return true;
}

static void write_out(struct connection *connection, const void *data, size_t length)
{
    if (!connection->drip) {
        bufferevent_write(connection->stream, data, length);
        return;
    }
    evbuffer_add(connection->waiting, data, length);
    event_add(connection->drip_timer, &(struct timeval){.tv_usec = 1000});
}

static bool is_written(const struct connection *connection)
{
    return !evbuffer_get_length(connection->waiting) &&
           !evbuffer_get_length(bufferevent_get_output(connection->stream));
}

static void on_drip(evutil_socket_t fd, short what, void *user)
{
    struct connection *connection = user;
    unsigned left = connection->drip;
    char data[4096];
    int n;

    (void)fd;
    (void)what;
    while (left && (n = evbuffer_remove(connection->waiting, data, left < sizeof data ? left : sizeof data)) > 0) {
        bufferevent_write(connection->stream, data, (size_t)n);
        left -= (unsigned)n;
    }
    if (evbuffer_get_length(connection->waiting))
        event_add(connection->drip_timer, &(struct timeval){.tv_usec = 1000});
}

static void write_chunk(struct connection *connection, const char *data, size_t length)
{
    size_t split = connection->fake->split;

    while (length) {
        size_t part = split && split < length ? split : length;
        char size[20];

        write_out(connection, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", part));
        write_out(connection, data, part);
        write_out(connection, "\r\n", 2);
        data += part;
        length -= part;
    }
}

static struct fault *fault_of(struct fake *fake, const char *path)
{
    for (size_t i = fake->faults.count; i-- > 0;)
        if (str_starts(path, fake->faults.items[i].path) && fake->faults.items[i].said.times != UINT32_MAX)
            return &fake->faults.items[i];
    return NULL;
}

static void compose(struct fake *fake, const char *path, const struct fault *fault, struct str *out)
{
    scoped_str body = STR_INIT;
    bool known = say(fake, path, &body);
    const char *status = fault && fault->status ? fault->status : known ? "200 OK" : "404 Not Found";

    if (fault && fault->reply) {
        str_append_n(out, fault->reply, fault->said.length);
        return;
    }
    if (!known || (fault && fault->status)) {
        str_clear(&body);
        str_append(&body, "{\"message\":\"no such thing\"}\n");
    }
    str_printf(out, "HTTP/1.1 %s\r\nApi-Version: 1.%u\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               status, fake->api, body.length);
    str_append_n(out, str_text(&body), body.length);
}

static void begin_events(struct connection *connection)
{
    static const char header[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct fake *fake = connection->fake;

    connection->is_events = true;
    write_out(connection, header, sizeof header - 1);
    for (size_t i = 0; i < fake->ring_count; i++) {
        size_t at = (fake->ring_first + i) % RING;

        write_chunk(connection, fake->ring[at], fake->ring_lengths[at]);
    }
}

/* False: the connection is gone. */
static bool answer(struct connection *connection, const char *path)
{
    struct fake *fake = connection->fake;
    struct fault *fault = fault_of(fake, path);
    scoped_str reply = STR_INIT;
    size_t length;

    if (fake->requests.count < PATHS_MAX * 16)
        vec_push(&fake->requests, mem_strdup(path));
    if (fault && fault->said.times && --fault->said.times == 0)
        fault->said.times = UINT32_MAX; /* used up */
    if (fault && fault->said.hangs)
        return true;
    connection->drip = fault ? fault->said.drip : 0;
    if (str_starts(path, "/events") && !strstr(path, "until=") &&
        (!fault || (!fault->reply && !fault->status && !fault->said.cuts))) {
        begin_events(connection);
        return true;
    }
    if (str_starts(path, "/events") && !(fault && (fault->reply || fault->status))) {
        str_append(&reply, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for (size_t i = 0; i < fake->ring_count; i++)
            str_append_n(&reply, fake->ring[(fake->ring_first + i) % RING],
                         fake->ring_lengths[(fake->ring_first + i) % RING]);
        connection->ends = true;
    } else {
        compose(fake, path, fault, &reply);
    }
    length = reply.length;
    if (fault && fault->said.cuts) {
        length = fault->said.cut < length ? fault->said.cut : length;
        connection->ends = true;
    }
    if (fault && fault->reply)
        connection->ends = true;
    write_out(connection, str_text(&reply), length);
    if (connection->ends && is_written(connection)) {
        connection_free(connection);
        return false;
    }
    return true;
}

static void refuse_version(struct connection *connection, unsigned asked)
{
    const struct fake *fake = connection->fake;
    scoped_str reply = STR_INIT, body = STR_INIT;

    if (asked < fake->oldest)
        str_printf(&body,
                   "{\"message\":\"client version 1.%u is too old. Minimum supported API version is 1.%u, please "
                   "upgrade your client to a newer version\"}\n",
                   asked, fake->oldest);
    else
        str_printf(&body, "{\"message\":\"client version 1.%u is too new. Maximum supported API version is 1.%u\"}\n",
                   asked, fake->api);
    str_printf(&reply, "HTTP/1.1 400 Bad Request\r\nApi-Version: 1.%u\r\nContent-Length: %zu\r\n\r\n%s", fake->api,
               body.length, body.data);
    write_out(connection, reply.data, reply.length);
}

static void on_read(struct bufferevent *stream, void *user)
{
    struct connection *connection = user;
    struct evbuffer *input = bufferevent_get_input(stream);
    struct evbuffer_ptr end;

    while ((end = evbuffer_search(input, "\r\n\r\n", 4, NULL)).pos >= 0) {
        scoped(cleanup_free) char *head = mem_alloc((size_t)end.pos + 1);
        const char *path = head, *space;

        evbuffer_remove(input, head, (size_t)end.pos);
        evbuffer_drain(input, 4);
        path = str_starts(path, "GET ") ? path + 4 : path;
        if (str_starts(path, "/v1.")) {
            unsigned asked = (unsigned)strtoul(path + 4, NULL, 10);

            path += 4 + strspn(path + 4, "0123456789");
            if (connection->fake->oldest && (asked < connection->fake->oldest || asked > connection->fake->api)) {
                refuse_version(connection, asked);
                continue;
            }
        }
        space = strchr(path, ' ');
        head[space ? (size_t)(space - head) : strlen(head)] = '\0';
        if (!answer(connection, path))
            return;
    }
}

static void on_write(struct bufferevent *stream, void *user)
{
    struct connection *connection = user;

    (void)stream;
    if (connection->ends && is_written(connection))
        connection_free(connection);
}

static void on_event(struct bufferevent *stream, short what, void *user)
{
    (void)stream;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        connection_free(user);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length,
                      void *user)
{
    struct fake *fake = user;
    struct connection *connection = mem_alloc(sizeof *connection);

    (void)listener;
    (void)address;
    (void)length;
    connection->fake = fake;
    connection->stream = bufferevent_socket_new(fake->base, fd, BEV_OPT_CLOSE_ON_FREE);
    connection->waiting = evbuffer_new();
    connection->drip_timer = evtimer_new(fake->base, on_drip, connection);
    bufferevent_setcb(connection->stream, on_read, on_write, on_event, connection);
    bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
    TAILQ_INSERT_TAIL(&fake->connections, connection, link);
}

static void read_document(const char *name, struct str *ret)
{
    scoped(cleanup_free) char *path = mem_printf("%s/faults/documents/%s", TESTS_DIR, name);
    struct error error = ERROR_INIT;

    if (file_read(path, 1024 * 1024, ret, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
}

struct fake *fake_new(struct event_base *base, const char *socket_path, size_t containers)
{
    struct fake *fake = mem_alloc(sizeof *fake);

    fake->base = base;
    fake->socket_path = mem_strdup(socket_path);
    TAILQ_INIT(&fake->connections);
    fake_set_api(fake, 41, 0);
    fake_set_containers(fake, containers);
    id_generation = 0;
    fake_start(fake);
    return fake;
}

void fake_set_api(struct fake *fake, unsigned minor, unsigned oldest)
{
    scoped(cleanup_free) char *ending = minor == 41 ? mem_strdup("") : mem_printf("-1.%u", minor);
    scoped(cleanup_free) char *container = mem_printf("container%s.json", ending);
    scoped(cleanup_free) char *info = mem_printf("info%s.json", ending);

    fake->api = minor;
    fake->oldest = oldest;
    read_document(container, &fake->template);
    read_document(info, &fake->info);
}

void fake_start(struct fake *fake)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s", fake->socket_path);
    unlink(fake->socket_path);
    fake->listener = evconnlistener_new_bind(fake->base, on_accept, fake, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                             64, (struct sockaddr *)&address, sizeof address);
    if (!fake->listener) {
        perror(fake->socket_path);
        abort();
    }
}

void fake_stop(struct fake *fake)
{
    fake_close_all(fake);
    if (fake->listener)
        evconnlistener_free(take(fake->listener));
    unlink(fake->socket_path);
}

static void image_deinit(struct image *image)
{
    free(image->digest);
    free(image->directory);
}

void fake_free(struct fake *fake)
{
    if (!fake)
        return;
    fake_stop(fake);
    fake_faults_clear(fake);
    vec_free(&fake->faults);
    fake_forget_events(fake);
    fake_reset_requests(fake);
    vec_free(&fake->requests);
    for (size_t i = 0; i < fake->images.count; i++)
        image_deinit(&fake->images.items[i]);
    vec_free(&fake->images);
    for (size_t i = 0; i < CONTAINERS_MAX; i++)
        free(fake->containers[i].network), free(fake->containers[i].name);
    str_deinit(&fake->template);
    str_deinit(&fake->info);
    free(fake->engine_id);
    free(fake->health);
    free(fake->socket_path);
    free(fake);
}

void fake_fault(struct fake *fake, const struct fake_fault *said)
{
    struct fault fault = {.said = *said, .path = mem_strdup(said->path), .status = mem_strdup(said->status)};

    if (said->reply) {
        fault.reply = mem_alloc(said->length + 1);
        memcpy(fault.reply, said->reply, said->length);
    }
    vec_push(&fake->faults, fault);
}

void fake_faults_clear(struct fake *fake)
{
    for (size_t i = 0; i < fake->faults.count; i++) {
        free(fake->faults.items[i].path);
        free(fake->faults.items[i].reply);
        free(fake->faults.items[i].status);
    }
    fake->faults.count = 0;
}

void fake_set_containers(struct fake *fake, size_t count)
{
    fake->container_count = count < CONTAINERS_MAX ? count : CONTAINERS_MAX;
}

void fake_set_privileged(struct fake *fake, size_t index, bool privileged)
{
    fake->containers[index].privileged = privileged;
}

void fake_set_name(struct fake *fake, size_t index, const char *json)
{
    free(fake->containers[index].name);
    fake->containers[index].name = mem_strdup(json);
}

void fake_set_health(struct fake *fake, const char *command)
{
    free(fake->health);
    fake->health = mem_strdup(command);
}

void fake_set_network(struct fake *fake, size_t index, const char *network_mode)
{
    free(fake->containers[index].network);
    fake->containers[index].network = mem_strdup(network_mode);
}

void fake_set_running(struct fake *fake, pid_t pid)
{
    fake->pid = pid;
}

void fake_set_generation(struct fake *fake, unsigned value)
{
    (void)fake;
    id_generation = value;
}

void fake_set_restless(struct fake *fake, bool restless)
{
    fake->restless = restless;
}

void fake_set_debug(struct fake *fake, bool debug)
{
    fake->debug = debug;
}

void fake_set_execs_differ(struct fake *fake, bool differ)
{
    fake->execs_differ = differ;
}

void fake_set_engine_id(struct fake *fake, const char *id)
{
    free(fake->engine_id);
    fake->engine_id = mem_strdup(id);
}

void fake_add_image(struct fake *fake, unsigned number, const char *digest, const char *directory)
{
    vec_push(&fake->images,
             (struct image){.number = number, .digest = mem_strdup(digest), .directory = mem_strdup(directory)});
}

void fake_remove_image(struct fake *fake, unsigned number)
{
    for (size_t i = fake->images.count; i-- > 0;)
        if (fake->images.items[i].number == number) {
            image_deinit(&fake->images.items[i]);
            vec_remove(&fake->images, i);
        }
}

void fake_set_image_labels(struct fake *fake, size_t bytes)
{
    fake->image_labels = bytes;
}

void fake_event(struct fake *fake, const char *type, const char *action, const char *id, const char *attributes)
{
    scoped_str line = STR_INIT;
    int64_t nano = clock_now(&clock_system) * 1000;

    if (nano <= fake->last_nano)
        nano = fake->last_nano + 1;
    fake->last_nano = nano;
    str_printf(&line,
               "{\"Type\":\"%s\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\",\"Attributes\":{%s}},\"scope\":\"local\","
               "\"time\":%" PRId64 ",\"timeNano\":%" PRId64 "}\n",
               type, action, id, attributes ? attributes : "", nano / 1000000000, nano);
    fake_emit(fake, line.data, line.length);
}

void fake_stream_raw(struct fake *fake, const void *data, size_t length)
{
    struct connection *connection;

    TAILQ_FOREACH(connection, &fake->connections, link)
    if (connection->is_events)
        write_chunk(connection, data, length);
}

void fake_stream_unframed(struct fake *fake, const void *data, size_t length)
{
    struct connection *connection;

    TAILQ_FOREACH(connection, &fake->connections, link)
    if (connection->is_events)
        write_out(connection, data, length);
}

void fake_emit(struct fake *fake, const char *line, size_t length)
{
    size_t at = (fake->ring_first + fake->ring_count) % RING;

    if (fake->ring_count == RING) {
        free(fake->ring[fake->ring_first]);
        at = fake->ring_first;
        fake->ring_first = (fake->ring_first + 1) % RING;
    } else {
        fake->ring_count++;
    }
    fake->ring[at] = mem_alloc(length + 1);
    memcpy(fake->ring[at], line, length);
    fake->ring_lengths[at] = length;
    if (!fake->dropping)
        fake_stream_raw(fake, line, length);
}

void fake_set_dropping(struct fake *fake, bool dropping)
{
    fake->dropping = dropping;
}

void fake_set_split(struct fake *fake, size_t bytes)
{
    fake->split = bytes;
}

void fake_forget_events(struct fake *fake)
{
    for (size_t i = 0; i < fake->ring_count; i++)
        free(fake->ring[(fake->ring_first + i) % RING]);
    fake->ring_count = fake->ring_first = 0;
}

static void close_some(struct fake *fake, bool only_streams)
{
    struct connection *connection, *next;

    for (connection = TAILQ_FIRST(&fake->connections); connection; connection = next) {
        next = TAILQ_NEXT(connection, link);
        if (connection->is_events || !only_streams)
            connection_free(connection);
    }
}

void fake_close_streams(struct fake *fake)
{
    close_some(fake, true);
}

void fake_close_all(struct fake *fake)
{
    close_some(fake, false);
}

size_t fake_streams(const struct fake *fake)
{
    const struct connection *connection;
    size_t count = 0;

    TAILQ_FOREACH(connection, &fake->connections, link)
    count += connection->is_events;
    return count;
}

size_t fake_requests(const struct fake *fake, const char *prefix)
{
    size_t count = 0;

    for (size_t i = 0; i < fake->requests.count; i++)
        count += str_starts(fake->requests.items[i], prefix);
    return count;
}

void fake_reset_requests(struct fake *fake)
{
    for (size_t i = 0; i < fake->requests.count; i++)
        free(fake->requests.items[i]);
    fake->requests.count = 0;
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
}

bool fake_run(struct event_base *base, unsigned ms, bool (*done)(void *user), void *user)
{
    usec_t end = clock_monotonic() + (usec_t)ms * 1000;
    struct event *wake = event_new(base, -1, EV_PERSIST, on_wake, NULL);
    bool is_done = false;

    event_add(wake, &(struct timeval){.tv_usec = 2000});
    while (!(is_done = done && done(user)) && clock_monotonic() < end)
        event_base_loop(base, EVLOOP_ONCE);
    event_free(wake);
    return is_done;
}
