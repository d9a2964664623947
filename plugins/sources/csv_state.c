/* SPDX-License-Identifier: MIT */
/* csv_state: what was learned from the training file as lines of text, and
 * back.
 *
 *   csv 1 NAMED ONEHOT COLUMNS
 *   ROLE PLACE CATEGORIES NAME       for each column of the file
 *   CATEGORY                         for each of its categories
 *
 * ROLE is x, y or -, PLACE its place among those of its role, CATEGORIES -1
 * for a column of numbers. It comes back out of a model's file, so nothing in
 * it is trusted. */
#include "csv.h"

#include "state.h"

#include <stdio.h>
#include <string.h>

#define STATE_COLUMNS 1000000 /* more than that is not a file of ours */

/* --- writing --- */

static size_t place_of(const size_t *list, size_t n, size_t column) {
  size_t i = 0;
  while (i < n && list[i] != column) {
    i++;
  }
  return i;
}

int csv_state_write(const csv_table *table, const nacre_host *host,
                    nacre_bytes *out) {
  state_writer self = { .host = host };
  char line[96];
  int n = snprintf(line, sizeof(line), "csv 1 %d %d %zu\n", table->named,
                   table->onehot, table->columns);
  state_put(&self, line, (size_t)n);
  for (size_t i = 0; i < table->columns; i++) {
    const csv_column *column = &table->column[i];
    size_t place =
      column->role == CSV_INPUT ? place_of(table->input, table->inputs, i)
      : column->role == CSV_TARGET
        ? place_of(table->target, table->targets, i)
        : 0;
    /* Groups are of the training data alone. */
    bool kept = column->categorical && column->role != CSV_GROUP;
    int32_t categories = kept ? column->categories.n : -1;
    n = snprintf(line, sizeof(line), "%c %zu %ld ", "-xy-"[column->role],
                 place, (long)categories);
    state_put(&self, line, (size_t)n);
    state_put_text(&self, column->name);
    for (int32_t c = 0; c < categories; c++) {
      state_put_text(&self, column->categories.text[c]);
    }
  }
  return state_finish(&self, out);
}

/* --- reading --- */

static bool read_categories(csv_column *column, const nacre_host *host,
                            const char **at, int64_t count) {
  for (int64_t c = 0; c < count; c++) {
    size_t n;
    char *text = state_text(at, host, &n);
    bool ok = text != NULL && csv_categories_add(&column->categories, host,
                                                 text, n) == NACRE_OK;
    host->free(text);
    if (!ok) {
      return false;
    }
  }
  csv_categories_sort(&column->categories, host);
  return column->categories.n == count; /* no text came twice */
}

/* Notes that `column` has a place; each place may be taken once. */
static bool take_place(size_t *list, size_t *n, int64_t place,
                       size_t columns, size_t column) {
  if ((size_t)place >= columns || list[place] != 0) {
    return false;
  }
  list[place] = column + 1; /* 0 is free, until all are known */
  (*n)++;
  return true;
}

static bool settle_places(size_t *list, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (list[i] == 0) {
      return false;
    }
    list[i]--;
  }
  return true;
}

static bool read_column(csv_table *self, size_t i, const char **at) {
  csv_column *column = &self->column[i];
  int64_t place, categories;
  size_t n;
  char role = **at;
  if (role == '\0' || strchr("-xy", role) == NULL || (*at)[1] != ' ') {
    return false;
  }
  *at += 2;
  if (!state_number(at, ' ', 0, STATE_COLUMNS, &place) ||
      !state_number(at, ' ', -1, INT32_MAX, &categories)) {
    return false;
  }
  column->role = role == 'x' ? CSV_INPUT
                             : role == 'y' ? CSV_TARGET : CSV_UNUSED;
  column->categorical = categories >= 0;
  column->fixed = !column->categorical;
  column->name = state_text(at, self->host, &n);
  if (column->name == NULL ||
      (role == 'x' &&
       !take_place(self->input, &self->inputs, place, self->columns, i)) ||
      (role == 'y' &&
       !take_place(self->target, &self->targets, place, self->columns, i))) {
    return false;
  }
  return categories < 0 ||
         read_categories(column, self->host, at, categories);
}

static bool read_columns(csv_table *self, const char *at, size_t columns) {
  const nacre_host *host = self->host;
  self->column = host->alloc(columns, sizeof(*self->column));
  self->input = host->alloc(columns, sizeof(*self->input));
  self->target = host->alloc(columns, sizeof(*self->target));
  self->cell = host->alloc(columns, sizeof(*self->cell));
  if (self->column == NULL || self->input == NULL || self->target == NULL ||
      self->cell == NULL) {
    return false;
  }
  self->columns = columns;
  for (size_t i = 0; i < columns; i++) {
    if (!read_column(self, i, &at)) {
      return false;
    }
  }
  return *at == '\0' && self->inputs > 0 &&
         settle_places(self->input, self->inputs) &&
         settle_places(self->target, self->targets);
}

int csv_state_read(csv_table *self, const char *state) {
  int64_t named, onehot, columns;
  const char *at = state;
  /* Every column takes a line, which bounds what a lie can allocate. */
  int64_t lines = 0;
  for (const char *c = state; *c != '\0'; c++) {
    lines += *c == '\n';
  }
  bool ok = strncmp(at, "csv 1 ", 6) == 0;
  at += ok ? 6 : 0;
  ok = ok && state_number(&at, ' ', 0, 1, &named) &&
       state_number(&at, ' ', 0, 1, &onehot) &&
       state_number(&at, '\n', 1, STATE_COLUMNS, &columns) && columns < lines;
  if (ok) {
    self->named = named != 0;
    self->onehot = onehot != 0;
    ok = read_columns(self, at, (size_t)columns);
  }
  if (!ok) {
    self->fail->fail(self->fail, NULL,
                     "what was kept of the training data's columns is damaged");
    return NACRE_ERROR;
  }
  return NACRE_OK;
}
