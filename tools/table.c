/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int table_width(const char *text) {
  int width = 0;
  for (; *text != '\0'; text++) {
    width += ((unsigned char)*text & 0xc0) != 0x80;
  }
  return width;
}

void table_cell(table *self, const char *format, ...) {
  char buffer[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(buffer, sizeof(buffer), format, args);
  va_end(args);
  nacre_text_put(&self->text, buffer, strlen(buffer) + 1);
  self->cells++;
}

static void print_row(const table *self, const char *const *cell,
                      const int *width) {
  int columns = (int)strlen(self->align), last = columns - 1;
  /* Nothing is padded that nothing follows. */
  while (last > 0 && cell[last][0] == '\0') {
    last--;
  }
  printf("%s", self->indent != NULL ? self->indent : "");
  for (int i = 0; i <= last; i++) {
    int pad = width[i] - table_width(cell[i]);
    bool right = self->align[i] == 'r';
    printf("%s%*s%s", i > 0 ? "  " : "", right ? pad : 0, "", cell[i]);
    if (!right && i < last) {
      printf("%*s", pad, "");
    }
  }
  putchar('\n');
}

/* The cells of the row that begins at `at`; what follows it. */
static const char *take_row(const char *at, int columns, const char **cell) {
  for (int i = 0; i < columns; i++) {
    cell[i] = at;
    at += strlen(at) + 1;
  }
  return at;
}

bool table_print(table *self) {
  const char *cell[TABLE_COLUMNS];
  int width[TABLE_COLUMNS] = { 0 }, columns = (int)strlen(self->align);
  bool whole = !self->text.failed;
  int rows = whole ? self->cells / columns : 0;
  for (int i = 0; self->head != NULL && i < columns; i++) {
    width[i] = table_width(self->head[i]);
  }
  const char *at = self->text.at;
  for (int i = 0; i < rows; i++) {
    at = take_row(at, columns, cell);
    for (int j = 0; j < columns; j++) {
      int n = table_width(cell[j]);
      width[j] = n > width[j] ? n : width[j];
    }
  }
  if (self->head != NULL && rows > 0) {
    print_row(self, self->head, width);
  }
  at = self->text.at;
  for (int i = 0; i < rows; i++) {
    at = take_row(at, columns, cell);
    print_row(self, cell, width);
  }
  nacre_text_fini(&self->text);
  self->cells = 0;
  return whole;
}
