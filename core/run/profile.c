/* SPDX-License-Identifier: MIT */
#include "run/profile.h"

#include <string.h>

const char *const nacre_phase_names[NACRE_PHASES] = { "feed", "measure",
                                                      "update" };

int nacre_profile_make(nacre_profile *profile, nacre_program *program,
                       int64_t stretches, nacre_error *error) {
  *profile = (nacre_profile){ .n = program->n_steps, .room = stretches,
                              .made = nacre_clock() };
  profile->seconds =
    nacre_alloc((size_t)program->n_steps + 1, sizeof(*profile->seconds));
  profile->stretch =
    nacre_alloc((size_t)stretches + 1, sizeof(*profile->stretch));
  if (profile->seconds == NULL || profile->stretch == NULL) {
    return nacre_no_memory(error);
  }
  program->profile = profile;
  return NACRE_OK;
}

void nacre_profile_fini(nacre_profile *profile, nacre_program *program) {
  if (program != NULL && program->profile == profile) {
    program->profile = NULL;
  }
  nacre_free(profile->seconds);
  nacre_free(profile->stretch);
  *profile = (nacre_profile){ 0 };
}

void nacre_profile_reset(nacre_profile *profile) {
  memset(profile->seconds, 0, (size_t)profile->n * sizeof(double));
  memset(profile->phase, 0, sizeof(profile->phase));
  profile->steps = profile->n_stretches = 0;
  profile->made = nacre_clock();
}

void nacre_profile_add(nacre_profile *profile, int what, double at,
                       double seconds) {
  if (what < 0) {
    profile->phase[~what] += seconds;
  } else {
    profile->seconds[what] += seconds;
  }
  if (profile->n_stretches < profile->room) {
    profile->stretch[profile->n_stretches++] =
      (nacre_stretch){ what, at - profile->made, seconds };
  }
}

void nacre_profile_run(nacre_profile *profile, const nacre_program *program) {
  double before = nacre_clock();
  for (int i = 0; i < program->n_steps; i++) {
    program->step[i].call(program->step[i].run);
    double after = nacre_clock();
    nacre_profile_add(profile, i, before, after - before);
    before = after;
  }
  profile->steps++;
}

static const nacre_vertex *vertex_of(const nacre_program *program, int op) {
  const nacre_op *at = &program->layout.op[op];
  return at->kind == NACRE_OP_LOSS || at->index < 0
    ? NULL : &program->model->graph->vertex[at->index];
}

static int count_gradients(const nacre_program *program, int op) {
  const nacre_op *at = &program->layout.op[op];
  const nacre_vertex *vertex = vertex_of(program, op);
  int gradients = 0;
  for (int i = 0; i < vertex->n_inputs; i++) {
    gradients |= at->din[i] >= 0;
  }
  for (uint32_t i = 0; i < vertex->ops->weights.n; i++) {
    int variable = vertex->variable[i];
    if (variable >= 0 && program->model->graph->variable[variable].trained) {
      return gradients + 1;
    }
  }
  return gradients;
}

double nacre_profile_flops(const nacre_program *program, int op,
                           int64_t batch) {
  const nacre_vertex *vertex = vertex_of(program, op);
  nacre_op_kind kind = program->layout.op[op].kind;
  if (vertex == NULL) {
    return 0;
  }
  double forward = vertex->flops * (double)batch;
  if (kind == NACRE_OP_DERIVE) {
    /* Of the layer that it rides on, those are another operation's. */
    return vertex->ops == NULL ? forward : 0;
  }
  return kind == NACRE_OP_BACKWARD
    ? forward * count_gradients(program, op) : forward;
}

const char *nacre_profile_layer(const nacre_program *program, int op) {
  const nacre_op *at = &program->layout.op[op];
  const nacre_vertex *vertex = vertex_of(program, op);
  if (at->kind == NACRE_OP_LOSS) {
    return program->model->graph->head[at->index].name;
  }
  return vertex != NULL ? vertex->name : "(gradients)";
}

const char *nacre_profile_verb(const nacre_program *program, int op) {
  switch (program->layout.op[op].kind) {
  case NACRE_OP_FORWARD:
    return program->layout.op[op].again ? "forward again" : "forward";
  case NACRE_OP_ACTIVATE:
    return "activation";
  case NACRE_OP_LOSS:
    return "loss";
  case NACRE_OP_DERIVE:
    return "derivative";
  case NACRE_OP_BACKWARD:
    return "backward";
  case NACRE_OP_ADD:
    return "sum";
  case NACRE_OP_COPY:
    return "copy";
  case NACRE_OP_ZERO:
    return "zero";
  }
  return "";
}
