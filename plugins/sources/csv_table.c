/* SPDX-License-Identifier: MIT */
/* csv_table: which columns a file has, what they are called and what each is
 * for. */
#include "csv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HEADER_SAMPLE 100 /* rows that decide whether there is a header */

static int fail_file(const csv_table *self, const char *text,
                     const char *name) {
  char shown[CSV_CELL_SHOWN + 4];
  self->fail->fail(self->fail, self->cfg->path, text,
                   csv_cell_show(shown, name, strlen(name)));
  return NACRE_ERROR;
}

static int no_samples(const csv_table *self) {
  self->fail->fail(self->fail, self->cfg->path, "no samples");
  return NACRE_ERROR;
}

/* --- header --- */

/* A header shows itself by a text above a column of numbers. `first` has
 * just read the first row. */
static int detect_header(csv_table *self, const csv_reader *first,
                         bool *header) {
  csv_reader reader;
  size_t cells = first->cells;
  bool *number = self->host->alloc(2 * cells, sizeof(*number));
  if (number == NULL) {
    return sources_no_memory(self->fail);
  }
  bool *text = number + cells;
  int more = csv_reader_init(&reader, self->host, self->fail, self->cfg,
                             self->text, self->n);
  more = more == NACRE_OK ? csv_reader_next(&reader) : more;
  *header = false;
  for (int i = 0; more == 1 && i < HEADER_SAMPLE; i++) {
    more = csv_reader_next(&reader);
    for (size_t c = 0; more == 1 && c < cells && c < reader.cells; c++) {
      double value;
      int kind = csv_cell_kind(self->cfg, self->host, &reader.cell[c], &value);
      number[c] = number[c] || kind == CSV_IS_NUMBER;
      text[c] = text[c] || kind == CSV_IS_TEXT;
    }
  }
  for (size_t c = 0; more >= 0 && c < cells; c++) {
    double value;
    csv_cell cell = first->cell[c];
    *header = *header ||
              (number[c] && !text[c] &&
               csv_cell_kind(self->cfg, self->host, &cell, &value) ==
                 CSV_IS_TEXT);
  }
  csv_reader_fini(&reader);
  self->host->free(number);
  return more < 0 ? NACRE_ERROR : NACRE_OK;
}

/* --- names --- */

static char *copy_text(const nacre_host *host, const char *at, size_t n) {
  char *copy = host->alloc(n + 1, 1);
  if (copy != NULL && n > 0) {
    memcpy(copy, at, n);
  }
  return copy;
}

static int name_columns(csv_table *self, const csv_reader *first) {
  const nacre_strings *given = &self->cfg->columns;
  if (given->n > 0 && (size_t)given->n != self->columns) {
    return csv_reader_fail(first, -1, "%zu cells, but 'columns' has %lld "
                                      "names", self->columns,
                           (long long)given->n);
  }
  self->named = given->n > 0 || self->header;
  for (size_t i = 0; i < self->columns; i++) {
    char number[24];
    const char *name = number;
    int n = snprintf(number, sizeof(number), "%zu", i);
    if (given->n > 0) {
      name = given->at[i];
      n = (int)strlen(name);
    } else if (self->header && first->cell[i].n > 0) {
      name = first->cell[i].at;
      n = first->cell[i].n < 4096 ? (int)first->cell[i].n : 4096;
    }
    self->column[i].name = copy_text(self->host, name, (size_t)n);
    if (self->column[i].name == NULL) {
      return sources_no_memory(self->fail);
    }
  }
  return NACRE_OK;
}

size_t csv_table_find(const csv_table *self, const char *name) {
  for (size_t i = 0; i < self->columns; i++) {
    if (strcmp(self->column[i].name, name) == 0) {
      return i;
    }
  }
  double value;
  if (self->host->number(name, strlen(name), &value) == 0 && value >= 0 &&
      value < (double)self->columns && value == floor(value)) {
    return (size_t)value;
  }
  return SIZE_MAX;
}

#define NAME_COMPARED 64 /* bytes of a name that is looked for */

/* Bytes to put in, leave out or change to make one name of the other
 * (Wagner and Fischer, "The string-to-string correction problem", 1974). */
static size_t name_distance(const char *a, const char *b) {
  size_t row[NAME_COMPARED + 1], n = strlen(a), m = strlen(b);
  if (n > NAME_COMPARED || m > NAME_COMPARED) {
    return SIZE_MAX;
  }
  for (size_t j = 0; j <= m; j++) {
    row[j] = j;
  }
  for (size_t i = 1; i <= n; i++) {
    size_t before = row[0]; /* of the row above, one to the left */
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t change = before + (a[i - 1] != b[j - 1]);
      size_t one = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
      before = row[j];
      row[j] = one < change ? one : change;
    }
  }
  return row[m];
}

