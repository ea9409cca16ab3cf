/* Any bytes as what an engine kept of a layer's tar. */
#include <sys/mman.h>

#include "probes/images/layers_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t key[2] = {1, 2};
    scoped(cleanup_close) int fd = memfd_create("split", MFD_CLOEXEC);
    struct layer_summary summary;
    struct error error = ERROR_INIT;

    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        __builtin_trap();
    layer_summary_init(&summary, key);
    if (layer_parse_split(fd, &summary, &error) < 0 && !*error.text)
        __builtin_trap();
    layer_summary_finish(&summary);
    layer_summary_deinit(&summary);
    return 0;
}
