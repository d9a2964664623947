/* SPDX-License-Identifier: MIT */
#include "run/pipe.h"

#include "yaml/report.h"

#include <string.h>

static nacre_place choice_place(const nacre_choice *choice) {
  nacre_place none = { 0 };
  return choice->node != NULL ? nacre_node_place(choice->node) : none;
}

static bool is_random(const struct nacre_stage *stage) {
  return (stage->transform->ops->flags & NACRE_TRANSFORM_RANDOM) != 0;
}

/* What a stage does: nothing, apply(), still(). */
typedef enum deed { PASS, APPLY, STILL } deed;

static deed deed_of(const struct nacre_stage *stage, bool training) {
  bool only = is_random(stage) || stage->transform->augments;
  if (training || !only) {
    return APPLY;
  }
  return is_random(stage) && stage->transform->ops->still != NULL ? STILL
                                                                  : PASS;
}

/* Whether a stage writes to another place than it reads from. */
static bool moves(const struct nacre_stage *stage, bool training) {
  return deed_of(stage, training) != PASS &&
         (!nacre_shape_equal(&stage->in, &stage->out) ||
          (stage->transform->ops->flags & NACRE_TRANSFORM_APART) != 0);
}

/* Making. */

/* A stage that is left out where nothing is random must be one that the next
 * stage can do without. */
static int check_shape(const struct nacre_stage *stage,
                       const nacre_place *place, nacre_error *error) {
  if (deed_of(stage, false) != PASS ||
      nacre_shape_equal(&stage->in, &stage->out)) {
    return NACRE_OK;
  }
  if (is_random(stage)) {
    return nacre_error_add(error, NACRE_EPLUGIN, place,
                           "a random transform must keep the shape");
  }
  return nacre_error_add(error, NACRE_ECONFIG, place,
                         "it changes the samples' shape, and evaluation goes "
                         "without it: it belongs under 'transform'");
}

static int open_stage(struct nacre_stage *stage, nacre_params_ctx *ctx,
                      nacre_fail *fail) {
  const nacre_transform_ops *ops = stage->transform->ops;
  stage->cfg = stage->transform->choice.cfg;
  if (ops->open == NULL) {
    return NACRE_OK;
  }
  if (ops->open(nacre_registry_host(ctx->registry), stage->cfg, &stage->in,
                &stage->self, fail) != NACRE_OK) {
    stage->self = NULL;
    return NACRE_ERROR;
  }
  stage->cfg = stage->self;
  return NACRE_OK;
}

