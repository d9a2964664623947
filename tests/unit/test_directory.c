/* SPDX-License-Identifier: MIT */
/* test_directory: folders and archives as the host lists them, and
 * image_directory on real folders: labels, state, predictions, threads. */
#include "plugin/params.h"
#include "yaml/parse.h"

#include "plugin_dir.h"

#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#undef fail /* an old name of Check's, and a member's here */

typedef struct kept {
  nacre_fail fail;
  char text[1024];
} kept;

static void keep(nacre_fail *self, const char *place, const char *format,
                 ...) NACRE_PRINTF(3, 4);
static void keep(nacre_fail *self, const char *place, const char *format,
                 ...) {
  kept *out = (kept *)(void *)self;
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(out->text, sizeof out->text, "%.500s%s%.500s",
           place != NULL ? place : "", place != NULL ? ": " : "", text);
}

/* A registry of the built plugins, and a folder. */
typedef struct setting {
  plugin_dir dir;
  nacre_error error;
  nacre_registry *registry;
  const nacre_host *host;
  nacre_tree *tree;
  kept fail;
} setting;

static void begin(setting *self) {
  memset(self, 0, sizeof *self);
  plugin_dir_init(&self->dir);
  const char *built = getenv("NACRE_TEST_PLUGINS");
  ck_assert_msg(built != NULL, "NACRE_TEST_PLUGINS is not set");
  setenv("NACRE_PLUGIN_PATH", built, 1);
  nacre_error_init(&self->error);
  self->registry = nacre_registry_open(NULL, &self->error);
  ck_assert_ptr_nonnull(self->registry);
  self->host = nacre_registry_host(self->registry);
  self->tree = nacre_tree_new();
  ck_assert_ptr_nonnull(self->tree);
  self->fail = (kept){ { sizeof(nacre_fail), 0, keep }, "" };
}

static void finish(setting *self) {
  nacre_tree_free(self->tree);
  nacre_registry_free(self->registry);
  nacre_error_fini(&self->error);
  plugin_dir_fini(&self->dir);
}

/* A picture of height x width pixels, all of one colour and a slope. */
static void put_picture(setting *self, const char *name, int height,
                        int width, int colour) {
  char head[64];
  int n = snprintf(head, sizeof head, "P6 %d %d 255\n", width, height);
  size_t size = (size_t)n + 3 * (size_t)height * (size_t)width;
  char *bytes = malloc(size);
  memcpy(bytes, head, (size_t)n);
  for (size_t i = 0; i < size - (size_t)n; i++) {
    bytes[(size_t)n + i] = (char)((size_t)colour + i / 3 * 7 + i % 3 * 40);
  }
  plugin_dir_write(&self->dir, name, bytes, size);
  free(bytes);
}

/* --- listing --- */

static void check_listing(setting *self, const char *path,
                          const char *wanted) {
  nacre_listing listing;
  char all[2048] = "";
  int status = self->host->list(self->host, path, &self->fail.fail, &listing);
  ck_assert_msg(status == NACRE_OK, "%s", self->fail.text);
  for (size_t i = 0; i < listing.n; i++) {
    nacre_bytes bytes;
    ck_assert_int_eq(self->host->fetch(self->host, &listing, i,
                                       &self->fail.fail, &bytes), NACRE_OK);
    ck_assert_uint_eq(bytes.n, listing.file[i].n);
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s=%.*s ",
             listing.file[i].path, (int)bytes.n, bytes.at);
    if (listing.file[i].at == NULL) {
      self->host->free(bytes.at);
    }
  }
  ck_assert_str_eq(all, wanted);
  self->host->unlist(self->host, &listing);
}

