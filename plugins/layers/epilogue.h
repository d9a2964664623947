/* SPDX-License-Identifier: MIT */
/* epilogue: what a layer does to its output while a tile of it is in the
 * cache: it adds what a sum behind the layer would, and applies the
 * activation. */
#ifndef NACRE_LAYERS_EPILOGUE_H
#define NACRE_LAYERS_EPILOGUE_H

#include <nacre/plugin.h>

/** Ends forward for the rows [begin, end) of out[0], of `cols` numbers. */
static inline void nacre_epilogue_rows(const nacre_run *run, int64_t begin,
                                       int64_t end, int64_t cols) {
  real *y = nacre_data(&run->out[0]) + begin * cols;
  if (run->residual != NULL) {
    run->math->axpy(run->math, (end - begin) * cols, 1,
                    nacre_data(run->residual) + begin * cols, y);
  }
  if (run->epilogue != NULL) {
    run->epilogue->forward(run->math, run->epilogue->cfg, end - begin, cols,
                           y, y);
  }
}

#endif
