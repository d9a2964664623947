/* SPDX-License-Identifier: MIT */
#include "predict_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = { "csv", "jsonl", "npy" };

static bool format_called(const char *word, predict_format *format) {
  for (int i = 0; i < 3; i++) {
    if (strcmp(word, words[i]) == 0) {
      *format = (predict_format)i;
      return true;
    }
  }
  return false;
}

bool predict_output_format(const char *word, const char *path,
                           predict_format *format) {
  const char *dot = path != NULL ? strrchr(path, '.') : NULL;
  *format = PREDICT_CSV;
  if (word != NULL) {
    return format_called(word, format);
  }
  if (dot != NULL) {
    (void)format_called(dot + 1, format);
  }
  return true;
}

/* Values. */

/* The shortest text that gives the same real. */
static void put_value(nacre_text *out, real value) {
  char text[32];
  for (int digits = 6; digits < 9 && sizeof(real) == sizeof(float);
       digits++) {
    double back = 0;
    int n = snprintf(text, sizeof(text), "%.*g", digits, (double)value);
    if (nacre_text_float(text, (size_t)n, &back) && (real)back >= value &&
        (real)back <= value) {
      nacre_text_put(out, text, (size_t)n);
      return;
    }
  }
  nacre_text_from_float((double)value, text);
  nacre_text_puts(out, text);
}

static void put_json_value(nacre_text *out, real value) {
  if (isfinite(value)) {
    put_value(out, value);
  } else {
    nacre_text_puts(out, "null"); /* JSON has no NaN */
  }
}

static void put_json_text(nacre_text *out, const char *text) {
  nacre_text_puts(out, "\"");
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') {
      nacre_text_printf(out, "\\%c", c);
    } else if (c < 0x20) {
      nacre_text_printf(out, "\\u%04x", c);
    } else {
      nacre_text_put(out, text, 1);
    }
  }
  nacre_text_puts(out, "\"");
}

/* RFC 4180: a cell in quotes where it holds what cells end with. */
static void put_cell(nacre_text *out, const char *text) {
  if (strpbrk(text, ",\"\r\n") == NULL) {
    nacre_text_puts(out, text);
    return;
  }
  nacre_text_puts(out, "\"");
  for (; *text != '\0'; text++) {
    nacre_text_put(out, text, 1);
    if (*text == '"') {
      nacre_text_puts(out, "\"");
    }
  }
  nacre_text_puts(out, "\"");
}

/* row: [count] */
static int64_t classify(const predict_head *head, const real *row) {
  int64_t best = 0;
  if (head->classify == PREDICT_THRESHOLD) {
    return row[0] >= (real)0.5 ? 1 : 0;
  }
  for (int64_t i = 1; i < head->count; i++) {
    best = row[i] > row[best] ? i : best;
  }
  return best;
}

/* Beside several outputs, each has a class of its own. */
static void put_class_column(nacre_text *out, const predict_output *self,
                             const predict_head *head) {
  if (self->n_heads > 1) {
    nacre_text_printf(out, "%s_class", head->name);
  } else {
    nacre_text_puts(out, "class");
  }
}

/* csv. */

static void put_csv_header(predict_output *self) {
  nacre_text *out = &self->text;
  for (int i = 0; i < self->n_heads; i++) {
    const predict_head *head = &self->head[i];
    for (int64_t j = 0; j < head->count; j++) {
      nacre_text_puts(out, i + j > 0 ? "," : "");
      nacre_text_puts(out, head->name);
      if (head->count > 1) {
        nacre_text_printf(out, "_%" PRId64, j);
      }
    }
    if (head->classify != PREDICT_NO_CLASS) {
      nacre_text_puts(out, ",");
      put_class_column(out, self, head);
    }
  }
  nacre_text_puts(out, "\n");
}

static void put_csv_row(predict_output *self, int64_t row,
                        real *const *values) {
  nacre_text *out = &self->text;
  for (int i = 0; i < self->n_heads; i++) {
    const predict_head *head = &self->head[i];
    const real *at = values[i] + row * head->count; /* [count] */
    for (int64_t j = 0; j < head->count; j++) {
      nacre_text_puts(out, i + j > 0 ? "," : "");
      put_value(out, at[j]);
    }
    if (head->classify == PREDICT_NO_CLASS) {
      continue;
    }
    int64_t class = classify(head, at);
    nacre_text_puts(out, ",");
    if (head->class_name != NULL) {
      put_cell(out, head->class_name[class]);
    } else {
      nacre_text_printf(out, "%" PRId64, class);
    }
  }
  nacre_text_puts(out, "\n");
}

/* JSON lines. */

