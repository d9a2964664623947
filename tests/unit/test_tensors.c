/* SPDX-License-Identifier: MIT */
/* Tests of safetensors files: round trips, every byte of a file damaged,
 * headers that lie, files of others. */
#include "fixture.h"
#include "run/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const float weights[6] = { 1.5f, -2.25f, 3, 0.125f, -5, 1e-30f };
static const double exact[2] = { 0.1, -1e300 };
static const int64_t whole[3] = { -1, 0, INT64_MAX };
static const unsigned char bytes[5] = { 0, 1, 127, 128, 255 };
static const int32_t small[1] = { -7 };

static const nacre_entry entries[] = {
  { "dense.kernel", { { 2, 3 }, 2, NACRE_F32 }, weights },
  { "exact", { { 2 }, 1, NACRE_F64 }, exact },
  { "empty", { { 0, 4 }, 2, NACRE_F32 }, weights },
  { "whole", { { 3, 1, 1 }, 3, NACRE_I64 }, whole },
  { "bytes", { { 5 }, 1, NACRE_U8 }, bytes },
  { "scalar \"\xc3\xa9\"", { { 0 }, 0, NACRE_I32 }, small },
};
#define N_ENTRIES ((int)(sizeof entries / sizeof entries[0]))

static const nacre_text_pair texts[] = { { "format", "nacre" },
                                         { "note", "a \"b\"\n\xc3\xa9" } };

static void write_sample(const char *path) {
  nacre_error error;
  nacre_error_init(&error);
  ck_assert_int_eq(nacre_tensors_write(path, entries, N_ENTRIES, texts, 2,
                                       &error), NACRE_OK);
  nacre_error_fini(&error);
}

static size_t size_of(const nacre_entry *entry) {
  return (size_t)nacre_shape_count(&entry->shape) *
         nacre_dtype_size(entry->shape.dtype);
}

/* Reads without complaint, or with a problem of the right code. */
static bool reads(const char *path, nacre_tensors *tensors) {
  nacre_error error;
  nacre_error_init(&error);
  bool well = nacre_tensors_read(tensors, path, &error) == NACRE_OK;
  ck_assert_int_eq(nacre_error_code(&error), well ? 0 : NACRE_EMODEL);
  nacre_error_fini(&error);
  return well;
}

START_TEST(test_round_trip) {
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  nacre_tensors tensors;
  write_sample(path);
  ck_assert(reads(path, &tensors));
  ck_assert_int_eq(tensors.n_entries, N_ENTRIES);
  for (int i = 0; i < N_ENTRIES; i++) {
    const nacre_entry *entry = nacre_tensors_find(&tensors, entries[i].name);
    ck_assert_ptr_nonnull(entry);
    ck_assert(nacre_shape_equal(&entry->shape, &entries[i].shape));
    ck_assert_int_eq(entry->shape.dtype, entries[i].shape.dtype);
    ck_assert(memcmp(entry->data, entries[i].data, size_of(entry)) == 0);
  }
  ck_assert_str_eq(nacre_tensors_text(&tensors, "note"), texts[1].value);
  ck_assert_ptr_nonnull(nacre_tensors_text(&tensors, "nacre.digest"));
  ck_assert_ptr_null(nacre_tensors_text(&tensors, "nothing"));
  ck_assert_ptr_null(nacre_tensors_find(&tensors, "nothing"));
  nacre_tensors_fini(&tensors);
  free(path);
  fixture_remove(dir);
}
END_TEST

static char *slurp(const char *path, size_t *n) {
  FILE *file = fopen(path, "rb");
  char *at = malloc(1 << 16);
  ck_assert(file != NULL && at != NULL);
  *n = fread(at, 1, 1 << 16, file);
  ck_assert_uint_lt(*n, 1 << 16);
  (void)fclose(file);
  return at;
}

static void spill(const char *path, const char *at, size_t n) {
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(at, 1, n, file), n);
  ck_assert_int_eq(fclose(file), 0);
}

/* Damage is refused, or it leaves what there is under each name as it was:
 * another name, another text, or the same bytes by another type. */
