/* Tables: a heading, rows of cells, lines below a row. On a screen they are fitted to its width, and laid out by
 * libsmartcols; for programs they are TSV or CSV. No line is wider than the terminal: texts wrap, names that are too
 * long are cut in the middle or, where two would look the same, wrapped. */
#ifndef AGENT_CTL_TABLE_H
#define AGENT_CTL_TABLE_H

#include <stddef.h>

#include "agent/ctl/terminal.h"

enum table_type {
    TABLE_WORD,   /* one of a few known words, or a time */
    TABLE_NUMBER, /* to the right */
    TABLE_NAME,   /* of something, a path, an id */
    TABLE_TEXT,   /* a sentence */
};

enum table_place {
    TABLE_EVERYWHERE,
    TABLE_SCREEN, /* table and wide */
    TABLE_RAW,    /* tsv and csv */
    TABLE_DETAIL, /* everywhere but in a table */
    TABLE_NOWHERE,
};

struct table_column {
    const char *key;     /* heading for programs: the API's name of it, in no language */
    const char *heading; /* for people */
    enum table_type type;
    enum table_place place;
};

struct table_cell {
    const char *text; /* NULL: there is none, which is "-" on a screen and nothing for programs */
    enum mark mark;
};

struct table;

/* TERMINAL outlives it; COLUMNS (their texts too) as well. */
struct table *table_new(const struct terminal *terminal, const struct table_column *columns, size_t count);
void table_free(struct table *table);
/* A row of as many CELLS as there are columns, those that are not shown as well; texts are copied. For programs it is
 * printed at once. On a screen it waits for table_print(), or for so many rows that memory would suffer. */
void table_row(struct table *table, const struct table_cell *cells);
/* Whole lines that stand below the last row on a screen, as terminal_wrap() makes them. */
void table_lines(struct table *table, const char *lines);
/* Prints what has not been printed to standard output: for programs the headings of a table without rows. A table
 * without rows is nothing on a screen. */
void table_print(struct table *table);

DEFINE_CLEANUP(struct table *, cleanup_table, table_free)

#endif
