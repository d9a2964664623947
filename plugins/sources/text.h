/* SPDX-License-Identifier: MIT */
/* text: what the files of the text sources share: reading text, cutting it
 * into tokens, and vocabularies. */
#ifndef NACRE_SOURCES_TEXT_H
#define NACRE_SOURCES_TEXT_H

#include "state.h"

#define TEXT_PLACE 4400 /* a path, and a number */
#define TEXT_SHOWN 64   /* bytes of a token in a message */

/* Above this a real of single precision no longer tells neighbours apart. */
#define TEXT_CODES (1 << 24)

/* Words of the parameter `encoding`, in the order of its table. */
#define TEXT_ENCODINGS "utf-8|latin-1"
#define TEXT_UTF8 0

/* Of vocabularies: what is kept for texts that are not in them. */
#define TEXT_UNKNOWN "[UNK]"

/* --- text_file.c --- */

/* Reads a file of text as UTF-8 without a byte order mark, lines ending in
 * LF. Refuses bytes that the encoding does not have, and NULs. The caller
 * frees out->at by the host, which is NULL after NACRE_ERROR. */
int text_read(const nacre_host *, const char *path, int encoding,
              nacre_fail *, nacre_bytes *out);
/* The same for bytes that were read, which it may replace; `path` is what
 * messages call them. They are the caller's either way. */
int text_make(const nacre_host *, const char *path, int encoding,
              nacre_fail *, nacre_bytes *text);
/* Offset of the first byte that is not UTF-8 (RFC 3629), or n. */
size_t text_check(const char *at, size_t n);
/* Bytes of the character at `at`, which is UTF-8. */
size_t text_char(const char *at, const char *end);
/* Bytes of the word at `at`: one space, if any, and letters, digits and all
 * that is not ASCII behind it, or any other single character. Words in a row
 * make the text. */
size_t text_word(const char *at, const char *end);
/* A token as a message shows it: control characters by their number, a long
 * one shortened. */
const char *text_show(char out[TEXT_SHOWN], const char *at, size_t n);

/* --- text_vocabulary.c --- */

/* Texts and their codes, which are the order they were added in. The first
 * are special: they stand for no text that could be found. */
typedef struct text_vocabulary {
  const nacre_host *host;
  char *bytes;        /* all texts, each with a NUL behind it */
  size_t bytes_n, bytes_room;
  size_t *start;      /* [n] in bytes */
  size_t start_room;
  int64_t *times;     /* [n] how often each came */
  size_t times_room;
  uint32_t *slot;     /* [slots] hash table of codes + 1; 0 is free */
  size_t slots;
  int32_t n, special;
  const char **name;  /* [n] after _name(): the texts */
} text_vocabulary;

#define TEXT_NO_MEMORY (-1)
#define TEXT_FULL (-2)

void text_vocabulary_init(text_vocabulary *, const nacre_host *);
void text_vocabulary_fini(text_vocabulary *);
/* Code of a text, which is added if it is new and counted; or TEXT_NO_MEMORY,
 * or TEXT_FULL: TEXT_CODES are all there may be. */
int32_t text_vocabulary_add(text_vocabulary *, const char *at, size_t n);
/* A special entry; before all others. NACRE_ERROR: out of memory. */
int text_vocabulary_special(text_vocabulary *, const char *name);
/* The code, or -1. */
int32_t text_vocabulary_find(const text_vocabulary *, const char *at,
                             size_t n);
/* Drops what never came, keeps the `most` entries that came most often, the
 * special ones included, and gives new codes: in byte order, or, `by_times`,
 * the most frequent first, those of one frequency in falling byte order, as
 * Keras does. map: [n] new codes of the old, -1 for what is gone; NULL: not
 * wanted. NACRE_ERROR: out of memory. */
int text_vocabulary_order(text_vocabulary *, bool by_times, int64_t most,
                          int32_t *map);
/* Fills name[]. NACRE_ERROR: out of memory. */
int text_vocabulary_name(text_vocabulary *);
/* Lines of a state: the texts, without the special ones. */
void text_vocabulary_write(const text_vocabulary *, state_writer *);
/* Adds `count` such texts; false: damaged, or out of memory. */
bool text_vocabulary_read(text_vocabulary *, const char **at, int64_t count);
/* Lines of a state, which bound what it can make anybody allocate. */
int64_t text_lines(const char *state);

#endif
