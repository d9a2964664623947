/* SPDX-License-Identifier: MIT */
/* sys: memory, checked sizes, the clock, and the table of system calls. */
#include "sys.h"

#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* open() is variadic, which a pointer to it could not be called as. */
static int open_file(const char *path, int flags, mode_t mode) {
  return open(path, flags, mode);
}

nacre_sys nacre_sys_calls = {
  calloc, realloc, free, open_file, read, write, fsync, close, rename,
  pthread_create,
};

bool nacre_size_add(size_t a, size_t b, size_t *out) {
  *out = a + b;
  return *out >= a;
}

bool nacre_size_mul(size_t a, size_t b, size_t *out) {
  *out = a * b;
  return b == 0 || a <= SIZE_MAX / b;
}

bool nacre_int_mul(int64_t a, int64_t b, int64_t *out) {
  if (a < 0 || b < 0 || (b > 0 && a > INT64_MAX / b)) {
    return false;
  }
  *out = a * b;
  return true;
}

bool nacre_int_add(int64_t a, int64_t b, int64_t *out) {
  if (a < 0 || b < 0 || a > INT64_MAX - b) {
    return false;
  }
  *out = a + b;
  return true;
}

void *nacre_alloc(size_t count, size_t size) {
  size_t bytes;
  if (!nacre_size_mul(count, size, &bytes)) {
    return NULL;
  }
  return bytes > 0 ? nacre_sys_calls.calloc(count, size)
                   : nacre_sys_calls.calloc(1, 1);
}

void *nacre_resize(void *old, size_t count, size_t size) {
  size_t bytes;
  if (!nacre_size_mul(count, size, &bytes)) {
    return NULL;
  }
  return nacre_sys_calls.realloc(old, bytes > 0 ? bytes : 1);
}

void nacre_free(void *block) {
  nacre_sys_calls.free(block);
}

char *nacre_strndup(const char *text, size_t n) {
  if (text == NULL) {
    return NULL;
  }
  n = strnlen(text, n);
  char *copy = n == SIZE_MAX ? NULL : nacre_alloc(n + 1, 1);
  if (copy != NULL) {
    memcpy(copy, text, n);
  }
  return copy;
}

char *nacre_strdup(const char *text) {
  return text == NULL ? NULL : nacre_strndup(text, strlen(text));
}

char *nacre_format(const char *format, ...) {
  va_list list;
  va_start(list, format);
  int n = nacre_text_vsnprintf(NULL, 0, format, list);
  va_end(list);
  char *text = n < 0 ? NULL : nacre_alloc((size_t)n + 1, 1);
  if (text != NULL) {
    va_start(list, format);
    (void)nacre_text_vsnprintf(text, (size_t)n + 1, format, list);
    va_end(list);
  }
  return text;
}

int nacre_no_memory(nacre_error *error) {
  return nacre_error_add(error, NACRE_ELIMIT, NULL, "out of memory");
}

/* A block of the arena; what is handed out follows it. */
typedef union arena_block {
  struct {
    union arena_block *next;
    size_t used, room; /* bytes after this header */
  } head;
  max_align_t align;
} arena_block;

struct nacre_arena {
  arena_block *block; /* the newest, which has room; then older ones */
};

#define ARENA_BLOCK ((size_t)64 * 1024)

nacre_arena *nacre_arena_new(void) {
  return nacre_alloc(1, sizeof(nacre_arena));
}

void nacre_arena_free(nacre_arena *arena) {
  if (arena == NULL) {
    return;
  }
  arena_block *block = arena->block;
  while (block != NULL) {
    arena_block *next = block->head.next;
    nacre_free(block);
    block = next;
  }
  nacre_free(arena);
}

/* A block with room for `bytes`; NULL: out of memory. */
static arena_block *arena_grow(nacre_arena *arena, size_t bytes) {
  size_t room = bytes > ARENA_BLOCK / 4 ? bytes : ARENA_BLOCK;
  size_t total;
  if (!nacre_size_add(room, sizeof(arena_block), &total)) {
    return NULL;
  }
  arena_block *block = nacre_alloc(total, 1);
  if (block == NULL) {
    return NULL;
  }
  block->head.room = room;
  if (room != ARENA_BLOCK && arena->block != NULL) {
    /* A large piece has a block of its own; the newest keeps its room. */
    block->head.next = arena->block->head.next;
    arena->block->head.next = block;
  } else {
    block->head.next = arena->block;
    arena->block = block;
  }
  return block;
}

void *nacre_arena_alloc(nacre_arena *arena, size_t count, size_t size) {
  const size_t align = sizeof(max_align_t) > 16 ? 16 : sizeof(max_align_t);
  size_t bytes;
  size_t rounded;
  if (!nacre_size_mul(count, size, &bytes) ||
      !nacre_size_add(bytes, align - 1, &rounded)) {
    return NULL;
  }
  rounded -= rounded % align;
  arena_block *block = arena->block;
  if (block == NULL || block->head.room - block->head.used < rounded) {
    block = arena_grow(arena, rounded);
    if (block == NULL) {
      return NULL;
    }
  }
  unsigned char *at = (unsigned char *)(block + 1) + block->head.used;
  block->head.used += rounded;
  return at;
}

char *nacre_arena_strndup(nacre_arena *arena, const char *text, size_t n) {
  n = strnlen(text, n);
  char *copy = n == SIZE_MAX ? NULL : nacre_arena_alloc(arena, n + 1, 1);
  if (copy != NULL) {
    memcpy(copy, text, n);
  }
  return copy;
}

char *nacre_arena_format(nacre_arena *arena, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int n = nacre_text_vsnprintf(NULL, 0, format, list);
  va_end(list);
  char *text = n < 0 ? NULL : nacre_arena_alloc(arena, (size_t)n + 1, 1);
  if (text != NULL) {
    va_start(list, format);
    (void)nacre_text_vsnprintf(text, (size_t)n + 1, format, list);
    va_end(list);
  }
  return text;
}

double nacre_clock(void) {
  struct timespec now = { 0, 0 };
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
