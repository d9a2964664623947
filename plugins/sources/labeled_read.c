/* SPDX-License-Identifier: MIT */
/* labeled_read: the rows of labeled_text: of a table, of files that have a
 * text in each line, or of folders of files. */
#include "labeled_text.h"

#include <math.h>

static bool ends_in(const char *name, size_t n, const char *end) {
  size_t m = strlen(end);
  return n >= m && memcmp(name + n - m, end, m) == 0;
}

/* Whether a file's name, less a compression's ending, ends in `end`. */
static bool is_called(const char *path, const char *end) {
  size_t n = strlen(path);
  n -= ends_in(path, n, ".gz") ? 3 : 0;
  return ends_in(path, n, end);
}

/* --- lines --- */

static int read_lines(const labeled_reading *self, const char *path,
                      const char *label) {
  nacre_bytes file;
  int status = text_read(self->host, path, self->cfg->encoding.value,
                         self->fail, &file);
  if (status != NACRE_OK) {
    return NACRE_ERROR;
  }
  labeled_place place = { path, NULL, 0 };
  const char *at = file.at, *end = file.at + file.n;
  while (at < end && status == NACRE_OK) {
    const char *eol = memchr(at, '\n', (size_t)(end - at));
    size_t n = (size_t)((eol != NULL ? eol : end) - at);
    size_t blank = 0;
    while (blank < n && (at[blank] == ' ' || at[blank] == '\t')) {
      blank++;
    }
    if (blank < n || self->predict) {
      status = self->row(self->ctx, at, n, label,
                         label != NULL ? strlen(label) : 0, &place);
    }
    at += n + (eol != NULL);
  }
  self->host->free(file.at);
  return status;
}

/* --- folders --- */

