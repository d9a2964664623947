/* SPDX-License-Identifier: MIT */
/* split: which rows of a data set are held out, by fraction or by fold,
 * stratified by class if asked; split_groups.c keeps groups together. Rows
 * are chosen from streams of the seed, so that the same experiment always
 * holds out the same rows. */
#include "run/split.h"

#include "base/random.h"
#include "yaml/report.h"

#include <math.h>
#include <stdlib.h>

static const nacre_param split_params[] = {
  NACRE_PARAM(nacre_split_cfg, fraction, "null", "(0,1)", "",
              "Share of all rows that is held out.", 0),
  NACRE_PARAM(nacre_split_cfg, folds, "0", "[0,1000]", "",
              "Cut the rows into this many folds and hold one out.", 0),
  NACRE_PARAM(nacre_split_cfg, fold, "0", "[0,999]", "",
              "Which fold is held out, from 0.", 0),
  NACRE_PARAM(nacre_split_cfg, stratify, "false", NULL, "",
              "Hold out the same share of every class.", 0),
  NACRE_PARAM(nacre_split_cfg, shuffle, "true", NULL, "",
              "Choose rows at random; false: the last rows.", 0),
  NACRE_PARAM(nacre_split_cfg, group, "[]", NULL, "",
              "Fields whose groups stay together: a group has the same value "
              "in all of them.", 0),
  NACRE_PARAM(nacre_split_cfg, hold, "[]", NULL, "",
              "Hold out these groups, by their name.", 0),
};
const nacre_span nacre_split_params = NACRE_SPAN(split_params);

/* A free row and its class. */
typedef struct candidate {
  int64_t row, place; /* place: in shuffled order, to keep the sort stable */
  double stratum;
} candidate;

static int by_stratum(const void *a, const void *b) {
  const candidate *x = a, *y = b;
  if (x->stratum < y->stratum || x->stratum > y->stratum) {
    return x->stratum < y->stratum ? -1 : 1;
  }
  return x->place < y->place ? -1 : x->place > y->place;
}

