/* An engine that does what a real one cannot be made to do: it answers as a small model of an engine does until a fault
 * is laid over a path, and its event stream can be written, cut, split and closed at will. It runs on the test's own
 * loop, so that a test decides between two events what happens next. */
#ifndef TESTS_FAULTS_FAKE_ENGINE_H
#define TESTS_FAULTS_FAKE_ENGINE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

struct fake;

/* What is wrong with the answers to one path. */
struct fake_fault {
    const char *path;  /* what follows /v1.NN begins with this ("/_ping", "/containers/json") */
    const char *reply; /* raw bytes instead of the ordinary answer, header and all; NULL: the ordinary one */
    size_t length;     /* of reply */
    bool cuts;         /* the connection is closed after CUT bytes of the answer */
    size_t cut;
    bool hangs;         /* nothing is answered */
    unsigned drip;      /* bytes written each millisecond; 0: all at once */
    unsigned times;     /* how often; 0: always */
    const char *status; /* "404 Not Found": an ordinary answer of that status */
};

struct fake *fake_new(struct event_base *base, const char *socket_path, size_t containers);
void fake_free(struct fake *fake);

void fake_fault(struct fake *fake, const struct fake_fault *fault); /* REPLY and PATH are copied */
void fake_faults_clear(struct fake *fake);

/* Answers as the engine of which 1.MINOR is the newest API version: 41 (20.10, as it begins), 45 (26.1), 51 (28.5) or
 * 57 (29.10 with the containerd image store); documents/ has one set of each. Requests for newer ones, and for older
 * ones than OLDEST, are refused; 0: none is. */
void fake_set_api(struct fake *fake, unsigned minor, unsigned oldest);

/* The model. */
const char *fake_container_id(size_t index); /* 64 hex digits; the text is good until the next call but three */
const char *fake_exec_id(size_t index);
void fake_container(struct fake *fake, size_t index, struct str *out); /* adds what an inspection answers */
void fake_set_containers(struct fake *fake, size_t count);             /* as many as that, numbered from 0 */
void fake_set_privileged(struct fake *fake, size_t index, bool privileged);
void fake_set_name(struct fake *fake, size_t index, const char *json); /* as it stands in a JSON string */
void fake_set_health(struct fake *fake, const char *command);          /* all of them check it by that, in a shell */
void fake_set_network(struct fake *fake, size_t index, const char *network_mode);
void fake_set_running(struct fake *fake, pid_t pid);         /* all of them run, as that process; 0: none does */
void fake_set_generation(struct fake *fake, unsigned value); /* another engine: other ids for everything */
void fake_set_restless(struct fake *fake, bool restless);    /* each inspection answers something else */
void fake_set_execs_differ(struct fake *fake, bool differ);  /* each runs a command of its own */
void fake_set_engine_id(struct fake *fake, const char *id);
void fake_set_debug(struct fake *fake, bool debug); /* what /info says of it */
/* Other images besides the one that containers are of: of one layer, in the directory that overlay2 names; NULL: only
 * the export has it. A tag is "extra:NUMBER". */
void fake_add_image(struct fake *fake, unsigned number, const char *digest, const char *directory);
void fake_remove_image(struct fake *fake, unsigned number);
const char *fake_image_id(unsigned number);
void fake_set_image_labels(struct fake *fake, size_t bytes); /* that much in the labels of the image */

/* Events: to the ring of 256 and to every open stream, each as a chunk of its own. */
void fake_event(struct fake *fake, const char *type, const char *action, const char *id, const char *attributes);
void fake_emit(struct fake *fake, const char *line, size_t length);
/* The events from now on go to the ring alone, as if the engine had dropped them from every stream. */
void fake_set_dropping(struct fake *fake, bool dropping);
void fake_stream_raw(struct fake *fake, const void *data, size_t length);      /* bytes of the body, not in the ring */
void fake_stream_unframed(struct fake *fake, const void *data, size_t length); /* not even as a chunk */
void fake_set_split(struct fake *fake, size_t bytes); /* chunks of the stream are of this size; 0: one an event */
void fake_forget_events(struct fake *fake);           /* the ring, as a restart does */
void fake_close_streams(struct fake *fake);
void fake_close_all(struct fake *fake); /* every connection */
void fake_stop(struct fake *fake);      /* the socket goes too */
void fake_start(struct fake *fake);
size_t fake_streams(const struct fake *fake);

/* How many requests came whose path (behind /v1.NN) begins with PREFIX, since the last reset. */
size_t fake_requests(const struct fake *fake, const char *prefix);
void fake_reset_requests(struct fake *fake);

/* Runs the loop until DONE(USER) or MS have passed. */
bool fake_run(struct event_base *base, unsigned ms, bool (*done)(void *user), void *user);

#endif