static void check_harmless(const nacre_tensors *tensors) {
  for (int i = 0; i < N_ENTRIES; i++) {
    const nacre_entry *entry = nacre_tensors_find(tensors, entries[i].name);
    if (entry != NULL) {
      ck_assert_uint_eq(size_of(entry), size_of(&entries[i]));
      ck_assert(memcmp(entry->data, entries[i].data, size_of(entry)) == 0);
    }
  }
}

START_TEST(test_every_byte_damaged) {
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  size_t n = 0;
  write_sample(path);
  char *file = slurp(path, &n);
  size_t data = n;
  for (int i = 0; i < N_ENTRIES; i++) {
    data -= size_of(&entries[i]);
  }
  for (size_t i = 0; i < n; i++) {
    static const int flips[] = { 1, 2, 8, 32, 255 };
    for (int flip = 0; flip < 5; flip++) {
      char was = file[i];
      file[i] = (char)(was ^ flips[flip]);
      if (file[i] != was) {
        nacre_tensors tensors;
        spill(path, file, n);
        if (reads(path, &tensors)) {
          ck_assert_msg(i >= 8 && i < data, "byte %zu is damaged", i);
          check_harmless(&tensors);
        }
        nacre_tensors_fini(&tensors);
      }
      file[i] = was;
    }
  }
  free(file);
  free(path);
  fixture_remove(dir);
}
END_TEST

START_TEST(test_every_truncation) {
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  size_t n = 0;
  write_sample(path);
  char *file = slurp(path, &n);
  for (size_t i = 0; i < n; i++) {
    nacre_tensors tensors;
    spill(path, file, i);
    ck_assert_msg(!reads(path, &tensors), "%zu of %zu bytes are a file", i,
                  n);
    nacre_tensors_fini(&tensors);
  }
  free(file);
  free(path);
  fixture_remove(dir);
}
END_TEST

/* A header, the bytes of data behind it, and whether that is a file. */
typedef struct hand_made {
  const char *header;
  size_t data;
  bool good;
} hand_made;

#define T(name, dtype, shape, from, to)                               \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape           \
  "],\"data_offsets\":[" from "," to "]}"

