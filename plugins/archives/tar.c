/* SPDX-License-Identifier: MIT */
/* tar: archives of POSIX.1-2001 (ustar and pax), of GNU tar and of Unix V7.
 *
 * Blocks of 512 bytes: a header, then the file, filled up to a whole block;
 * blocks of zeros end the archive. A pax header ('x') or GNU's ('L') before a
 * file's own holds what does not fit into that: long paths, large sizes. */
#include <nacre/plugin.h>

#include <stdio.h>
#include <string.h>

#define BLOCK ((size_t)512)
#define PATH_MOST ((size_t)4096)

/* Fields of a header: offset and length. */
#define NAME_AT 0
#define NAME_SIZE 100
#define SIZE_AT 124
#define SUM_AT 148
#define SUM_SIZE 8
#define TYPE_AT 156
#define MAGIC_AT 257
#define PREFIX_AT 345
#define PREFIX_SIZE 155

typedef struct reader {
  const unsigned char *in;
  size_t n, at;            /* at: of the header at hand */
  nacre_fail *fail;
  char path[PATH_MOST + 1]; /* of the file whose header comes next, or "" */
  uint64_t size;           /* of it, when has_size */
  bool has_size;
} reader;

static int fail_at(const reader *self, size_t offset, const char *text) {
  char place[32];
  snprintf(place, sizeof(place), "@%zu", offset);
  self->fail->fail(self->fail, place, "%s", text);
  return NACRE_ERROR;
}

/* Octal digits between spaces and zeros, or, if the highest bit is set, a
 * big-endian number. False: neither, or one that is too large. */
static bool number_of(const unsigned char *at, size_t n, uint64_t *out) {
  uint64_t value = 0;
  size_t i = 0;
  if ((at[0] & 0x80) != 0) {
    value = at[0] & 0x3F; /* 0x40 is the sign */
    for (i = 1; i < n; i++) {
      if (value >> 55 != 0) {
        return false;
      }
      value = value << 8 | at[i];
    }
    *out = value;
    return (at[0] & 0x40) == 0;
  }
  while (i < n && at[i] == ' ') {
    i++;
  }
  for (; i < n && at[i] >= '0' && at[i] <= '7'; i++) {
    value = value << 3 | (uint64_t)(at[i] - '0');
  }
  *out = value;
  return i == n || at[i] == ' ' || at[i] == '\0';
}

static bool is_zero(const unsigned char *block) {
  for (size_t i = 0; i < BLOCK; i++) {
    if (block[i] != 0) {
      return false;
    }
  }
  return true;
}

/* The sum of all bytes, those of the sum itself counting as spaces; some
 * old writers took bytes as signed. */
static bool sum_holds(const unsigned char *block) {
  uint64_t sum;
  int64_t plain = 0, with_sign = 0;
  for (size_t i = 0; i < BLOCK; i++) {
    bool own = i >= SUM_AT && i < SUM_AT + SUM_SIZE;
    int byte = own ? ' ' : block[i];
    plain += byte;
    with_sign += byte < 128 ? byte : byte - 256;
  }
  return number_of(block + SUM_AT, SUM_SIZE, &sum) &&
         ((int64_t)sum == plain || (int64_t)sum == with_sign);
}

static size_t length_of(const unsigned char *at, size_t n) {
  const unsigned char *end = memchr(at, '\0', n);
  return end != NULL ? (size_t)(end - at) : n;
}

static void take_path(reader *self, const unsigned char *block) {
  size_t n = 0;
  size_t prefix = length_of(block + PREFIX_AT, PREFIX_SIZE);
  /* GNU's own format, "ustar  ", has other things where the prefix is. */
  if (memcmp(block + MAGIC_AT, "ustar\0", 6) == 0 && prefix > 0) {
    memcpy(self->path, block + PREFIX_AT, prefix);
    self->path[prefix] = '/';
    n = prefix + 1;
  }
  size_t name = length_of(block + NAME_AT, NAME_SIZE);
  memcpy(self->path + n, block + NAME_AT, name);
  self->path[n + name] = '\0';
}

/* GNU's long name is all of a block of its own. */
static int take_long_name(reader *self, const unsigned char *at, size_t n) {
  n = length_of(at, n);
  if (n == 0 || n > PATH_MOST) {
    return fail_at(self, self->at, "a path of no or of too many bytes");
  }
  memcpy(self->path, at, n);
  self->path[n] = '\0';
  return NACRE_OK;
}

static int take_record(reader *self, const char *key, size_t key_n,
                       const char *value, size_t n) {
  if (key_n == 4 && memcmp(key, "path", 4) == 0) {
    return take_long_name(self, (const unsigned char *)value, n);
  }
  if (key_n == 4 && memcmp(key, "size", 4) == 0) {
    self->has_size = true;
    self->size = 0;
    for (size_t i = 0; i < n; i++) {
      if (value[i] < '0' || value[i] > '9' || self->size >> 59 != 0) {
        return fail_at(self, self->at, "a size that is no number");
      }
      self->size = self->size * 10 + (uint64_t)(value[i] - '0');
    }
  }
  if (key_n > 10 && memcmp(key, "GNU.sparse", 10) == 0) {
    return fail_at(self, self->at, "files with holes are not read");
  }
  return NACRE_OK;
}