START_TEST(lists_folders) {
  setting self;
  char path[700], target[700];
  nacre_listing listing;
  begin(&self);
  plugin_dir_write(&self.dir, "b/two", "22", 2);
  plugin_dir_write(&self.dir, "b/.hidden", "x", 1);
  plugin_dir_write(&self.dir, ".git/config", "x", 1);
  plugin_dir_write(&self.dir, "a/deep/er/one", "1", 1);
  plugin_dir_write(&self.dir, "b-side", "", 0);
  /* A link to a file is one; a link to a folder is not followed. */
  snprintf(target, sizeof target, "%s/b/two", self.dir.plugins);
  snprintf(path, sizeof path, "%s/c", self.dir.plugins);
  ck_assert_int_eq(symlink(target, path), 0);
  snprintf(path, sizeof path, "%s/a/circle", self.dir.plugins);
  ck_assert_int_eq(symlink(self.dir.plugins, path), 0);
  const char *all = "a/deep/er/one=1 b-side= b/two=22 c=22 ";
  check_listing(&self, self.dir.plugins, all);
  snprintf(path, sizeof path, "%s/", self.dir.plugins);
  check_listing(&self, path, all);
  check_listing(&self, target, "two=22 ");
  snprintf(path, sizeof path, "%s/none", self.dir.plugins);
  ck_assert_int_eq(self.host->list(self.host, path, &self.fail.fail,
                                   &listing), NACRE_ERROR);
  ck_assert_ptr_nonnull(strstr(self.fail.text, "/none: cannot open: "));
  if (geteuid() != 0) { /* root may read everything */
    snprintf(path, sizeof path, "%s/b", self.dir.plugins);
    ck_assert_int_eq(chmod(path, 0), 0);
    ck_assert_int_eq(self.host->list(self.host, self.dir.plugins,
                                     &self.fail.fail, &listing),
                     NACRE_ERROR);
    ck_assert_ptr_nonnull(strstr(self.fail.text,
                                 "/b: cannot open the folder: "));
    ck_assert_int_eq(chmod(path, 0755), 0);
  }
  finish(&self);
}
END_TEST

/* A file that is gone, or lost its end, since it was listed. */
START_TEST(notices_lost_files) {
  setting self;
  nacre_listing listing;
  nacre_bytes bytes;
  char place[700];
  begin(&self);
  plugin_dir_write(&self.dir, "one", "1", 1);
  ck_assert_int_eq(self.host->list(self.host, self.dir.plugins,
                                   &self.fail.fail, &listing), NACRE_OK);
  ck_assert_int_eq(remove(self.dir.path), 0);
  ck_assert_int_eq(self.host->fetch(self.host, &listing, 0, &self.fail.fail,
                                    &bytes), NACRE_ERROR);
  ck_assert_ptr_nonnull(strstr(self.fail.text, "/one: cannot open: "));
  ck_assert_str_eq(self.host->listed(&listing, 0, place, sizeof place),
                   self.dir.path);
  self.host->unlist(self.host, &listing);
  finish(&self);
}
END_TEST

/* One file of an archive; returns the bytes that it takes. */
static size_t put_member(char *at, const char *name, char type,
                         const char *text) {
  size_t n = strlen(text);
  unsigned sum = 0;
  memset(at, 0, 1024);
  snprintf(at, 100, "%s", name);
  snprintf(at + 124, 12, "%011o", (unsigned)n % 512u);
  at[156] = type;
  memcpy(at + 257, "ustar\00000", 8);
  memset(at + 148, ' ', 8);
  for (int i = 0; i < 512; i++) {
    sum += (unsigned char)at[i];
  }
  snprintf(at + 148, 8, "%06o", sum);
  memcpy(at + 512, text, n);
  return n > 0 ? 1024 : 512;
}

START_TEST(lists_archives) {
  static char tar[16384];
  setting self;
  size_t n = 0;
  begin(&self);
  n += put_member(tar + n, "./b/two", '0', "first");
  n += put_member(tar + n, "b/", '5', "");
  n += put_member(tar + n, "a/one", '\0', "1");
  n += put_member(tar + n, "a/._one", '0', "resource fork");
  n += put_member(tar + n, "a/link", '2', "");
  n += put_member(tar + n, "/../up", '0', "x");
  n += put_member(tar + n, "/rooted", '7', "");
  n += put_member(tar + n, "././@LongLink", 'L', "long/er/name");
  n += put_member(tar + n, "long", '0', "long");
  n += put_member(tar + n, "b/two", '0', "later");
  n += 1024;
  plugin_dir_write(&self.dir, "t.tar", tar, n);
  check_listing(&self, self.dir.path,
                "a/one=1 b/two=later long/er/name=long rooted= ");
  finish(&self);
}
END_TEST

/* --- image_directory --- */

typedef struct opened {
  const nacre_source_ops *ops;
  void *self;
  const nacre_field *field;
  uint32_t fields;
  int status;
} opened;

