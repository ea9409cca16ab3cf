/* Runs a fuzz target over the files of its corpus: an ordinary test for compilers without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "common/file.h"
#include "common/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    size_t count = 0;
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;

    if (!directory) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        scoped(cleanup_free) char *path = mem_printf("%s/%s", argv[1], entry->d_name);
        scoped_str text = STR_INIT;

        if (entry->d_name[0] == '.')
            continue;
        if (file_read(path, 64 * 1024 * 1024, &text, NULL) < 0) {
            fprintf(stderr, "cannot read %s\n", path);
            return 1;
        }
        LLVMFuzzerTestOneInput((const uint8_t *)str_text(&text), text.length);
        count++;
    }
    closedir(directory);
    printf("%zu inputs\n", count);
    return count ? 0 : 1;
}
