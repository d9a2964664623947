/* SPDX-License-Identifier: MIT */
/* text_vocabulary: texts and their codes. */
#include "text.h"

#include <stdlib.h>

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static size_t hash_text(const char *at, size_t n) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < n; i++) {
    hash = (hash ^ (unsigned char)at[i]) * UINT64_C(1099511628211);
  }
  return (size_t)(hash ^ hash >> 32);
}

static const char *text_of(const text_vocabulary *self, int64_t code) {
  return self->bytes + self->start[code];
}

/* The slot that the text is in, or would be. There is always a free one. */
static size_t find_slot(const text_vocabulary *self, const char *at,
                        size_t n) {
  size_t i = hash_text(at, n) & (self->slots - 1);
  for (; self->slot[i] != 0; i = (i + 1) & (self->slots - 1)) {
    const char *text = text_of(self, self->slot[i] - 1);
    if (strncmp(text, at, n) == 0 && text[n] == '\0') {
      break;
    }
  }
  return i;
}

static int rehash(text_vocabulary *self) {
  size_t slots = self->slots == 0 ? 256 : self->slots * 2;
  uint32_t *slot = self->host->alloc(slots, sizeof(*slot));
  if (slot == NULL) {
    return NACRE_ERROR;
  }
  self->host->free(self->slot);
  self->slot = slot;
  self->slots = slots;
  for (int32_t i = self->special; i < self->n; i++) {
    const char *text = text_of(self, i);
    slot[find_slot(self, text, strlen(text))] = (uint32_t)i + 1;
  }
  return NACRE_OK;
}

void text_vocabulary_init(text_vocabulary *self, const nacre_host *host) {
  memset(self, 0, sizeof(*self));
  self->host = host;
}

void text_vocabulary_fini(text_vocabulary *self) {
  const nacre_host *host = self->host;
  if (host != NULL) {
    host->free(self->bytes);
    host->free(self->start);
    host->free(self->times);
    host->free(self->slot);
    host->free((void *)self->name);
  }
  memset(self, 0, sizeof(*self));
}

static int append(text_vocabulary *self, const char *at, size_t n) {
  const nacre_host *host = self->host;
  size_t count = (size_t)self->n + 1;
  void *bytes = self->bytes, *start = self->start, *times = self->times;
  int status = sources_grow(host, &bytes, &self->bytes_room,
                            self->bytes_n + n + 1, 1);
  self->bytes = bytes;
  if (status == NACRE_OK) {
    status = sources_grow(host, &start, &self->start_room, count,
                          sizeof(*self->start));
    self->start = start;
  }
  if (status == NACRE_OK) {
    status = sources_grow(host, &times, &self->times_room, count,
                          sizeof(*self->times));
    self->times = times;
  }
  if (status != NACRE_OK) {
    return NACRE_ERROR;
  }
  memcpy(self->bytes + self->bytes_n, at, n);
  self->bytes[self->bytes_n + n] = '\0';
  self->start[self->n] = self->bytes_n;
  self->times[self->n] = 0;
  self->bytes_n += n + 1;
  self->n++;
  return NACRE_OK;
}

int text_vocabulary_special(text_vocabulary *self, const char *name) {
  self->special++;
  return append(self, name, strlen(name));
}

int32_t text_vocabulary_add(text_vocabulary *self, const char *at, size_t n) {
  if ((size_t)self->n >= self->slots / 2 && rehash(self) != NACRE_OK) {
    return TEXT_NO_MEMORY;
  }
  size_t slot = find_slot(self, at, n);
  if (self->slot[slot] == 0) {
    if (self->n >= TEXT_CODES) {
      return TEXT_FULL;
    }
    if (append(self, at, n) != NACRE_OK) {
      return TEXT_NO_MEMORY;
    }
    self->slot[slot] = (uint32_t)self->n;
  }
  int32_t code = (int32_t)(self->slot[slot] - 1);
  self->times[code]++;
  return code;
}

