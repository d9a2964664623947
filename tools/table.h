/* SPDX-License-Identifier: MIT */
/* table: columns of text, as wide as they need to be. */
#ifndef NACRE_TOOLS_TABLE_H
#define NACRE_TOOLS_TABLE_H

#include "base/text.h"

#include <stdbool.h>

#define TABLE_COLUMNS 12

/** Cells are added row by row and printed together. Starts zeroed but for
 *  its layout. */
typedef struct table {
  const char *align;        /* a letter for each column: 'l' or 'r' */
  const char *const *head;  /* a title for each column, or NULL: none */
  const char *indent;       /* before each line; NULL: nothing */
  nacre_text text;          /* all cells, each with its NUL */
  int cells;
} table;

void table_cell(table *, const char *format, ...) NACRE_PRINTF(2, 3);
/** Prints to stdout, and frees the cells. False: out of memory. */
bool table_print(table *);

/** Columns that UTF-8 text fills on a terminal, as one for each character. */
int table_width(const char *);

#endif
