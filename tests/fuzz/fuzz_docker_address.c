/* Any bytes as an engine's address: what is accepted means to curl the host that is shown, and nothing else. */
#include <curl/curl.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include "common/memory.h"
#include "probes/docker/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK && text && *text;

    curl_free(text);
    return has;
}

static void check_url(const char *text)
{
    CURLU *url = curl_url();

    if (curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) != CURLUE_OK || !has_part(url, CURLUPART_HOST) ||
        has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD) || has_part(url, CURLUPART_QUERY) ||
        has_part(url, CURLUPART_FRAGMENT))
        __builtin_trap();
    curl_url_cleanup(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_free) char *text = mem_strndup((const char *)data, size);

    for (int tls = DOCKER_TLS_BY_FILES; tls <= DOCKER_TLS_UNVERIFIED; tls++) {
        struct docker_address address = {0};
        struct error error = ERROR_INIT;

        if (docker_address_parse(text, NULL, (enum docker_tls)tls, NULL, NULL, NULL, &address, &error) < 0) {
            if (!*error.text)
                __builtin_trap();
            continue;
        }
        check_url(address.base_url);
        if (address.unix_path &&
            (address.unix_path[0] != '/' || strlen(address.unix_path) >= sizeof((struct sockaddr_un *)NULL)->sun_path))
            __builtin_trap();
        docker_address_is_here(&address);
        docker_address_deinit(&address);
    }
    return 0;
}
