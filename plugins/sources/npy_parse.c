/* SPDX-License-Identifier: MIT */
/* npy_parse: the header of NumPy's NPY files, versions 1 to 3,
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * The header is a Python literal. It is read here as what it always is, a
 * dictionary of three known keys; nothing is ever evaluated, and arrays of
 * Python objects, which are pickles, are refused. */
#include "npy.h"

#include <stdio.h>

#define AXES 32 /* as many as NumPy knows */

/* What the header says. */
typedef struct header {
  int type;       /* -1: not known yet */
  bool swap;
  int fortran;    /* -1 */
  int rank;       /* -1 */
  uint64_t dim[AXES];
} header;

typedef struct cursor {
  const char *at, *end;
  const char *place;
  nacre_fail *fail;
} cursor;

static int refuse(const cursor *self, const char *text) {
  self->fail->fail(self->fail, self->place, "%s", text);
  return NACRE_ERROR;
}

static int refuse_header(const cursor *self) {
  return refuse(self, "the NPY header is not a dictionary of 'descr', "
                      "'fortran_order' and 'shape'");
}

static void skip_space(cursor *self) {
  while (self->at < self->end && (*self->at == ' ' || *self->at == '\n')) {
    self->at++;
  }
}

/* Takes one character, spaces before it aside. */
static bool take(cursor *self, char c) {
  skip_space(self);
  if (self->at < self->end && *self->at == c) {
    self->at++;
    return true;
  }
  return false;
}

static bool take_word(cursor *self, const char *word) {
  size_t n = strlen(word);
  skip_space(self);
  if ((size_t)(self->end - self->at) >= n &&
      memcmp(self->at, word, n) == 0) {
    self->at += n;
    return true;
  }
  return false;
}

/* A text in quotes, of plain characters. */
static bool take_text(cursor *self, char *out, size_t room) {
  skip_space(self);
  if (self->at >= self->end || (*self->at != '\'' && *self->at != '"')) {
    return false;
  }
  char quote = *self->at++;
  size_t n = 0;
  while (self->at < self->end && *self->at != quote && n + 1 < room) {
    if (*self->at < 0x20 || *self->at == 0x7F || *self->at == '\\') {
      return false;
    }
    out[n++] = *self->at++;
  }
  out[n] = '\0';
  return take(self, quote);
}

static int read_type(cursor *self, header *head) {
  static const struct {
    char name[3];
    int type;
  } known[] = {
    { "b1", ARRAYS_U8 },  { "u1", ARRAYS_U8 },  { "i1", ARRAYS_I8 },
    { "u2", ARRAYS_U16 }, { "i2", ARRAYS_I16 }, { "u4", ARRAYS_U32 },
    { "i4", ARRAYS_I32 }, { "u8", ARRAYS_U64 }, { "i8", ARRAYS_I64 },
    { "f2", ARRAYS_F16 }, { "f4", ARRAYS_F32 }, { "f8", ARRAYS_F64 },
  };
  char text[32], message[160];
  skip_space(self);
  if (self->at < self->end && *self->at == '[') {
    return refuse(self, "arrays of structures are refused");
  }
  if (!take_text(self, text, sizeof(text))) {
    return refuse_header(self);
  }
  if (strchr(text, 'O') != NULL) {
    return refuse(self, "arrays of Python objects are refused, as they can "
                        "run code");
  }
  bool order = text[0] != '\0' && strchr("<>|=", text[0]) != NULL;
  for (size_t i = 0; order && i < sizeof(known) / sizeof(known[0]); i++) {
    if (strcmp(text + 1, known[i].name) == 0) {
      head->type = known[i].type;
      head->swap = text[0] == '>' ? !arrays_big_endian()
                                  : text[0] == '<' && arrays_big_endian();
      return NACRE_OK;
    }
  }
  snprintf(message, sizeof(message),
           "elements of type '%s' are not supported (bool, int, uint and "
           "float are)", text);
  return refuse(self, message);
}

