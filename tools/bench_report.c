/* SPDX-License-Identifier: MIT */
/* bench_report: a benchmark as text, as JSON, and as a trace. */
#include "bench.h"

#include "base/text.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const nacre_program *program_of(const bench *self) {
  return self->inference ? &self->program : &self->trainer.program;
}

static double step_flops(const bench *self) {
  const nacre_program *program = program_of(self);
  double flops = 0;
  for (int i = 0; i < program->n_steps; i++) {
    flops += nacre_profile_flops(program, i, program->batch_max);
  }
  return flops;
}

static double at_share(const bench *self, double share) {
  return self->time[(int)(share * (double)(self->n - 1))];
}

/* "2.45 ms", "87 ns". */
static void time_text(double seconds, char out[32]) {
  static const struct {
    double unit;
    const char *name;
  } units[] = { { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 1e-9, "ns" } };
  int i = 0;
  while (i < 3 && seconds < units[i].unit) {
    i++;
  }
  snprintf(out, 32, "%.4g %s", seconds / units[i].unit, units[i].name);
}

static long peak_memory(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss; /* KiB */
}

static uint32_t threads_of(const bench *self) {
  return self->trainer.device.math->threads;
}

/* Rows of a table, one for each operation that took a noticeable share. */
static void print_profile(const bench *self) {
  static const char *const head[] = { "layer", "what", "time/step", "share",
                                      "GFLOP/s" };
  const nacre_program *program = program_of(self);
  const nacre_profile *profile = &self->profile;
  table rows = { .align = "llrrr", .head = head };
  double steps = (double)(profile->steps > 0 ? profile->steps : 1);
  double total = 0;
  char text[32];
  for (int i = 0; i < profile->n; i++) {
    total += profile->seconds[i];
  }
  for (int i = 0; i < NACRE_PHASES; i++) {
    total += profile->phase[i];
  }
  for (int i = -NACRE_PHASES; i < profile->n; i++) {
    double seconds = i < 0 ? profile->phase[~i] : profile->seconds[i];
    if (seconds <= 0) {
      continue;
    }
    double flops =
      i < 0 ? 0 : nacre_profile_flops(program, i, program->batch_max);
    table_cell(&rows, "%s", i < 0 ? "(step)"
                                  : nacre_profile_layer(program, i));
    table_cell(&rows, "%s", i < 0 ? nacre_phase_names[~i]
                                  : nacre_profile_verb(program, i));
    time_text(seconds / steps, text);
    table_cell(&rows, "%s", text);
    table_cell(&rows, "%.1f %%", 100 * seconds / total);
    if (flops > 0) {
      table_cell(&rows, "%.1f", flops * steps / seconds * 1e-9);
    } else {
      table_cell(&rows, "%s", "");
    }
  }
  printf("\n");
  table_print(&rows);
}

void bench_print_text(const bench *self, const char *config, bool profiled) {
  const nacre_device *device = &self->trainer.device;
  const nacre_program *program = program_of(self);
  double median = at_share(self, 0.5), flops = step_flops(self);
  char best[32], middle[32], slow[32], memory[32];
  time_text(self->time[0], best);
  time_text(median, middle);
  time_text(at_share(self, 0.9), slow);
  cli_bytes((double)peak_memory() * 1024, memory);
  printf("%s: %s, batches of %" PRId64 "\n", config,
         self->inference ? "inference" : "training", program->batch_max);
  printf("  %s\n\n", device->ops->describe != NULL
                       ? device->ops->describe(device->self) : "");
  printf("  step       %s, 90 %% within %s, best %s (%" PRId64 " steps)\n",
         middle, slow, best, self->steps);
  printf("  samples    %.0f a second\n",
         (double)program->batch_max / median);
  printf("  work       %.4g GFLOP a step, %.4g GFLOP/s", flops * 1e-9,
         flops / median * 1e-9);
  if (self->peak > 0) {
    double all = self->peak * threads_of(self);
    printf(": %.1f %% of the %.0f of %u thread%s", 100 * flops / median / all,
           all * 1e-9, threads_of(self), threads_of(self) == 1 ? "" : "s");
  }
  printf("\n  memory     %s at the peak of the process\n", memory);
  if (profiled) {
    print_profile(self);
  }
}

