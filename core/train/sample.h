/* SPDX-License-Identifier: MIT */
/* sample: a language model writes: token by token, each drawn from what the
 * network expects to come next, and then part of what it reads. */
#ifndef NACRE_TRAIN_SAMPLE_H
#define NACRE_TRAIN_SAMPLE_H

#include "train/predict.h"

/** How tokens are drawn. */
typedef struct nacre_sample_cfg {
  double temperature; /* probabilities are raised to 1/this; 0: the most
                         probable token */
  int64_t top_k;      /* of so many most probable tokens; 0: of all */
  uint64_t seed;      /* the same seed gives the same text */
} nacre_sample_cfg;

/** A token that may be drawn. */
typedef struct nacre_sample_candidate {
  double probability;
  int64_t token;
} nacre_sample_candidate;

typedef struct nacre_sampler {
  nacre_predictor *predictor;
  nacre_dataset set;   /* the vocabulary */
  nacre_pipe pipe;     /* what is done to a window of tokens */
  int64_t context;     /* tokens of a window */
  int64_t tokens;      /* of the vocabulary */
  bool every;          /* the network says what comes after each token, not
                          only after a window's last */
  int64_t *window;     /* [context]: the last tokens, `known` of them */
  int64_t known;
  uint64_t drawn;      /* tokens so far */
  real *x, *out, *work; /* [context], [room], [room] */
  real *probability;   /* [context or 1, tokens] */
  nacre_sample_candidate *candidate; /* [tokens] */
} nacre_sampler;

/** Opens the vocabulary of a run's training source, which `tensors` hold;
 *  NACRE_EMODEL if that source has none. Caller closes it, after an error
 *  too. */
int nacre_sampler_open(nacre_sampler *, nacre_experiment *,
                       const nacre_tensors *, const char *weights);
/** Shape of a window after its transforms, for nacre_predictor_make(). */
const nacre_shape *nacre_sampler_input(const nacre_sampler *);
/** Joins it to a predictor of batch 1, which must outlive it. NACRE_EMODEL
 *  if the network is no language model over this vocabulary. */
int nacre_sampler_join(nacre_sampler *, nacre_predictor *);
void nacre_sampler_close(nacre_sampler *);
/** What has been written so far. NACRE_EUSAGE: no text, or text that the
 *  vocabulary lacks. */
int nacre_sampler_prompt(nacre_sampler *, const char *text, size_t n);
/** Draws the next token; `*text` is borrowed from the sampler's source. */
int nacre_sampler_next(nacre_sampler *, const nacre_sample_cfg *,
                       const char **text);

#endif