/* Records "LENGTH KEY=VALUE\n", the length being that of all of it. */
static int take_pax(reader *self, const char *at, size_t n) {
  while (n > 0) {
    size_t length = 0, digits = 0;
    while (digits < n && digits < 9 && at[digits] >= '0' &&
           at[digits] <= '9') {
      length = length * 10 + (size_t)(at[digits++] - '0');
    }
    const char *equals = length > digits + 1 && length <= n
      ? memchr(at, '=', length) : NULL;
    if (digits == 0 || equals == NULL || at[digits] != ' ' ||
        equals < at + digits + 1 || at[length - 1] != '\n') {
      return fail_at(self, self->at, "a damaged pax header");
    }
    const char *key = at + digits + 1;
    if (take_record(self, key, (size_t)(equals - key), equals + 1,
                    (size_t)(at + length - 1 - (equals + 1))) != NACRE_OK) {
      return NACRE_ERROR;
    }
    at += length;
    n -= length;
  }
  return NACRE_OK;
}

/* What a header says is behind it; NACRE_ERROR when that is not there. */
static int size_of(reader *self, const unsigned char *block, bool own,
                   size_t *size) {
  uint64_t value;
  if (!number_of(block + SIZE_AT, 12, &value)) {
    return fail_at(self, self->at + SIZE_AT, "a size that is no number");
  }
  if (own && self->has_size) {
    value = self->size;
  }
  size_t left = self->n - self->at - BLOCK;
  if (value > left) {
    char text[160];
    snprintf(text, sizeof(text), "cut short: %llu bytes should follow this "
                                 "header, %zu do",
             (unsigned long long)value, left);
    return fail_at(self, self->at, text);
  }
  *size = (size_t)value;
  return NACRE_OK;
}

static int tell(reader *self, const unsigned char *block, size_t size,
                void *ctx, int (*each)(void *, const nacre_listed *)) {
  if (self->path[0] == '\0') {
    take_path(self, block);
  }
  size_t n = strlen(self->path);
  /* Before there was a type for folders, a slash made one. */
  if (n == 0 || self->path[n - 1] == '/') {
    return NACRE_OK;
  }
  const nacre_listed listed = { self->path,
                                (const char *)block + BLOCK, size };
  return each(ctx, &listed);
}

/* One header and what belongs to it. */
static int read_member(reader *self, void *ctx,
                       int (*each)(void *, const nacre_listed *)) {
  const unsigned char *block = self->in + self->at;
  const unsigned char type = block[TYPE_AT];
  bool regular = type == '0' || type == '\0' || type == '7';
  bool about_next = type == 'L' || type == 'K' || type == 'x';
  size_t size = 0;
  int status = NACRE_OK;
  if (!sum_holds(block)) {
    return fail_at(self, self->at, self->at == 0
                     ? "not a tar archive" : "a header's checksum is wrong");
  }
  if (type == 'S') {
    return fail_at(self, self->at, "files with holes are not read");
  }
  /* Links, devices and folders have no bytes, whatever their size. */
  if (type < '1' || type > '6') {
    status = size_of(self, block, !about_next && type != 'g', &size);
  }
  const unsigned char *at = block + BLOCK;
  if (status == NACRE_OK && type == 'L') {
    status = take_long_name(self, at, size);
  } else if (status == NACRE_OK && type == 'x') {
    status = take_pax(self, (const char *)at, size);
  } else if (status == NACRE_OK && regular) {
    status = tell(self, block, size, ctx, each);
  }
  if (!about_next) {
    self->path[0] = '\0';
    self->has_size = false;
  }
  /* The last file may lack what fills its block. */
  size_t whole = BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
  size_t left = self->n - self->at;
  self->at += whole < left ? whole : left;
  return status;
}

static int list(const nacre_host *host, const void *in, size_t n, void *ctx,
                int (*each)(void *ctx, const nacre_listed *),
                nacre_fail *fail) {
  reader self = { .in = in, .n = n, .fail = fail };
  (void)host;
  for (;;) {
    if (self.n - self.at < BLOCK) {
      return fail_at(&self, self.at, self.n == 0 ? "the file is empty"
                     : self.n < BLOCK            ? "not a tar archive"
                     : "cut short: the blocks of zeros that end an archive "
                       "are missing");
    }
    if (is_zero(self.in + self.at)) {
      return NACRE_OK;
    }
    int status = read_member(&self, ctx, each);
    if (status != NACRE_OK) {
      return status;
    }
  }
}

static const nacre_archive_ops ops = { sizeof(nacre_archive_ops), 0, list };

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_ARCHIVE,
  .contract = 1,
  .name = "tar",
  .summary = "tar archives: ustar, pax, GNU's and V7's",
  .doc = "Regular files only: links, devices and folders are passed over. "
         "Files with holes, and archives without their end, are refused.",
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(tar, component)
