/* SPDX-License-Identifier: MIT */
/* test_golden_media: folders of images and sounds as Keras reads them:
 * which files in which order, labels, and every value. */
#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct opened {
  const nacre_source_ops *ops;
  void *self;
  const nacre_field *field;
  uint32_t fields;
  nacre_error error;
} opened;

static nacre_fail *fail_into(opened *self, nacre_error_fail *fail) {
  static const nacre_place none;
  return nacre_error_fail_init(fail, &self->error, NACRE_EDATA, &none);
}

static void open_source(golden *g, const nacre_choice *chosen,
                        const char *state, opened *self) {
  nacre_error_fail fail;
  memset(self, 0, sizeof *self);
  nacre_error_init(&self->error);
  self->ops = chosen->component->ops;
  const nacre_source_open open = {
    .size = sizeof open, .host = nacre_registry_host(g->registry),
    .cfg = chosen->cfg, .fail = fail_into(self, &fail), .state = state
  };
  int status = self->ops->open(&open, &self->self);
  ck_assert_msg(status == NACRE_OK, "case %d: %s", g->index,
                self->error.count > 0 ? self->error.problem[0].text : "");
  nacre_span fields = self->ops->fields(self->self);
  self->field = fields.at;
  self->fields = fields.n;
}

static void close_source(opened *self) {
  self->ops->close(self->self);
  nacre_error_fini(&self->error);
}

/* Which decoders read the files of the case; false: one was not built. */
static bool can_read(const golden *g) {
  static const struct {
    const char *end, *plugin;
    uint32_t kind;
  } needs[] = {
    { ".png", "png", NACRE_KIND_IMAGE },  { ".PNG", "png", NACRE_KIND_IMAGE },
    { ".jpg", "jpeg", NACRE_KIND_IMAGE }, { ".jpeg", "jpeg", NACRE_KIND_IMAGE },
    { ".wav", "wav", NACRE_KIND_SOUND },  { ".flac", "flac", NACRE_KIND_SOUND },
  };
  const json_t *files = golden_member(g, "files");
  for (size_t i = 0; i < json_array_size(files); i++) {
    const char *name = json_string_value(json_array_get(files, i));
    for (size_t k = 0; k < sizeof needs / sizeof needs[0]; k++) {
      if (strcmp(strrchr(name, '.'), needs[k].end) == 0 &&
          !nacre_registry_has(g->registry, needs[k].kind, needs[k].plugin)) {
        fprintf(stderr, "*** SKIPPED: nothing reads %s\n", name);
        return false;
      }
    }
  }
  return true;
}

static void check_names(const json_t *wanted, const nacre_field *field) {
  ck_assert_uint_eq((size_t)field->classes, json_array_size(wanted));
  for (size_t i = 0; i < json_array_size(wanted); i++) {
    ck_assert_str_eq(field->class_names[i],
                     json_string_value(json_array_get(wanted, i)));
  }
}

/* The row of the case's i-th file. Rows are sorted by path; Keras has the
 * files of a folder before those of the folders in it. */
static int64_t row_of(const golden *g, size_t i) {
  static const char *const pictures[] = {
    "birds/deep/wide.jpg", "birds/rgb.png",    "cats/alpha.PNG",
    "cats/grey.png",       "cats/sixteen.png", "dogs/grey.jpeg",
    "dogs/palette.png",    "dogs/progressive.jpg"
  };
  const char *name =
    json_string_value(json_array_get(golden_member(g, "files"), i));
  for (int64_t row = 0; row < 8; row++) {
    if (strcmp(pictures[row], name) == 0) {
      return row;
    }
  }
  return (int64_t)i; /* the sounds' names are in order */
}

/* A field of whole numbers: the file i has the i-th. */
static void check_numbers(golden *g, opened *self, uint32_t field,
                          const json_t *wanted) {
  nacre_error_fail fail;
  for (size_t i = 0; i < json_array_size(wanted); i++) {
    int64_t row = row_of(g, i);
    real value = -1;
    ck_assert_int_eq(self->ops->read(self->self, field, &row, 1, &value,
                                     fail_into(self, &fail)), NACRE_OK);
    golden_check(g, (double)value ==
                      golden_number(json_array_get(wanted, i)),
                 "row %zu of field '%s' is %g", i, self->field[field].name,
                 (double)value);
  }
}

