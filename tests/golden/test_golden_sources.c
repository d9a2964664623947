/* SPDX-License-Identifier: MIT */
/* test_golden_sources: texts become Keras's word numbers, those of the file
 * that was learned from and those of another. */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writes texts, a line each, to a new file. */
static void write_lines(const json_t *texts, char *path) {
  int file = mkstemp(path);
  FILE *out = file >= 0 ? fdopen(file, "w") : NULL;
  size_t i;
  json_t *text;
  ck_assert_ptr_nonnull(out);
  json_array_foreach(texts, i, text) {
    fprintf(out, "%s\n", json_string_value(text));
  }
  ck_assert_int_eq(fclose(out), 0);
}

static void set_path(const nacre_choice *chosen, const char *path) {
  const nacre_param *param = chosen->component->params.at;
  for (uint32_t i = 0; i < chosen->component->params.n; i++) {
    if (strcmp(param[i].name, "path") == 0) {
      memcpy((char *)chosen->cfg + param[i].offset, &path, sizeof(path));
    }
  }
}

static void *open_texts(golden *g, const nacre_choice *chosen,
                        const char *texts, const char *state) {
  const nacre_source_ops *ops = chosen->component->ops;
  char path[] = "/tmp/nacre-golden-XXXXXX";
  void *self = NULL;
  nacre_source_open open = { .size = sizeof(open),
                             .host = nacre_registry_host(g->registry),
                             .cfg = chosen->cfg, .fail = golden_fail(),
                             .state = state };
  write_lines(golden_shared(g, texts), path);
  set_path(chosen, path);
  ck_assert_int_eq(ops->open(&open, &self), NACRE_OK);
  unlink(path);
  return self;
}

static void check_rows(golden *g, const nacre_source_ops *ops, void *self,
                       const char *what) {
  const nacre_field *x = ops->fields(self).at;
  int64_t rows = ops->count(self), width = nacre_shape_count(&x->shape);
  real *got = golden_alloc(g, rows * width, sizeof *got);
  for (int64_t i = 0; i < rows; i++) {
    ck_assert_int_eq(ops->read(self, 0, &i, 1, got + i * width,
                               golden_fail()), NACRE_OK);
  }
  golden_near_reals(g, what, golden_member(g, what), rows * width, got);
}

static void check_case(golden *g) {
  nacre_choice chosen = golden_choose(g, NACRE_KIND_SOURCE);
  const nacre_source_ops *ops = chosen.component->ops;
  const nacre_host *host = nacre_registry_host(g->registry);
  const json_t *words = golden_member(g, "words");
  void *self = open_texts(g, &chosen, "train", NULL);
  const nacre_field *x = ops->fields(self).at;
  golden_check(g, x->classes == (int64_t)json_array_size(words),
               "%lld words", (long long)x->classes);
  for (int64_t i = 0; i < x->classes; i++) {
    const char *word =
      json_string_value(json_array_get(words, (size_t)i));
    golden_check(g, word != NULL && strcmp(word, x->class_names[i]) == 0,
                 "word %lld is '%s', not '%s'", (long long)i,
                 x->class_names[i], word != NULL ? word : "");
  }
  check_rows(g, ops, self, "train");
  nacre_bytes state = { NULL, 0 };
  ck_assert_int_eq(ops->state(self, host, &state), NACRE_OK);
  ops->close(self);
  self = open_texts(g, &chosen, "texts", state.at);
  check_rows(g, ops, self, "texts");
  ops->close(self);
  host->free(state.at);
}

START_TEST(test_sources) {
  golden g;
  golden_open(&g, "sources");
  while (golden_next(&g)) {
    check_case(&g);
  }
  golden_close(&g);
}
END_TEST

Suite *test_golden_sources_suite(void) {
  Suite *suite = suite_create("golden sources");
  TCase *tests = tcase_create("sources");
  tcase_add_test(tests, test_sources);
  suite_add_tcase(suite, tests);
  return suite;
}
