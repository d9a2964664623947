/* SPDX-License-Identifier: MIT */
/* csv_column: cells become numbers and categories.
 *
 * The text is read three times, which costs less than keeping its cells: to
 * count rows and tell numbers from texts, to gather categories, to fill. */
#include "csv.h"

#include <math.h>
#include <string.h>

/* More texts than this, and more than one for every two rows, are names or
 * free text rather than categories. */
#define CATEGORIES_PLENTY 50

static bool is_missing(const csv_cfg *cfg, const csv_cell *cell) {
  char first = '\0';
  if (cell->n > 0) {
    first = cell->at[0];
  }
  for (int64_t i = 0; i < cfg->missing.n; i++) {
    const char *text = cfg->missing.at[i];
    if (text[0] == first && strlen(text) == cell->n &&
        (cell->n == 0 || memcmp(text, cell->at, cell->n) == 0)) {
      return true;
    }
  }
  return false;
}

/* Most numbers are short: a whole number that a double holds, over a power of
 * ten that it holds, is rounded once and so exact (Clinger, "How to read
 * floating point numbers accurately", PLDI 1990). False: ask the host. */
static bool short_number(const csv_cell *cell, double *value) {
  static const double tens[] = { 1,   1e1, 1e2, 1e3, 1e4,
                                 1e5, 1e6, 1e7, 1e8, 1e9 };
  const char *at = cell->at, *end = at + cell->n;
  bool minus = at < end && *at == '-';
  int64_t whole = 0;
  int digits = 0, after = -1; /* digits after the point; -1: no point yet */
  for (at += minus; at < end; at++) {
    if (*at >= '0' && *at <= '9') {
      whole = whole * 10 + (*at - '0');
      after += after >= 0;
      if (++digits > 15) {
        return false;
      }
    } else if (*at == '.' && after < 0) {
      after = 0;
    } else {
      return false;
    }
  }
  if (digits == 0 || after > 9) {
    return false;
  }
  *value = (double)whole / tens[after > 0 ? after : 0];
  *value = minus ? -*value : *value;
  return true;
}

static void strip_cell(const char *strip, csv_cell *cell) {
  while (cell->n > 0 && strchr(strip, cell->at[cell->n - 1]) != NULL) {
    cell->n--;
  }
  while (cell->n > 0 && strchr(strip, cell->at[0]) != NULL) {
    cell->at++;
    cell->n--;
  }
}

int csv_cell_kind(const csv_cfg *cfg, const nacre_host *host, csv_cell *cell,
                  double *value) {
  if (is_missing(cfg, cell)) {
    return CSV_IS_MISSING;
  }
  if (cell->n > 0 &&
      (short_number(cell, value) ||
       host->number(cell->at, cell->n, value) == 0) &&
      isfinite((real)*value)) {
    return CSV_IS_NUMBER;
  }
  if (cfg->strip != NULL && cfg->strip[0] != '\0') {
    strip_cell(cfg->strip, cell);
    if (is_missing(cfg, cell)) {
      return CSV_IS_MISSING;
    }
  }
  return CSV_IS_TEXT;
}

/* Called with each row; NACRE_ERROR ends the walk. */
typedef int row_step(csv_table *, csv_reader *);

static int walk(csv_table *self, row_step *step) {
  csv_reader reader;
  int status = csv_table_rewind(self, &reader);
  if (status == NACRE_OK) {
    while ((status = csv_reader_next(&reader)) == 1) {
      if (reader.cells != self->cells) {
        status = csv_reader_fail(&reader, -1, "%zu cells, but the first row "
                                              "has %zu", reader.cells,
                                 self->cells);
        break;
      }
      if (step(self, &reader) != NACRE_OK) {
        status = NACRE_ERROR;
        break;
      }
    }
  }
  csv_reader_fini(&reader);
  return status;
}

/* --- learning --- */

static int count_row(csv_table *self, csv_reader *row) {
  (void)row;
  self->rows++;
  return NACRE_OK;
}