static int read_shape(cursor *self, header *head) {
  if (!take(self, '(')) {
    return refuse_header(self);
  }
  head->rank = 0;
  while (!take(self, ')')) {
    uint64_t value = 0;
    bool digits = false;
    skip_space(self);
    while (self->at < self->end && *self->at >= '0' && *self->at <= '9') {
      if (value > (uint64_t)INT64_MAX / 10 - 1) {
        return refuse(self, "an extent of the shape is too large");
      }
      value = value * 10 + (uint64_t)(*self->at++ - '0');
      digits = true;
    }
    if (self->at < self->end && *self->at == 'L') {
      self->at++; /* written by Python 2 */
    }
    if (!digits || head->rank == AXES) {
      return refuse(self, "the shape in the NPY header is not a list of "
                          "extents");
    }
    head->dim[head->rank++] = value;
    skip_space(self);
    bool closed = self->at < self->end && *self->at == ')';
    if (!closed && !take(self, ',')) {
      return refuse_header(self);
    }
  }
  return NACRE_OK;
}

static int read_key(cursor *self, header *head) {
  char key[32];
  if (!take_text(self, key, sizeof(key)) || !take(self, ':')) {
    return refuse_header(self);
  }
  if (strcmp(key, "descr") == 0 && head->type < 0) {
    return read_type(self, head);
  }
  if (strcmp(key, "shape") == 0 && head->rank < 0) {
    return read_shape(self, head);
  }
  if (strcmp(key, "fortran_order") == 0 && head->fortran < 0) {
    head->fortran = take_word(self, "True") ? 1
                    : take_word(self, "False") ? 0 : -1;
    return head->fortran < 0 ? refuse_header(self) : NACRE_OK;
  }
  return refuse_header(self);
}

static int read_header(cursor *self, header *head) {
  if (!take(self, '{')) {
    return refuse_header(self);
  }
  while (!take(self, '}')) {
    if (read_key(self, head) != NACRE_OK) {
      return NACRE_ERROR;
    }
    skip_space(self);
    bool closed = self->at < self->end && *self->at == '}';
    if (!closed && !take(self, ',')) {
      return refuse_header(self);
    }
  }
  skip_space(self);
  if (self->at != self->end || head->type < 0 || head->rank < 0 ||
      head->fortran < 0) {
    return refuse_header(self);
  }
  if (head->fortran == 1 && head->rank > 1) {
    return refuse(self, "the array is in Fortran's order: save "
                        "numpy.ascontiguousarray(it)");
  }
  return NACRE_OK;
}

/* Finds the header's text; `self` spans the file and then the text. */
static int find_header(cursor *self) {
  const unsigned char *file = (const unsigned char *)self->at;
  size_t n = (size_t)(self->end - self->at);
  if (n < 6 || memcmp(file, "\x93NUMPY", 6) != 0) {
    return refuse(self, "not an NPY file");
  }
  if (n >= 8 && (file[6] < 1 || file[6] > 3 || file[7] != 0)) {
    char text[64];
    snprintf(text, sizeof(text), "NPY version %u.%u is not supported",
             (unsigned)file[6], (unsigned)file[7]);
    return refuse(self, text);
  }
  size_t start = n >= 8 && file[6] > 1 ? 12 : 10;
  if (n < start) {
    return refuse(self, "the file ends within its header");
  }
  size_t length = (size_t)file[8] | (size_t)file[9] << 8;
  if (start == 12) {
    length |= (size_t)file[10] << 16 | (size_t)file[11] << 24;
  }
  if (length > n - start) {
    return refuse(self, "the file ends within its header");
  }
  self->at += start;
  self->end = self->at + length;
  return NACRE_OK;
}

int npy_parse(arrays_array *array, const char *place, nacre_fail *fail) {
  cursor self = { array->block.at, array->block.at + array->block.n, place,
                  fail };
  const char *end = self.end;
  header head = { .type = -1, .fortran = -1, .rank = -1 };
  if (find_header(&self) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const char *data = self.end;
  if (read_header(&self, &head) != NACRE_OK ||
      arrays_set_shape(array, head.dim, head.rank, place, fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  uint64_t bytes = arrays_bytes(head.dim, head.rank, head.type);
  if (bytes == UINT64_MAX) {
    return refuse(&self, "the shape in its header is impossibly large");
  }
  if (bytes != (uint64_t)(end - data)) {
    char text[128];
    snprintf(text, sizeof(text), "%zu bytes follow the header, but its shape "
                                 "needs %llu", (size_t)(end - data),
             (unsigned long long)bytes);
    return refuse(&self, text);
  }
  array->type = head.type;
  array->at = data;
  if (head.swap) {
    size_t size = arrays_size(head.type);
    char *elements = array->block.at + (data - array->block.at);
    arrays_swap(elements, (size_t)bytes / size, size);
  }
  return NACRE_OK;
}
