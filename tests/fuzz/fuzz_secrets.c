/* Any bytes as text in which secrets are looked for: what is found lies in the text, one behind the other, and is not
 * what redaction leaves of it. */
#include <stdint.h>
#include <string.h>

#include "common/memory.h"
#include "common/secrets/secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(cleanup_free) char *copy = mem_strndup((const char *)data, size);
    scoped_str shown = STR_INIT, strict = STR_INIT;
    struct secret_match match;
    struct secret_scan scan;
    size_t before = 0, found = 0;

    secret_scan_init(&scan, copy, size);
    while (secret_next(&scan, &match)) {
        if (!match.kind || !match.value_length || match.value < copy + before ||
            match.value + match.value_length != copy + scan.at || scan.at > size || scan.at <= before ||
            (match.name && (match.name < copy || match.name + match.name_length > match.value)))
            __builtin_trap();
        before = scan.at;
        found++;
    }
    secret_redact(&shown, copy, size, false);
    secret_redact(&strict, copy, size, true);
    if (!found && (shown.length != size || (size && memcmp(shown.data, copy, size) != 0)))
        __builtin_trap();
    if (found && !strstr(str_text(&shown), "[redacted]") && !memchr(copy, '\0', size))
        __builtin_trap();
    secret_is_value("PASSWORD", copy, &match);
    secret_is_value(copy, "Tr0ub4dor", &match);
    return 0;
}