int32_t text_vocabulary_find(const text_vocabulary *self, const char *at,
                             size_t n) {
  size_t slot = self->slots > 0 ? find_slot(self, at, n) : 0;
  return self->slots > 0 ? (int32_t)self->slot[slot] - 1 : -1;
}

/* --- order --- */

typedef struct entry {
  const char *text;
  int64_t times;
  int32_t code;
} entry;

static int by_text(const void *a, const void *b) {
  return strcmp(((const entry *)a)->text, ((const entry *)b)->text);
}

static int by_frequency(const void *a, const void *b) {
  const entry *x = a, *y = b;
  return x->times != y->times ? (x->times > y->times ? -1 : 1)
                              : by_text(b, a);
}

static int rebuild(text_vocabulary *self, const entry *list, int32_t n,
                   int32_t *map) {
  text_vocabulary fresh;
  text_vocabulary_init(&fresh, self->host);
  int status = NACRE_OK;
  for (int32_t i = 0; i < self->special && status == NACRE_OK; i++) {
    status = text_vocabulary_special(&fresh, text_of(self, i));
  }
  for (int32_t i = 0; map != NULL && i < self->n; i++) {
    map[i] = i < self->special ? i : -1;
  }
  for (int32_t i = 0; i < n && status == NACRE_OK; i++) {
    int32_t code = text_vocabulary_add(&fresh, list[i].text,
                                       strlen(list[i].text));
    status = code < 0 ? NACRE_ERROR : NACRE_OK;
    if (status == NACRE_OK) {
      fresh.times[code] = list[i].times;
      if (map != NULL) {
        map[list[i].code] = code;
      }
    }
  }
  if (status != NACRE_OK) {
    text_vocabulary_fini(&fresh);
    return NACRE_ERROR;
  }
  text_vocabulary_fini(self);
  *self = fresh;
  return NACRE_OK;
}

int text_vocabulary_order(text_vocabulary *self, bool by_times, int64_t most,
                          int32_t *map) {
  entry *list = self->host->alloc((size_t)self->n + 1, sizeof(*list));
  if (list == NULL) {
    return NACRE_ERROR;
  }
  int32_t n = 0;
  for (int32_t i = self->special; i < self->n; i++) {
    if (self->times[i] > 0) {
      list[n++] = (entry){ text_of(self, i), self->times[i], i };
    }
  }
  qsort(list, (size_t)n, sizeof(*list), by_frequency);
  int64_t room = most > self->special ? most - self->special : 0;
  n = (int64_t)n > room ? (int32_t)room : n;
  if (!by_times) {
    qsort(list, (size_t)n, sizeof(*list), by_text);
  }
  int status = rebuild(self, list, n, map);
  self->host->free(list);
  return status;
}

int text_vocabulary_name(text_vocabulary *self) {
  self->name = self->host->alloc((size_t)self->n + 1, sizeof(*self->name));
  for (int32_t i = 0; self->name != NULL && i < self->n; i++) {
    self->name[i] = text_of(self, i);
  }
  return self->name != NULL ? NACRE_OK : NACRE_ERROR;
}

/* --- state --- */

void text_vocabulary_write(const text_vocabulary *self, state_writer *out) {
  for (int32_t i = self->special; i < self->n; i++) {
    state_put_text(out, text_of(self, i));
  }
}

bool text_vocabulary_read(text_vocabulary *self, const char **at,
                          int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    size_t n = 0;
    int32_t before = self->n;
    char *text = state_text(at, self->host, &n);
    bool ok = text != NULL && n > 0 && text_check(text, n) == n &&
              text_vocabulary_add(self, text, n) == before;
    self->host->free(text);
    if (!ok) {
      return false;
    }
  }
  return true;
}

int64_t text_lines(const char *state) {
  int64_t lines = 0;
  for (const char *at = state; *at != '\0'; at++) {
    lines += *at == '\n';
  }
  return lines;
}