static int add_stage(nacre_pipe *pipe, const nacre_transform *transform,
                     nacre_params_ctx *ctx) {
  nacre_place place = choice_place(&transform->choice);
  nacre_error_fail fail;
  nacre_field in = pipe->field;
  in.shape = pipe->shape;
  in.flags = pipe->flags;
  nacre_transform_plan plan = {
    .size = sizeof(plan), .cfg = transform->choice.cfg, .in = in,
    .fail = nacre_error_fail_init(&fail, ctx->error, NACRE_ECONFIG, &place),
    .out = pipe->shape, .out_flags = pipe->flags
  };
  if (transform->ops->plan(&plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (!nacre_dataset_countable(&plan.out)) {
    return nacre_error_add(ctx->error, NACRE_ECONFIG, &place,
                           "its samples would be empty, have more than %d "
                           "axes, or more elements than can be counted",
                           NACRE_RANK_MAX - 1);
  }
  struct nacre_stage *stage = &pipe->stage[pipe->n_stages++];
  *stage = (struct nacre_stage){ .transform = transform, .in = pipe->shape,
                                 .out = plan.out,
                                 .state_count = plan.state_count };
  pipe->shape = plan.out;
  pipe->flags = plan.out_flags;
  if (plan.state_count > 0) {
    stage->state = nacre_alloc((size_t)plan.state_count, sizeof(double));
    if (stage->state == NULL) {
      return nacre_no_memory(ctx->error);
    }
    for (int64_t i = 0; i < plan.state_count && i < NACRE_TRANSFORM_START;
         i++) {
      stage->state[i] = plan.start[i];
    }
  }
  return check_shape(stage, &place, ctx->error) == NACRE_OK
    ? open_stage(stage, ctx, plan.fail) : NACRE_ERROR;
}

int nacre_pipe_make(nacre_pipe *pipe, const nacre_field *field,
                    const nacre_transform *transforms, int n_transforms,
                    nacre_params_ctx *ctx) {
  *pipe = (nacre_pipe){ .field = *field, .shape = field->shape,
                        .flags = field->flags };
  pipe->stage = nacre_alloc((size_t)n_transforms + 1, sizeof(*pipe->stage));
  if (pipe->stage == NULL) {
    return nacre_no_memory(ctx->error);
  }
  bool target = (field->flags & NACRE_FIELD_TARGET) != 0;
  bool group = (field->flags & NACRE_FIELD_GROUP) != 0;
  for (int i = 0; i < n_transforms && !group; i++) {
    bool applies = transforms[i].field == NULL
      ? !target && strcmp(field->name, "sample_weight") != 0
      : strcmp(transforms[i].field, field->name) == 0;
    if (applies && transforms[i].ops->mix == NULL &&
        add_stage(pipe, &transforms[i], ctx) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

void nacre_pipe_fini(nacre_pipe *pipe) {
  for (int i = 0; i < pipe->n_stages; i++) {
    struct nacre_stage *stage = &pipe->stage[i];
    if (stage->self != NULL) {
      stage->transform->ops->close(stage->self);
    }
    nacre_free(stage->state);
  }
  nacre_free(pipe->stage);
  *pipe = (nacre_pipe){ 0 };
}

int nacre_pipe_fixed(const nacre_pipe *pipe, bool training) {
  int n = 0;
  while (n < pipe->n_stages && !(training && is_random(&pipe->stage[n]))) {
    n++;
  }
  return n;
}

/* What acts in training alone has not been done to what is predicted. */
bool nacre_pipe_invertible(const nacre_pipe *pipe) {
  for (int i = 0; i < pipe->n_stages; i++) {
    const struct nacre_stage *stage = &pipe->stage[i];
    if (deed_of(stage, false) != PASS &&
        (stage->transform->ops->invert == NULL ||
         !nacre_shape_equal(&stage->in, &stage->out))) {
      return false;
    }
  }
  return true;
}

int nacre_pipe_invert(const nacre_pipe *pipe, int64_t n, real *x) {
  int status = NACRE_OK;
  for (int i = pipe->n_stages - 1; i >= 0 && status == NACRE_OK; i--) {
    const struct nacre_stage *stage = &pipe->stage[i];
    if (deed_of(stage, false) != PASS) {
      status = stage->transform->ops->invert(stage->cfg, &stage->in,
                                             stage->state, n, x, x);
    }
  }
  return status;
}

int64_t nacre_pipe_room(const nacre_pipe *pipe) {
  int64_t room = nacre_shape_count(&pipe->field.shape);
  for (int i = 0; i < pipe->n_stages; i++) {
    int64_t count = nacre_shape_count(&pipe->stage[i].out);
    room = count > room ? count : room;
  }
  return room;
}

/* Samples on their way. */

real *nacre_flow_start(const nacre_flow *flow) {
  /* Stages that move go from one block to the other: start in the one from
   * which an even number of moves ends in out. */
  int n = 0;
  for (int i = flow->first; i < flow->last; i++) {
    n += moves(&flow->pipe->stage[i], flow->training);
  }
  return n % 2 == 0 ? flow->out : flow->work;
}

int nacre_flow_read(const nacre_flow *flow, const int64_t *rows, int64_t n,
                    nacre_error *error) {
  const nacre_dataset *set = flow->set;
  nacre_place place = choice_place(set->choice);
  nacre_error_fail fail;
  return set->ops->read(set->self, (uint32_t)flow->field, rows, n,
                        nacre_flow_start(flow),
                        nacre_error_fail_init(&fail, error, NACRE_EDATA,
                                              &place));
}

static nacre_key row_key(nacre_key of, int64_t row) {
  uint64_t high = (uint64_t)row >> 32;
  if (high != 0) {
    of = nacre_key_split(of, (uint32_t)high);
  }
  return nacre_key_split(of, (uint32_t)row);
}

nacre_key nacre_flow_key(nacre_key epoch, const nacre_transform *transform,
                         int64_t row) {
  return row_key(nacre_key_split(epoch, (uint32_t)transform->number), row);
}

/* A random stage, sample by sample: each has a stream of its own. */
static int run_random(const nacre_flow *flow, const struct nacre_stage *stage,
                      const int64_t *rows, int64_t n, const real *x,
                      real *out, nacre_fail *fail) {
  const nacre_transform *transform = stage->transform;
  nacre_key key = nacre_key_split(flow->key, (uint32_t)transform->number);
  int64_t in = nacre_shape_count(&stage->in);
  int64_t count = nacre_shape_count(&stage->out);
  int status = NACRE_OK;
  for (int64_t i = 0; i < n && status == NACRE_OK; i++) {
    status = transform->ops->apply(stage->cfg, &stage->in, stage->state,
                                   row_key(key, rows[i]), 1, x + i * in,
                                   out + i * count, fail);
  }
  return status;
}

int nacre_flow_run(const nacre_flow *flow, const int64_t *rows, int64_t n,
                   nacre_error *error) {
  const nacre_key none = { { 0, 0 }, { 0, 0 } };
  nacre_place place = choice_place(flow->set->choice);
  nacre_error_fail fail;
  nacre_fail *to = nacre_error_fail_init(&fail, error, NACRE_EDATA, &place);
  real *from = nacre_flow_start(flow);
  int status = NACRE_OK;
  for (int i = flow->first; i < flow->last && status == NACRE_OK; i++) {
    const struct nacre_stage *stage = &flow->pipe->stage[i];
    const nacre_transform_ops *ops = stage->transform->ops;
    deed what = deed_of(stage, flow->training);
    real *into = from;
    if (moves(stage, flow->training)) {
      into = from == flow->out ? flow->work : flow->out;
    }
    if (what == STILL) {
      status =
        ops->still(stage->cfg, &stage->in, stage->state, n, from, into, to);
    } else if (what == APPLY && is_random(stage)) {
      status = run_random(flow, stage, rows, n, from, into, to);
    } else if (what == APPLY) {
      status = ops->apply(stage->cfg, &stage->in, stage->state, none, n,
                          from, into, to);
    }
    from = into;
  }
  return status;
}

int nacre_pipe_apply(const nacre_pipe *pipe, const nacre_dataset *set,
                     const real *x, real *out, real *work,
                     nacre_error *error) {
  nacre_flow flow = { .pipe = pipe, .set = set, .last = pipe->n_stages,
                      .out = out, .work = work };
  int64_t row = 0;
  memcpy(nacre_flow_start(&flow), x,
         (size_t)nacre_shape_count(&pipe->field.shape) * sizeof(*x));
  return nacre_flow_run(&flow, &row, 1, error);
}

/* Fitting. */

/* Samples that a transform is shown at once, and numbers in them: samples of
 * images are large. */
#define FIT_BLOCK 1024
#define FIT_NUMBERS ((int64_t)1 << 22)

static int64_t fit_block(const nacre_pipe *pipe) {
  int64_t block = FIT_NUMBERS / nacre_pipe_room(pipe);
  return block < 1 ? 1 : block > FIT_BLOCK ? FIT_BLOCK : block;
}

static int fit_stage(const nacre_flow *flow, const nacre_split *split,
                     int64_t *rows, nacre_params_ctx *ctx) {
  struct nacre_stage *stage = &flow->pipe->stage[flow->last];
  const nacre_transform *transform = stage->transform;
  nacre_place place = choice_place(&transform->choice);
  nacre_error_fail fail;
  nacre_fail *to =
    nacre_error_fail_init(&fail, ctx->error, NACRE_EDATA, &place);
  int64_t block = fit_block(flow->pipe);
  int more = 1;
  for (int32_t pass = 0; more == 1; pass++) {
    for (int64_t at = 0; at < split->n; at += block) {
      int64_t n = split->n - at < block ? split->n - at : block;
      for (int64_t i = 0; i < n; i++) {
        rows[i] = split->row != NULL ? split->row[at + i] : at + i;
      }
      if (nacre_flow_read(flow, rows, n, ctx->error) != NACRE_OK ||
          nacre_flow_run(flow, rows, n, ctx->error) != NACRE_OK ||
          transform->ops->fit(stage->cfg, &stage->in, stage->state, pass, n,
                              flow->out, to) == NACRE_ERROR) {
        return NACRE_ERROR;
      }
    }
    more = transform->ops->fit(stage->cfg, &stage->in, stage->state, pass,
                               0, NULL, to);
  }
  return more;
}

int nacre_pipe_fit(nacre_pipe *pipe, const nacre_split *split, int field,
                   nacre_params_ctx *ctx) {
  bool any = false;
  for (int i = 0; i < pipe->n_stages; i++) {
    any = any || pipe->stage[i].state_count > 0;
  }
  if (!any) {
    return NACRE_OK;
  }
  size_t room = (size_t)nacre_pipe_room(pipe);
  size_t block = (size_t)fit_block(pipe);
  nacre_flow flow = { .pipe = pipe, .set = split->set, .field = field,
                      .out = nacre_alloc(room, block * sizeof(real)),
                      .work = nacre_alloc(room, block * sizeof(real)) };
  int64_t *rows = nacre_alloc(block, sizeof(*rows));
  int status = flow.out != NULL && flow.work != NULL && rows != NULL
    ? NACRE_OK : nacre_no_memory(ctx->error);
  for (int i = 0; i < pipe->n_stages && status == NACRE_OK; i++) {
    if (pipe->stage[i].state_count > 0 &&
        pipe->stage[i].transform->ops->fit != NULL) {
      flow.last = i;
      status = fit_stage(&flow, split, rows, ctx);
    }
  }
  nacre_free(flow.out);
  nacre_free(flow.work);
  nacre_free(rows);
  return status;
}
