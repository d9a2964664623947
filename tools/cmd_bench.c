/* SPDX-License-Identifier: MIT */
/* cmd_bench: nacre bench CONFIG [KEY=VALUE...] */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX 20000 /* of the time of a step */
#define SECONDS 3.0
#define WARM_SECONDS 0.3
#define TRACED 100000 /* stretches of time in a trace */

/* One step: of a training, or a forward pass. Its input is brought anew, for
 * layers behind those that read it use its memory. */
static int run_step(bench *self) {
  const nacre_key none = { { 0, 0 }, { 0, 0 } };
  if (!self->inference) {
    return nacre_trainer_step(&self->trainer, NULL);
  }
  if (nacre_feed_batch(&self->feed, self->position, self->program.batch_max,
                       none) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_program_run(&self->program);
  return self->program.faulted
    ? nacre_trainer_fault(&self->trainer, &self->program,
                          &self->trainer.samples.train, self->position)
    : NACRE_OK;
}

/* Steps for `seconds`; steps too short for the clock are timed in blocks.
 * The device's floating-point mode is that of a training. */
static int run_steps(bench *self, double seconds, int64_t block) {
  const nacre_device *device = &self->trainer.device;
  uint64_t mode =
    device->ops->enter != NULL ? device->ops->enter(device->self) : 0;
  int status = NACRE_OK;
  double begin = nacre_clock(), last = begin;
  self->n = 0;
  self->steps = 0;
  while (status == NACRE_OK && self->n < SAMPLES_MAX &&
         last - begin < seconds) {
    for (int64_t i = 0; i < block && status == NACRE_OK; i++) {
      status = run_step(self);
    }
    double now = nacre_clock();
    self->time[self->n++] = (now - last) / (double)block;
    self->steps += block;
    last = now;
  }
  if (device->ops->leave != NULL) {
    device->ops->leave(device->self, mode);
  }
  return status;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static int measure(bench *self, const cli_args *args, nacre_error *error) {
  bool profiled = args->profile || args->trace != NULL;
  nacre_program *program =
    self->inference ? &self->program : &self->trainer.program;
  double seconds = SECONDS;
  if (args->seconds != NULL) {
    seconds = atof(args->seconds);
  }
  self->time = nacre_alloc(SAMPLES_MAX, sizeof(*self->time));
  if (self->time == NULL) {
    return nacre_no_memory(error);
  }
  if (run_steps(self, WARM_SECONDS, 1) != NACRE_OK) {
    return NACRE_ERROR;
  }
  double each = WARM_SECONDS / (double)(self->steps > 0 ? self->steps : 1);
  int64_t block = each < 5e-5 ? (int64_t)(2e-4 / each) : 1;
  if (profiled && nacre_profile_make(&self->profile, program,
                                     args->trace != NULL ? TRACED : 0,
                                     error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (run_steps(self, seconds, block) != NACRE_OK) {
    return NACRE_ERROR;
  }
  qsort(self->time, (size_t)self->n, sizeof(*self->time), by_value);
  self->peak = self->trainer.device.ops->peak != NULL
    ? self->trainer.device.ops->peak(self->trainer.device.self) : 0;
  return NACRE_OK;
}

/* A forward pass alone, over the first training samples. */
static int prepare_inference(bench *self, nacre_error *error) {
  nacre_trainer *trainer = &self->trainer;
  int64_t batch = trainer->experiment->batch_size;
  if (batch > trainer->samples.train.n) {
    batch = trainer->samples.train.n;
  }
  self->position = nacre_alloc((size_t)batch, sizeof(*self->position));
  if (self->position == NULL) {
    return nacre_no_memory(error);
  }
  for (int64_t i = 0; i < batch; i++) {
    self->position[i] = i;
  }
  if (nacre_program_make(&self->program, &trainer->model, NACRE_MODE_PREDICT,
                         batch, trainer->experiment->seed, error) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_feed_make(&self->feed, &self->program, &trainer->samples.train,
                         trainer->samples.pipe, trainer->samples.n_pipes,
                         false, error);
}

static int bench_run(bench *self, const cli_args *args, nacre_error *error) {
  if (self->inference && prepare_inference(self, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (measure(self, args, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (args->trace != NULL && bench_write_trace(self, args->trace, error) !=
                               NACRE_OK) {
    return NACRE_ERROR;
  }
  if (args->json) {
    bench_print_json(self, args->word[0]);
  } else {
    bench_print_text(self, args->word[0], args->profile);
  }
  return NACRE_OK;
}

static int run(const cli_args *args) {
  cli_session session;
  bench self = { .inference = args->inference };
  nacre_train_options options = { .threads = args->threads,
                                  .cpu_level = args->cpu };
  if (args->seconds != NULL && !(atof(args->seconds) > 0 &&
                                 atof(args->seconds) <= 1e6)) {
    fprintf(stderr, "nacre bench: --seconds takes a number above 0, not "
                    "'%s'\n", args->seconds);
    return NACRE_EUSAGE;
  }
  int code = cli_open(&session, args);
  bool made = false;
  if (code == 0) {
    int status =
      nacre_trainer_make(&self.trainer, &session.experiment, &options);
    made = true;
    if (status == NACRE_OK) {
      status = bench_run(&self, args, &session.error);
    }
    code = session.error.count > 0 ? cli_report(&session.error) : 0;
    code = status != NACRE_OK && code == 0 ? NACRE_EBUG : code;
  }
  nacre_profile_fini(&self.profile, NULL);
  self.trainer.program.profile = NULL;
  nacre_feed_fini(&self.feed);
  nacre_program_fini(&self.program);
  if (made) {
    nacre_trainer_fini(&self.trainer);
  }
  nacre_free(self.position);
  nacre_free(self.time);
  cli_close(&session);
  return code;
}

static const cli_option options[] = {
  { "threads", "N", "threads to compute with (default: all there are)",
    CLI_COUNT, offsetof(cli_args, threads) },
  { "seconds", "S", "how long to measure (default: 3)", CLI_TEXT,
    offsetof(cli_args, seconds) },
  { "inference", NULL, "a forward pass over one batch, not training steps",
    CLI_FLAG, offsetof(cli_args, inference) },
  { "profile", NULL, "the time of each layer", CLI_FLAG,
    offsetof(cli_args, profile) },
  { "trace", "FILE", "write what happened when, for chrome://tracing and "
    "Perfetto", CLI_TEXT, offsetof(cli_args, trace) },
  { "cpu", "LEVEL", "use no instructions above baseline, x86-64-v3, ...",
    CLI_TEXT, offsetof(cli_args, cpu) },
  { "json", NULL, "print the figures as JSON", CLI_FLAG,
    offsetof(cli_args, json) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_bench = {
  "bench", "CONFIG [KEY=VALUE...]",
  "time the steps of an experiment",
  "Runs training steps on the experiment's own data for a few seconds and\n"
  "prints the time of a step, samples and floating-point operations a\n"
  "second, and the share of what the processor could do, which is measured\n"
  "beside them. Nothing is written but a trace that was asked for. A smaller\n"
  "batch is train.batch_size=1.",
  options, 1, -1, run
};