static opened open_images(setting *self, const char *params,
                          const char *state, uint32_t flags) {
  nacre_params_ctx ctx = { self->registry, self->tree->arena, &self->error,
                           NULL };
  opened out = { NULL, NULL, NULL, 0, NACRE_OK };
  const nacre_component *source =
    nacre_registry_find(self->registry, NACRE_KIND_SOURCE, "image_directory",
                        NULL, 0, &self->error);
  ck_assert_ptr_nonnull(source);
  nacre_node *node = nacre_yaml_text(self->tree, "test", NULL, params,
                                     strlen(params), &self->error);
  ck_assert_ptr_nonnull(node);
  void *cfg = nacre_arena_alloc(self->tree->arena, 1, source->cfg_size);
  ck_assert_int_eq(nacre_params_fill(&ctx, source->params, cfg, "source",
                                     node), NACRE_OK);
  const nacre_source_open open = {
    .size = sizeof open, .flags = flags, .host = self->host, .cfg = cfg,
    .fail = &self->fail.fail, .state = state
  };
  out.ops = source->ops;
  self->fail.text[0] = '\0';
  out.status = out.ops->open(&open, &out.self);
  if (out.status == NACRE_OK) {
    nacre_span fields = out.ops->fields(out.self);
    out.field = fields.at;
    out.fields = fields.n;
  }
  return out;
}

static char *params_for(setting *self, const char *more) {
  char *out = nacre_arena_format(self->tree->arena,
                                 "{path: \"%s\", image_size: [4, 4]%s}",
                                 self->dir.plugins, more);
  ck_assert_ptr_nonnull(out);
  return out;
}

START_TEST(labels_by_folder) {
  setting self;
  nacre_bytes state;
  int64_t rows[] = { 0, 1, 2 };
  real label[3];
  begin(&self);
  put_picture(&self, "dog/x/1.ppm", 4, 4, 1);
  put_picture(&self, "cat/2.PPM", 8, 2, 2);
  put_picture(&self, "cat/3.pnm", 4, 4, 3);
  put_picture(&self, "stray.ppm", 4, 4, 4);
  opened train = open_images(&self, params_for(&self, ""), NULL, 0);
  ck_assert_msg(train.status == NACRE_OK, "%s", self.fail.text);
  ck_assert_int_eq(train.ops->count(train.self), 3);
  ck_assert_uint_eq(train.fields, 2);
  ck_assert_str_eq(train.field[1].class_names[0], "cat");
  ck_assert_str_eq(train.field[1].class_names[1], "dog");
  train.ops->read(train.self, 1, rows, 3, label, &self.fail.fail);
  ck_assert(label[0] == 0 && label[1] == 0 && label[2] == 1);
  ck_assert_int_eq(train.ops->state(train.self, self.host, &state), NACRE_OK);
  train.ops->close(train.self);
  /* Predictions take what there is, and know the classes. */
  opened predict = open_images(&self, params_for(&self, ""), state.at,
                               NACRE_OPEN_PREDICT);
  ck_assert_int_eq(predict.status, NACRE_OK);
  ck_assert_int_eq(predict.ops->count(predict.self), 4);
  ck_assert_str_eq(predict.field[1].class_names[1], "dog");
  predict.ops->close(predict.self);
  /* A class that training did not have. */
  put_picture(&self, "emu/5.ppm", 4, 4, 5);
  opened test = open_images(&self, params_for(&self, ""), state.at, 0);
  ck_assert_int_eq(test.status, NACRE_ERROR);
  ck_assert_ptr_nonnull(strstr(self.fail.text,
                               "/emu/5.ppm: its label 'emu' is none that the "
                               "training data had"));
  /* A state that is not ours. */
  static const char *const damaged[] = {
    "", "directory 2 1\na\n", "directory 1 2\na\n", "directory 1 2\na\na\n",
    "directory 1 1\na", "directory 1 1\na\nb\n", "directory 1 -1\n",
    "directory 1 1\n%0\n", "directory 1 99999999999\n",
  };
  for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
    opened bad = open_images(&self, params_for(&self, ""), damaged[i], 0);
    ck_assert_int_eq(bad.status, NACRE_ERROR);
    ck_assert_str_eq(self.fail.text, "what was kept of the training data's "
                                     "classes is damaged");
  }
  nacre_free(state.at);
  finish(&self);
}
END_TEST

