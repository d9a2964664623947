/* SPDX-License-Identifier: MIT */
/* test_golden_nets: whole networks with the weights of another framework,
 * through the door that programs use. */
#include "golden.h"

#include "run/tensors.h"

#include <glob.h>
#include <nacre/nacre.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How far from the largest output of a network of several layers. */
#define NEAR 1e-5

static const nacre_entry *entry_of(const nacre_tensors *file,
                                   const char *name) {
  const nacre_entry *entry = nacre_tensors_find(file, name);
  ck_assert_msg(entry != NULL && entry->shape.dtype == NACRE_F32,
                "no tensor '%s'", name);
  return entry;
}

static void compare(const char *folder, const nacre_entry *expected,
                    const float *got) {
  const float *want = expected->data;
  int64_t n = nacre_shape_count(&expected->shape);
  double largest = 1e-3, worst = 0;
  for (int64_t i = 0; i < n; i++) {
    double off = (double)want[i] - (double)got[i];
    double size = (double)want[i];
    off = off < 0 ? -off : off;
    size = size < 0 ? -size : size;
    ck_assert_msg(off == off, "%s: output %lld is no number", folder,
                  (long long)i);
    worst = off > worst ? off : worst;
    largest = size > largest ? size : largest;
  }
  ck_assert_msg(worst <= NEAR * largest, "%s: outputs are off by %g of %g",
                folder, worst, largest);
}

static void check_network(const char *folder) {
  char path[4200];
  nacre_error error;
  nacre_tensors io;
  nacre_problems *problems = nacre_problems_new();
  nacre_error_init(&error);
  snprintf(path, sizeof path, "%s/io.safetensors", folder);
  ck_assert_int_eq(nacre_tensors_read(&io, path, &error), NACRE_OK);
  nacre_network *network = nacre_network_load(folder, NULL, problems);
  ck_assert_msg(network != NULL, "%s", nacre_problems_text(problems, 0));
  const nacre_entry *x = entry_of(&io, "x"), *y = entry_of(&io, "y");
  const float *inputs[] = { x->data };
  float *outputs[] = {
    calloc((size_t)nacre_shape_count(&y->shape), sizeof(float))
  };
  ck_assert_ptr_nonnull(outputs[0]);
  nacre_slot_info info;
  ck_assert_int_eq(nacre_network_output(network, 0, &info), 0);
  ck_assert_int_eq(info.count * x->shape.dim[0],
                   nacre_shape_count(&y->shape));
  ck_assert_msg(nacre_network_predict(network, x->shape.dim[0], inputs,
                                      outputs, problems) == 0,
                "%s", nacre_problems_text(problems, 0));
  compare(folder, y, outputs[0]);
  free(outputs[0]);
  nacre_network_free(network);
  nacre_problems_free(problems);
  nacre_tensors_fini(&io);
  nacre_error_fini(&error);
}

START_TEST(outputs) {
  char pattern[4096];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/nets/*", golden_folder());
  ck_assert_int_eq(glob(pattern, GLOB_ONLYDIR, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    check_network(found.gl_pathv[i]);
  }
  globfree(&found);
}
END_TEST

Suite *test_golden_nets_suite(void) {
  Suite *suite = suite_create("golden nets");
  TCase *tests = tcase_create("nets");
  tcase_add_test(tests, outputs);
  suite_add_tcase(suite, tests);
  return suite;
}
