/* SPDX-License-Identifier: MIT */
/* einsum_product: an equation of input, kernel and output as products of
 * matrices, with as few of the operands as possible brought into order. */
#ifndef NACRE_LAYERS_EINSUM_PRODUCT_H
#define NACRE_LAYERS_EINSUM_PRODUCT_H

#include "einsum.h"

/** An operand as a matrix of each l and g: in memory [rows, ld], meant
 *  transposed if turned. */
typedef struct nacre_einsum_layout {
  char letters[NACRE_EINSUM_AXES]; /* order of the axes in memory */
  bool packed;                     /* which is not the operand's own */
  bool turned;
  int64_t ld, by_l, by_g;
} nacre_einsum_layout;

/** The equation as a product of matrices: for each l and g,
 *
 *    y[l, g] (rows x n) = x[l, g] (rows x k) kernel[g] (k x n)
 *
 *  Axes of each kind, in the order in which they are taken as one. */
typedef struct nacre_einsum_product {
  nacre_einsum equation;
  int64_t extent[128]; /* of a letter; of the batch: 1 */
  char rows[NACRE_EINSUM_AXES];    /* in x and y: the batch is the first */
  char g[NACRE_EINSUM_AXES];       /* in all three */
  char k[NACRE_EINSUM_AXES];       /* in x and kernel */
  char n[NACRE_EINSUM_AXES];       /* in kernel and y */
  char l[NACRE_EINSUM_AXES];       /* the first of the rows, one by one */
  char bias[NACRE_EINSUM_AXES];    /* axes of the bias, as in y */
  char by_bias[NACRE_EINSUM_AXES]; /* those of y, with the bias's last */
  nacre_einsum_layout x, w, y;
} nacre_einsum_product;

/** Elements of axes, less the batch. */
static inline int64_t nacre_einsum_count(const nacre_einsum_product *p,
                                         const char *letters) {
  int64_t count = 1;
  for (; *letters != '\0'; letters++) {
    count *= p->extent[(int)*letters];
  }
  return count;
}

/** Appends the letters of `from` that are in one string (NULL: any) and not in
 * another (NULL: none). */
static inline void nacre_einsum_take(const char *from, const char *in,
                                     const char *not_in, char *out) {
  size_t n = strlen(out);
  for (; *from != '\0'; from++) {
    if ((in == NULL || nacre_einsum_has(in, *from)) &&
        (not_in == NULL || !nacre_einsum_has(not_in, *from))) {
      out[n++] = *from;
    }
  }
  out[n] = '\0';
}

/** Elements from one to the next along an axis of a tensor; 0: it has no such
 *  axis. */
static inline int64_t nacre_einsum_step(const nacre_einsum_product *p,
                                        const char *letters, char letter) {
  const char *at = strchr(letters, letter);
  return at == NULL ? 0 : nacre_einsum_count(p, at + 1);
}

/* Whether the axes of a group lie in memory as one, whose extent and step are
 * then given; an axis of 1 is in nobody's way. */
static inline bool nacre_einsum_join(const nacre_einsum_product *p,
                                     const char *letters, const char *group,
                                     int64_t *extent, int64_t *step) {
  int64_t next = -1;
  *extent = 1;
  *step = 0;
  for (size_t i = strlen(group); i-- > 0;) {
    const int64_t here = nacre_einsum_step(p, letters, group[i]);
    if (p->extent[(int)group[i]] == 1 && group[i] != p->equation.x[0]) {
      continue;
    }
    if (next >= 0 && here != next) {
      return false;
    }
    *step = next < 0 ? here : *step;
    *extent *= p->extent[(int)group[i]];
    next = here * p->extent[(int)group[i]];
  }
  return true;
}

/* Whether axes in this order are such matrices; they are not if there are
 * others, along which the input is summed. */
