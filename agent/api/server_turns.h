/* Requests whose answers take a while to make are answered one in every few turns of the loop, in the order in which
 * they came: however many clients ask at once, whatever else the loop has to do comes between any two answers. */
#ifndef AGENT_API_SERVER_TURNS_H
#define AGENT_API_SERVER_TURNS_H

#include <event2/event.h>
#include <event2/http.h>

struct turns;

struct turns *turns_new(struct event_base *base);
/* Before evhttp_free(), which frees the requests that wait and are still connected. NULL is fine. */
void turns_free(struct turns *turns);
/* Has ANSWER called: now, or in a later turn, with reading from the connection stopped meanwhile. It is not called when
 * the client has gone first. */
void turns_take(struct turns *turns, struct evhttp_request *request,
                void (*answer)(struct evhttp_request *request, void *user), void *user);
/* REQUEST is answered otherwise, or evhttp is about to free it; NULL: all of USER's are. */
void turns_forget(struct turns *turns, const struct evhttp_request *request, const void *user);

#endif
