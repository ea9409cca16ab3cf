/* What the mutators share: numbers that follow from libFuzzer's seed alone, and libFuzzer's own mutation. */
#ifndef TESTS_FUZZ_MUTATE_RANDOM_H
#define TESTS_FUZZ_MUTATE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

struct mutate_random {
    uint64_t state;
};

static inline struct mutate_random mutate_random_of(unsigned seed)
{
    return (struct mutate_random){seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
}

/* Below END, which is not 0. */
static inline size_t mutate_below(struct mutate_random *random, size_t end)
{
    random->state = random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(random->state >> 33) % end;
}

#define MUTATE_PICK(random, list) ((list)[mutate_below(random, sizeof(list) / sizeof *(list))])

#endif
