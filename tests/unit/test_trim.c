/* What is given back comes back as it was, and what is this process's own stays. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/trim.h"

enum { PAGES = 8 };

static size_t page;

/* A private mapping of a file that is full of 'f'. */
static char *map_file(void)
{
    char name[] = "/tmp/test_trim-XXXXXX", block[4096];
    int fd = mkstemp(name);
    char *map;

    ck_assert_int_ge(fd, 0);
    unlink(name);
    memset(block, 'f', sizeof block);
    for (size_t i = 0; i < PAGES * page / sizeof block; i++)
        ck_assert_int_eq(write(fd, block, sizeof block), sizeof block);
    map = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    close(fd);
    return map;
}

static bool is_resident(void *at)
{
    unsigned char *here = at;
    char line[256];
    FILE *maps = fopen("/proc/self/smaps", "r");
    unsigned long begin = 0, end = 0, kib = 0;

    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long a, b;

        if (sscanf(line, "%lx-%lx ", &a, &b) == 2) {
            begin = a;
            end = b;
        } else if ((unsigned long)here >= begin && (unsigned long)here < end && sscanf(line, "Rss: %lu", &kib) == 1) {
            break;
        }
    }
    fclose(maps);
    return kib > 0;
}

START_TEST(test_clean_pages_go_and_come_back)
{
    char *map = map_file();
    size_t dropped;

    ck_assert_int_eq(mprotect(map, PAGES * page, PROT_READ), 0);
    for (size_t i = 0; i < PAGES; i++)
        ck_assert_int_eq(map[i * page], 'f');
    ck_assert(is_resident(map));
    dropped = memory_trim();
    ck_assert_uint_ge(dropped, PAGES * page);
    ck_assert(!is_resident(map));
    for (size_t i = 0; i < PAGES; i++)
        ck_assert_int_eq(map[i * page], 'f');
    munmap(map, PAGES * page);
}
END_TEST

START_TEST(test_own_pages_stay)
{
    char *changed = map_file(), *writable = map_file();

    changed[page] = 'x'; /* as a relocated page, or one with a breakpoint in it */
    writable[page] = 'y';
    ck_assert_int_eq(mprotect(changed, PAGES * page, PROT_READ), 0);
    memory_trim();
    ck_assert_int_eq(changed[page], 'x');
    ck_assert_int_eq(changed[0], 'f');
    ck_assert_int_eq(writable[page], 'y');
    munmap(changed, PAGES * page);
    munmap(writable, PAGES * page);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trim");
    TCase *tests = tcase_create("trim");
    SRunner *runner = srunner_create(suite);
    int failed;

    page = (size_t)sysconf(_SC_PAGESIZE);
    tcase_add_test(tests, test_clean_pages_go_and_come_back);
    tcase_add_test(tests, test_own_pages_stay);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