static int judge_row(csv_table *self, csv_reader *row) {
  self->rows++;
  for (size_t i = 0; i < self->columns; i++) {
    csv_column *column = &self->column[i];
    double value;
    if (column->role == CSV_UNUSED) {
      continue;
    }
    csv_cell *cell = &row->cell[self->cell[i]];
    int kind = csv_cell_kind(self->cfg, self->host, cell, &value);
    if (kind == CSV_IS_TEXT && column->texts++ == 0) {
      column->text_line = row->row_line;
      csv_cell_show(column->text, cell->at, cell->n);
    }
    column->numbers += kind == CSV_IS_NUMBER;
  }
  return NACRE_OK;
}

/* One text among a thousand numbers is a mistake in the file, not a reason
 * to make a thousand categories of the numbers. */
static int judge_column(csv_table *self, size_t i) {
  csv_column *column = &self->column[i];
  char name[CSV_CELL_SHOWN + 4];
  csv_reader place = { .fail = self->fail,
                       .path = self->cfg->path,
                       .row_line = column->text_line };
  column->categorical = column->declared || column->texts > 0;
  if (column->declared || column->texts == 0) {
    return NACRE_OK;
  }
  csv_cell_show(name, column->name, strlen(column->name));
  if (self->numeric) {
    return csv_reader_fail(&place, (int64_t)self->cell[i],
                           "'%s' is not a number, as column '%s' must be "
                           "(list the text under 'missing' or the column "
                           "under 'drop')", column->text, name);
  }
  if (column->fixed) {
    return csv_reader_fail(&place, (int64_t)self->cell[i],
                           "'%s' is not a number, and column '%s' is not "
                           "under 'categorical'", column->text, name);
  }
  if (column->numbers >= column->texts) {
    return csv_reader_fail(&place, (int64_t)self->cell[i],
                           "'%s' is not a number, as most of column '%s' are "
                           "(list the text under 'missing' or the column "
                           "under 'categorical')", column->text, name);
  }
  return NACRE_OK;
}

static int gather_row(csv_table *self, csv_reader *row) {
  for (size_t i = 0; i < self->columns; i++) {
    csv_column *column = &self->column[i];
    double value;
    if (column->role == CSV_UNUSED || !column->categorical) {
      continue;
    }
    csv_cell *cell = &row->cell[self->cell[i]];
    if (csv_cell_kind(self->cfg, self->host, cell, &value) !=
          CSV_IS_MISSING &&
        csv_categories_add(&column->categories, self->host, cell->at,
                           cell->n) != NACRE_OK) {
      return sources_no_memory(self->fail);
    }
  }
  return NACRE_OK;
}

