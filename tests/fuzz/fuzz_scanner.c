/* Any bytes as a scanner's report: what it is reduced to can be read back. */
#include "probes/images/scanner.h"
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include "tests/fuzz/mutate_json.h"

MUTATE_JSON_AFTER(0)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scan_facts *facts = NULL;
    struct error error = ERROR_INIT;
    scoped_str reduced = STR_INIT;

    if (scanner_reduce((const char *)data, size, &reduced, &error) == 0) {
        if (scanner_parse(str_text(&reduced), reduced.length, &facts, &error) < 0)
            __builtin_trap();
        facts_free(&facts->facts);
    }
    facts = NULL;
    if (scanner_parse((const char *)data, size, &facts, NULL) == 0) /* and as what a worker hands over */
        facts_free(&facts->facts);
    return 0;
}
