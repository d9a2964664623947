/* SPDX-License-Identifier: MIT */
/* csv_parse: cuts text into rows of cells by RFC 4180: quoted cells may hold
 * delimiters, line ends and doubled quotes; lines end in LF or CRLF; the last
 * one need not end at all. Stricter than most readers about quotes, because
 * one that is not closed swallows the rest of a file. */
#include "csv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *csv_cell_show(char out[CSV_CELL_SHOWN + 4], const char *at,
                          size_t n) {
  size_t shown = n < CSV_CELL_SHOWN ? n : CSV_CELL_SHOWN;
  /* Not in the middle of a UTF-8 sequence. */
  while (shown < n && shown > 0 && ((unsigned char)at[shown] & 0xC0) == 0x80) {
    shown--;
  }
  for (size_t i = 0; i < shown; i++) {
    unsigned char c = (unsigned char)at[i];
    out[i] = c < 0x20 || c == 0x7F ? '?' : at[i];
  }
  memcpy(out + shown, shown < n ? "..." : "", shown < n ? 4 : 1);
  return out;
}

static void fail_at(const csv_reader *self, int64_t line, int64_t cell,
                    const char *text) {
  char place[CSV_PLACE];
  if (cell >= 0) {
    snprintf(place, sizeof(place), "%s:%lld:%lld", self->path,
             (long long)line, (long long)cell + 1);
  } else {
    snprintf(place, sizeof(place), "%s:%lld", self->path, (long long)line);
  }
  self->fail->fail(self->fail, place, "%s", text);
}

int csv_reader_fail(const csv_reader *self, int64_t cell, const char *format,
                    ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  fail_at(self, self->row_line, cell, text);
  return NACRE_ERROR;
}

/* "," or "tab"; 0 when it is neither one byte nor a name. */
static char one_byte(const char *text) {
  if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0) {
    return '\t';
  }
  return text[0] != '\0' && text[1] == '\0' ? text[0] : '\0';
}