static int by_row(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

int nacre_split_classes(const nacre_dataset *set, const nacre_node *node,
                        nacre_params_ctx *ctx) {
  int field = nacre_dataset_find(set, "y", true, true);
  if (field >= 0 && nacre_shape_count(&set->field[field].shape) == 1 &&
      (set->field[field].flags & NACRE_FIELD_INDEX) != 0) {
    return field;
  }
  const nacre_node *stratify =
    node != NULL ? nacre_node_peek(node, "stratify") : NULL;
  nacre_report_key(ctx->error,
                   stratify != NULL ? stratify : set->choice->node,
                   NACRE_ECONFIG,
                   "stratify needs one target that is a class");
  return -1;
}

static int read_strata(const nacre_dataset *set, const nacre_node *node,
                       candidate *free_rows, int64_t n,
                       nacre_params_ctx *ctx) {
  nacre_place place = nacre_node_place(set->choice->node);
  nacre_error_fail fail;
  nacre_fail *to =
    nacre_error_fail_init(&fail, ctx->error, NACRE_EDATA, &place);
  int field = nacre_split_classes(set, node, ctx);
  if (field < 0) {
    return NACRE_ERROR;
  }
  for (int64_t i = 0; i < n; i++) {
    real value = 0;
    if (set->ops->read(set->self, (uint32_t)field, &free_rows[i].row, 1,
                       &value, to) != NACRE_OK) {
      return NACRE_ERROR;
    }
    free_rows[i].stratum = (double)value;
  }
  return NACRE_OK;
}

/* How many of a stratum's `n` rows are held out, when rows before it have
 * had `due` rows due and `given` taken: rounding never adds up. */
static int64_t share_of(double due,
                        int64_t given, int64_t n) {
  int64_t take = (int64_t)floor(due + 0.5) - given;
  return take < 0 ? 0 : take > n ? n : take;
}

static int64_t take_rows(const nacre_split_cfg *cfg, const nacre_dataset *set,
                         const candidate *free_rows, int64_t n,
                         int64_t *out) {
  int64_t given = 0;
  double due = 0;
  /* A fraction is one of all rows, whatever was held out before. */
  double fraction = cfg->folds > 0
    ? 1.0 / (double)cfg->folds
    : cfg->fraction * (double)set->count / (double)n;
  for (int64_t begin = 0, end; begin < n; begin = end) {
    for (end = begin + 1; end < n && !(free_rows[end].stratum >
                                       free_rows[begin].stratum); end++) {
    }
    int64_t size = end - begin;
    if (cfg->folds > 0) {
      for (int64_t i = begin; i < end; i++) {
        if (i % cfg->folds == cfg->fold) {
          out[given++] = free_rows[i].row;
        }
      }
      continue;
    }
    due += fraction * (double)size;
    int64_t take = share_of(due, given, size);
    int64_t first = cfg->shuffle ? begin : end - take;
    for (int64_t i = 0; i < take; i++) {
      out[given++] = free_rows[first + i].row;
    }
  }
  return given;
}

static int list_free(const nacre_dataset *set, const nacre_split_cfg *cfg,
                     uint64_t seed, const unsigned char *taken,
                     candidate **out, int64_t *n, nacre_error *error) {
  int64_t *order = nacre_alloc((size_t)set->count, sizeof(*order));
  *out = nacre_alloc((size_t)set->count, sizeof(**out));
  *n = 0;
  if (order == NULL || *out == NULL) {
    nacre_free(order);
    return nacre_no_memory(error);
  }
  for (int64_t i = 0; i < set->count; i++) {
    order[i] = i;
  }
  if (cfg->shuffle) {
    nacre_random_shuffle(nacre_key_make(seed, "split", NACRE_TAG_SPLIT),
                         set->count, order);
  }
  for (int64_t i = 0; i < set->count; i++) {
    if (taken[order[i]] == 0) {
      (*out)[*n] = (candidate){ order[i], *n, 0 };
      (*n)++;
    }
  }
  nacre_free(order);
  return NACRE_OK;
}

/* How far apart rows must be to share nothing. */
static int64_t overlap_of(const nacre_dataset *set) {
  return set->ops->overlap != NULL ? set->ops->overlap(set->self) : 1;
}

/* Windows over one series must be held out in one piece: their neighbours
 * would show the network what it is to be measured on. */
static int check_overlap(const nacre_dataset *set, const nacre_split_cfg *cfg,
                         nacre_error *error) {
  const nacre_node *node = cfg->node != NULL ? cfg->node : set->choice->node;
  if (overlap_of(set) <= 1 ||
      (!cfg->shuffle && !cfg->stratify && cfg->folds == 0 &&
       cfg->group.n == 0)) {
    return NACRE_OK;
  }
  nacre_report_key(error, node, NACRE_ECONFIG,
                   "samples of data source '%s' overlap here: some of those "
                   "that train would show what others are to be measured on",
                   set->choice->component->name);
  nacre_error_hint(error, "a 'fraction' with 'shuffle: false' holds out the "
                          "last ones");
  return NACRE_ERROR;
}

/* The rows before a part that reach into it are in no part. */
static void drop_overlapping(const nacre_split *split, unsigned char *taken) {
  int64_t from = split->row[0] - overlap_of(split->set) + 1;
  for (int64_t i = from > 0 ? from : 0; i < split->row[0]; i++) {
    taken[i] = 1;
  }
}

/* Rows one by one, into split->row, which has room for all. */
static int take_single(nacre_split *split, const nacre_split_cfg *cfg,
                       uint64_t seed, const unsigned char *taken,
                       nacre_params_ctx *ctx) {
  const nacre_dataset *set = split->set;
  candidate *free_rows = NULL;
  int64_t n = 0;
  int status = list_free(set, cfg, seed, taken, &free_rows, &n, ctx->error);
  if (status == NACRE_OK && cfg->stratify) {
    status = read_strata(set, cfg->node, free_rows, n, ctx);
    if (status == NACRE_OK) {
      qsort(free_rows, (size_t)n, sizeof(*free_rows), by_stratum);
    }
  }
  if (status == NACRE_OK && n > 0) {
    split->n = take_rows(cfg, set, free_rows, n, split->row);
  }
  nacre_free(free_rows);
  return status;
}

int nacre_split_take(nacre_split *split, const nacre_dataset *set,
                     const nacre_split_cfg *cfg, uint64_t seed,
                     unsigned char *taken, nacre_params_ctx *ctx) {
  *split = (nacre_split){ .set = set };
  if (check_overlap(set, cfg, ctx->error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  split->row = nacre_alloc((size_t)set->count, sizeof(*split->row));
  if (split->row == NULL) {
    return nacre_no_memory(ctx->error);
  }
  int status = cfg->group.n > 0
    ? nacre_split_groups(set, cfg, seed, taken, ctx, split->row, &split->n)
    : take_single(split, cfg, seed, taken, ctx);
  if (status == NACRE_OK && split->n > 0) {
    qsort(split->row, (size_t)split->n, sizeof(*split->row), by_row);
    for (int64_t i = 0; i < split->n; i++) {
      taken[split->row[i]] = 1;
    }
    drop_overlapping(split, taken);
  }
  if (status == NACRE_OK && split->n == 0) {
    nacre_place place =
      nacre_node_place(cfg->node != NULL ? cfg->node : set->choice->node);
    status = nacre_error_add(ctx->error, NACRE_EDATA, &place,
                             "this part of %lld samples has none",
                             (long long)set->count);
  }
  return status;
}

int nacre_split_rest(nacre_split *split, const nacre_dataset *set,
                     const unsigned char *taken, nacre_params_ctx *ctx) {
  *split = (nacre_split){ .set = set };
  split->row = nacre_alloc((size_t)set->count, sizeof(*split->row));
  if (split->row == NULL) {
    return nacre_no_memory(ctx->error);
  }
  for (int64_t i = 0; i < set->count; i++) {
    if (taken[i] == 0) {
      split->row[split->n++] = i;
    }
  }
  if (split->n == 0) {
    nacre_place place = nacre_node_place(set->choice->node);
    return nacre_error_add(ctx->error, NACRE_EDATA, &place,
                           "no samples are left for training");
  }
  return NACRE_OK;
}

void nacre_split_fini(nacre_split *split) {
  nacre_free(split->row);
  *split = (nacre_split){ 0 };
}
