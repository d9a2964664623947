/* SPDX-License-Identifier: MIT */
/* fixture: a plugin with one activation that is right in every respect. A
 * file of this folder defines the one thing that it gets wrong, and includes
 * this. */
#include <nacre/plugin.h>

#ifndef ABI_MAJOR
#define ABI_MAJOR NACRE_ABI_MAJOR
#endif
#ifndef ABI_NEED
#define ABI_NEED 0
#endif
#ifndef REAL_SIZE
#define REAL_SIZE sizeof(real)
#endif
#ifndef NAME
#define NAME "fixture"
#endif
#ifndef MODULE_NAME
#define MODULE_NAME "fixture"
#endif
#ifndef SUMMARY
#define SUMMARY "Gives back what it got"
#endif
#ifndef RANK
#define RANK 0
#endif
#ifndef KIND
#define KIND NACRE_KIND_ACTIVATION
#endif
#ifndef OPS
#define OPS &ops
#endif
#ifndef OPS_SIZE
#define OPS_SIZE sizeof(nacre_activation_ops)
#endif
#ifndef CFG_SIZE
#define CFG_SIZE sizeof(config)
#endif
#ifndef PARAM_STRIDE
#define PARAM_STRIDE sizeof(nacre_param)
#endif
#ifndef PARAM_TYPE
#define PARAM_TYPE NACRE_TYPE_FLOAT
#endif
#ifndef PARAM_OFFSET
#define PARAM_OFFSET offsetof(config, rate)
#endif
#ifndef PARAM_DEFAULT
#define PARAM_DEFAULT "0.5"
#endif
#ifndef PARAM_RANGE
#define PARAM_RANGE "[0,1)"
#endif
#ifndef COMPONENTS
#define COMPONENTS COMPONENT(NAME)
#endif
#ifndef INIT
#define INIT NULL
#endif
#ifndef RETURNED
#define RETURNED &module
#endif
#ifndef ENTRY
#define ENTRY nacre_module_0
#endif

/* Some of the faults leave a part without a use. */
#define UNUSED __attribute__((unused))

typedef struct config {
  double rate;
  int64_t count;
} config;

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  (void)cfg;
  for (int64_t i = 0; i < rows * cols; i++) {
    y[i] = x[i];
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *xy, const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  (void)xy;
  for (int64_t i = 0; i < rows * cols; i++) {
    dx[i] = dy[i];
  }
}

UNUSED static const nacre_param fixture_params[] = {
  { "rate", NULL, PARAM_DEFAULT, PARAM_RANGE, "", "A rate.", PARAM_TYPE,
    PARAM_OFFSET, 0, 0 },
  { "count", "n", "3", "[1,inf)", "", "A number.", NACRE_TYPE_INT,
    offsetof(config, count), 0, 0 },
};

UNUSED static const nacre_activation_ops ops = {
  OPS_SIZE, NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  { forward, backward, NULL }
};

#define COMPONENT(name_)                                             \
  {                                                                  \
    sizeof(nacre_component), KIND, 1, 0, name_, NULL, NULL, SUMMARY, \
      NULL, { fixture_params, 2, (uint32_t)(PARAM_STRIDE) },         \
      CFG_SIZE, OPS, RANK, 0                                         \
  }

UNUSED static const nacre_component components[] = { COMPONENTS };

UNUSED static const nacre_module module = {
  sizeof(nacre_module), ABI_MAJOR, ABI_NEED, REAL_SIZE, 0, MODULE_NAME,
  "1.0", "MIT", "nobody", NULL, NACRE_SPAN(components), INIT
};

#ifndef NO_ENTRY
NACRE_EXPORT const nacre_module *ENTRY(void);
NACRE_EXPORT const nacre_module *ENTRY(void) {
  return RETURNED;
}
#endif