static int check_marks(csv_reader *self, const csv_cfg *cfg) {
  const char *quote = cfg->quote == NULL ? "" : cfg->quote;
  self->delimiter = cfg->delimiter == NULL ? '\0' : one_byte(cfg->delimiter);
  self->quote = one_byte(quote);
  if (self->delimiter == '\0' || self->delimiter == '\n' ||
      self->delimiter == '\r') {
    self->fail->fail(self->fail, NULL,
                     "'delimiter' must be one character or \"tab\"");
    return NACRE_ERROR;
  }
  if ((self->quote == '\0' && quote[0] != '\0') ||
      self->quote == self->delimiter || self->quote == '\n' ||
      self->quote == '\r') {
    self->fail->fail(self->fail, NULL, "'quote' must be one character other "
                                       "than the delimiter, or empty");
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

/* Moves behind the line end that `at` stands before, if it does. */
static bool skip_line_end(csv_reader *self) {
  const char *at = self->at;
  if (at < self->end && *at == '\r' && at + 1 < self->end && at[1] == '\n') {
    at++;
  }
  if (at < self->end && *at == '\n') {
    self->at = at + 1;
    self->line++;
    return true;
  }
  return false;
}

int csv_reader_init(csv_reader *self, const nacre_host *host,
                    nacre_fail *fail, const csv_cfg *cfg, const char *text,
                    size_t n) {
  memset(self, 0, sizeof(*self));
  self->host = host;
  self->fail = fail;
  self->path = cfg->path;
  self->at = text;
  self->end = text + n;
  self->line = 1;
  self->trim = cfg->trim;
  self->skip_blank = cfg->skip_blank;
  if (check_marks(self, cfg) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
    self->at += 3;
  }
  const char *nul = n > 0 ? memchr(text, '\0', n) : NULL;
  if (nul != NULL) {
    int64_t line = 1;
    for (const char *at = text; at < nul; at++) {
      line += *at == '\n';
    }
    fail_at(self, line, -1, "a NUL byte: this is not a text file");
    return NACRE_ERROR;
  }
  for (int64_t i = 0; i < cfg->skip_rows && self->at < self->end; i++) {
    const char *eol = memchr(self->at, '\n', (size_t)(self->end - self->at));
    self->at = eol == NULL ? self->end : eol + 1;
    self->line++;
  }
  return NACRE_OK;
}

void csv_reader_fini(csv_reader *self) {
  if (self->host != NULL) {
    self->host->free(self->cell);
    self->host->free(self->unquoted);
  }
}

static bool is_space(const csv_reader *self, char c) {
  return (c == ' ' || c == '\t') && c != self->delimiter;
}

static bool at_line_end(const csv_reader *self, const char *at) {
  return *at == '\n' ||
         (*at == '\r' && at + 1 < self->end && at[1] == '\n');
}

/* Copies a quoted cell, from after its quote to its closing one, halving the
 * doubled quotes in it. */
static int copy_quoted(csv_reader *self, const char *at, const char *close,
                       csv_cell *cell) {
  size_t need = self->unquoted_n + (size_t)(close - at);
  void *block = self->unquoted;
  if (sources_grow(self->host, &block, &self->unquoted_room, need, 1)) {
    return sources_no_memory(self->fail);
  }
  self->unquoted = block;
  char *to = self->unquoted + self->unquoted_n;
  cell->copy = self->unquoted_n + 1;
  cell->n = 0;
  for (; at < close; at++) {
    to[cell->n++] = *at;
    at += *at == self->quote; /* skip its double */
  }
  self->unquoted_n += cell->n;
  return NACRE_OK;
}

/* Reads a cell in quotes; `at` stands on the first. */
static int read_quoted(csv_reader *self, csv_cell *cell) {
  const char *start = self->at + 1, *at = start;
  int64_t first_line = self->line;
  bool doubled = false;
  for (;; at++) {
    if (at >= self->end) {
      fail_at(self, first_line, (int64_t)self->cells,
              "the quote that opens here is never closed");
      return NACRE_ERROR;
    }
    if (*at == '\n') {
      self->line++;
    } else if (*at == self->quote) {
      if (at + 1 >= self->end || at[1] != self->quote) {
        break;
      }
      doubled = true;
      at++;
    }
  }
  cell->at = start;
  cell->n = (size_t)(at - start);
  cell->copy = 0;
  if (doubled && copy_quoted(self, start, at, cell) != NACRE_OK) {
    return NACRE_ERROR;
  }
  self->at = at + 1;
  while (self->trim && self->at < self->end && is_space(self, *self->at)) {
    self->at++;
  }
  if (self->at < self->end && *self->at != self->delimiter &&
      !at_line_end(self, self->at)) {
    fail_at(self, self->line, (int64_t)self->cells,
            "text after the closing quote (a quote within quotes is "
            "written twice)");
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

static int read_cell(csv_reader *self, csv_cell *cell) {
  while (self->trim && self->at < self->end && is_space(self, *self->at)) {
    self->at++;
  }
  if (self->quote != '\0' && self->at < self->end &&
      *self->at == self->quote) {
    return read_quoted(self, cell);
  }
  const char *at = self->at;
  /* Nearly all characters are above the line ends, which is one test. */
  while (at < self->end && *at != self->delimiter &&
         (*at > '\r' || !at_line_end(self, at))) {
    at++;
  }
  cell->at = self->at;
  cell->n = (size_t)(at - self->at);
  cell->copy = 0;
  while (self->trim && cell->n > 0 && is_space(self, cell->at[cell->n - 1])) {
    cell->n--;
  }
  self->at = at;
  return NACRE_OK;
}

/* Passes over lines with nothing in them. */
static void skip_blank_lines(csv_reader *self) {
  for (;;) {
    const char *at = self->at;
    while (self->trim && at < self->end && is_space(self, *at)) {
      at++;
    }
    if (at >= self->end) {
      self->at = at;
      return;
    }
    if (!at_line_end(self, at)) {
      return;
    }
    self->at = at;
    skip_line_end(self);
  }
}

int csv_reader_next(csv_reader *self) {
  if (self->skip_blank) {
    skip_blank_lines(self);
  }
  self->cells = 0;
  self->unquoted_n = 0;
  if (self->at >= self->end) {
    return 0;
  }
  self->row_line = self->line;
  for (;;) {
    if (self->cells == self->room) {
      void *block = self->cell;
      if (sources_grow(self->host, &block, &self->room, self->cells + 1,
                       sizeof(*self->cell)) != NACRE_OK) {
        return sources_no_memory(self->fail);
      }
      self->cell = block;
    }
    if (read_cell(self, &self->cell[self->cells]) != NACRE_OK) {
      return NACRE_ERROR;
    }
    self->cells++;
    if (self->at >= self->end || skip_line_end(self)) {
      break;
    }
    self->at++; /* the delimiter */
  }
  /* The buffer may have moved while it grew. */
  for (size_t i = 0; i < self->cells; i++) {
    if (self->cell[i].copy != 0) {
      self->cell[i].at = self->unquoted + self->cell[i].copy - 1;
    }
  }
  return 1;
}
