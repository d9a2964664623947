/* SPDX-License-Identifier: MIT */
/* csv_state: what was learned from the training file as lines of text, and
 * back.
 *
 *   csv 1 NAMED ONEHOT COLUMNS
 *   ROLE PLACE CATEGORIES NAME       for each column of the file
 *   CATEGORY                         for each of its categories
 *
 * ROLE is x, y or -, PLACE its place among those of its role, CATEGORIES -1
 * for a column of numbers. Texts are ASCII with %XX for all else, "%" when
 * empty. It comes back out of a model's file, so nothing in it is trusted. */
#include "csv.h"

#include <stdio.h>
#include <string.h>

#define STATE_COLUMNS 1000000 /* more than that is not a file of ours */

/* --- writing --- */

typedef struct writer {
  const nacre_host *host;
  char *at;
  size_t n, room;
  bool failed;
} writer;

static void put(writer *self, const char *text, size_t n) {
  void *block = self->at;
  if (self->failed ||
      csv_grow(self->host, &block, &self->room, self->n + n + 1, 1)) {
    self->failed = true;
    return;
  }
  self->at = block;
  memcpy(self->at + self->n, text, n);
  self->n += n;
  self->at[self->n] = '\0';
}

static void put_text(writer *self, const char *text) {
  if (text[0] == '\0') {
    put(self, "%", 1);
  }
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    char code[4];
    if (c > 0x20 && c < 0x7F && c != '%') {
      put(self, text, 1);
    } else {
      snprintf(code, sizeof(code), "%%%02X", (unsigned)c);
      put(self, code, 3);
    }
  }
  put(self, "\n", 1);
}

static size_t place_of(const size_t *list, size_t n, size_t column) {
  size_t i = 0;
  while (i < n && list[i] != column) {
    i++;
  }
  return i;
}

int csv_state_write(const csv_table *table, const nacre_host *host,
                    nacre_bytes *out) {
  writer self = { host, NULL, 0, 0, false };
  char line[96];
  int n = snprintf(line, sizeof(line), "csv 1 %d %d %zu\n", table->named,
                   table->onehot, table->columns);
  put(&self, line, (size_t)n);
  for (size_t i = 0; i < table->columns; i++) {
    const csv_column *column = &table->column[i];
    size_t place =
      column->role == CSV_INPUT ? place_of(table->input, table->inputs, i)
      : column->role == CSV_TARGET
        ? place_of(table->target, table->targets, i)
        : 0;
    int32_t categories = column->categorical ? column->categories.n : -1;
    n = snprintf(line, sizeof(line), "%c %zu %ld ", "-xy"[column->role],
                 place, (long)categories);
    put(&self, line, (size_t)n);
    put_text(&self, column->name);
    for (int32_t c = 0; c < categories; c++) {
      put_text(&self, column->categories.text[c]);
    }
  }
  if (self.failed) {
    host->free(self.at);
    return NACRE_ERROR;
  }
  out->at = self.at;
  out->n = self.n;
  return NACRE_OK;
}

/* --- reading --- */

/* The next number and the character behind it. */
static bool get_number(const char **at, char end, int64_t least, int64_t most,
                       int64_t *out) {
  int64_t value = 0;
  bool minus = **at == '-';
  const char *digit = *at + minus;
  if (*digit < '0' || *digit > '9') {
    return false;
  }
  for (; *digit >= '0' && *digit <= '9'; digit++) {
    value = value * 10 + (*digit - '0');
    if (value > INT32_MAX) {
      return false;
    }
  }
  value = minus ? -value : value;
  *at = digit + 1;
  *out = value;
  return *digit == end && value >= least && value <= most;
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                               : -1;
}

/* A line of text, decoded. NULL when it is malformed or memory is out. */
static char *get_text(const char **at, const nacre_host *host, size_t *n) {
  const char *end = strchr(*at, '\n');
  if (end == NULL || end == *at) {
    return NULL;
  }
  char *text = host->alloc((size_t)(end - *at) + 1, 1);
  const char *from = *at;
  *at = end + 1;
  *n = 0;
  if (text == NULL || (end - from == 1 && *from == '%')) {
    return text;
  }
  for (; from < end; from++) {
    if (*from == '%') {
      int high = hex_digit(from[1]);
      int low = high < 0 ? -1 : hex_digit(from[2]);
      if (low < 0 || high * 16 + low == 0) {
        host->free(text);
        return NULL;
      }
      text[(*n)++] = (char)(high * 16 + low);
      from += 2;
    } else {
      text[(*n)++] = *from;
    }
  }
  return text;
}

static bool read_categories(csv_column *column, const nacre_host *host,
                            const char **at, int64_t count) {
  for (int64_t c = 0; c < count; c++) {
    size_t n;
    char *text = get_text(at, host, &n);
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
  if (!get_number(at, ' ', 0, STATE_COLUMNS, &place) ||
      !get_number(at, ' ', -1, INT32_MAX, &categories)) {
    return false;
  }
  column->role = role == 'x' ? CSV_INPUT
                             : role == 'y' ? CSV_TARGET : CSV_UNUSED;
  column->categorical = categories >= 0;
  column->fixed = !column->categorical;
  column->name = get_text(at, self->host, &n);
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
  ok = ok && get_number(&at, ' ', 0, 1, &named) &&
       get_number(&at, ' ', 0, 1, &onehot) &&
       get_number(&at, '\n', 1, STATE_COLUMNS, &columns) && columns < lines;
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
