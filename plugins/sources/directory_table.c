/* SPDX-License-Identifier: MIT */
/* directory_table: labels from a table of text that lies beside the files. */
#include "directory.h"

#include <string.h>

typedef struct table {
  directory *from;
  csv_cfg format;
  csv_reader reader;
  char place[DIRECTORY_PLACE];
  char delimiter[2];
  int64_t file, label; /* their columns */
  size_t cells;
} table;

/* The first of the marks that the header has. */
static char find_delimiter(const char *at, size_t n) {
  for (size_t i = 0; i < n && at[i] != '\n'; i++) {
    if (at[i] == ',' || at[i] == ';' || at[i] == '\t') {
      return at[i];
    }
  }
  return ',';
}

static int find_column(const table *self, const char *name, int64_t *out) {
  char shown[CSV_CELL_SHOWN + 4];
  for (size_t i = 0; i < self->reader.cells; i++) {
    const csv_cell *cell = &self->reader.cell[i];
    if (cell->n == strlen(name) && memcmp(cell->at, name, cell->n) == 0) {
      *out = (int64_t)i;
      return NACRE_OK;
    }
  }
  return csv_reader_fail(&self->reader, -1, "there is no column '%s'",
                         csv_cell_show(shown, name, strlen(name)));
}

static int find_columns(table *self) {
  const nacre_strings *names = &self->from->cfg->table_columns;
  self->file = 0;
  self->label = (int64_t)self->reader.cells - 1;
  self->cells = self->reader.cells;
  if (names->n == 0) {
    return self->cells > 1
      ? NACRE_OK
      : csv_reader_fail(&self->reader, -1, "one column, but files and labels "
                                           "need two");
  }
  if (names->n != 2) {
    self->from->fail->fail(self->from->fail, NULL,
                           "table_columns: two names are needed, of the "
                           "columns of file and label");
    return NACRE_ERROR;
  }
  return find_column(self, names->at[0], &self->file) == NACRE_OK
    ? find_column(self, names->at[1], &self->label) : NACRE_ERROR;
}

/* Compares a path below the folder with a cell, which may lack the suffix:
 * the order of the paths. */
static int compare(const char *path, const csv_cell *cell) {
  int order = strncmp(path, cell->at, cell->n);
  if (order != 0 || path[cell->n] == '\0') {
    return order;
  }
  const char *rest = path + cell->n;
  return *rest == '.' && strpbrk(rest + 1, "./") == NULL ? 0 : 1;
}

static int64_t find_sample(const table *self, const csv_cell *cell) {
  const directory *from = self->from;
  int64_t low = 0, high = from->count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    const char *path =
      from->listing.file[from->file[middle]].path + from->root;
    int order = compare(path, cell);
    if (order == 0) {
      return middle;
    }
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return -1;
}

/* One row. The text of a label lives in a set, for `text` to borrow. */
static int take_row(table *self) {
  directory *from = self->from;
  csv_reader *reader = &self->reader;
  char shown[CSV_CELL_SHOWN + 4];
  if (reader->cells != self->cells) {
    return csv_reader_fail(reader, -1, "%zu cells, but the header has %zu",
                           reader->cells, self->cells);
  }
  const csv_cell *name = &reader->cell[self->file];
  const csv_cell *label = &reader->cell[self->label];
  int64_t sample = find_sample(self, name);
  if (sample < 0) {
    return csv_reader_fail(reader, self->file, "there is no file '%s'",
                           csv_cell_show(shown, name->at, name->n));
  }
  if (from->text[sample] != NULL) {
    return csv_reader_fail(reader, self->file, "'%s' is listed twice",
                           csv_cell_show(shown, name->at, name->n));
  }
  if (label->n == 0) {
    return csv_reader_fail(reader, self->label, "a label is missing");
  }
  if (csv_categories_add(&from->table_labels, from->host, label->at,
                         label->n) != NACRE_OK) {
    return directory_no_memory(from->fail);
  }
  int32_t code = csv_categories_code(&from->table_labels, label->at,
                                     label->n);
  from->text[sample] = from->table_labels.text[code];
  from->text_n[sample] = label->n;
  return NACRE_OK;
}

static int check_all(const directory *from, const char *table_name) {
  for (int64_t i = 0; i < from->count; i++) {
    if (from->text[i] == NULL) {
      return directory_fail(from, i, from->fail, "it has no row in the table "
                                                 "'%s'", table_name);
    }
  }
  return NACRE_OK;
}

static int read_rows(table *self, const nacre_bytes *bytes) {
  csv_reader *reader = &self->reader;
  self->delimiter[0] = find_delimiter(bytes->at, bytes->n);
  self->format = (csv_cfg){ .path = self->place,
                            .delimiter = self->delimiter, .quote = "\"",
                            .trim = true, .skip_blank = true };
  int status = csv_reader_init(reader, self->from->host, self->from->fail,
                               &self->format, bytes->at, bytes->n);
  int more = status == NACRE_OK ? csv_reader_next(reader) : NACRE_ERROR;
  if (more == 0) {
    self->from->fail->fail(self->from->fail, self->place, "no rows");
    more = NACRE_ERROR;
  } else if (more == 1) {
    more = find_columns(self) == NACRE_OK ? 1 : NACRE_ERROR;
  }
  while (more == 1 && (more = csv_reader_next(reader)) == 1) {
    more = take_row(self) == NACRE_OK ? 1 : NACRE_ERROR;
  }
  csv_reader_fini(reader);
  return more;
}

/* Which file of the listing the table is. */
static size_t find_table(const directory *from) {
  const nacre_listing *listing = &from->listing;
  const char *folder = from->cfg->folder;
  for (size_t i = 0; i < listing->n; i++) {
    const char *path = listing->file[i].path;
    if (strlen(path) > from->root &&
        (folder == NULL || strncmp(path, folder, strlen(folder)) == 0) &&
        strcmp(path + from->root, from->cfg->table) == 0) {
      return i;
    }
  }
  return DIRECTORY_NONE;
}

int directory_table_read(directory *from) {
  table self = { .from = from };
  size_t at = find_table(from);
  nacre_bytes bytes = { NULL, 0 };
  if (at == DIRECTORY_NONE) {
    from->fail->fail(from->fail, from->cfg->path, "it has no file '%s' for "
                                                  "'table'",
                     from->cfg->table);
    return NACRE_ERROR;
  }
  from->host->listed(&from->listing, at, self.place, sizeof(self.place));
  if (from->host->fetch(from->host, &from->listing, at, from->fail, &bytes) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  int status = read_rows(&self, &bytes);
  if (from->listing.file[at].at == NULL) {
    from->host->free(bytes.at);
  }
  return status == NACRE_OK ? check_all(from, from->cfg->table) : status;
}