static int finish_categories(csv_table *self, csv_column *column) {
  int64_t seen = column->numbers + column->texts;
  int64_t n = column->categories.n;
  csv_categories_sort(&column->categories, self->host);
  if (!column->declared && n > CATEGORIES_PLENTY && n > seen / 2) {
    char name[CSV_CELL_SHOWN + 4];
    csv_cell_show(name, column->name, strlen(column->name));
    self->fail->fail(self->fail, self->cfg->path,
                     "column '%s' has %lld different texts in %lld rows: list "
                     "it under 'drop', or under 'categorical' to have it so",
                     name, (long long)n, (long long)self->rows);
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

static int learn_categories(csv_table *self) {
  bool any = false;
  for (size_t i = 0; i < self->columns; i++) {
    if (self->column[i].role != CSV_UNUSED) {
      if (judge_column(self, i) != NACRE_OK) {
        return NACRE_ERROR;
      }
      any = any || self->column[i].categorical;
    }
  }
  if (any && walk(self, gather_row) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (size_t i = 0; i < self->columns; i++) {
    csv_column *column = &self->column[i];
    if (column->role != CSV_UNUSED && column->categorical &&
        finish_categories(self, column) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

int csv_columns_learn(csv_table *self, bool training) {
  self->rows = 0;
  if (walk(self, training ? judge_row : count_row) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (self->rows == 0) {
    self->fail->fail(self->fail, self->cfg->path, "no samples");
    return NACRE_ERROR;
  }
  return training ? learn_categories(self) : NACRE_OK;
}

/* --- filling --- */

static int fill_category(csv_table *self, csv_reader *row, size_t i,
                         int kind) {
  csv_column *column = &self->column[i];
  const csv_cell *cell = &row->cell[self->cell[i]];
  int32_t code = kind == CSV_IS_MISSING
                   ? -1
                   : csv_categories_find(&column->categories, cell->at,
                                         cell->n);
  if (code < 0 && column->role == CSV_TARGET) {
    char shown[CSV_CELL_SHOWN + 4], name[CSV_CELL_SHOWN + 4];
    return csv_reader_fail(row, (int64_t)self->cell[i],
                           "'%s' is not a class that column '%s' had in the "
                           "training data",
                           csv_cell_show(shown, cell->at, cell->n),
                           csv_cell_show(name, column->name,
                                         strlen(column->name)));
  }
  if (code < 0 && column->role == CSV_GROUP) {
    char name[CSV_CELL_SHOWN + 4];
    return csv_reader_fail(row, (int64_t)self->cell[i],
                           "the group '%s' is missing",
                           csv_cell_show(name, column->name,
                                         strlen(column->name)));
  }
  column->code[self->rows] = code;
  return NACRE_OK;
}

static int fill_number(csv_table *self, csv_reader *row, size_t i, int kind,
                       double value) {
  csv_column *column = &self->column[i];
  if (kind == CSV_IS_TEXT) {
    const csv_cell *cell = &row->cell[self->cell[i]];
    char shown[CSV_CELL_SHOWN + 4], name[CSV_CELL_SHOWN + 4];
    return csv_reader_fail(row, (int64_t)self->cell[i],
                           "'%s' is not a number, as column '%s' must be",
                           csv_cell_show(shown, cell->at, cell->n),
                           csv_cell_show(name, column->name,
                                         strlen(column->name)));
  }
  column->number[self->rows] = kind == CSV_IS_MISSING ? (real)NAN
                                                      : (real)value;
  return NACRE_OK;
}

/* 1: leave the row out. */
static int missing_target(csv_table *self, csv_reader *row) {
  for (size_t t = 0; t < self->targets; t++) {
    size_t i = self->target[t];
    csv_cell cell = row->cell[self->cell[i]];
    double value;
    if (csv_cell_kind(self->cfg, self->host, &cell, &value) !=
        CSV_IS_MISSING) {
      continue;
    }
    if (self->cfg->drop_missing_target) {
      return 1;
    }
    char name[CSV_CELL_SHOWN + 4];
    return csv_reader_fail(row, (int64_t)self->cell[i],
                           "the target '%s' is missing (drop_missing_target "
                           "leaves such rows out)",
                           csv_cell_show(name, self->column[i].name,
                                         strlen(self->column[i].name)));
  }
  return 0;
}

static int fill_row(csv_table *self, csv_reader *row) {
  int missing = missing_target(self, row);
  if (missing != 0) {
    return missing < 0 ? NACRE_ERROR : NACRE_OK;
  }
  for (size_t i = 0; i < self->columns; i++) {
    double value = 0;
    if (self->column[i].role == CSV_UNUSED) {
      continue;
    }
    int kind = csv_cell_kind(self->cfg, self->host,
                             &row->cell[self->cell[i]], &value);
    int status = self->column[i].categorical
                   ? fill_category(self, row, i, kind)
                   : fill_number(self, row, i, kind, value);
    if (status != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  self->rows++;
  return NACRE_OK;
}

int csv_columns_fill(csv_table *self) {
  size_t rows = (size_t)self->rows;
  for (size_t i = 0; i < self->columns; i++) {
    csv_column *column = &self->column[i];
    if (column->role == CSV_UNUSED) {
      continue;
    }
    if (column->categorical) {
      column->code = self->host->alloc(rows, sizeof(*column->code));
    } else {
      column->number = self->host->alloc(rows, sizeof(*column->number));
    }
    if (column->code == NULL && column->number == NULL) {
      return sources_no_memory(self->fail);
    }
  }
  self->rows = 0; /* counts those that are kept */
  if (walk(self, fill_row) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (self->rows == 0) {
    self->fail->fail(self->fail, self->cfg->path,
                     "no samples: the target is missing in every row");
    return NACRE_ERROR;
  }
  return NACRE_OK;
}
