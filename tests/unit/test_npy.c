/* SPDX-License-Identifier: MIT */
/* test_npy: the sources npy and npz. */
#include "plugin_fixture.h"

static fixture_fail fail;

static void setup(void) { fail = fixture_fail_new(); }

/* Writes an NPY file of version 1 or 2; returns its bytes. */
static size_t make(unsigned char *out, int version, const char *header,
                   const void *data, size_t n) {
  size_t start = version == 1 ? 10 : 12, length = strlen(header);
  memcpy(out, "\x93NUMPY", 6);
  memset(out + 6, 0, start - 6);
  out[6] = (unsigned char)version;
  out[8] = (unsigned char)length;
  memcpy(out + start, header, length);
  memcpy(out + start + length, data, n);
  return start + length + n;
}

/* Three elements of each type, which are 1, 0 and the last. */
static const struct {
  const char *type;
  unsigned char bytes[24];
  size_t n;
  double last;
} types[] = {
  { "|b1", { 1, 0, 1 }, 3, 1 },
  { "|u1", { 1, 0, 250 }, 3, 250 },
  { "|i1", { 1, 0, 250 }, 3, -6 },
  { "<u2", { 1, 0, 0, 0, 0xFE, 0xFF }, 6, 65534 },
  { ">i2", { 0, 1, 0, 0, 0xFF, 0xFE }, 6, -2 },
  { "<i4", { 1, 0, 0, 0, 0, 0, 0, 0, 0xFD, 0xFF, 0xFF, 0xFF }, 12, -3 },
  { ">u4", { 0, 0, 0, 1, 0, 0, 0, 0, 0x80, 0, 0, 0 }, 12, 2147483648.0 },
  { "<i8", { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 24,
    256 },
  { ">u8", { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
             0, 0, 0, 0, 0, 0, 2, 0 }, 24, 512 },
  { "<f2", { 0, 0x3C, 0, 0, 0, 0xC5 }, 6, -5 },
  { ">f4", { 0x3F, 0x80, 0, 0, 0, 0, 0, 0, 0x40, 0x18, 0, 0 }, 12, 2.375 },
  { "<f8", { 0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0,
             0, 0, 0, 0, 0, 0, 0x03, 0x40 }, 24, 2.375 },
};

START_TEST(reads_each_type) {
  const nacre_component *npy = fixture_component("sources", "npy", "npy");
  const nacre_source_ops *ops = npy->ops;
  unsigned char file[256];
  char header[128];
  int64_t rows[] = { 2, 0, 1 };
  void *self;
  real out[3];
  snprintf(header, sizeof(header), "{'shape': (3,), 'fortran_order': False,"
                                   " \"descr\": '%s'}\n", types[_i].type);
  fixture_path = "t.npy";
  fixture_text.at = (char *)file;
  fixture_text.n = make(file, 1 + _i % 3, header, types[_i].bytes,
                        types[_i].n);
  void *cfg = fixture_cfg(npy, "x", "t.npy", NULL);
  int status = fixture_open(npy, cfg, 0, NULL, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  ck_assert_int_eq(ops->count(self), 3);
  ops->read(self, 0, rows, 3, out, &fail.base);
  ck_assert_double_eq((double)out[0], types[_i].last);
  ck_assert_double_eq((double)out[1], 1);
  ck_assert_double_eq((double)out[2], 0);
  ops->close(self);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

static char *valid(const char *name) {
  const char *root = getenv("NACRE_TEST_BAD_DATA");
  char *path = fixture_keep(4096);
  snprintf(path, 4096, "%s/valid/%s", root != NULL ? root : "tests/bad_data",
           name);
  return path;
}

START_TEST(reads_maps_of_files) {
  const nacre_component *npy = fixture_component("sources", "npy", "npy");
  const nacre_source_ops *ops = npy->ops;
  char map[9000];
  void *self;
  snprintf(map, sizeof(map), "left=%s,right=%s", valid("matrix.npy"),
           valid("matrix.npy"));
  void *cfg = fixture_cfg(npy, "x", map, "y", valid("matrix.npy"), NULL);
  int status = fixture_open(npy, cfg, 0, NULL, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  const nacre_field *field = ops->fields(self).at;
  ck_assert_uint_eq(ops->fields(self).n, 3);
  ck_assert_str_eq(field[0].name, "left");
  ck_assert_str_eq(field[1].name, "right");
  ck_assert_str_eq(field[2].name, "y");
  ck_assert_uint_eq(field[2].flags, NACRE_FIELD_TARGET);
  ck_assert_int_eq(field[1].shape.rank, 1);
  ck_assert_int_eq(field[1].shape.dim[0], 2);
  ops->close(self);
}
END_TEST

START_TEST(reads_members_of_zip_files) {
  const nacre_component *npz = fixture_component("sources", "npy", "npz");
  const nacre_source_ops *ops = npz->ops;
  int64_t rows[] = { 0, 1, 2 };
  void *self;
  real x[6], y[3];
  void *cfg = fixture_cfg(npz, "path", valid("arrays.npz"), NULL);
  int status = fixture_open(npz, cfg, 0, NULL, &fail, &self);
  ck_assert_msg(status == NACRE_OK, "%s", fail.text);
  const nacre_field *field = ops->fields(self).at;
  ck_assert_uint_eq(ops->fields(self).n, 2);
  ck_assert_uint_eq(field[1].flags, NACRE_FIELD_TARGET | NACRE_FIELD_INDEX);
  ck_assert_int_eq(field[1].classes, 2);
  ops->read(self, 0, rows, 3, x, &fail.base);
  ops->read(self, 1, rows, 3, y, &fail.base);
  for (int i = 0; i < 6; i++) {
    ck_assert_double_eq((double)x[i], i + 1);
  }
  ck_assert(y[0] == 0 && y[1] == 1 && y[2] == 1);
  ops->close(self);
  cfg = fixture_cfg(npz, "path", valid("arrays.npz"), "x", "a=y,b=x", NULL);
  status = fixture_open(npz, cfg, NACRE_OPEN_PREDICT, NULL, &fail, &self);
  ck_assert_int_eq(status, NACRE_OK);
  field = ops->fields(self).at;
  ck_assert_uint_eq(ops->fields(self).n, 2);
  ck_assert_str_eq(field[0].name, "a");
  ck_assert_int_eq(field[0].shape.rank, 0);
  ops->close(self);
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("npy");
  TCase *tests = tcase_create("npy");
  tcase_add_checked_fixture(tests, setup, NULL);
  tcase_add_loop_test(tests, reads_each_type, 0,
                      sizeof(types) / sizeof(types[0]));
  tcase_add_test(tests, reads_maps_of_files);
  tcase_add_test(tests, reads_members_of_zip_files);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
