/* SPDX-License-Identifier: MIT */
/* windows: what the two files of that source share. */
#ifndef NACRE_SOURCES_WINDOWS_H
#define NACRE_SOURCES_WINDOWS_H

#include "csv.h"
#include "parts.h"

#define WINDOWS_MOST (1 << 24)

typedef struct windows_cfg {
  const char *path;
  nacre_strings x, y, drop, missing, columns;
  int64_t history, horizon, stride, skip_rows;
  nacre_enum part, header;
  nacre_floats parts;
  bool standardize;
  const char *delimiter, *quote;
} windows_cfg;

typedef struct windows_source {
  csv_table table;        /* all columns that are used are its inputs */
  csv_cfg marks;
  const char **name;      /* [table inputs], while it is opened */
  size_t *x, *y;          /* [n_x], [n_y]: columns of the table */
  int64_t n_x, n_y;
  double *mean, *deviation; /* [table columns] */
  bool standardize;
  int64_t history, horizon, stride;
  parts part;
  int64_t first;          /* row that the first window begins at */
  int64_t end;            /* behind the last row that may be read */
  int64_t windows;
  nacre_field field[2];   /* x, y */
} windows_source;

/* Room for lists of the table's columns. NACRE_ERROR: out of memory. */
int windows_make_lists(windows_source *, nacre_fail *);
/* What is kept of a training series, as text. */
int windows_state(const void *opened, const nacre_host *, nacre_bytes *out);
/* Fills a source from such text, which is not trusted. */
int windows_state_read(windows_source *, const char *state, nacre_fail *);

#endif
