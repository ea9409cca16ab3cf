/* Tables. The only file that knows libsmartcols: it aligns, pads, colours and prints; how wide a column may be, and
 * what of a cell is left out then, is decided here, since the library cuts at the end alone. */
#include "agent/ctl/table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/fit.h"
#include "common/map.h"
#include "common/text.h"
#include "common/vec.h"

enum { ROWS_MAX = 5000, GAP = 2, WIDTH_LEAST = 4, ROOM_LEAST = 12, COLUMNS_MAX = 16 };

struct cell {
    char *text; /* escaped */
    enum mark mark;
};

struct row {
    struct cell *cells; /* of the columns that are shown */
    char *lines;        /* below it; NULL: none */
};

struct table {
    const struct terminal *terminal;
    struct table_column columns[COLUMNS_MAX]; /* that are shown */
    size_t given[COLUMNS_MAX];                /* their indices among those of table_new() */
    size_t count;
    VEC(struct row) rows;
    bool begun; /* the headings are printed */
};

/* What ends the process when the library has no memory, as mem_alloc() does. */
static void *must(void *p)
{
    if (!p)
        mem_end();
    return p;
}

static void must_be_done(int r)
{
    if (r < 0)
        mem_end();
}

static bool is_shown(const struct terminal *terminal, enum table_place place)
{
    switch (place) {
    case TABLE_EVERYWHERE:
        break;
    case TABLE_SCREEN:
        return terminal_is_screen(terminal);
    case TABLE_RAW:
        return !terminal_is_screen(terminal);
    case TABLE_DETAIL:
        return terminal->output != OUTPUT_TABLE;
    case TABLE_NOWHERE:
        return false;
    }
    return true;
}

struct table *table_new(const struct terminal *terminal, const struct table_column *columns, size_t count)
{
    struct table *table = mem_alloc(sizeof *table);

    table->terminal = terminal;
    for (size_t i = 0; i < count; i++)
        if (is_shown(terminal, columns[i].place)) {
            invariant(table->count < COLUMNS_MAX);
            table->given[table->count] = i;
            table->columns[table->count++] = columns[i];
        }
    return table;
}

static void free_rows(struct table *table)
{
    for (size_t i = 0; i < table->rows.count; i++) {
        for (size_t c = 0; c < table->count; c++)
            free(table->rows.items[i].cells[c].text);
        free(table->rows.items[i].cells);
        free(table->rows.items[i].lines);
    }
    vec_free(&table->rows);
}

void table_free(struct table *table)
{
    if (!table)
        return;
    free_rows(table);
    free(table);
}

/* ---- For programs ---- */

/* A spreadsheet takes what begins with one of these for a formula, and runs it. */
static bool is_formula(const char *text)
{
    static const char *const signs[] = {"=", "+", "-", "@", "＝", "＋", "－", "＠"};

    for (size_t i = 0; i < countof(signs); i++)
        if (str_starts(text, signs[i]))
            return true;
    return false;
}

static void append_raw(const struct table *table, struct str *out, size_t column, const char *text)
{
    scoped_str safe = STR_INIT;
    bool csv = table->terminal->output == OUTPUT_CSV;

    if (column)
        str_append_char(out, csv ? ',' : '\t');
    text_escape(&safe, text ? text : "", text ? strlen(text) : 0, 0);
    text = str_text(&safe);
    if (!csv || (!text[strcspn(text, ",\"")] && !is_formula(text) && *text != ' ')) {
        str_append(out, text);
        return;
    }
    str_append(out, is_formula(text) ? "\"'" : "\"");
    for (; *text; text++)
        str_append(out, *text == '"' ? "\"\"" : (const char[]){*text, '\0'});
    str_append_char(out, '"');
}

static void print_raw(const struct table *table, const struct table_cell *cells)
{
    scoped_str out = STR_INIT;

    for (size_t i = 0; i < table->count; i++)
        append_raw(table, &out, i, cells ? cells[table->given[i]].text : table->columns[i].key);
    str_append(&out, table->terminal->output == OUTPUT_CSV ? "\r\n" : "\n");
    fwrite(str_text(&out), 1, out.length, stdout);
}

static void begin_raw(struct table *table)
{
    if (!table->begun && table->terminal->headings)
        print_raw(table, NULL);
    table->begun = true;
}

/* ---- How wide a column is ---- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Gives the columns of TYPE a WIDTH of ROOM together: what they need, where that is less than an equal share. Returns
 * what they have. */
