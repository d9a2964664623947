/* SPDX-License-Identifier: MIT */
/* windows_state: what is kept of a training series, and back.
 *
 *   windows 1 STANDARDIZE HISTORY HORIZON X Y COLUMNS
 *   PARTS
 *   COLUMN                  X + Y lines: the number of a column
 *   MEAN DEVIATION          COLUMNS lines
 *   what csv keeps
 *
 * It comes back out of a model's file, so nothing in it is trusted. */
#include "windows.h"

int windows_make_lists(windows_source *self, nacre_fail *fail) {
  const nacre_host *host = self->table.host;
  size_t n = self->table.columns + 1;
  self->x = host->alloc(n, sizeof(*self->x));
  self->y = host->alloc(n, sizeof(*self->y));
  self->mean = host->alloc(n, sizeof(*self->mean));
  self->deviation = host->alloc(n, sizeof(*self->deviation));
  return self->x != NULL && self->y != NULL && self->mean != NULL &&
         self->deviation != NULL
    ? NACRE_OK : sources_no_memory(fail);
}

int windows_state(const void *opened, const nacre_host *host,
                  nacre_bytes *out) {
  const windows_source *self = opened;
  state_writer writer = { .host = host };
  char line[160];
  int n = snprintf(line, sizeof(line), "windows 1 %d %lld %lld %lld %lld "
                   "%zu\n", self->standardize, (long long)self->history,
                   (long long)self->horizon, (long long)self->n_x,
                   (long long)self->n_y, self->table.columns);
  state_put(&writer, line, (size_t)n);
  parts_write(&self->part, &writer);
  for (int64_t i = 0; i < self->n_x + self->n_y; i++) {
    n = snprintf(line, sizeof(line), "%zu\n",
                 i < self->n_x ? self->x[i] : self->y[i - self->n_x]);
    state_put(&writer, line, (size_t)n);
  }
  for (size_t i = 0; i < self->table.columns; i++) {
    double deviation = self->deviation[i] > 0 ? self->deviation[i] : 1;
    state_put_double(&writer, self->mean[i]);
    state_put(&writer, " ", 1);
    state_put_double(&writer, deviation);
    state_put(&writer, "\n", 1);
  }
  nacre_bytes csv = { NULL, 0 };
  if (csv_state_write(&self->table, host, &csv) != NACRE_OK) {
    writer.failed = true;
  } else {
    state_put(&writer, csv.at, csv.n);
    host->free(csv.at);
  }
  return state_finish(&writer, out);
}

/* Columns that a state names are those of the table in it. */
static bool are_inputs(const windows_source *self, const size_t *list,
                       int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (list[i] >= self->table.columns ||
        self->table.column[list[i]].role != CSV_INPUT ||
        self->table.column[list[i]].categorical) {
      return false;
    }
  }
  return n > 0;
}

static bool read_lists(windows_source *self, const char **at) {
  for (int64_t i = 0; i < self->n_x + self->n_y; i++) {
    int64_t column;
    if (!state_number(at, '\n', 0, INT32_MAX, &column)) {
      return false;
    }
    size_t *list = i < self->n_x ? &self->x[i] : &self->y[i - self->n_x];
    *list = (size_t)column;
  }
  for (size_t i = 0; i < self->table.columns; i++) {
    if (!state_double(at, ' ', &self->mean[i]) ||
        !state_double(at, '\n', &self->deviation[i]) ||
        !(self->deviation[i] > 0)) {
      return false;
    }
  }
  return true;
}

int windows_state_read(windows_source *self, const char *state,
                       nacre_fail *fail) {
  const char *at = state;
  int64_t standardize, columns, lines = 0;
  for (const char *c = state; *c != '\0'; c++) {
    lines += *c == '\n';
  }
  bool ok = strncmp(at, "windows 1 ", 10) == 0;
  at += ok ? 10 : 0;
  ok = ok && state_number(&at, ' ', 0, 1, &standardize) &&
       state_number(&at, ' ', 1, WINDOWS_MOST, &self->history) &&
       state_number(&at, ' ', 1, WINDOWS_MOST, &self->horizon) &&
       state_number(&at, ' ', 1, lines, &self->n_x) &&
       state_number(&at, ' ', 1, lines, &self->n_y) &&
       state_number(&at, '\n', 1, lines, &columns) &&
       self->n_x <= columns && self->n_y <= columns &&
       parts_read(&self->part, &at);
  if (ok) {
    self->standardize = standardize != 0;
    self->table.columns = (size_t)columns;
    int status = windows_make_lists(self, fail);
    ok = status == NACRE_OK && read_lists(self, &at);
    self->table.columns = 0; /* those are made by csv's own state */
    if (status != NACRE_OK ||
        (ok && csv_state_read(&self->table, at) != NACRE_OK)) {
      return NACRE_ERROR;
    }
    ok = ok && self->table.columns == (size_t)columns &&
         are_inputs(self, self->table.input, (int64_t)self->table.inputs) &&
         are_inputs(self, self->x, self->n_x) &&
         are_inputs(self, self->y, self->n_y);
  }
  if (!ok) {
    fail->fail(fail, NULL, "what was kept of the training series is damaged");
  }
  return ok ? NACRE_OK : NACRE_ERROR;
}