static void check_values(golden *g, opened *self, double tolerance) {
  int64_t n, count = nacre_shape_count(&self->field[0].shape);
  const double *x = golden_doubles(g, golden_member(g, "x"), &n);
  const json_t *shape = golden_member(g, "shape");
  nacre_error_fail fail;
  real *out = golden_alloc(g, count, sizeof *out);
  ck_assert_uint_eq((size_t)self->field[0].shape.rank,
                    json_array_size(shape));
  for (int i = 0; i < self->field[0].shape.rank; i++) {
    ck_assert_int_eq(self->field[0].shape.dim[i],
                     (int64_t)golden_number(json_array_get(shape,
                                                           (size_t)i)));
  }
  /* Twice: an image is decoded the first time and kept after. */
  for (int64_t i = 0; i < 2 * n / count; i++) {
    int64_t row = row_of(g, (size_t)(i % (n / count)));
    int status = self->ops->read(self->self, 0, &row, 1, out,
                                 fail_into(self, &fail));
    ck_assert_msg(status == NACRE_OK, "case %d: %s", g->index,
                  self->error.count > 0 ? self->error.problem[0].text : "");
    const double *wanted = x + i % (n / count) * count;
    for (int64_t k = 0; k < count; k++) {
      golden_check(g, fabs((double)out[k] - wanted[k]) <= tolerance,
                   "file %lld, element %lld: %.7g, not %.7g", (long long)row,
                   (long long)k, (double)out[k], wanted[k]);
    }
  }
}

/* What was kept of the classes opens the same files alike. */
static void check_state(golden *g, const nacre_choice *chosen,
                        opened *self) {
  nacre_bytes state = { NULL, 0 };
  opened again;
  ck_assert_int_eq(self->ops->state(self->self,
                                    nacre_registry_host(g->registry),
                                    &state), NACRE_OK);
  open_source(g, chosen, state.at, &again);
  ck_assert_uint_eq(again.fields, self->fields);
  ck_assert(nacre_shape_equal(&again.field[0].shape, &self->field[0].shape));
  for (int64_t i = 0; i < self->field[1].classes; i++) {
    ck_assert_str_eq(again.field[1].class_names[i],
                     self->field[1].class_names[i]);
  }
  close_source(&again);
  nacre_free(state.at);
}

START_TEST(media) {
  golden g;
  char here[4096];
  golden_open(&g, "media");
  /* The cases name their files from the folder that they lie in. */
  ck_assert_ptr_nonnull(getcwd(here, sizeof here));
  ck_assert_int_eq(chdir(golden_folder()), 0);
  while (golden_next(&g)) {
    nacre_choice chosen = golden_choose(&g, NACRE_KIND_SOURCE);
    const json_t *labels = json_object_get(g.at, "labels");
    const json_t *groups = json_object_get(g.at, "groups");
    bool image = strcmp(chosen.component->name, "image_directory") == 0;
    opened self;
    if (!can_read(&g)) {
      continue;
    }
    open_source(&g, &chosen, NULL, &self);
    check_values(&g, &self, image ? 255 * 1e-5 : 1e-6);
    if (labels != NULL) {
      check_names(golden_member(&g, "class_names"), &self.field[1]);
      check_numbers(&g, &self, 1, labels);
      check_state(&g, &chosen, &self);
    }
    if (groups != NULL) {
      ck_assert_str_eq(self.field[2].name, "speaker");
      check_names(golden_member(&g, "group_names"), &self.field[2]);
      check_numbers(&g, &self, 2, groups);
      ck_assert_str_eq(self.field[3].name, "index");
    }
    close_source(&self);
  }
  ck_assert_int_eq(chdir(here), 0);
  golden_close(&g);
}
END_TEST

Suite *test_golden_media_suite(void) {
  Suite *suite = suite_create("media");
  TCase *tests = tcase_create("media");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, media);
  suite_add_tcase(suite, tests);
  return suite;
}