static size_t share(const struct table *table, enum table_type type, const size_t *natural, size_t room, size_t *width)
{
    size_t left = 0, given = 0;
    bool settled = false;

    for (size_t i = 0; i < table->count; i++) {
        left += table->columns[i].type == type;
        width[i] = table->columns[i].type == type ? 0 : width[i];
    }
    while (!settled && left) {
        size_t each = room > given ? (room - given) / left : 0;

        settled = true;
        for (size_t i = 0; i < table->count; i++)
            if (table->columns[i].type == type && !width[i] && natural[i] <= each) {
                width[i] = larger(natural[i], 1);
                given += width[i];
                left--;
                settled = false;
            }
        for (size_t i = 0; settled && i < table->count; i++)
            if (table->columns[i].type == type && !width[i]) {
                width[i] = larger(each, WIDTH_LEAST);
                given += width[i];
            }
    }
    return given;
}

static size_t sum(const struct table *table, enum table_type type, const size_t *natural)
{
    size_t all = 0;

    for (size_t i = 0; i < table->count; i++)
        all += table->columns[i].type == type ? natural[i] : 0;
    return all;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Words and numbers have what they need (words break only where nothing would be left), names half of what is left, or
 * more where the texts leave it. */
static void fit_columns(const struct table *table, const size_t *natural, size_t *width)
{
    size_t words = sum(table, TABLE_WORD, natural), names = sum(table, TABLE_NAME, natural);
    size_t texts = sum(table, TABLE_TEXT, natural), room = table->terminal->width;
    size_t fixed = sum(table, TABLE_NUMBER, natural) + GAP * (table->count ? table->count - 1 : 0), least;

    memcpy(width, natural, table->count * sizeof *width);
    room = room > fixed ? room - fixed : 0;
    if (table->terminal->output == OUTPUT_WIDE || words + names + texts <= room)
        return;
    least = smaller(names, ROOM_LEAST) + smaller(texts, ROOM_LEAST);
    if (words + least > room)
        words = share(table, TABLE_WORD, natural, room > least ? room - least : 0, width);
    room = room > words ? room - words : 0;
    names = share(table, TABLE_NAME, natural, larger(room > texts ? room - texts : 0, texts ? room / 2 : room), width);
    share(table, TABLE_TEXT, natural, room > names ? room - names : 0, width);
}

/* A sentence that has too little room in the last column stands below its row instead. True: so it does, and that
 * column is not shown. */
static bool move_below(struct table *table, const size_t *natural, const size_t *width)
{
    enum { READABLE = 32, INDENT = 4 };
    size_t last = table->count - 1;

    if (!last || table->columns[last].type != TABLE_TEXT || width[last] >= READABLE || natural[last] <= width[last] ||
        table->terminal->output != OUTPUT_TABLE)
        return false;
    for (size_t r = 0; r < table->rows.count; r++) {
        struct row *row = &table->rows.items[r];
        scoped(cleanup_free) char *before = row->lines;
        scoped_str lines = STR_INIT;

        terminal_wrap(table->terminal, &lines, row->cells[last].text, INDENT, 0);
        row->lines = mem_printf("%s%s", str_text(&lines), before ? before : "");
    }
    return true;
}

/* ---- What is shown of a cell ---- */

static void break_lines(struct str *out, const char *text, size_t columns)
{
    do {
        size_t length = text_line(text, columns);

        if (out->length)
            str_append_char(out, '\n');
        str_append_n(out, text, length);
        text += length;
        text += strspn(text, " ");
    } while (*text);
}

/* What each name of the column looks like when it is cut → the name; "" for what several look like. */
static struct map *cut_names(const struct table *table, size_t column, size_t columns)
{
    struct map *names = map_new(NULL);

    for (size_t i = 0; i < table->rows.count; i++) {
        char *text = table->rows.items[i].cells[column].text;
        const char *other;
        scoped_str cut = STR_INIT;

        if (text_columns(text) <= columns)
            continue;
        fit_middle(&cut, text, columns, table->terminal->ascii);
        other = map_get(names, str_text(&cut));
        if (!other)
            map_set(names, str_text(&cut), text);
        else if (strcmp(other, text) != 0)
            map_set(names, str_text(&cut), (char[]){""});
    }
    return names;
}

static void fit_cell(const struct table *table, size_t column, const char *text, size_t columns,
                     const struct map *names, struct str *out)
{
    if (text_columns(text) <= columns) {
        str_append(out, text);
        return;
    }
    if (table->columns[column].type == TABLE_NAME) {
        const char *name;

        fit_middle(out, text, columns, table->terminal->ascii);
        name = map_get(names, str_text(out));
        if (name && *name)
            return;
        str_clear(out);
    }
    break_lines(out, text, columns);
}

static size_t count_lines(const char *text)
{
    size_t count = 1;

    for (; (text = strchr(text, '\n')); text++)
        count++;
    return count;
}

/* ---- On a screen ---- */

static void add_columns(const struct table *table, struct libscols_table *screen)
{
    for (size_t c = 0; c < table->count; c++) {
        bool number = table->columns[c].type == TABLE_NUMBER;
        struct libscols_column *column =
            must(scols_table_new_column(screen, table->columns[c].heading, 0, number ? SCOLS_FL_RIGHT : SCOLS_FL_WRAP));

        if (!number)
            must_be_done(scols_column_set_wrapfunc(column, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL));
    }
}

/* How many lines each row takes goes to HEIGHTS. */
static void add_rows(const struct table *table, struct libscols_table *screen, const size_t *width, size_t *heights)
{
    struct libscols_line **lines = mem_alloc(table->rows.count * sizeof *lines);

    for (size_t r = 0; r < table->rows.count; r++)
        lines[r] = must(scols_table_new_line(screen, NULL));
    for (size_t c = 0; c < table->count; c++) {
        scoped(cleanup_map) struct map *names = cut_names(table, c, width[c]);

        for (size_t r = 0; r < table->rows.count; r++) {
            const struct cell *cell = &table->rows.items[r].cells[c];
            const char *colour = terminal_colour(table->terminal, cell->mark);
            scoped_str text = STR_INIT;

            fit_cell(table, c, cell->text, width[c], names, &text);
            must_be_done(scols_line_set_data(lines[r], c, str_text(&text)));
            if (colour)
                must_be_done(scols_cell_set_color(must(scols_line_get_cell(lines[r], c)), colour));
            heights[r] = larger(heights[r], count_lines(str_text(&text)));
        }
    }
    free(lines);
}

static void print_lines(const char **at, size_t count)
{
    for (; count && **at; count--) {
        size_t length = strcspn(*at, "\n");

        while (length && (*at)[length - 1] == ' ')
            length--;
        printf("%.*s\n", (int)length, *at);
        *at += strcspn(*at, "\n");
        *at += **at == '\n';
    }
}

static void lay_out(const struct table *table, const size_t *width)
{
    struct libscols_table *screen = must(scols_new_table());
    size_t *heights = mem_alloc(table->rows.count * sizeof *heights), all = 0;
    bool headings = !table->begun && table->terminal->headings;
    char *text = NULL;
    const char *at;

    for (size_t c = 0; c < table->count; c++)
        all += width[c] + GAP;
    must_be_done(scols_table_set_column_separator(screen, "  "));
    must_be_done(scols_table_enable_noencoding(screen, 1));
    must_be_done(scols_table_enable_noheadings(screen, !headings));
    must_be_done(scols_table_enable_colors(screen, table->terminal->colour));
    must_be_done(scols_table_set_termforce(screen, SCOLS_TERMFORCE_ALWAYS));
    must_be_done(scols_table_set_termwidth(screen, all));
    add_columns(table, screen);
    add_rows(table, screen, width, heights);
    must_be_done(scols_print_table_to_string(screen, &text));
    at = must(text);
    print_lines(&at, headings);
    for (size_t r = 0; r < table->rows.count; r++) {
        print_lines(&at, heights[r]);
        if (table->rows.items[r].lines)
            fputs(table->rows.items[r].lines, stdout);
    }
    free(text);
    free(heights);
    scols_unref_table(screen);
}

static void flush_rows(struct table *table)
{
    size_t natural[COLUMNS_MAX] = {0}, width[COLUMNS_MAX] = {0};

    if (!table->rows.count || !table->count)
        return;
    for (size_t c = 0; c < table->count; c++) {
        natural[c] = table->terminal->headings ? text_columns(table->columns[c].heading) : 1;
        for (size_t r = 0; r < table->rows.count; r++)
            natural[c] = larger(natural[c], text_columns(table->rows.items[r].cells[c].text));
    }
    fit_columns(table, natural, width);
    if (move_below(table, natural, width)) {
        table->count--;
        fit_columns(table, natural, width);
        lay_out(table, width);
        table->count++;
    } else {
        lay_out(table, width);
    }
    free_rows(table);
    table->begun = true;
}

void table_row(struct table *table, const struct table_cell *cells)
{
    struct row row = {0};

    if (!terminal_is_screen(table->terminal)) {
        begin_raw(table);
        print_raw(table, cells);
        return;
    }
    if (table->rows.count == ROWS_MAX)
        flush_rows(table);
    row.cells = mem_alloc(table->count * sizeof *row.cells);
    for (size_t i = 0; i < table->count; i++) {
        const struct table_cell *cell = &cells[table->given[i]];
        scoped_str text = STR_INIT;

        fit_escape(&text, cell->text);
        row.cells[i] = (struct cell){str_steal(&text), cell->mark};
    }
    vec_push(&table->rows, row);
}

void table_lines(struct table *table, const char *lines)
{
    struct row *row = table->rows.count ? &table->rows.items[table->rows.count - 1] : NULL;
    char *before = row ? row->lines : NULL;

    if (!row)
        return;
    row->lines = mem_printf("%s%s", before ? before : "", lines);
    free(before);
}

void table_print(struct table *table)
{
    if (terminal_is_screen(table->terminal))
        flush_rows(table);
    else
        begin_raw(table);
}
