/* SPDX-License-Identifier: MIT */
/* csv_category: the set of texts in a column, and their codes. */
#include "csv.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t hash_text(const char *at, size_t n) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < n; i++) {
    hash = (hash ^ (unsigned char)at[i]) * 16777619u;
  }
  return hash;
}

static bool same(const char *text, const char *at, size_t n) {
  return strncmp(text, at, n) == 0 && text[n] == '\0';
}

/* The slot that the text is in, or would be. There is always a free one. */
static uint32_t find_slot(const csv_categories *self, const char *at,
                          size_t n) {
  uint32_t i = hash_text(at, n) & (self->slots - 1);
  while (self->slot[i] != 0 && !same(self->text[self->slot[i] - 1], at, n)) {
    i = (i + 1) & (self->slots - 1);
  }
  return i;
}

static int rehash(csv_categories *self, const nacre_host *host) {
  uint32_t slots = self->slots == 0 ? 16 : self->slots * 2;
  int32_t *slot = slots == 0 ? NULL : host->alloc(slots, sizeof(*slot));
  if (slot == NULL) {
    return NACRE_ERROR;
  }
  host->free(self->slot);
  self->slot = slot;
  self->slots = slots;
  for (int32_t i = 0; i < self->n; i++) {
    slot[find_slot(self, self->text[i], strlen(self->text[i]))] = i + 1;
  }
  return NACRE_OK;
}

int csv_categories_add(csv_categories *self, const nacre_host *host,
                       const char *at, size_t n) {
  if ((uint32_t)self->n >= self->slots / 2 && rehash(self, host) != NACRE_OK) {
    return NACRE_ERROR;
  }
  uint32_t slot = find_slot(self, at, n);
  if (self->slot[slot] != 0) {
    return NACRE_OK;
  }
  void *block = self->text;
  size_t room = (size_t)self->room;
  if (self->n == INT32_MAX - 1 ||
      sources_grow(host, &block, &room, (size_t)self->n + 1,
                   sizeof(*self->text)) != NACRE_OK) {
    return NACRE_ERROR;
  }
  self->text = block;
  self->room = room < INT32_MAX ? (int32_t)room : INT32_MAX;
  char *text = host->alloc(n + 1, 1);
  if (text == NULL) {
    return NACRE_ERROR;
  }
  memcpy(text, at, n);
  self->text[self->n++] = text;
  self->slot[slot] = self->n;
  return NACRE_OK;
}

int32_t csv_categories_code(const csv_categories *self, const char *at,
                            size_t n) {
  return self->slots > 0 ? self->slot[find_slot(self, at, n)] - 1 : -1;
}

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

void csv_categories_sort(csv_categories *self, const nacre_host *host) {
  if (self->n > 0) {
    qsort(self->text, (size_t)self->n, sizeof(*self->text), compare_texts);
  }
  host->free(self->slot);
  self->slot = NULL;
  self->slots = 0;
}

int32_t csv_categories_find(const csv_categories *self, const char *at,
                            size_t n) {
  int32_t low = 0, high = self->n;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    int order = strncmp(self->text[middle], at, n);
    if (order == 0 && self->text[middle][n] == '\0') {
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

void csv_categories_fini(csv_categories *self, const nacre_host *host) {
  for (int32_t i = 0; i < self->n; i++) {
    host->free(self->text[i]);
  }
  host->free(self->text);
  host->free(self->slot);
}
