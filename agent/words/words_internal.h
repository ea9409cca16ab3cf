/* The tables of the words, one a file. */
#ifndef AGENT_WORDS_WORDS_INTERNAL_H
#define AGENT_WORDS_WORDS_INTERNAL_H

#include "agent/words/words.h"

struct words_entry {
    const char *english, *chinese;
};

/* ENTRIES is sorted by the bytes of the English (tests/words --sort does it). */
struct words_table {
    const struct words_entry *entries;
    size_t count;
};

/* Ends a file of the folder: table NAME of the array ENTRIES. */
#define WORDS_TABLE(name, entries) const struct words_table name = {entries, sizeof(entries) / sizeof(entries)[0]}

extern const struct words_table words_status, words_checks_host, words_checks_daemon, words_checks_files,
    words_checks_images, words_checks_containers, words_checks_swarm, words_reasons, words_system, words_errors,
    words_screens, words_reports;

/* All of them; NULL ends. */
extern const struct words_table *const words_tables[];

#endif