static void put_json_row(predict_output *self, int64_t row,
                         real *const *values) {
  nacre_text *out = &self->text;
  for (int i = 0; i < self->n_heads; i++) {
    const predict_head *head = &self->head[i];
    const real *at = values[i] + row * head->count; /* [count] */
    nacre_text_puts(out, i == 0 ? "{" : ", ");
    put_json_text(out, head->name);
    nacre_text_puts(out, head->count > 1 ? ": [" : ": ");
    for (int64_t j = 0; j < head->count; j++) {
      nacre_text_puts(out, j > 0 ? ", " : "");
      put_json_value(out, at[j]);
    }
    nacre_text_puts(out, head->count > 1 ? "]" : "");
    if (head->classify == PREDICT_NO_CLASS) {
      continue;
    }
    int64_t class = classify(head, at);
    nacre_text_puts(out, ", \"");
    put_class_column(out, self, head);
    nacre_text_puts(out, "\": ");
    if (head->class_name != NULL) {
      put_json_text(out, head->class_name[class]);
    } else {
      nacre_text_printf(out, "%" PRId64, class);
    }
  }
  nacre_text_puts(out, "}\n");
}

/* npy: "\x93NUMPY", version 1.0, the header's length as a little-endian u16,
 * a header that ends the block of 64 bytes, the numbers as little-endian
 * float32 (numpy's format specification, NEP 1). */

static void put_npy_header(predict_output *self, int64_t rows) {
  const nacre_shape *shape = &self->head[0].shape;
  nacre_text header = { 0 };
  nacre_text_printf(&header, "{'descr': '<f4', 'fortran_order': False, "
                    "'shape': (%" PRId64 ",", rows);
  for (int i = 0; i < shape->rank; i++) {
    nacre_text_printf(&header, "%s%" PRId64, i == 0 ? " " : ", ",
                      shape->dim[i]);
  }
  nacre_text_puts(&header, "), }");
  while ((10 + header.n + 1) % 64 != 0 && !header.failed) {
    nacre_text_puts(&header, " ");
  }
  nacre_text_puts(&header, "\n");
  unsigned char front[10] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0,
                              (unsigned char)(header.n & 0xff),
                              (unsigned char)(header.n >> 8) };
  nacre_text_put(&self->text, (const char *)front, sizeof(front));
  nacre_text_put(&self->text, header.at != NULL ? header.at : "", header.n);
  self->text.failed = self->text.failed || header.failed;
  nacre_text_fini(&header);
}

static void put_npy_row(predict_output *self, int64_t row,
                        real *const *values) {
  int64_t count = self->head[0].count;
  const real *at = values[0] + row * count; /* [count] */
  for (int64_t i = 0; i < count; i++) {
    float value = (float)at[i];
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    char bytes[4] = { (char)(bits & 0xff), (char)((bits >> 8) & 0xff),
                      (char)((bits >> 16) & 0xff), (char)(bits >> 24) };
    nacre_text_put(&self->text, bytes, sizeof(bytes));
  }
}

/* Files. */

static int flush(predict_output *self, nacre_error *error) {
  nacre_text *text = &self->text;
  int status = NACRE_OK;
  if (text->failed) {
    return nacre_no_memory(error);
  }
  if (self->writer != NULL) {
    status = nacre_writer_put(self->writer, text->at, text->n, error);
  } else if (fwrite(text->at, 1, text->n, stdout) != text->n ||
             fflush(stdout) != 0) {
    status = NACRE_ERROR; /* cli_finish() says why */
  }
  text->n = 0;
  return status;
}

int predict_output_open(predict_output *self, const char *path, int64_t rows,
                        nacre_error *error) {
  if (path != NULL && strcmp(path, "-") != 0) {
    self->writer = nacre_writer_open(path, error);
    if (self->writer == NULL) {
      return NACRE_ERROR;
    }
  }
  if (self->format == PREDICT_CSV) {
    put_csv_header(self);
  } else if (self->format == PREDICT_NPY) {
    put_npy_header(self, rows);
  }
  return self->text.n > 0 || self->text.failed ? flush(self, error)
                                               : NACRE_OK;
}

int predict_output_rows(predict_output *self, int64_t n, real *const *values,
                        nacre_error *error) {
  static void (*const put[])(predict_output *, int64_t, real *const *) = {
    [PREDICT_CSV] = put_csv_row,
    [PREDICT_JSONL] = put_json_row,
    [PREDICT_NPY] = put_npy_row,
  };
  for (int64_t i = 0; i < n; i++) {
    put[self->format](self, i, values);
  }
  return flush(self, error);
}

int predict_output_close(predict_output *self, bool whole,
                         nacre_error *error) {
  int status = NACRE_OK;
  nacre_text_fini(&self->text);
  if (self->writer != NULL && whole) {
    status = nacre_writer_commit(self->writer, error);
  } else if (self->writer != NULL) {
    nacre_writer_abandon(self->writer);
  }
  self->writer = NULL;
  return status;
}
