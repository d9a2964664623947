/* SPDX-License-Identifier: MIT */
/* golden: reads files of golden values and compares with them. */
#include "golden.h"

#include "yaml/parse.h"

#include <glob.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Errors relative to the largest golden value count it as at least this. */
#define SMALLEST_SCALE 1e-3

static void on_fail(nacre_fail *self, const char *place, const char *format,
                    ...) {
  char text[512];
  va_list args;
  (void)self;
  (void)place;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  ck_abort_msg("a component refused: %s", text);
}

nacre_fail *golden_fail(void) {
  static nacre_fail fail = { sizeof(nacre_fail), 0, on_fail };
  return &fail;
}

/* The test fails with all problems that were reported. */
static void stop_at_problems(const golden *g) {
  for (int i = 0; i < g->error.count; i++) {
    fprintf(stderr, "%s.json: %s\n", g->name, g->error.problem[i].text);
  }
  ck_abort_msg("%s.json: %d problems", g->name, g->error.count);
}

static void open_device(golden *g) {
  const nacre_component *cpu = nacre_registry_find(
    g->registry, NACRE_KIND_DEVICE, "cpu", NULL, 0, &g->error);
  if (cpu == NULL) {
    stop_at_problems(g);
  }
  void *cfg = golden_alloc(g, 1, cpu->cfg_size + 1);
  nacre_params_ctx ctx = { g->registry, g->tree->arena, &g->error, NULL };
  if (nacre_params_fill(&ctx, cpu->params, cfg, "device 'cpu'", NULL) !=
      NACRE_OK) {
    stop_at_problems(g);
  }
  g->device = cpu->ops;
  nacre_device_open open = { .size = sizeof(nacre_device_open),
                             .flags = NACRE_DEVICE_LAST_RESORT,
                             .cfg = cfg,
                             .threads = 1,
                             .fail = golden_fail(),
                             .alloc = nacre_alloc,
                             .free = nacre_free };
  ck_assert_int_eq(g->device->open(&open, &g->device_self), NACRE_OK);
  g->math = g->device->math(g->device_self);
}

const char *golden_folder(void) {
  static char path[2048];
  const char *folder = getenv("NACRE_TEST_GOLDEN");
  const char *source = getenv("srcdir");
  if (folder != NULL) {
    return folder;
  }
  snprintf(path, sizeof path, "%s/tests/golden",
           source != NULL ? source : ".");
  return path;
}

void golden_open(golden *g, const char *name) {
  char path[4096];
  json_error_t error;
  memset(g, 0, sizeof *g);
  g->name = name;
  g->index = -1;
  nacre_error_init(&g->error);
  snprintf(path, sizeof path, "%s/%s.json", golden_folder(), name);
  g->root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  ck_assert_msg(g->root != NULL, "%s: line %d: %s", path, error.line,
                error.text);
  g->tree = nacre_tree_new();
  ck_assert_ptr_nonnull(g->tree);
  nacre_registry_options options = { NULL, false, true };
  g->registry = nacre_registry_open(&options, &g->error);
  if (g->registry == NULL) {
    stop_at_problems(g);
  }
  open_device(g);
}

void golden_close(golden *g) {
  int failures = g->failures, cases = g->index;
  g->device->close(g->device_self);
  nacre_registry_free(g->registry);
  nacre_tree_free(g->tree);
  nacre_error_fini(&g->error);
  json_decref(g->root);
  ck_assert_int_gt(cases, 0);
  ck_assert_msg(failures == 0, "%s.json: %d failures in %d cases", g->name,
                failures, cases);
}

void golden_each(const char *prefix, void (*check)(golden *)) {
  char pattern[4096];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/%s*.json", golden_folder(), prefix);
  ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    char *name = strrchr(found.gl_pathv[i], '/') + 1;
    *strrchr(name, '.') = '\0';
    golden g;
    golden_open(&g, name);
    while (golden_next(&g)) {
      check(&g);
    }
    golden_close(&g);
  }
  globfree(&found);
}

/* The nth provider of the case's component; NULL: there are not so many. */
static const nacre_component *provider(golden *g, int nth) {
  const nacre_component *found =
    nacre_registry_find(g->registry, g->kind,
                        json_string_value(golden_member(g, "component")),
                        "cpu", nth, &g->error);
  if (found == NULL && g->error.count > 0) {
    stop_at_problems(g);
  }
  return found;
}

bool golden_may_decline(golden *g) {
  return provider(g, g->provider > 0 ? 0 : 1) != NULL;
}

bool golden_next(golden *g) {
  const json_t *cases = golden_shared(g, "cases");
  if (g->kind != 0 && provider(g, g->provider + 1) != NULL) {
    g->provider++;
    return true;
  }
  g->kind = 0;
  g->provider = 0;
  g->index++;
  g->at = json_array_get(cases, (size_t)g->index);
  return g->at != NULL;
}

const json_t *golden_member(const golden *g, const char *key) {
  const json_t *member = json_object_get(g->at, key);
  ck_assert_msg(member != NULL, "%s.json: case %d has no '%s'", g->name,
                g->index, key);
  return member;
}

