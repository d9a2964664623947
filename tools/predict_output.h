/* SPDX-License-Identifier: MIT */
/* predict_output: predictions as csv, JSON lines or npy, to a file or to
 * standard output. */
#ifndef NACRE_TOOLS_PREDICT_OUTPUT_H
#define NACRE_TOOLS_PREDICT_OUTPUT_H

#include "base/sys.h"
#include "base/text.h"

typedef enum predict_format {
  PREDICT_CSV,
  PREDICT_JSONL,
  PREDICT_NPY /* one output only */
} predict_format;

/** How a row of predictions becomes a class. */
typedef enum predict_class {
  PREDICT_NO_CLASS,
  PREDICT_LARGEST,  /* the largest of several */
  PREDICT_THRESHOLD /* a probability of at least 0.5: class 1, else 0 */
} predict_class;

/** One output of the network. */
typedef struct predict_head {
  const char *name;  /* "prediction" if it is the only one */
  nacre_shape shape; /* of a sample */
  int64_t count;     /* elements of a sample */
  predict_class classify;
  const char *const *class_name; /* [classes], or NULL: numbers */
} predict_head;

typedef struct predict_output {
  predict_format format;
  const predict_head *head; /* [n_heads], borrowed */
  int n_heads;
  nacre_writer *writer;     /* NULL: standard output */
  nacre_text text;          /* of the running batch */
} predict_output;

/** The format that a word, else a path's suffix, else nothing asks for.
 *  False: `word` is none. */
bool predict_output_format(const char *word, const char *path,
                           predict_format *);
/** Opens a file ("-" or NULL: standard output) and writes what comes before
 *  the rows; `rows` is how many there will be. */
int predict_output_open(predict_output *, const char *path, int64_t rows,
                        nacre_error *);
/** Writes n rows: values[i] is [n, count] of head i. */
int predict_output_rows(predict_output *, int64_t n, real *const *values,
                        nacre_error *);
/** Completes the file; after a failure nothing of it is left. */
int predict_output_close(predict_output *, bool whole, nacre_error *);

#endif
