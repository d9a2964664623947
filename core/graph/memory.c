/* SPDX-License-Identifier: MIT */
/* memory: offsets for buffers, so that those alive at once do not overlap.
 *
 * Greedy by size: the largest buffer first, each at the lowest offset that is
 * free for its whole life (Pisarchyk and Lee, "Efficient memory management
 * for deep neural net inference", 2020). */
#include "graph/layout.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b) {
  const nacre_buffer *x = *(nacre_buffer *const *)a;
  const nacre_buffer *y = *(nacre_buffer *const *)b;
  if (x->bytes != y->bytes) {
    return x->bytes < y->bytes ? 1 : -1;
  }
  return x < y ? -1 : x > y; /* a fixed order, for fixed addresses */
}

static bool alive_together(const nacre_buffer *a, const nacre_buffer *b) {
  return a->first <= b->last && b->first <= a->last;
}

/* The lowest free offset. `placed` is sorted by offset. */
static int64_t find_gap(nacre_buffer *const *placed, int n,
                        const nacre_buffer *buffer) {
  int64_t offset = 0;
  for (int i = 0; i < n; i++) {
    if (!alive_together(placed[i], buffer)) {
      continue;
    }
    if (placed[i]->offset >= offset + buffer->bytes) {
      break;
    }
    int64_t end = placed[i]->offset + placed[i]->bytes;
    offset = end > offset ? end : offset;
  }
  return offset;
}

static void insert_sorted(nacre_buffer **placed, int n,
                          nacre_buffer *buffer) {
  int i = n;
  while (i > 0 && placed[i - 1]->offset > buffer->offset) {
    placed[i] = placed[i - 1];
    i--;
  }
  placed[i] = buffer;
}

static int measure(nacre_layout *layout, int64_t batch, nacre_error *error) {
  int64_t total = 0;
  for (int i = 0; i < layout->n_buffers; i++) {
    nacre_buffer *buffer = &layout->buffer[i];
    int64_t bytes = buffer->count;
    if (!nacre_int_mul(bytes, buffer->per_sample ? batch : 1, &bytes) ||
        !nacre_int_mul(bytes, (int64_t)sizeof(real), &bytes) ||
        !nacre_int_add(bytes, 63, &bytes) ||
        !nacre_int_add(total, bytes, &total)) {
      return nacre_error_add(error, NACRE_ELIMIT, NULL,
                             "the memory of this model cannot be counted");
    }
    buffer->bytes = bytes / 64 * 64;
  }
  return NACRE_OK;
}

int nacre_memory_place(nacre_layout *layout, int64_t batch,
                       nacre_error *error) {
  int n = layout->n_buffers;
  if (measure(layout, batch, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_buffer **order = nacre_alloc((size_t)n + 1, sizeof(*order));
  nacre_buffer **placed = nacre_alloc((size_t)n + 1, sizeof(*placed));
  if (order == NULL || placed == NULL) {
    nacre_free(order);
    nacre_free(placed);
    return nacre_no_memory(error);
  }
  for (int i = 0; i < n; i++) {
    order[i] = &layout->buffer[i];
  }
  qsort(order, (size_t)n, sizeof(nacre_buffer *), by_size);
  layout->activation_bytes = 0;
  for (int i = 0; i < n; i++) {
    nacre_buffer *buffer = order[i];
    buffer->offset = find_gap(placed, i, buffer);
    insert_sorted(placed, i, buffer);
    if (buffer->offset + buffer->bytes > layout->activation_bytes) {
      layout->activation_bytes = buffer->offset + buffer->bytes;
    }
  }
  nacre_free(order);
  nacre_free(placed);
  return NACRE_OK;
}
