/* SPDX-License-Identifier: MIT */
/* test_golden_activations: values and derivatives. */
#include "golden.h"

#include <string.h>

/* x, y, dy, dx: [rows, cols]. Backward runs in place, as a host may. */
static void check_case(golden *g, int64_t rows, int64_t cols, const real *x,
                       const real *dy) {
  nacre_choice chosen = golden_choose(g, NACRE_KIND_ACTIVATION);
  const nacre_activation_ops *ops = chosen.component->ops;
  const int64_t n = rows * cols;
  real *y = golden_alloc(g, n, sizeof *y);
  real *dx = golden_alloc(g, n, sizeof *dx);
  ops->call.forward(g->math, chosen.cfg, rows, cols, x, y);
  golden_near_reals(g, "y", golden_member(g, "y"), n, y);
  memcpy(dx, dy, (size_t)n * sizeof *dx);
  ops->call.backward(g->math, chosen.cfg, rows, cols,
                     (ops->flags & NACRE_ACT_NEED_X) != 0 ? x : y, dx, dx);
  golden_near_reals(g, "dx", golden_member(g, "dx"), n, dx);
}

START_TEST(values) {
  golden g;
  golden_open(&g, "activations");
  int64_t rows = (int64_t)golden_number(golden_shared(&g, "rows"));
  int64_t cols = (int64_t)golden_number(golden_shared(&g, "cols"));
  const real *x = golden_reals(&g, golden_shared(&g, "x"), NULL);
  const real *dy = golden_reals(&g, golden_shared(&g, "dy"), NULL);
  while (golden_next(&g)) {
    check_case(&g, rows, cols, x, dy);
  }
  golden_close(&g);
}
END_TEST

Suite *test_golden_activations_suite(void) {
  Suite *suite = suite_create("golden activations");
  TCase *tests = tcase_create("activations");
  tcase_add_test(tests, values);
  suite_add_tcase(suite, tests);
  return suite;
}
