/* SPDX-License-Identifier: MIT */
#include "run/steps.h"

#include <math.h>

/* Below this many elements a call is cheaper than telling threads of it. */
#define SMALL 16384
/* Elements of one tile of rows. */
#define TILE 8192

static int64_t last_extent(const nacre_tensor *tensor) {
  return tensor->rank > 1 ? tensor->dim[tensor->rank - 1] : 1;
}

/* Rows of `cols` elements in one tile: fixed by the shape alone. */
static int64_t tile_rows(int64_t cols) {
  return cols >= TILE ? 1 : TILE / (cols > 0 ? cols : 1);
}

typedef struct rows_call {
  const nacre_math *math;
  const nacre_activation *act;
  int64_t cols;
  const real *x, *dy;
  real *y;
} rows_call;

static void forward_rows(void *ctx, int64_t begin, int64_t end) {
  const rows_call *call = ctx;
  int64_t at = begin * call->cols;
  call->act->forward(call->math, call->act->cfg, end - begin, call->cols,
                     call->x + at, call->y + at);
}

static void backward_rows(void *ctx, int64_t begin, int64_t end) {
  const rows_call *call = ctx;
  int64_t at = begin * call->cols;
  call->act->backward(call->math, call->act->cfg, end - begin, call->cols,
                      call->x + at, call->dy + at, call->y + at);
}

static void for_rows(rows_call *call, const nacre_tensor *x,
                     nacre_body body) {
  int64_t rows = x->dim[0];
  for (int32_t i = 1; i < x->rank - 1; i++) {
    rows *= x->dim[i];
  }
  if (rows * call->cols <= SMALL) {
    body(call, 0, rows);
  } else {
    call->math->parallel(call->math, rows, tile_rows(call->cols), body, call);
  }
}

void nacre_step_activate(nacre_run *run) {
  const nacre_tensor *x = &run->in[0];
  rows_call call = { run->math, run->self, last_extent(x), nacre_data(x),
                     NULL, nacre_data(&run->out[0]) };
  for_rows(&call, x, forward_rows);
}

void nacre_step_derive(nacre_run *run) {
  const nacre_tensor *x = &run->in[0];
  rows_call call = { run->math, run->self, last_extent(x), nacre_data(x),
                     nacre_data(&run->dout[0]), nacre_data(&run->din[0]) };
  for_rows(&call, x, backward_rows);
}

void nacre_step_add(nacre_run *run) {
  run->math->axpy(run->math, nacre_tensor_count(&run->out[0]), 1,
                  nacre_data(&run->in[0]), nacre_data(&run->out[0]));
}

void nacre_step_copy(nacre_run *run) {
  run->math->copy(run->math, nacre_tensor_count(&run->out[0]),
                  nacre_data(&run->in[0]), nacre_data(&run->out[0]));
}

void nacre_step_zero(nacre_run *run) {
  run->math->fill(run->math, nacre_tensor_count(&run->out[0]), 0,
                  nacre_data(&run->out[0]));
}

/* Losses. */

static bool is_of_samples(const nacre_bound_head *head) {
  return (head->head->loss_ops->flags &
          (NACRE_LOSS_SAMPLE | NACRE_LOSS_BATCH)) != 0;
}

/* A tile of rows, on any thread. */
static void loss_rows(void *ctx, int64_t begin, int64_t end) {
  nacre_bound_head *head = ctx;
  int64_t at = begin * head->cols;
  nacre_loss_run run = head->call;
  run.rows = end - begin;
  run.y += at;
  if (is_of_samples(head)) {
    int64_t sample = begin / head->rows_per_sample;
    run.target += sample * head->target_size;
    run.scratch = head->scratch != NULL
      ? head->scratch + sample * head->scratch_bytes : NULL;
  } else {
    run.target += begin * head->target_cols;
  }
  run.weight = run.weight != NULL ? run.weight + begin : NULL;
  run.loss += begin;
  run.dy = run.dy != NULL ? run.dy + at : NULL;
  run.prob = run.prob != NULL ? run.prob + at : NULL;
  head->head->loss_ops->rows(&run);
  /* Tiles may run side by side: a row's fault is kept in its own loss. */
  if (run.fault != 0 && run.fault_row < run.rows) {
    head->row_loss[begin + run.fault_row] = -HUGE_VAL;
    __atomic_store_n(&head->bad_target, 1, __ATOMIC_RELAXED);
  }
}

