/* The client's side of the connection to the broker: it asks for paths, and knows the broker's own answers by a token
 * that only the two know. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "common/memory.h"
#include "probes/docker/http_internal.h"

int http_client_init(struct http_client *client, const char *broker, struct error *error)
{
    unsigned char bytes[BROKER_TOKEN_LENGTH / 2];
    scoped(cleanup_free) char *header = NULL;

    *client = (struct http_client){.broker = broker};
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return error_system(error, errno, "no random number");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(client->token + 2 * i, 3, "%02x", bytes[i]);
    header = mem_printf("Broker-Token: %s", client->token);
    client->headers = curl_slist_append(NULL, header);
    return client->headers ? 0 : error_set(error, ENOMEM, "curl cannot be set up");
}

void http_client_deinit(struct http_client *client)
{
    curl_slist_free_all(client->headers);
    *client = (struct http_client){0};
}

void http_set_up(CURL *easy, const struct http_client *client, const char *url)
{
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->broker);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
}

/* "Broker: TOKEN ERRNO" */
bool http_read_own(const struct http_client *client, const char *line, size_t length, struct http_own_answer *own)
{
    static const char name[] = "Broker: ";
    const size_t prefix = sizeof name - 1 + BROKER_TOKEN_LENGTH + 1;
    int number = 0;

    if (length <= prefix || strncasecmp(line, name, sizeof name - 1) != 0 ||
        memcmp(line + sizeof name - 1, client->token, BROKER_TOKEN_LENGTH) != 0 || line[prefix - 1] != ' ')
        return false;
    for (const char *at = line + prefix; at < line + length && *at >= '0' && *at <= '9' && number < 10000; at++)
        number = 10 * number + (*at - '0');
    *own = (struct http_own_answer){.is = true, .number = number};
    return true;
}
