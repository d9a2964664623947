/* SPDX-License-Identifier: MIT */
/* query_value: what layers of the inputs [query, value] or [query, value, key]
 * share: their shapes, and the masks of these. */
#ifndef NACRE_LAYERS_QUERY_VALUE_H
#define NACRE_LAYERS_QUERY_VALUE_H

#include <nacre/plugin.h>

/** Refuses inputs that do not fit together. */
static inline int nacre_query_value_check(nacre_plan *plan) {
  const nacre_shape *query = &plan->input[0];
  const nacre_shape *value = &plan->input[1];
  const nacre_shape *key = &plan->input[plan->n_inputs - 1];
  if (query->rank != 2 || value->rank != 2 || key->rank != 2) {
    return nacre_plan_refuse(plan, "the inputs must be [steps, features]");
  }
  if (key->dim[0] != value->dim[0]) {
    return nacre_plan_refuse(plan, "keys and values must have as many steps, "
                             "not %lld and %lld", (long long)key->dim[0],
                             (long long)value->dim[0]);
  }
  if (key->dim[1] != query->dim[1]) {
    return nacre_plan_refuse(plan, "queries and keys must have as many "
                             "features, not %lld and %lld",
                             (long long)query->dim[1],
                             (long long)key->dim[1]);
  }
  return NACRE_OK;
}

/** Room for what the masks of values and keys leave, saved, and for the
 *  gradient of the output where the query counts, scratch; the output has the
 *  query's mask. */
static inline int nacre_query_value_plan(nacre_plan *plan, uint32_t joint,
                                         uint32_t dout) {
  const nacre_shape queries = nacre_shape_1d(plan->input[0].dim[0]);
  const nacre_shape keys = nacre_shape_1d(plan->input[1].dim[0]);
  const nacre_shape out =
    nacre_shape_2d(plan->input[0].dim[0], plan->input[1].dim[1]);
  if (((plan->masked & 6) == 6 &&
       nacre_plan_saved(plan, joint, &keys, NACRE_PER_SAMPLE) != NACRE_OK) ||
      ((plan->masked & 1) != 0 &&
       (nacre_plan_mask(plan, &queries) != NACRE_OK ||
        nacre_plan_scratch(plan, dout, &out, NACRE_PER_SAMPLE) !=
          NACRE_OK))) {
    return NACRE_ERROR;
  }
  return nacre_plan_output(plan, &out);
}

/** The mask of the keys, or NULL. */
static inline const real *nacre_query_value_mask(const nacre_run *run,
                                                 uint32_t joint) {
  const nacre_tensor *mask = &run->mask[1];
  if (run->saved[joint].data != NULL) {
    mask = &run->saved[joint];
  } else if (mask->data == NULL) {
    mask = &run->mask[run->n_inputs - 1];
  }
  return nacre_data(mask);
}

/** Before forward: joins the masks of values and keys, hands on the query's.
 */
static inline void nacre_query_value_join(const nacre_run *run,
                                          uint32_t joint) {
  const nacre_tensor *both = &run->saved[joint];
  for (int64_t i = 0; both->data && i < nacre_tensor_count(both); i++) {
    nacre_data(both)[i] =
      nacre_data(&run->mask[1])[i] * nacre_data(&run->mask[2])[i];
  }
  if (run->out_mask->data != NULL) {
    run->math->copy(run->math, nacre_tensor_count(run->out_mask),
                    nacre_data(&run->mask[0]), nacre_data(run->out_mask));
  }
}

/* Zeros in the rows of queries that do not count. */
static inline void nacre_query_value_blank(const nacre_run *run, real *rows) {
  const real *mask = nacre_data(&run->mask[0]);
  const int64_t n = run->batch * run->in[0].dim[1];
  const int64_t cols = run->in[1].dim[2];
  for (int64_t i = 0; i < n; i++) {
    if (mask[i] == 0) {
      run->math->fill(run->math, cols, 0, rows + i * cols);
    }
  }
}

/** After forward: a query that does not count has an output of 0. */
static inline void nacre_query_value_finish(const nacre_run *run) {
  if (run->mask[0].data != NULL) {
    nacre_query_value_blank(run, nacre_data(&run->out[0]));
  }
}

/** The gradient of the output, which such a query does not have. */
static inline const real *nacre_query_value_dout(const nacre_run *run,
                                                 uint32_t dout) {
  real *rows = nacre_data(&run->scratch[dout]);
  if (run->mask[0].data == NULL) {
    return nacre_data(&run->dout[0]);
  }
  run->math->copy(run->math, nacre_tensor_count(&run->dout[0]),
                  nacre_data(&run->dout[0]), rows);
  nacre_query_value_blank(run, rows);
  return rows;
}

#endif