/* A tile of samples. */
static void loss_samples(void *ctx, int64_t begin, int64_t end) {
  const nacre_bound_head *head = ctx;
  loss_rows(ctx, begin * head->rows_per_sample, end * head->rows_per_sample);
}

/* Tiles may run side by side. */
static void loss_tiles(nacre_bound_head *head, const nacre_math *math,
                       int64_t rows) {
  if (is_of_samples(head)) {
    math->parallel(math, rows / head->rows_per_sample,
                   tile_rows(head->cols * head->rows_per_sample),
                   loss_samples, head);
  } else {
    math->parallel(math, rows, tile_rows(head->cols), loss_rows, head);
  }
}

/* Each row's factor: its sample's weight, shared by the rows. */
static void weigh_rows(nacre_bound_head *head, int64_t rows, double scale) {
  for (int64_t i = 0; i < rows; i++) {
    head->row_factor[i] =
      head->sample_weight[i / head->rows_per_sample] * scale;
  }
}

/* The rows that a mask leaves share the loss among them. */
static void mask_rows(nacre_bound_head *head, int64_t rows) {
  double counted = 0;
  for (int64_t i = 0; i < rows; i++) {
    double weight =
      head->weighted ? head->sample_weight[i / head->rows_per_sample] : 1;
    counted += (double)head->mask[i];
    head->row_weight[i] = (double)head->mask[i] * weight;
  }
  double scale = counted > 0 ? head->head->weight / counted : 0;
  for (int64_t i = 0; i < rows; i++) {
    head->row_factor[i] = head->row_weight[i] * scale;
  }
  head->counted = counted;
}

static void sum_losses(nacre_bound_head *head, int64_t rows) {
  double sum = 0;
  if (head->mask != NULL) {
    for (int64_t i = 0; i < rows; i++) {
      sum += head->row_loss[i] * head->row_weight[i];
    }
  } else if (head->weighted) {
    for (int64_t i = 0; i < rows; i++) {
      sum += head->row_loss[i] *
             head->sample_weight[i / head->rows_per_sample];
    }
  } else {
    for (int64_t i = 0; i < rows; i++) {
      sum += head->row_loss[i];
    }
  }
  head->loss_sum = sum;
}

static void report_bad_target(nacre_bound_head *head, int64_t rows) {
  nacre_program *program = head->program;
  for (int64_t i = 0; i < rows && !program->faulted; i++) {
    if (head->row_loss[i] <= -HUGE_VAL) {
      program->faulted = true;
      program->fault_vertex = -1;
      program->fault_head =
        (int)(head->head - program->model->graph->head);
      program->fault_sample = i / head->rows_per_sample;
    }
  }
}

void nacre_step_loss(nacre_run *run) {
  nacre_bound_head *head = run->self;
  int64_t rows = run->batch * head->rows_per_sample;
  nacre_loss_run *call = &head->call;
  if (rows != head->scaled_rows) {
    head->scaled_rows = rows;
    call->scale = head->head->weight / (double)rows;
  }
  call->weight = NULL;
  call->fault = 0;
  head->counted = (double)rows;
  if (head->mask != NULL) {
    mask_rows(head, rows);
    call->weight = head->row_factor;
  } else if (head->weighted) {
    weigh_rows(head, rows, call->scale);
    call->weight = head->row_factor;
  }
  if (rows * head->cols <= SMALL ||
      (head->head->loss_ops->flags & NACRE_LOSS_BATCH) != 0) {
    call->rows = rows;
    head->head->loss_ops->rows(call);
    if (call->fault != 0) {
      head->row_loss[call->fault_row] = -HUGE_VAL;
    }
  } else {
    /* Tiles copy the call, so that it must not change below them. */
    head->bad_target = 0;
    loss_tiles(head, run->math, rows);
    call->fault = head->bad_target;
  }
  if (call->fault != 0) {
    report_bad_target(head, rows);
  }
  sum_losses(head, rows);
}