/* File i of a listing as a text that the caller frees. */
static int fetch_text(const labeled_reading *self,
                      const nacre_listing *listing, size_t i,
                      const char *place, nacre_bytes *text) {
  const nacre_host *host = self->host;
  if (host->fetch(host, listing, i, self->fail, text) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (listing->file[i].at != NULL) {
    /* Of an archive, whose bytes are not ours to change. */
    char *copy = host->alloc(text->n + 1, 1);
    if (copy == NULL) {
      return sources_no_memory(self->fail);
    }
    memcpy(copy, text->at, text->n);
    text->at = copy;
  }
  int status = text_make(host, place, self->cfg->encoding.value, self->fail,
                         text);
  if (status != NACRE_OK) {
    host->free(text->at);
  }
  return status;
}

/* A folder for each class, and a file for each text. */
static int read_directory(const labeled_reading *self) {
  const nacre_host *host = self->host;
  nacre_listing listing;
  int status = NACRE_OK;
  if (host->list(host, self->cfg->directory, self->fail, &listing) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  for (size_t i = 0; i < listing.n && status == NACRE_OK; i++) {
    const char *path = listing.file[i].path;
    const char *slash = strchr(path, '/');
    char name[TEXT_PLACE];
    nacre_bytes text = { NULL, 0 };
    if (slash == NULL || !ends_in(path, strlen(path), ".txt")) {
      continue;
    }
    labeled_place place = { host->listed(&listing, i, name, sizeof(name)),
                            NULL, 0 };
    status = fetch_text(self, &listing, i, place.path, &text);
    if (status == NACRE_OK) {
      status = self->row(self->ctx, text.at, text.n, path,
                         (size_t)(slash - path), &place);
      host->free(text.at);
    }
  }
  host->unlist(host, &listing);
  return status;
}

/* --- tables --- */

static size_t find_name(const csv_reader *row, const char *name) {
  size_t n = strlen(name), i = 0;
  while (i < row->cells && (row->cell[i].n != n ||
                            memcmp(row->cell[i].at, name, n) != 0)) {
    i++;
  }
  return i < row->cells ? i : SIZE_MAX;
}

/* A number from 0, or SIZE_MAX: it is a name. */
static size_t number_of(const labeled_reading *self, const char *name) {
  double value;
  return name != NULL &&
         self->host->number(name, strlen(name), &value) == 0 && value >= 0 &&
         value < 1e6 && value == floor(value) ? (size_t)value : SIZE_MAX;
}

/* The column called or numbered `name`. */
static size_t find_column(const labeled_reading *self, const csv_reader *row,
                          bool header, const char *name) {
  size_t column = header ? find_name(row, name) : SIZE_MAX;
  if (column == SIZE_MAX) {
    column = number_of(self, name);
  }
  return column < row->cells ? column : SIZE_MAX;
}

typedef struct table {
  csv_reader reader;
  const char *path;
  size_t text, y; /* y SIZE_MAX: none */
  size_t cells;
  bool header;
} table;

static int fail_column(const labeled_reading *self, const table *at,
                       const char *name) {
  char shown[CSV_CELL_SHOWN + 4];
  bool number = number_of(self, name) != SIZE_MAX;
  return csv_reader_fail(&at->reader, -1,
                         number ? "there is no column %s: the row has %zu "
                                  "cells"
                                : "there is no column '%s' among the %zu of "
                                  "the header",
                         csv_cell_show(shown, name, strlen(name)),
                         at->reader.cells);
}

/* The columns, by the first row, which has been read. */
static int find_columns(const labeled_reading *self, table *at) {
  const labeled_cfg *cfg = self->cfg;
  const csv_reader *first = &at->reader;
  bool named = number_of(self, self->text) == SIZE_MAX ||
               (self->y != NULL && number_of(self, self->y) == SIZE_MAX);
  at->cells = first->cells;
  at->y = SIZE_MAX;
  at->header = cfg->header.value == CSV_HEADER_TRUE ||
               (cfg->header.value == CSV_HEADER_AUTO && named);
  at->text = find_column(self, first, at->header, self->text);
  if (at->text == SIZE_MAX && self->predict && first->cells == 1) {
    /* Nothing but texts. */
    at->text = 0;
    at->header = cfg->header.value == CSV_HEADER_TRUE;
  }
  if (at->text == SIZE_MAX) {
    return fail_column(self, at, self->text);
  }
  if (self->y != NULL && !self->predict) {
    at->y = find_column(self, first, at->header, self->y);
    if (at->y == SIZE_MAX) {
      return fail_column(self, at, self->y);
    }
    if (at->y == at->text) {
      return csv_reader_fail(first, -1, "'text' and 'y' are the same column");
    }
  }
  return NACRE_OK;
}

static int give_row(const labeled_reading *self, const table *at) {
  const csv_reader *row = &at->reader;
  labeled_place place = { at->path, row, at->y };
  if (row->cells != at->cells) {
    return csv_reader_fail(row, -1, "%zu cells, but the first row has %zu",
                           row->cells, at->cells);
  }
  const csv_cell *text = &row->cell[at->text];
  const csv_cell *label = at->y != SIZE_MAX ? &row->cell[at->y] : NULL;
  if (label != NULL && label->n == 0) {
    return csv_reader_fail(row, (int64_t)at->y, "the class is missing");
  }
  return self->row(self->ctx, text->at, text->n,
                   label != NULL ? label->at : NULL,
                   label != NULL ? label->n : 0, &place);
}

static int read_rows(const labeled_reading *self, table *at) {
  int status = csv_reader_next(&at->reader);
  if (status != 1 || find_columns(self, at) != NACRE_OK) {
    return status == 0 ? NACRE_OK : NACRE_ERROR;
  }
  if (at->header) {
    status = csv_reader_next(&at->reader);
  }
  while (status == 1) {
    if (give_row(self, at) != NACRE_OK) {
      return NACRE_ERROR;
    }
    status = csv_reader_next(&at->reader);
  }
  return status;
}

/* Files of tabs have no quotes unless somebody says so. */
static int read_table(const labeled_reading *self, const char *path) {
  const labeled_cfg *cfg = self->cfg;
  bool tabs = cfg->delimiter != NULL ? strcmp(cfg->delimiter, "tab") == 0
                                     : is_called(path, ".tsv");
  csv_cfg marks = {
    .path = path, .trim = true, .skip_blank = true,
    .delimiter = cfg->delimiter != NULL ? cfg->delimiter
                                        : tabs ? "tab" : ",",
    .quote = cfg->quote != NULL ? cfg->quote : tabs ? "" : "\""
  };
  nacre_bytes file;
  if (text_read(self->host, path, cfg->encoding.value, self->fail, &file) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  table at = { .path = path };
  int status = csv_reader_init(&at.reader, self->host, self->fail, &marks,
                               file.at, file.n);
  if (status == NACRE_OK) {
    status = read_rows(self, &at);
  }
  csv_reader_fini(&at.reader);
  self->host->free(file.at);
  return status;
}

int labeled_read(const labeled_reading *self) {
  const labeled_cfg *cfg = self->cfg;
  const char *path = cfg->path;
  int status = NACRE_OK;
  if (path == NULL && cfg->directory != NULL) {
    return read_directory(self);
  }
  if (path == NULL) {
    for (int64_t i = 0; i < cfg->classes.n && status == NACRE_OK; i++) {
      status = read_lines(self, cfg->classes.at[i], cfg->classes.name[i]);
    }
    return status;
  }
  bool lines = self->predict && !is_called(path, ".csv") &&
               !is_called(path, ".tsv");
  if (cfg->format.value == LABELED_FORMAT_LINES ||
      (lines && cfg->format.value != LABELED_FORMAT_TABLE)) {
    return read_lines(self, path, NULL);
  }
  return read_table(self, path);
}
