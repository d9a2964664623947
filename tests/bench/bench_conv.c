/* SPDX-License-Identifier: MIT */
/* bench_conv: convolutions of the device in GFLOP/s, and as a share of the
 * multiply-add peak measured beside them: forward, gradient of the input and
 * gradient of the kernel.
 *
 *   bench_conv PATH/TO/cpu.so [THREADS [ROUNDS [SHAPE]]]
 *
 * Operations are those of the plain sum, padding included, whatever an
 * algorithm makes of it: some shapes may exceed the peak. Of each the best of
 * the rounds counts. bench_conv.py runs PyTorch in turn with it. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nacre/plugin.h>

#define ROUND_NS 4e6 /* each turn repeats for about this long */

typedef struct shape {
  const char *what;
  int64_t batch, height, width, channels, filters, kernel, stride;
  int same;
  int64_t groups;
} shape;

static const shape shapes[] = {
  { "mnist-1", 64, 28, 28, 1, 32, 3, 1, 0, 1 },
  { "mnist-2", 64, 26, 26, 32, 64, 3, 1, 0, 1 },
  { "resnet-first", 64, 32, 32, 3, 16, 3, 1, 1, 1 },
  { "resnet-16", 64, 32, 32, 16, 16, 3, 1, 1, 1 },
  { "resnet-16-32", 64, 32, 32, 16, 32, 3, 2, 1, 1 },
  { "resnet-1x1", 64, 32, 32, 16, 32, 1, 2, 1, 1 },
  { "resnet-32", 64, 16, 16, 32, 32, 3, 1, 1, 1 },
  { "resnet-32-64", 64, 16, 16, 32, 64, 3, 2, 1, 1 },
  { "resnet-64", 64, 8, 8, 64, 64, 3, 1, 1, 1 },
  { "vgg-64", 4, 56, 56, 64, 64, 3, 1, 1, 1 },
  { "wide-256", 4, 14, 14, 256, 256, 3, 1, 1, 1 },
  { "five", 16, 28, 28, 16, 32, 5, 1, 1, 1 },
  { "depthwise", 16, 28, 28, 128, 128, 3, 1, 1, 128 },
  { "depthwise-2", 16, 28, 28, 128, 128, 3, 2, 1, 128 },
  { "one", 8, 14, 14, 256, 256, 1, 1, 1, 1 },
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

/* Of one thread its processor's time: a busy machine then costs less. */
static clockid_t clock_used = CLOCK_PROCESS_CPUTIME_ID;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(clock_used, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void print_failure(nacre_fail *fail, const char *place,
                          const char *format, ...) {
  (void)fail;
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s: ", place == NULL ? "device" : place);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
}

static real *numbers(int64_t count) {
  size_t bytes = ((size_t)count * sizeof(real) + 63) / 64 * 64;
  real *at = aligned_alloc(64, bytes);
  if (at == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(1);
  }
  for (int64_t i = 0; i < count; i++) {
    at[i] = (real)((double)((uint64_t)i * 2654435761u % 2000u) * 1e-3 - 1);
  }
  return at;
}

static nacre_conv describe(const shape *s) {
  nacre_conv c = { .size = sizeof c, .batch = s->batch,
                   .groups = s->groups, .channels = s->channels,
                   .filters = s->filters };
  const int64_t in[3] = { 1, s->height, s->width };
  for (int i = 0; i < 3; i++) {
    const int64_t kernel = i == 0 ? 1 : s->kernel;
    const int64_t stride = i == 0 ? 1 : s->stride;
    c.in[i] = in[i];
    c.kernel[i] = kernel;
    c.stride[i] = stride;
    c.dilation[i] = 1;
    c.out[i] = (s->same ? in[i] - 1 : in[i] - kernel) / stride + 1;
    const int64_t need = (c.out[i] - 1) * stride + kernel - in[i];
    c.before[i] = need > 0 ? need / 2 : 0;
  }
  return c;
}

typedef void (*conv_run)(const nacre_math *, const nacre_conv *);

/* Best time of a call. Kernels are not reset: w grows by each gradient. */
static double time_best(const nacre_math *math, conv_run run,
                        const nacre_conv *c, int rounds) {
  double best = 1e30;
  double start = now_ns();
  run(math, c);
  const double once = now_ns() - start;
  const int64_t calls = once < ROUND_NS ? (int64_t)(ROUND_NS / once) + 1 : 1;
  for (int r = 0; r < rounds; r++) {
    start = now_ns();
    for (int64_t i = 0; i < calls; i++) {
      run(math, c);
    }
    const double took = (now_ns() - start) / (double)calls;
    best = took < best ? took : best;
  }
  return best;
}

static void bench(const nacre_math *math, const shape *s, int rounds,
                  double peak) {
  nacre_conv c = describe(s);
  nacre_shape scratch = nacre_conv_scratch(&c);
  const int64_t pixels = c.out[0] * c.out[1] * c.out[2];
  c.x = numbers(c.batch * c.in[0] * c.in[1] * c.in[2] * c.channels);
  c.w = numbers(c.kernel[0] * c.kernel[1] * c.kernel[2] * c.channels /
                c.groups * c.filters);
  c.y = numbers(c.batch * pixels * c.filters);
  c.scratch = numbers(nacre_shape_count(&scratch));
  const double flops = 2.0 * (double)(c.batch * pixels) *
                       (double)(c.kernel[1] * c.kernel[2]) *
                       (double)(c.channels / c.groups * c.filters);
  const conv_run runs[] = { math->conv, math->conv_data, math->conv_weights };
  printf("%-13s", s->what);
  for (int i = 0; i < 3; i++) {
    const double ns = time_best(math, runs[i], &c, rounds);
    printf("  %9.1f us %6.1f GFLOP/s", ns / 1e3, flops / ns);
    if (peak > 0) {
      printf(" %5.1f %%", 100 * flops / ns / peak);
    }
  }
  printf("\n");
  free(c.x);
  free(c.w);
  free(c.y);
  free(c.scratch);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: bench_conv PATH/TO/cpu.so [THREADS [ROUNDS "
                    "[SHAPE]]]\n");
    return 2;
  }
  const int rounds = argc > 3 && atoi(argv[3]) > 0 ? atoi(argv[3]) : 15;
  void *object = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  void *symbol = object == NULL ? NULL : dlsym(object, NACRE_ENTRY_NAME);
  if (symbol == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  const nacre_module *(*entry)(void);
  memcpy(&entry, &symbol, sizeof entry);
  const nacre_component *component = entry()->components.at;
  const nacre_device_ops *ops = component->ops;
  nacre_fail fail = { sizeof fail, 0, print_failure };
  nacre_device_open open = { sizeof open, NACRE_DEVICE_LAST_RESORT, NULL,
                             argc > 2 ? atoi(argv[2]) : 1,
                             getenv("NACRE_CPU"), &fail, calloc, free };
  void *device = NULL;
  if (ops->open(&open, &device) != NACRE_OK) {
    return 1;
  }
  clock_used = argc > 2 && atoi(argv[2]) > 1 ? CLOCK_MONOTONIC
                                             : CLOCK_PROCESS_CPUTIME_ID;
  const double peak = ops->peak(device) / 1e9;
  printf("%s; multiply-add peak of one thread %.1f GFLOP/s\n"
         "%-13s  %-32s  %-32s  %s\n",
         ops->describe(device), peak, "", "forward", "gradient of the input",
         "gradient of the kernel");
  for (size_t i = 0; i < SHAPES; i++) {
    if (argc < 5 || strcmp(argv[4], shapes[i].what) == 0) {
      bench(ops->math(device), &shapes[i], rounds, peak);
    }
  }
  ops->close(device);
  return 0;
}
