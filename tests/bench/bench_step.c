/* SPDX-License-Identifier: MIT */
/* bench_step: time of a training step, through the embedding API.
 *
 * usage: bench_step CONFIG THREADS [SECONDS] [KEY=VALUE...]
 * Prints the median, the 90th percentile and the minimum over blocks of
 * steps, in nanoseconds a step, and the peak memory of the process. Compare
 * by running this and the peer in turn on the same cores. */
#include <nacre/nacre.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define MAX_BLOCKS 4000

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

/* Seconds a step over a block of `steps`; negative on failure. */
static double time_block(nacre_session *session, long steps,
                         nacre_problems *problems) {
  double start = now();
  if (nacre_session_steps(session, steps, NULL, problems) != 0) {
    return -1;
  }
  return (now() - start) / (double)steps;
}

int main(int argc, char **argv) {
  static double block[MAX_BLOCKS];
  nacre_options options = { .size = sizeof(options) };
  nacre_problems *problems = nacre_problems_new();
  if (argc < 3 || problems == NULL) {
    fprintf(stderr, "usage: bench_step CONFIG THREADS [SECONDS] "
                    "[KEY=VALUE...]\n");
    return 2;
  }
  options.threads = atol(argv[2]);
  double seconds = argc > 3 ? atof(argv[3]) : 2;
  double started = now();
  nacre_session *session = nacre_session_new(
    argv[1], (const char *const *)argv + 4, argc > 4 ? argc - 4 : 0,
    &options, problems);
  if (session == NULL) {
    return fail(problems);
  }
  double setup = now() - started;
  double once = time_block(session, 20, problems); /* warms up */
  long steps = once > 0 && once < 1e-3 ? (long)(1e-3 / once) : 1;
  int n = 0;
  for (double end = now() + seconds; n < MAX_BLOCKS && now() < end; n++) {
    block[n] = time_block(session, steps, problems);
    if (block[n] < 0) {
      return fail(problems);
    }
  }
  qsort(block, (size_t)n, sizeof(block[0]), by_value);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("%s: median %.1f ns/step, 90%% %.1f, min %.1f, set-up %.2f ms, peak "
         "%ld MiB\n", argv[1], block[n / 2] * 1e9, block[n * 9 / 10] * 1e9,
         block[0] * 1e9, setup * 1e3, usage.ru_maxrss / 1024);
  nacre_session_free(session);
  nacre_problems_free(problems);
  return 0;
}