static const hand_made files[] = {
  { "{}", 0, true },
  { "{}        ", 0, true },
  { "{" T("a", "F32", "2", "0", "8") "}", 8, true },
  { "{" T("a", "F32", "", "0", "4") "}", 4, true },
  { "{" T("a", "F32", "0", "0", "0") "," T("b", "U8", "2", "0", "2") "}", 2,
    true },
  { "{\"__metadata__\":{\"a\":\"b\"}," T("a", "F32", "2", "0", "8") "}", 8,
    true },
  { "", 0, false },
  { "{", 0, false },
  { "[]", 0, false },
  { " {}", 0, false },
  { "null", 0, false },
  { "{}{}", 0, false },
  { "{} x", 0, false },
  { "{\"a\":1}", 0, false },
  { "{\"a\":null}", 0, false },
  /* bytes behind, holes, overlaps */
  { "{}", 1, false },
  { "{" T("a", "F32", "2", "0", "8") "}", 9, false },
  { "{" T("a", "F32", "2", "0", "8") "}", 7, false },
  { "{" T("a", "F32", "2", "1", "9") "}", 9, false },
  { "{" T("a", "U8", "2", "0", "2") "," T("b", "U8", "2", "1", "3") "}", 3,
    false },
  { "{" T("a", "U8", "2", "0", "2") "," T("b", "U8", "2", "0", "2") "}", 2,
    false },
  { "{" T("a", "U8", "2", "0", "2") "," T("b", "U8", "2", "3", "5") "}", 5,
    false },
  { "{" T("a", "U8", "2", "2", "4") "," T("b", "U8", "1", "0", "1") "}", 4,
    false },
  /* names twice */
  { "{" T("a", "U8", "2", "0", "2") "," T("a", "U8", "2", "2", "4") "}", 4,
    false },
  { "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],"
    "\"data_offsets\":[0,1]}}", 1, false },
  /* sizes that are none */
  { "{" T("a", "F32", "3", "0", "8") "}", 8, false },
  { "{" T("a", "F32", "-2", "0", "8") "}", 8, false },
  { "{" T("a", "F32", "2.0", "0", "8") "}", 8, false },
  { "{" T("a", "F32", "\"2\"", "0", "8") "}", 8, false },
  { "{" T("a", "F32", "4611686018427387904,4", "0", "0") "}", 0, false },
  { "{" T("a", "F32", "4611686018427387904", "0", "0") "}", 0, false },
  { "{" T("a", "F64", "2305843009213693952", "0", "0") "}", 0, false },
  { "{" T("a", "F32", "99999999999999999999", "0", "8") "}", 8, false },
  { "{" T("a", "U8", "1,1,1,1,1,1,1", "0", "1") "}", 1, false },
  { "{" T("a", "F32", "2", "8", "0") "}", 8, false },
  { "{" T("a", "F32", "2", "-8", "0") "}", 8, false },
  { "{" T("a", "F32", "2", "0", "8.0") "}", 8, false },
  { "{" T("a", "U8", "9223372036854775807", "0", "9223372036854775807") "}",
    8, false },
  /* types */
  { "{" T("a", "F33", "2", "0", "8") "}", 8, false },
  { "{" T("a", "", "2", "0", "8") "}", 8, false },
  { "{\"a\":{\"dtype\":1,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, false },
  /* keys that are missing or too many */
  { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, false },
  { "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, false },
  { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, false },
  { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],"
    "\"more\":1}}", 8, false },
  { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8,
    false },
  { "{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", 8,
    false },
  /* metadata */
  { "{\"__metadata__\":{\"a\":1}}", 0, false },
  { "{\"__metadata__\":[]}", 0, false },
  { "{\"__metadata__\":{\"nacre.digest\":\"0\"}}", 0, false },
  /* text */
  { "{\"a\\u0000b\":1}", 0, false },
  { "{\"\xff\":1}", 0, false },
};

static void hand_make(const char *path, const hand_made *at, uint64_t length) {
  char *file = calloc(1, 8 + strlen(at->header) + at->data);
  ck_assert_ptr_nonnull(file);
  for (int i = 0; i < 8; i++) {
    file[i] = (char)(length >> (8 * i));
  }
  memcpy(file + 8, at->header, strlen(at->header));
  spill(path, file, 8 + strlen(at->header) + at->data);
  free(file);
}

START_TEST(test_hand_made) {
  const hand_made *at = &files[_i];
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  nacre_tensors tensors;
  hand_make(path, at, strlen(at->header));
  ck_assert_msg(reads(path, &tensors) == at->good, "%s and %zu bytes",
                at->header, at->data);
  nacre_tensors_fini(&tensors);
  free(path);
  fixture_remove(dir);
}
END_TEST

START_TEST(test_length_lies) {
  static const hand_made at = { "{" T("a", "F32", "2", "0", "8") "}", 8,
                                true };
  static const uint64_t lies[] = { 0, 1, 2, 50, 62, 64, 70, 71, 1000,
                                   100000001, UINT64_MAX, UINT64_MAX - 7,
                                   (uint64_t)1 << 63, (uint64_t)1 << 32 };
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
    nacre_tensors tensors;
    if (lies[i] != strlen(at.header)) {
      hand_make(path, &at, lies[i]);
      ck_assert_msg(!reads(path, &tensors), "length %llu",
                    (unsigned long long)lies[i]);
      nacre_tensors_fini(&tensors);
    }
  }
  free(path);
  fixture_remove(dir);
}
END_TEST

START_TEST(test_deep_header) {
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  char *deep = malloc(200001);
  nacre_tensors tensors;
  ck_assert_ptr_nonnull(deep);
  memset(deep, '[', 200000);
  memcpy(deep, "{\"a\":", 5);
  deep[200000] = '\0';
  const hand_made at = { deep, 0, false };
  hand_make(path, &at, 200000);
  ck_assert(!reads(path, &tensors));
  nacre_tensors_fini(&tensors);
  free(deep);
  free(path);
  fixture_remove(dir);
}
END_TEST

