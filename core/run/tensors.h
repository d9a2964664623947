/* SPDX-License-Identifier: MIT */
/* tensors: safetensors files: named arrays and a map of texts, no code.
 *
 * The format: u64 length, that many bytes of JSON, the data without holes
 * (https://github.com/huggingface/safetensors, its README). Reading checks
 * every rule of it before anything is believed. */
#ifndef NACRE_RUN_TENSORS_H
#define NACRE_RUN_TENSORS_H

#include "base/error.h"
#include "base/sys.h"
#include "base/text.h"

#include <nacre/abi/types.h>

typedef struct nacre_entry {
  const char *name;
  nacre_shape shape; /* dtype: NACRE_F32, _F64, _I32, _I64 or _U8 */
  const void *data;
} nacre_entry;

typedef struct nacre_text_pair {
  const char *key, *value;
} nacre_text_pair;

/** Writes a file by the safe protocol, with digests of all data and of each
 *  tensor among the texts ("nacre.digest", "nacre.digest.NAME"), reads it
 *  back and compares. */
int nacre_tensors_write(const char *path, const nacre_entry *, int n,
                        const nacre_text_pair *, int n_texts, nacre_error *);

typedef struct nacre_tensors {
  nacre_bytes file;  /* the whole file: entries point into it */
  nacre_entry *entry;
  int n_entries;
  nacre_text_pair *text;
  int n_texts;
  nacre_arena *arena;
} nacre_tensors;

/** Reads and checks a file. Problems have code NACRE_EMODEL. */
int nacre_tensors_read(nacre_tensors *, const char *path, nacre_error *);
void nacre_tensors_fini(nacre_tensors *);
const nacre_entry *nacre_tensors_find(const nacre_tensors *,
                                      const char *name);
/** NULL when there is no such text. */
const char *nacre_tensors_text(const nacre_tensors *, const char *key);
size_t nacre_dtype_size(int32_t dtype); /* 0: none */

#endif