static int fail_unknown(const csv_table *self, const char *name) {
  char shown[2][CSV_CELL_SHOWN + 4];
  size_t least = 3, near = SIZE_MAX;
  for (size_t i = 0; i < self->columns; i++) {
    size_t distance = name_distance(name, self->column[i].name);
    if (distance < least && distance < strlen(name)) {
      least = distance;
      near = i;
    }
  }
  if (near == SIZE_MAX) {
    return fail_file(self, "there is no column '%s'", name);
  }
  const char *meant = self->column[near].name;
  self->fail->fail(self->fail, self->cfg->path,
                   "there is no column '%s': did you mean '%s'?",
                   csv_cell_show(shown[0], name, strlen(name)),
                   csv_cell_show(shown[1], meant, strlen(meant)));
  return NACRE_ERROR;
}

/* Two columns of one name are an error only when the name is used. */
static int find_one(const csv_table *self, const char *name, size_t *found) {
  *found = csv_table_find(self, name);
  if (*found == SIZE_MAX) {
    return fail_unknown(self, name);
  }
  for (size_t i = *found + 1; i < self->columns; i++) {
    if (strcmp(self->column[i].name, name) == 0) {
      return fail_file(self, "there are two columns '%s'", name);
    }
  }
  return NACRE_OK;
}

/* --- roles --- */

