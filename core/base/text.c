/* SPDX-License-Identifier: MIT */
/* text: UTF-8, growing strings, hashes and edit distance. */
#include "text.h"

#include "sys.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

int nacre_text_vsnprintf(char *out, size_t room, const char *format,
                         va_list list) {
  /* The C locale is a constant of the C library: this allocates nothing.
   * Where it cannot be had, the program's own locale has to do. */
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  locale_t before = plain != (locale_t)0 ? uselocale(plain) : (locale_t)0;
  int n = vsnprintf(out, room, format, list);
  if (plain != (locale_t)0) {
    (void)uselocale(before);
    freelocale(plain);
  }
  return n;
}

int nacre_text_utf8(const char *text, size_t n, uint32_t *code) {
  static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
  const unsigned char *at = (const unsigned char *)text;
  if (n == 0) {
    return 0;
  }
  int bytes = at[0] < 0x80             ? 1
              : (at[0] & 0xe0) == 0xc0 ? 2
              : (at[0] & 0xf0) == 0xe0 ? 3
              : (at[0] & 0xf8) == 0xf0 ? 4
                                       : 0;
  if (bytes == 0 || (size_t)bytes > n) {
    return 0;
  }
  uint32_t value = bytes == 1 ? at[0] : at[0] & (0xffu >> (bytes + 1));
  for (int i = 1; i < bytes; i++) {
    if ((at[i] & 0xc0) != 0x80) {
      return 0;
    }
    value = value << 6 | (at[i] & 0x3fu);
  }
  if (value < least[bytes] || value > 0x10ffff ||
      (value >= 0xd800 && value < 0xe000)) {
    return 0;
  }
  *code = value;
  return bytes;
}

#define DISTANCE_MAX 15

static int least_of(int a, int b) {
  return a < b ? a : b;
}

int nacre_text_distance(const char *a, const char *b, int limit) {
  if (limit > DISTANCE_MAX) {
    limit = DISTANCE_MAX;
  }
  size_t na = strlen(a);
  size_t nb = strlen(b);
  size_t gap = na > nb ? na - nb : nb - na;
  if (limit < 0 || gap > (size_t)limit) {
    return limit + 1;
  }
  /* Optimal string alignment. Only cells within `limit` of the diagonal can
   * stay within the limit, so a row holds those: cell c of row i is column
   * i + c - limit. */
  int rows[3][2 * DISTANCE_MAX + 3];
  const int width = 2 * limit + 1;
  for (size_t i = 0; i <= na; i++) {
    int *row = rows[i % 3];
    const int *up = rows[(i + 2) % 3];
    const int *up2 = rows[(i + 1) % 3];
    for (int c = 0; c < width; c++) {
      size_t shifted = i + (size_t)c;
      int best = limit + 1;
      if (shifted < (size_t)limit || shifted - (size_t)limit > nb) {
        row[c] = best;
        continue;
      }
      size_t j = shifted - (size_t)limit;
      if (i == 0 || j == 0) {
        row[c] = least_of(best, (int)(i + j));
        continue;
      }
      best = least_of(best, up[c] + (a[i - 1] != b[j - 1]));
      if (c + 1 < width) {
        best = least_of(best, up[c + 1] + 1);
      }
      if (c > 0) {
        best = least_of(best, row[c - 1] + 1);
      }
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        best = least_of(best, up2[c] + 1);
      }
      row[c] = best;
    }
  }
  return rows[na % 3][(int)nb - (int)na + limit];
}

/* Room for n bytes more and a NUL. */
static bool text_room(nacre_text *text, size_t n) {
  size_t need;
  if (text->failed || !nacre_size_add(text->n, n, &need) ||
      !nacre_size_add(need, 1, &need)) {
    text->failed = true;
    return false;
  }
  if (need <= text->room) {
    return true;
  }
  size_t room = text->room < 64 ? 64 : text->room;
  while (room < need) {
    if (!nacre_size_mul(room, 2, &room)) {
      text->failed = true;
      return false;
    }
  }
  char *grown = nacre_resize(text->at, room, 1);
  if (grown == NULL) {
    text->failed = true;
    return false;
  }
  text->at = grown;
  text->room = room;
  return true;
}

void nacre_text_put(nacre_text *text, const char *at, size_t n) {
  if (text_room(text, n)) {
    if (n > 0) {
      memcpy(text->at + text->n, at, n);
    }
    text->n += n;
    text->at[text->n] = '\0';
  }
}

void nacre_text_puts(nacre_text *text, const char *at) {
  nacre_text_put(text, at, strlen(at));
}

void nacre_text_printf(nacre_text *text, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int n = nacre_text_vsnprintf(NULL, 0, format, list);
  va_end(list);
  if (n < 0) {
    text->failed = true;
  } else if (text_room(text, (size_t)n)) {
    va_start(list, format);
    (void)nacre_text_vsnprintf(text->at + text->n, (size_t)n + 1, format,
                               list);
    va_end(list);
    text->n += (size_t)n;
  }
}

void nacre_text_fini(nacre_text *text) {
  nacre_free(text->at);
  memset(text, 0, sizeof *text);
}

/* A bijection in which every bit of x reaches every bit of the result: the
 * finalizer of splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
static uint64_t scatter(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static void hash_word(nacre_hash *hash, uint64_t word) {
  hash->word[0] = scatter(hash->word[0] + word + 0x9e3779b97f4a7c15u);
  hash->word[1] =
    scatter((hash->word[1] ^ (word << 32 | word >> 32)) + hash->word[0]);
}

void nacre_hash_add(nacre_hash *hash, const void *bytes, size_t n) {
  const unsigned char *at = bytes;
  size_t i = 0;
  for (; n - i >= 8; i += 8) {
    uint64_t word = 0;
    for (size_t j = 0; j < 8; j++) { /* little-endian on every machine */
      word |= (uint64_t)at[i + j] << (8 * j);
    }
    hash_word(hash, word);
  }
  uint64_t tail = 0;
  for (size_t j = 0; i + j < n; j++) {
    tail |= (uint64_t)at[i + j] << (8 * j);
  }
  hash_word(hash, tail);
  hash_word(hash, (uint64_t)n);
}
