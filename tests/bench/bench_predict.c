/* SPDX-License-Identifier: MIT */
/* bench_predict: time of a prediction, through the embedding API.
 *
 * usage: bench_predict RUN THREADS [SAMPLES [SECONDS]]
 * Predicts SAMPLES samples (1) of zeros at a time with a finished run. Prints
 * the median, the 90th percentile and the minimum, in nanoseconds a call.
 * A run of one step will do:
 *
 *   nacre train gpt.yaml train.steps_per_epoch=1 --runs DIR */
#include <nacre/nacre.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MAX_CALLS 200000
#define MAX_SLOTS 16

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static int fail(nacre_problems *problems) {
  for (int i = 0; i < nacre_problems_count(problems); i++) {
    fprintf(stderr, "%s\n", nacre_problems_text(problems, i));
  }
  return nacre_problems_code(problems);
}

/* One array of zeros for each input or output. */
static int make_arrays(nacre_network *network, long samples, float **inputs,
                       float **outputs) {
  nacre_slot_info slot;
  for (int i = 0; i < nacre_network_inputs(network); i++) {
    if (i == MAX_SLOTS || nacre_network_input(network, i, &slot) != 0) {
      return -1;
    }
    inputs[i] = calloc((size_t)slot.count * (size_t)samples, sizeof(float));
  }
  for (int i = 0; i < nacre_network_outputs(network); i++) {
    if (i == MAX_SLOTS || nacre_network_output(network, i, &slot) != 0) {
      return -1;
    }
    outputs[i] = calloc((size_t)slot.count * (size_t)samples, sizeof(float));
  }
  return 0;
}

int main(int argc, char **argv) {
  static double call[MAX_CALLS];
  float *inputs[MAX_SLOTS] = { NULL }, *outputs[MAX_SLOTS] = { NULL };
  nacre_options options = { .size = sizeof(options) };
  nacre_problems *problems = nacre_problems_new();
  if (argc < 3 || problems == NULL) {
    fprintf(stderr, "usage: bench_predict RUN THREADS [SAMPLES "
                    "[SECONDS]]\n");
    return 2;
  }
  options.threads = atol(argv[2]);
  options.batch = argc > 3 ? atol(argv[3]) : 1;
  const double seconds = argc > 4 ? atof(argv[4]) : 2;
  nacre_network *network = nacre_network_load(argv[1], &options, problems);
  if (network == NULL ||
      make_arrays(network, options.batch, inputs, outputs) != 0) {
    return fail(problems);
  }
  int n = 0;
  for (double end = now() + seconds; n < MAX_CALLS && now() < end; n++) {
    double start = now();
    if (nacre_network_predict(network, options.batch,
                              (const float *const *)inputs, outputs,
                              problems) != 0) {
      return fail(problems);
    }
    call[n] = now() - start;
  }
  qsort(call, (size_t)n, sizeof(call[0]), by_value);
  printf("%s: median %.1f ns/call, 90%% %.1f, min %.1f\n", argv[1],
         call[n / 2] * 1e9, call[n * 9 / 10] * 1e9, call[0] * 1e9);
  nacre_network_free(network);
  nacre_problems_free(problems);
  for (int i = 0; i < MAX_SLOTS; i++) {
    free(inputs[i]);
    free(outputs[i]);
  }
  return 0;
}