static void print_json_profile(const bench *self) {
  const nacre_program *program = program_of(self);
  const nacre_profile *profile = &self->profile;
  double steps = (double)(profile->steps > 0 ? profile->steps : 1);
  printf(", \"operations\": [");
  for (int i = 0; i < profile->n; i++) {
    printf("%s{\"layer\": ", i > 0 ? ", " : "");
    cli_json_text(nacre_profile_layer(program, i));
    printf(", \"what\": \"%s\", \"seconds\": ",
           nacre_profile_verb(program, i));
    cli_json_number(profile->seconds[i] / steps);
    printf(", \"flops\": ");
    cli_json_number(nacre_profile_flops(program, i, program->batch_max));
    printf("}");
  }
  printf("], \"phases\": {");
  for (int i = 0; i < NACRE_PHASES; i++) {
    printf("%s\"%s\": ", i > 0 ? ", " : "", nacre_phase_names[i]);
    cli_json_number(profile->phase[i] / steps);
  }
  printf("}");
}

void bench_print_json(const bench *self, const char *config) {
  printf("{\"config\": ");
  cli_json_text(config);
  printf(", \"mode\": \"%s\", \"batch\": %" PRId64
         ", \"threads\": %u, \"steps\": %" PRId64 ", \"seconds\": ",
         self->inference ? "inference" : "training",
         program_of(self)->batch_max, threads_of(self), self->steps);
  cli_json_number(at_share(self, 0.5));
  printf(", \"seconds_90\": ");
  cli_json_number(at_share(self, 0.9));
  printf(", \"seconds_best\": ");
  cli_json_number(self->time[0]);
  printf(", \"flops\": ");
  cli_json_number(step_flops(self));
  printf(", \"peak_flops_per_thread\": ");
  cli_json_number(self->peak);
  printf(", \"memory\": %ld", peak_memory() * 1024);
  if (self->profile.n > 0) {
    print_json_profile(self);
  }
  printf("}\n");
}

/* A layer's name as JSON: letters, digits and a few signs. */
static void put_event(nacre_text *text, const char *name, const char *what,
                      const nacre_stretch *at, bool first) {
  nacre_text_printf(text, "%s\n{\"name\": \"%s\", \"cat\": \"%s\", "
                    "\"ph\": \"X\", \"ts\": %.3f, \"dur\": %.3f, "
                    "\"pid\": 1, \"tid\": 1}", first ? "" : ",", name, what,
                    at->at * 1e6, at->seconds * 1e6);
}

int bench_write_trace(const bench *self, const char *path,
                      nacre_error *error) {
  const nacre_profile *profile = &self->profile;
  const nacre_program *program = program_of(self);
  nacre_text text = { NULL, 0, 0, false };
  nacre_text_puts(&text, "[");
  for (int64_t i = 0; i < profile->n_stretches; i++) {
    const nacre_stretch *at = &profile->stretch[i];
    if (at->what < 0) {
      put_event(&text, nacre_phase_names[~at->what], "step", at, i == 0);
    } else {
      put_event(&text, nacre_profile_layer(program, at->what),
                nacre_profile_verb(program, at->what), at, i == 0);
    }
  }
  nacre_text_puts(&text, "\n]\n");
  if (text.failed) {
    nacre_text_fini(&text);
    return nacre_no_memory(error);
  }
  nacre_writer *writer = nacre_writer_open(path, error);
  int status = NACRE_ERROR;
  if (writer != NULL) {
    nacre_writer_relax(writer); /* it can be had again */
    status = nacre_writer_put(writer, text.at, text.n, error);
    if (status == NACRE_OK) {
      status = nacre_writer_commit(writer, error);
    } else {
      nacre_writer_abandon(writer);
    }
  }
  nacre_text_fini(&text);
  return status;
}
