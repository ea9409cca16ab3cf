/* The yardstick of a full scan: a plain client that fetches the documents named on its input, once over, on kept-alive
 * connections, and does nothing with them.
 * usage: bench-fetch SOCKET CONNECTIONS ROUNDS <PATHS   (prints the milliseconds of each round) */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/vec.h"

enum { CONNECTIONS_MAX = 64 };

struct client {
    const char *socket;
    CURLM *multi;
    VEC(char *) paths;
    size_t next, done, bytes;
};

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct client *client = user;

    (void)data;
    client->bytes += size * count;
    return size * count;
}

static bool start(struct client *client, CURL *easy)
{
    scoped(cleanup_free) char *url = NULL;

    if (client->next == client->paths.count)
        return false;
    url = mem_printf("http://localhost%s", client->paths.items[client->next++]);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, client);
    curl_multi_add_handle(client->multi, easy);
    return true;
}

static void collect(struct client *client)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left))) {
        CURL *easy = message->easy_handle;
        long status = 0;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (message->data.result != CURLE_OK || status >= 500) {
            fprintf(stderr, "bench-fetch: %s, status %ld\n", curl_easy_strerror(message->data.result), status);
            exit(2);
        }
        client->done++;
        curl_multi_remove_handle(client->multi, easy);
        start(client, easy);
    }
}

static double fetch_all(struct client *client, CURL **easies, size_t connections)
{
    usec_t begun = clock_monotonic();
    int running;

    client->next = client->done = client->bytes = 0;
    for (size_t i = 0; i < connections; i++)
        start(client, easies[i]);
    while (client->done < client->paths.count) {
        curl_multi_perform(client->multi, &running);
        collect(client);
        if (client->done < client->paths.count)
            curl_multi_poll(client->multi, NULL, 0, 1000, NULL);
    }
    return (double)(clock_monotonic() - begun) / 1000;
}

int main(int argc, char **argv)
{
    struct client client = {0};
    CURL *easies[CONNECTIONS_MAX];
    char line[4096];
    size_t connections, rounds;

    if (argc != 4) {
        fputs("usage: bench-fetch SOCKET CONNECTIONS ROUNDS <PATHS\n", stderr);
        return 2;
    }
    client.socket = argv[1];
    connections = strtoul(argv[2], NULL, 10);
    rounds = strtoul(argv[3], NULL, 10);
    if (!connections || connections > CONNECTIONS_MAX)
        return 2;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        vec_push(&client.paths, mem_strdup(line));
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client.multi = curl_multi_init();
    for (size_t i = 0; i < connections; i++)
        easies[i] = curl_easy_init();
    fetch_all(&client, easies, connections); /* connects */
    for (size_t i = 0; i < rounds; i++)
        printf("%.1f\n", fetch_all(&client, easies, connections));
    fprintf(stderr, "%zu documents, %zu bytes\n", client.paths.count, client.bytes);
    for (size_t i = 0; i < connections; i++)
        curl_easy_cleanup(easies[i]);
    curl_multi_cleanup(client.multi);
    for (size_t i = 0; i < client.paths.count; i++)
        free(client.paths.items[i]);
    vec_free(&client.paths);
    return 0;
}
