/* SPDX-License-Identifier: MIT */
/* text: locale-free numbers, growing strings, hashes, edit distance. */
#ifndef NACRE_BASE_TEXT_H
#define NACRE_BASE_TEXT_H

#include <nacre/abi/types.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** All of [text, text+n) as a number in the C locale. Accepts what YAML 1.2
 *  and C call numbers, ".inf", "-.inf", ".nan", underscores not. */
bool nacre_text_float(const char *text, size_t n, double *value);
/** The same for whole numbers in int64_t ("1e3" is one, "1.5" is not). */
bool nacre_text_int(const char *text, size_t n, int64_t *value);
/** Shortest text that reads back as the same double; room for 32 bytes. */
void nacre_text_from_float(double value, char out[32]);

/** Edit distance with transpositions, at most `limit`+1. */
int nacre_text_distance(const char *a, const char *b, int limit);

/** vsnprintf in the C locale, whatever the program's locale is. */
int nacre_text_vsnprintf(char *out, size_t room, const char *format, va_list)
  NACRE_PRINTF(3, 0);
/** Bytes of the UTF-8 character at `at` (1 to 4), 0 if it is none; `code`
 *  gets its code point. Overlong forms and surrogates are none. */
int nacre_text_utf8(const char *at, size_t n, uint32_t *code);

/** A string that grows. Errors stick: check `failed` at the end. */
typedef struct nacre_text {
  char *at; /* always NUL-terminated once something was put; else NULL */
  size_t n, room;
  bool failed;
} nacre_text;
void nacre_text_put(nacre_text *, const char *, size_t n);
void nacre_text_puts(nacre_text *, const char *);
void nacre_text_printf(nacre_text *, const char *format, ...)
  NACRE_PRINTF(2, 3);
void nacre_text_fini(nacre_text *);

/** 128 bits of a fast, stable, non-cryptographic hash over bytes, for
 *  digests of weights and keys of caches; start from {0, 0}. Where one call
 *  ends and the next begins is part of what is hashed. */
typedef struct nacre_hash {
  uint64_t word[2];
} nacre_hash;
void nacre_hash_add(nacre_hash *, const void *, size_t n);

#endif