const json_t *golden_shared(const golden *g, const char *key) {
  const json_t *member = json_object_get(g->root, key);
  ck_assert_msg(member != NULL, "%s.json has no '%s'", g->name, key);
  return member;
}

double golden_number(const json_t *number) {
  ck_assert(json_is_number(number));
  return json_number_value(number);
}

int64_t golden_int(const golden *g, const char *key) {
  return (int64_t)golden_number(golden_member(g, key));
}

void *golden_alloc(const golden *g, int64_t count, size_t size) {
  /* Plugins are promised 64-byte alignment, which the arena does not give. */
  size_t bytes = (size_t)count * size + 64;
  char *block = nacre_arena_alloc(g->tree->arena, bytes, 1);
  ck_assert_ptr_nonnull(block);
  return block + (64 - (uintptr_t)block % 64) % 64;
}

double *golden_doubles(const golden *g, const json_t *list, int64_t *n) {
  const int64_t count = (int64_t)json_array_size(list);
  double *out = golden_alloc(g, count, sizeof *out);
  ck_assert(json_is_array(list));
  for (int64_t i = 0; i < count; i++) {
    out[i] = golden_number(json_array_get(list, (size_t)i));
  }
  if (n != NULL) {
    *n = count;
  }
  return out;
}

real *golden_reals(const golden *g, const json_t *list, int64_t *n) {
  int64_t count;
  const double *from = golden_doubles(g, list, &count);
  real *out = golden_alloc(g, count, sizeof *out);
  for (int64_t i = 0; i < count; i++) {
    out[i] = (real)from[i];
  }
  if (n != NULL) {
    *n = count;
  }
  return out;
}

nacre_choice golden_choose(golden *g, uint32_t kind) {
  const char *name = json_string_value(golden_member(g, "component"));
  const char *params = json_string_value(golden_member(g, "params"));
  nacre_choice choice = { NULL, NULL, NULL };
  g->kind = kind;
  choice.component = provider(g, g->provider);
  ck_assert_msg(choice.component != NULL, "there is no %s '%s'",
                nacre_kind_name(kind), name);
  choice.node = nacre_yaml_text(g->tree, g->name, NULL, params,
                                strlen(params), &g->error);
  if (choice.node == NULL) {
    stop_at_problems(g);
  }
  choice.cfg = golden_alloc(g, 1, choice.component->cfg_size + 1);
  nacre_params_ctx ctx = { g->registry, g->tree->arena, &g->error, NULL };
  if (nacre_params_fill(&ctx, choice.component->params, choice.cfg, name,
                        choice.node) != NACRE_OK ||
      nacre_params_unknown(&ctx, choice.component->params, NULL, name,
                           choice.node) != NACRE_OK) {
    stop_at_problems(g);
  }
  return choice;
}

void golden_check(golden *g, bool ok, const char *format, ...) {
  va_list args;
  if (ok) {
    return;
  }
  g->failures++;
  const nacre_component *component = g->kind != 0 ? provider(g, g->provider)
                                                  : NULL;
  const nacre_module *module = component != NULL
    ? nacre_registry_module(g->registry, component) : NULL;
  fprintf(stderr, "%s.json: case %d, %s%s%s %s: ", g->name, g->index,
          module != NULL ? module->name : "", module != NULL ? "/" : "",
          json_string_value(golden_member(g, "component")),
          json_string_value(golden_member(g, "params")));
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
}

static void near(golden *g, const char *what, const json_t *expected,
                 int64_t n, const double *got, double scale) {
  int64_t count, worst = -1;
  const double *want = golden_doubles(g, expected, &count);
  double error = GOLDEN_TOLERANCE;
  golden_check(g, count == n, "%s: %lld numbers, expected %lld", what,
               (long long)n, (long long)count);
  for (int64_t i = 0; i < count; i++) {
    scale = fmax(scale, fabs(want[i]));
  }
  for (int64_t i = 0; i < count && i < n; i++) {
    double off = fabs(got[i] - want[i]) / scale;
    if (!(off <= error)) { /* NaN is always the worst */
      error = off;
      worst = i;
    }
  }
  golden_check(g, worst < 0, "%s[%lld] is %.17g, expected %.17g: off by %.2g",
               what, (long long)worst, worst < 0 ? 0.0 : got[worst],
               worst < 0 ? 0.0 : want[worst], error);
}

void golden_near(golden *g, const char *what, const json_t *expected,
                 int64_t n, const double *got) {
  near(g, what, expected, n, got, SMALLEST_SCALE);
}

void golden_near_reals(golden *g, const char *what, const json_t *expected,
                       int64_t n, const real *got) {
  golden_near_sums(g, what, expected, n, got, SMALLEST_SCALE);
}

void golden_near_sums(golden *g, const char *what, const json_t *expected,
                      int64_t n, const real *got, double terms) {
  double *wide = golden_alloc(g, n, sizeof *wide);
  for (int64_t i = 0; i < n; i++) {
    wide[i] = (double)got[i];
  }
  near(g, what, expected, n, wide, fmax(terms, SMALLEST_SCALE));
}