/* {label}, groups, anything; parts of paths. */
START_TEST(labels_by_pattern) {
  setting self;
  real value;
  int64_t row = 2;
  begin(&self);
  put_picture(&self, "s1/a-b_x_7.ppm", 2, 2, 1);
  put_picture(&self, "s1/b_y_7.ppm", 2, 2, 1);
  put_picture(&self, "s2/a-b_z_z_8.ppm", 2, 2, 1);
  opened all = open_images(
    &self, params_for(&self, ", pattern: \"s{session}/{label}_{}_{last}\""),
    NULL, 0);
  ck_assert_msg(all.status == NACRE_OK, "%s", self.fail.text);
  ck_assert_uint_eq(all.fields, 4);
  ck_assert_str_eq(all.field[1].class_names[0], "a-b");
  ck_assert_str_eq(all.field[2].name, "session");
  ck_assert_uint_eq(all.field[2].flags,
                    NACRE_FIELD_GROUP | NACRE_FIELD_INDEX);
  ck_assert_str_eq(all.field[2].class_names[1], "2");
  ck_assert_int_eq(all.field[3].classes, 2);
  ck_assert_str_eq(all.field[3].class_names[1], "z_8");
  all.ops->read(all.self, 2, &row, 1, &value, &self.fail.fail);
  ck_assert(value == 1);
  all.ops->read(all.self, 3, &row, 1, &value, &self.fail.fail);
  ck_assert(value == 1);
  all.ops->close(all.self);
  opened bare = open_images(&self, params_for(&self, ", labels: none"), NULL,
                            0);
  ck_assert_int_eq(bare.status, NACRE_OK);
  ck_assert_uint_eq(bare.fields, 1);
  bare.ops->close(bare.self);
  finish(&self);
}
END_TEST

/* --- threads --- */

#define FILES 24
#define THREADS 4
#define SAMPLE (4 * 4 * 3)

typedef struct reader {
  const opened *source;
  int first;
  real out[FILES][SAMPLE];
  int status;
} reader;

static void *read_all(void *arg) {
  reader *self = arg;
  kept none = { { sizeof(nacre_fail), 0, keep }, "" };
  for (int i = 0; i < 3 * FILES; i++) {
    int64_t row = (self->first + i * 5) % FILES;
    if (self->source->ops->read(self->source->self, 0, &row, 1,
                                self->out[row], &none.fail) != NACRE_OK) {
      self->status = NACRE_ERROR;
    }
  }
  return NULL;
}

/* Room for no image, for a few, for all. */
static const char *const rooms[] = { ", keep_decoded: 0", ", keep_decoded: 1",
                                     ", keep_decoded: 64" };

START_TEST(reads_from_threads) {
  static reader serial, reader_of[THREADS];
  setting self;
  char name[32];
  pthread_t thread[THREADS];
  begin(&self);
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "%d/%02d.ppm", i % 2, i);
    /* Of another size, so that values are kept, and of the very size. */
    put_picture(&self, name, i % 3 == 0 ? 4 : 180, i % 3 == 0 ? 4 : 170, i);
  }
  opened source = open_images(&self, params_for(&self, rooms[_i]), NULL, 0);
  ck_assert_int_eq(source.status, NACRE_OK);
  for (int i = 0; i < THREADS; i++) {
    reader_of[i] = (reader){ .source = &source, .first = i };
    ck_assert_int_eq(pthread_create(&thread[i], NULL, read_all,
                                    &reader_of[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(thread[i], NULL);
    ck_assert_int_eq(reader_of[i].status, NACRE_OK);
  }
  source.ops->close(source.self);
  source = open_images(&self, params_for(&self, ", keep_decoded: 0"), NULL,
                       0);
  serial = (reader){ .source = &source };
  read_all(&serial);
  source.ops->close(source.self);
  for (int i = 0; i < THREADS; i++) {
    ck_assert_mem_eq(reader_of[i].out, serial.out, sizeof serial.out);
  }
  finish(&self);
}
END_TEST

Suite *test_directory_suite(void);
Suite *test_directory_suite(void) {
  Suite *suite = suite_create("directory");
  TCase *tests = tcase_create("directory");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, lists_folders);
  tcase_add_test(tests, notices_lost_files);
  tcase_add_test(tests, lists_archives);
  tcase_add_test(tests, labels_by_folder);
  tcase_add_test(tests, labels_by_pattern);
  tcase_add_loop_test(tests, reads_from_threads, 0, 3);
  suite_add_tcase(suite, tests);
  return suite;
}