static int take(csv_table *self, const char *name, int role, size_t *list,
                size_t *n) {
  size_t found;
  if (find_one(self, name, &found) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (self->column[found].role != CSV_UNUSED) {
    return fail_file(self, "column '%s' is used twice in 'x', 'y' and 'group'",
                     name);
  }
  self->column[found].role = role;
  list[(*n)++] = found;
  return NACRE_OK;
}

/* All columns are inputs that are neither targets nor dropped. */
static int take_rest(csv_table *self) {
  const nacre_strings *drop = &self->cfg->drop;
  for (size_t i = 0; i < self->columns; i++) {
    if (self->column[i].role == CSV_UNUSED) {
      self->column[i].role = CSV_INPUT;
    }
  }
  for (int64_t i = 0; i < drop->n; i++) {
    size_t found;
    if (find_one(self, drop->at[i], &found) != NACRE_OK) {
      return NACRE_ERROR;
    }
    if (self->column[found].role == CSV_GROUP) {
      continue; /* it is no input */
    }
    if (self->column[found].role == CSV_TARGET) {
      return fail_file(self, "column '%s' is both in 'y' and in 'drop'",
                       drop->at[i]);
    }
    self->column[found].role = CSV_UNUSED;
  }
  for (size_t i = 0; i < self->columns; i++) {
    if (self->column[i].role == CSV_INPUT) {
      self->input[self->inputs++] = i;
    }
  }
  return NACRE_OK;
}

static int give_roles(csv_table *self) {
  const csv_cfg *cfg = self->cfg;
  for (int64_t i = 0; i < cfg->y.n; i++) {
    if (take(self, cfg->y.at[i], CSV_TARGET, self->target, &self->targets)) {
      return NACRE_ERROR;
    }
  }
  if (cfg->group.n > CSV_GROUPS) {
    return fail_file(self, "%s", "more than 8 columns in 'group'");
  }
  for (int64_t i = 0; i < cfg->group.n; i++) {
    if (take(self, cfg->group.at[i], CSV_GROUP, self->group,
             &self->groups)) {
      return NACRE_ERROR;
    }
    /* Numbers of patients are names, too. */
    self->column[self->group[i]].declared = true;
  }
  for (int64_t i = 0; i < cfg->x.n; i++) {
    if (take(self, cfg->x.at[i], CSV_INPUT, self->input, &self->inputs)) {
      return NACRE_ERROR;
    }
  }
  if (cfg->x.n == 0 && take_rest(self) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (self->inputs == 0) {
    return fail_file(self, "%s", "no column is left for 'x'");
  }
  for (int64_t i = 0; i < cfg->categorical.n; i++) {
    size_t found;
    if (find_one(self, cfg->categorical.at[i], &found) != NACRE_OK) {
      return NACRE_ERROR;
    }
    self->column[found].declared = true;
  }
  for (size_t i = 0; cfg->categorical.n > 0 && i < self->columns; i++) {
    csv_column *column = &self->column[i];
    column->fixed = column->role == CSV_INPUT && !column->declared;
  }
  return NACRE_OK;
}

/* --- beginning --- */

static int allocate(csv_table *self) {
  const nacre_host *host = self->host;
  self->column = host->alloc(self->columns, sizeof(*self->column));
  self->input = host->alloc(self->columns, sizeof(*self->input));
  self->target = host->alloc(self->columns, sizeof(*self->target));
  self->cell = host->alloc(self->columns, sizeof(*self->cell));
  if (self->column == NULL || self->input == NULL || self->target == NULL ||
      self->cell == NULL) {
    self->columns = self->column == NULL ? 0 : self->columns;
    return sources_no_memory(self->fail);
  }
  return NACRE_OK;
}

static int begin_from(csv_table *self, csv_reader *first) {
  self->header = self->cfg->header.value == CSV_HEADER_TRUE;
  if (self->cfg->header.value == CSV_HEADER_AUTO &&
      detect_header(self, first, &self->header) != NACRE_OK) {
    return NACRE_ERROR;
  }
  self->columns = self->cells = first->cells;
  if (allocate(self) != NACRE_OK || name_columns(self, first) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (size_t i = 0; i < self->columns; i++) {
    self->cell[i] = i;
  }
  return give_roles(self);
}

int csv_table_begin(csv_table *self) {
  csv_reader first;
  int status = csv_reader_init(&first, self->host, self->fail, self->cfg,
                               self->text, self->n);
  if (status == NACRE_OK) {
    status = csv_reader_next(&first);
    status = status == 0 ? no_samples(self)
                         : status == 1 ? begin_from(self, &first) : status;
  }
  csv_reader_fini(&first);
  return status;
}

int csv_table_rewind(const csv_table *self, csv_reader *reader) {
  int status = csv_reader_init(reader, self->host, self->fail, self->cfg,
                               self->text, self->n);
  if (status == NACRE_OK && self->header) {
    status = csv_reader_next(reader);
    status = status == 1 ? NACRE_OK : status;
  }
  return status;
}

/* --- matching a state --- */

static size_t find_cell(const csv_reader *row, const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; i < row->cells; i++) {
    if (row->cell[i].n == n && memcmp(row->cell[i].at, name, n) == 0) {
      return i;
    }
  }
  return SIZE_MAX;
}

static bool is_header(const csv_table *self, const csv_reader *first) {
  for (size_t i = 0; i < self->inputs; i++) {
    const char *name = self->column[self->input[i]].name;
    if (find_cell(first, name) == SIZE_MAX) {
      return false;
    }
  }
  return self->named;
}

static int match_names(csv_table *self, const csv_reader *first) {
  for (size_t i = 0; i < self->columns; i++) {
    csv_column *column = &self->column[i];
    self->cell[i] = find_cell(first, column->name);
    if (column->role != CSV_UNUSED && self->cell[i] == SIZE_MAX) {
      return fail_file(self, "there is no column '%s', which the training "
                             "data had", column->name);
    }
  }
  return NACRE_OK;
}

static int match_positions(csv_table *self, const csv_reader *first,
                           size_t left_out) {
  bool shorter = left_out > 0 && first->cells == self->columns - left_out;
  if (first->cells != self->columns && !shorter) {
    return csv_reader_fail(first, -1, "%zu cells, but the training data had "
                                      "%zu", first->cells, self->columns);
  }
  size_t at = 0;
  for (size_t i = 0; i < self->columns; i++) {
    for (size_t t = 0; shorter && t < left_out; t++) {
      at -= self->target[t] == i;
    }
    self->cell[i] = at++;
  }
  return NACRE_OK;
}

static int match_from(csv_table *self, const csv_reader *first,
                      bool predict) {
  size_t left_out = 0;
  self->cells = first->cells;
  self->header = self->cfg->header.value == CSV_HEADER_TRUE;
  if (self->cfg->header.value == CSV_HEADER_AUTO) {
    self->header = is_header(self, first);
    if (!self->header &&
        detect_header(self, first, &self->header) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  if (predict) {
    self->unread = left_out = self->targets;
    self->targets = 0;
    for (size_t t = 0; t < left_out; t++) {
      self->column[self->target[t]].role = CSV_UNUSED;
    }
  }
  return self->header && self->named
           ? match_names(self, first)
           : match_positions(self, first, left_out);
}

int csv_table_match(csv_table *self, bool predict) {
  csv_reader first;
  int status = csv_reader_init(&first, self->host, self->fail, self->cfg,
                               self->text, self->n);
  if (status == NACRE_OK) {
    status = csv_reader_next(&first);
    status = status == 0 ? no_samples(self)
                         : status == 1 ? match_from(self, &first, predict)
                                       : status;
  }
  csv_reader_fini(&first);
  return status;
}

void csv_table_fini(csv_table *self) {
  const nacre_host *host = self->host;
  for (size_t i = 0; i < self->columns; i++) {
    csv_column *column = &self->column[i];
    csv_categories_fini(&column->categories, host);
    host->free(column->name);
    host->free(column->number);
    host->free(column->code);
  }
  host->free(self->column);
  host->free(self->input);
  host->free(self->target);
  host->free(self->cell);
}