static inline bool nacre_einsum_lay(const nacre_einsum_product *p,
                                    const char *letters, const char *l,
                                    const char *rows, const char *cols,
                                    nacre_einsum_layout *out) {
  int64_t n_l, n_g, n_rows, n_cols, row, col;
  if (!nacre_einsum_join(p, letters, l, &n_l, &out->by_l) ||
      !nacre_einsum_join(p, letters, p->g, &n_g, &out->by_g) ||
      !nacre_einsum_join(p, letters, rows, &n_rows, &row) ||
      !nacre_einsum_join(p, letters, cols, &n_cols, &col) ||
      n_l * n_g * n_rows * n_cols != nacre_einsum_count(p, letters)) {
    return false;
  }
  const bool one_row = n_rows == 1 && row == 0;
  if (col == 1 || n_cols == 1) {
    out->turned = false;
    out->ld = one_row ? n_cols : row;
  } else if (row == 1 || one_row) {
    out->turned = true;
    out->ld = col;
  } else {
    return false;
  }
  memcpy(out->letters, letters, strlen(letters) + 1);
  return true;
}

/* As it lies or else packed, in the order l, rows, g, cols. */
static inline void nacre_einsum_lay_out(const nacre_einsum_product *p,
                                        const char *letters, const char *l,
                                        const char *rows, const char *cols,
                                        nacre_einsum_layout *out) {
  char packed[NACRE_EINSUM_AXES] = "";
  out->packed = !nacre_einsum_lay(p, letters, l, rows, cols, out);
  if (out->packed) {
    nacre_einsum_take(l, NULL, NULL, packed);
    nacre_einsum_take(rows, NULL, NULL, packed);
    nacre_einsum_take(p->g, NULL, NULL, packed);
    nacre_einsum_take(cols, NULL, NULL, packed);
    nacre_einsum_lay(p, packed, l, rows, cols, out);
  }
}

/* Chooses l, the fewest of the rows with which the fewest operands have to be
 * packed: they cost a product each. */
static inline void nacre_einsum_lay_all(nacre_einsum_product *p) {
  const size_t rows = strlen(p->rows);
  nacre_einsum_product best = *p;
  int least = 4;
  for (size_t taken = 0; taken < rows && least > 0; taken++) {
    nacre_einsum_product with = *p;
    memcpy(with.l, p->rows, taken);
    with.l[taken] = '\0';
    memmove(with.rows, p->rows + taken, rows - taken + 1);
    nacre_einsum_lay_out(&with, p->equation.x, with.l, with.rows, p->k,
                         &with.x);
    nacre_einsum_lay_out(&with, p->equation.w, "", p->k, p->n, &with.w);
    nacre_einsum_lay_out(&with, p->equation.y, with.l, with.rows, p->n,
                         &with.y);
    const int packed = with.x.packed + with.w.packed + with.y.packed;
    if (packed < least) {
      least = packed;
      best = with;
    }
  }
  *p = best;
}

/** Takes the extents of an input and an output, per sample. */
static inline void nacre_einsum_measure(nacre_einsum_product *p,
                                        const int64_t *in,
                                        const int64_t *out) {
  const nacre_einsum *e = &p->equation;
  p->extent[(int)e->x[0]] = 1;
  for (int i = 1; e->x[i] != '\0'; i++) {
    p->extent[(int)e->x[i]] = in[i - 1];
  }
  for (int i = 1; e->y[i] != '\0'; i++) {
    p->extent[(int)e->y[i]] = out[i - 1];
  }
}

/** Says which axes are of which kind, and how they lie. The extents of each
 *  operand multiply without overflow. */
static inline void nacre_einsum_arrange(nacre_einsum_product *p) {
  const nacre_einsum *e = &p->equation;
  nacre_einsum_take(e->y, e->x, e->w, p->rows);
  nacre_einsum_take(e->y, e->x, p->rows, p->g);
  nacre_einsum_take(e->x, e->w, e->y, p->k);
  nacre_einsum_take(e->y, e->w, e->x, p->n);
  nacre_einsum_take(e->y, NULL, p->bias, p->by_bias);
  nacre_einsum_take(p->bias, NULL, NULL, p->by_bias);
  nacre_einsum_lay_all(p);
}

#endif
