/* SPDX-License-Identifier: MIT */
/* csv: what the files of the csv source share: the reader that cuts text into
 * cells, the columns that turn cells into numbers, and the text form of what
 * was learned from the training file. */
#ifndef NACRE_SOURCES_CSV_H
#define NACRE_SOURCES_CSV_H

#include <nacre/plugin.h>

#include "grow.h"

#define CSV_CELL_SHOWN 48  /* bytes of a cell that a message shows */
#define CSV_PLACE 4400     /* a path, and two numbers */

/* Words of the enums, in the order of the parameter table. */
#define CSV_HEADER_AUTO 0
#define CSV_HEADER_TRUE 1
#define CSV_ENCODING_ONEHOT 0

typedef struct csv_cfg {
  const char *path;
  nacre_enum header;
  const char *delimiter, *quote;
  nacre_strings columns, x, y, group, drop, categorical, missing;
  nacre_enum encoding;
  int64_t skip_rows;
  bool skip_blank, trim, drop_missing_target;
  const char *strip;
} csv_cfg;

/* --- csv_parse.c --- */

/* One cell: not terminated, valid until the next row is read. */
typedef struct csv_cell {
  const char *at;
  size_t n;
  size_t copy; /* offset + 1 of a cell that had to be copied; 0: it is in
                  the text */
} csv_cell;

/* Cuts text into rows of cells by RFC 4180. */
typedef struct csv_reader {
  const nacre_host *host;
  nacre_fail *fail;
  const char *path;
  const char *at, *end;    /* what is left of the text */
  int64_t line;            /* of `at`, counting from 1 */
  char delimiter, quote;   /* quote 0: none */
  bool trim, skip_blank;
  int64_t row_line;        /* line the current row starts on */
  csv_cell *cell;          /* [cells] of the current row */
  size_t cells, room;
  char *unquoted;          /* cells that held doubled quotes */
  size_t unquoted_n, unquoted_room;
} csv_reader;

/* The text is borrowed. Skips a byte order mark and `skip` lines; refuses
 * NUL bytes and bad delimiters. */
int csv_reader_init(csv_reader *, const nacre_host *, nacre_fail *,
                    const csv_cfg *, const char *text, size_t n);
void csv_reader_fini(csv_reader *);
/* Reads a row: 1, 0 at the end, NACRE_ERROR. */
int csv_reader_next(csv_reader *);
/* Fails at a cell of the current row (-1: the row itself). */
int csv_reader_fail(const csv_reader *, int64_t cell, const char *format, ...)
  NACRE_PRINTF(3, 4);
/* A cell as a message shows it: shortened, without control characters. */
const char *csv_cell_show(char out[CSV_CELL_SHOWN + 4], const char *at,
                          size_t n);

/* --- csv_category.c --- */

/* A set of texts. Codes are positions: in order of appearance until sorted,
 * in byte order after. */
typedef struct csv_categories {
  char **text;       /* [n] */
  int32_t n, room;
  int32_t *slot;     /* [slots] hash table of codes + 1; 0 is free */
  uint32_t slots;
} csv_categories;

int csv_categories_add(csv_categories *, const nacre_host *, const char *at,
                       size_t n); /* NACRE_ERROR: out of memory */
/* Before sorting: the code, by order of appearance, or -1. */
int32_t csv_categories_code(const csv_categories *, const char *at, size_t n);
void csv_categories_sort(csv_categories *, const nacre_host *);
/* After sorting: the code, or -1. */
int32_t csv_categories_find(const csv_categories *, const char *at, size_t n);
void csv_categories_fini(csv_categories *, const nacre_host *);

/* --- csv_table.c --- */

#define CSV_UNUSED 0
#define CSV_INPUT 1
#define CSV_TARGET 2
#define CSV_GROUP 3
#define CSV_GROUPS 8 /* columns of them */

/* A column of the training file. */
typedef struct csv_column {
  char *name;               /* from the header, `columns`, or its number */
  int role;                 /* CSV_UNUSED, CSV_INPUT, CSV_TARGET, CSV_GROUP */
  bool declared;            /* categorical because the user said so */
  bool fixed;               /* numeric because the user or the state says so */
  bool categorical;
  int64_t numbers, texts;   /* cells seen; missing ones are neither */
  int64_t text_line;        /* where the first text was, and the text */
  char text[CSV_CELL_SHOWN + 4];
  csv_categories categories;
  real *number;             /* [rows] if numeric; NaN where missing */
  int32_t *code;            /* [rows] if categorical; -1 where missing */
} csv_column;

/* The columns of one file and the order they are used in. */
typedef struct csv_table {
  const nacre_host *host;
  const csv_cfg *cfg;
  nacre_fail *fail;
  const char *text;         /* [n] the file; borrowed */
  size_t n;
  csv_column *column;       /* [columns] of the training file */
  size_t columns;
  size_t *input, *target;   /* [inputs], [targets]: indices into column */
  size_t inputs, targets;
  size_t group[CSV_GROUPS]; /* [groups], of a training file alone */
  size_t groups;
  size_t unread;            /* targets that predictions do without */
  size_t *cell;             /* [columns] where each is in this file's rows;
                               SIZE_MAX: it is not, or need not be read */
  size_t cells;             /* cells of each row of this file */
  bool named;               /* the columns have names, not numbers */
  bool header;              /* the first row of this file is a header */
  bool onehot;
  bool numeric;             /* texts are an error, not categories */
  int64_t rows;
} csv_table;

/* The names and roles of the columns, from the first row and the
 * configuration. */
int csv_table_begin(csv_table *);
/* Finds the columns of a state in this file. `predict`: leaves targets out,
 * which may be missing. */
int csv_table_match(csv_table *, bool predict);
/* A reader behind the header. Finish it even on NACRE_ERROR. */
int csv_table_rewind(const csv_table *, csv_reader *);
void csv_table_fini(csv_table *);
/* Index of the column called `name`, or numbered so; SIZE_MAX: none. */
size_t csv_table_find(const csv_table *, const char *name);

/* --- csv_column.c --- */

/* What a cell is: trims `strip` off texts. */
#define CSV_IS_MISSING 0
#define CSV_IS_NUMBER 1
#define CSV_IS_TEXT 2
int csv_cell_kind(const csv_cfg *, const nacre_host *, csv_cell *,
                  double *value);
/* Counts the rows; of a training file, tells columns of numbers from columns
 * of texts and gathers the categories of these. */
int csv_columns_learn(csv_table *, bool training);
/* Reads the values of all used columns. */
int csv_columns_fill(csv_table *);

/* --- csv_state.c --- */

/* The columns, their roles, kinds and categories as text. */
int csv_state_write(const csv_table *, const nacre_host *, nacre_bytes *out);
/* Fills the columns and their order from such text, which is not trusted. */
int csv_state_read(csv_table *, const char *state);

#endif