START_TEST(test_no_file) {
  nacre_tensors tensors;
  ck_assert(!reads("/nowhere/at.all", &tensors));
  nacre_tensors_fini(&tensors);
  ck_assert(!reads("/", &tensors));
  nacre_tensors_fini(&tensors);
}
END_TEST

/* Every call that a save makes fails: the old file stays as it was, or the
 * new one is whole, and nothing else is left. */
START_TEST(test_write_faults) {
  static const nacre_entry old = { "old", { { 1 }, 1, NACRE_I32 }, small };
  char *dir = fixture_dir(), *path = fixture_path(dir, "w.safetensors");
  nacre_error error;
  size_t n = 0;
  int refused = 0;
  nacre_error_init(&error);
  ck_assert_int_eq(nacre_tensors_write(path, &old, 1, NULL, 0, &error),
                   NACRE_OK);
  char *before = slurp(path, &n);
  for (int at = 1;; at++) {
    nacre_tensors tensors;
    nacre_error_init(&error);
    spill(path, before, n);
    fixture_watch();
    fixture_files.fail_at = at;
    fixture_files.for_good = _i == 1;
    int status = nacre_tensors_write(path, entries, 2, NULL, 0, &error);
    int failed = fixture_files.failed;
    fixture_unwatch();
    ck_assert_int_eq(nacre_error_code(&error),
                     status == NACRE_OK ? 0 : error.problem[0].code);
    nacre_error_fini(&error);
    ck_assert(reads(path, &tensors));
    bool is_old = nacre_tensors_find(&tensors, "old") != NULL;
    ck_assert_int_eq(tensors.n_entries, is_old ? 1 : 2);
    ck_assert(status != NACRE_OK || !is_old);
    nacre_tensors_fini(&tensors);
    if (failed == 0) {
      ck_assert_int_eq(status, NACRE_OK);
      break;
    }
    ck_assert_int_ne(status, NACRE_OK);
    refused++;
    free(path);
    path = fixture_path(dir, "w.safetensors");
    ck_assert_int_eq(remove(path), 0);
    ck_assert_msg(rmdir(dir) == 0, "fault %d leaves a file behind", at);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
  }
  ck_assert_int_gt(refused, 20);
  free(before);
  free(path);
  fixture_remove(dir);
}
END_TEST

/* Files that others wrote. */
START_TEST(test_files_of_others) {
  static const char *const names[] = { "mnist", "multi_layer" };
  const char *data = getenv("NACRE_DATA_DIR");
  if (data == NULL || data[0] == '\0') {
    fputs("*** NACRE_DATA_DIR is not set: safetensors files of others are "
          "NOT READ\n", stderr);
    return;
  }
  for (int i = 0; i < 2; i++) {
    char path[4096];
    nacre_tensors tensors;
    snprintf(path, sizeof path, "%s/safetensors/%s.safetensors", data,
             names[i]);
    ck_assert_msg(reads(path, &tensors), "%s", path);
    ck_assert_int_gt(tensors.n_entries, 0);
    nacre_tensors_fini(&tensors);
  }
}
END_TEST

Suite *test_tensors_suite(void);
Suite *test_tensors_suite(void) {
  Suite *suite = suite_create("tensors");
  TCase *tests = tcase_create("tensors");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, test_round_trip);
  tcase_add_test(tests, test_every_byte_damaged);
  tcase_add_test(tests, test_every_truncation);
  tcase_add_loop_test(tests, test_hand_made, 0,
                      (int)(sizeof files / sizeof files[0]));
  tcase_add_test(tests, test_length_lies);
  tcase_add_test(tests, test_deep_header);
  tcase_add_test(tests, test_no_file);
  tcase_add_loop_test(tests, test_write_faults, 0, 2);
  tcase_add_test(tests, test_files_of_others);
  suite_add_tcase(suite, tests);
  return suite;
}
