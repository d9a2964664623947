/* SPDX-License-Identifier: MIT */
/* gemm_cut: the cheapest way to share out a product.
 *
 * For every number of columns of blocks the least number of rows that gives
 * enough of them is weighed: by what it leaves to the thread with the most, in
 * multiply-adds for each of k. The result of the product does not depend on
 * it. */
#include "gemm_cut.h"

#include <math.h>

/* What packing an element takes, in multiply-adds. */
#define PLACING_A 4.0
#define PLACING_B 2.0
/* And what fetching it takes: an element of B from the last cache, or from
 * the thread that has updated the weight; one of A or C from the thread that
 * works on that row in the layers around, or updates that row of a weight. */
#define FETCHING_B 12.0
#define FOREIGN 32.0

static int64_t least_of(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* How many blocks there should be: as many for every thread, from one to four,
 * the more the larger, as the last to be done is waited for. Fewer than threads
 * where there is not enough to do. */
static int64_t blocks_wanted(double work, int64_t threads) {
  const double worth = work / GEMM_BLOCK_WORK, each = (double)threads;
  if (threads == 1 || worth < 2) {
    return 1;
  }
  if (worth < each) {
    return (int64_t)worth;
  }
  const double rounds = worth / 8 / each;
  return threads * (rounds >= 4 ? 4 : rounds >= 1 ? (int64_t)rounds : 1);
}

/* The cheapest cut that was seen. */
typedef struct choice {
  double cost;
  gemm_cut cut;
} choice;

/* What the cut leaves to the thread with the most, for each of k. */
static double cost_of(const gemm_cut *cut, const kernels *kern,
                      const nacre_gemm *g, int64_t threads) {
  const int64_t width = nacre_gemm_unit(kern, g);
  const int64_t rows = gemm_parts(g->m, cut->row_blocks);
  const int64_t cols =
    gemm_parts(gemm_parts(g->n, width), cut->col_blocks) * width;
  const int64_t panels = gemm_parts(rows, kern->rows);
  const int64_t each =
    gemm_parts(cut->row_blocks * cut->col_blocks * g->batch, threads);
  /* A panel of A costs a row more than it has. */
  double cost = (double)each * ((double)(rows + panels) * (double)cols +
                                PLACING_A * (double)rows +
                                PLACING_B * (double)cols);

  const int64_t first = cut->by_rows ? cut->col_blocks : cut->row_blocks;
  const int64_t along = least_of(first, each);
  const int64_t across = gemm_parts(each, first);
  const double own_rows = (double)(rows * (cut->by_rows ? across : along));
  const double own_cols = (double)(cols * (cut->by_rows ? along : across));
  cost += FETCHING_B * own_cols;
  const double foreign = own_rows - (double)gemm_parts(g->m, threads);
  if (foreign > 0 && g->batch == 1) {
    /* Where k are the samples, everybody needs those of all. */
    const double read = g->flags & NACRE_GEMM_TRANS_A ? 0 : 1;
    cost += FOREIGN * foreign * (read + own_cols / (double)(g->k + 1));
  }
  return cost;
}

/* Looks for a cheaper one, into at least `want` blocks. */
static void weigh(const host_device *d, const nacre_gemm *g, int64_t threads,
                  int64_t want, choice *c) {
  const int64_t units = gemm_parts(g->n, nacre_gemm_unit(d->kern, g));
  const int64_t panels = gemm_parts(g->m, d->kern->rows);
  gemm_cut cut = GEMM_WHOLE;
  want = least_of(want, panels * units);
  cut.col_blocks = gemm_parts(g->n, KERNEL_N_MAX);
  do {
    cut.row_blocks = least_of(gemm_parts(want, cut.col_blocks), panels);
    for (cut.by_rows = 0; cut.by_rows < 2; cut.by_rows++) {
      const double cost = cost_of(&cut, d->kern, g, threads);
      if (cut.row_blocks * cut.col_blocks >= want && cost < c->cost) {
        *c = (choice){ cost, cut };
      }
    }
  } while (cut.col_blocks++ < least_of(want, units));
}

gemm_cut nacre_gemm_cut(const host_device *d, const nacre_gemm *g) {
  const int64_t threads = nacre_pool_threads(d->pool);
  const double work = nacre_gemm_work(g) * (double)g->batch;
  const int64_t want = blocks_wanted(work, threads);
  choice c = { INFINITY, GEMM_WHOLE };
  c.cut.col_blocks = gemm_parts(g->n, KERNEL_N_MAX);
  if (want == 1) {
    return c.cut;
  }
  weigh(d, g, threads, gemm_parts(want, g->batch), &c);
  /* A few whole entries may not come out even: all of them in finer blocks. */
  if (g->batch > 1 && g->batch < 4 * threads && g->batch % threads != 0) {
    weigh(d, g, threads, threads, &c);
  }
  return c.cut;
}
