/* SPDX-License-Identifier: MIT */
/* test_text: numbers, strings, hashes and distances. */
#include "base/text.h"

#include "fixture.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

Suite *test_text_suite(void);

START_TEST(floats_are_read) {
  static const struct {
    const char *text;
    double value;
  } good[] = {
    { "2.385", 2.385 },     { "-7.25e-3", -7.25e-3 }, { "+1.", 1 },
    { ".5", 0.5 },          { "1e-3", 1e-3 },         { "1E+3", 1000 },
    { "0x1F", 31 },         { "0x1.8p3", 12 },        { "0o17", 15 },
    { "010", 10 },          { "-0", -0.0 },           { ".inf", INFINITY },
    { "-.Inf", -INFINITY }, { "inf", INFINITY },      { "1e-400", 0 },
    { "4.9406564584124654e-324", 4.9406564584124654e-324 },
    { "1.7976931348623157e308", DBL_MAX },
  };
  static const char *const bad[] = { "",     ".",    "e5",   "1e",   "1 ",
                                     " 1",   "1_0",  "1,5",  "0x",   "--1",
                                     "1e5.", "1.2.", "abc",  "1e999", "0o8",
                                     "+",    "1d3",  "0x1g", "infi",
                                     ".infinity" };
  double value;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    ck_assert_msg(
      nacre_text_float(good[i].text, strlen(good[i].text), &value),
      "%s", good[i].text);
    ck_assert_msg(value == good[i].value, "%s", good[i].text);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ck_assert_msg(!nacre_text_float(bad[i], strlen(bad[i]), &value), "%s",
                  bad[i]);
  }
  ck_assert(nacre_text_float(".nan", 4, &value) && isnan(value));
  ck_assert(nacre_text_float("12345", 2, &value) && value == 12);
  char digits[500];
  memset(digits, '0', sizeof digits);
  digits[0] = '1';
  ck_assert(nacre_text_float(digits, 301, &value) && value == 1e300);
}
END_TEST

START_TEST(ints_are_read_exactly) {
  static const struct {
    const char *text;
    int64_t value;
  } good[] = {
    { "0", 0 },           { "-17", -17 },
    { "1e3", 1000 },      { "2.50e1", 25 },
    { "1200e-2", 12 },    { "0x10", 16 },
    { "-0x10", -16 },     { "0o17", 15 },
    { "1.0", 1 },         { "0e99999999999", 0 },
    { "9223372036854775807", INT64_MAX },
    { "-9223372036854775808", INT64_MIN },
    { "9007199254740993", 9007199254740993 },
  };
  static const char *const bad[] = { "",
                                     "1.5",
                                     "1e-1",
                                     "9223372036854775808",
                                     "-9223372036854775809",
                                     "1e19",
                                     "1e99999999999",
                                     "0xffffffffffffffff",
                                     "1e",
                                     "x",
                                     ".inf",
                                     "0x",
                                     "1 " };
  int64_t value;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    ck_assert_msg(nacre_text_int(good[i].text, strlen(good[i].text), &value),
                  "%s", good[i].text);
    ck_assert_int_eq(value, good[i].value);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ck_assert_msg(!nacre_text_int(bad[i], strlen(bad[i]), &value), "%s",
                  bad[i]);
  }
}
END_TEST

START_TEST(floats_are_written_shortest) {
  static const struct {
    double value;
    const char *text;
  } cases[] = {
    { 0.1, "0.1" },   { 1e-5, "1e-5" },     { 0.001, "0.001" },
    { 128, "128" },   { -0.0, "-0" },       { 1e22, "1e22" },
    { 1e300, "1e300" }, { 2.385, "2.385" }, { INFINITY, ".inf" },
    { -INFINITY, "-.inf" }, { NAN, ".nan" }, { 1.0 / 3, "0.3333333333333333" },
  };
  char out[32];
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    nacre_text_from_float(cases[i].value, out);
    ck_assert_str_eq(out, cases[i].text);
  }
  uint64_t bits = 88172645463325252u;
  for (int i = 0; i < 2000; i++) { /* any double reads back */
    double value;
    double back;
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    memcpy(&value, &bits, sizeof value);
    nacre_text_from_float(value, out);
    ck_assert(nacre_text_float(out, strlen(out), &back));
    ck_assert_msg(back == value || (isnan(back) && isnan(value)), "%s", out);
  }
}
END_TEST

START_TEST(the_locale_does_not_matter) {
  static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8",
                                       "de_DE" };
  for (size_t i = 0; i < 3; i++) {
    if (setlocale(LC_ALL, names[i]) != NULL) {
      break;
    }
  }
  double value;
  ck_assert(nacre_text_float("2.385", 5, &value) && value == 2.385);
  ck_assert(!nacre_text_float("2,385", 5, &value));
  char *text = nacre_format("%g", 2.385);
  ck_assert_str_eq(text, "2.385");
  nacre_free(text);
  (void)setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(distances_count_edits) {
  static const struct {
    const char *a, *b;
    int limit, distance;
  } cases[] = {
    { "dense", "dense", 2, 0 },  { "dense", "dnese", 2, 1 },
    { "dense", "dens", 2, 1 },   { "dense", "denses", 2, 1 },
    { "dense", "tense", 2, 1 },  { "relu", "selu", 2, 1 },
    { "relu", "", 2, 3 },        { "", "", 2, 0 },
    { "", "ab", 2, 2 },          { "abcdef", "badcfe", 3, 3 },
    { "kitten", "sitting", 3, 3 }, { "kitten", "sitting", 2, 3 },
    { "abc", "xyz", 9, 3 },      { "abcdefghijklmnop", "a", 2, 3 },
    { "ab", "ba", 0, 1 },        { "abc", "abd", 0, 1 },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ck_assert_int_eq(
      nacre_text_distance(cases[i].a, cases[i].b, cases[i].limit),
      cases[i].distance);
    ck_assert_int_eq(
      nacre_text_distance(cases[i].b, cases[i].a, cases[i].limit),
      cases[i].distance);
  }
}
END_TEST

START_TEST(utf8_is_told_from_other_bytes) {
  static const struct {
    const char *text;
    int bytes;
    uint32_t code;
  } cases[] = {
    { "a", 1, 'a' },
    { "\xc3\xa9", 2, 0xe9 },
    { "\xe2\x82\xac", 3, 0x20ac },
    { "\xf0\x9f\x98\x80", 4, 0x1f600 },
    { "\xc0\x80", 0, 0 },         /* overlong */
    { "\xe0\x80\x80", 0, 0 },     /* overlong */
    { "\xed\xa0\x80", 0, 0 },     /* surrogate */
    { "\xf4\x90\x80\x80", 0, 0 }, /* above U+10FFFF */
    { "\x80", 0, 0 },
    { "\xe2\x82", 0, 0 },
    { "\xff", 0, 0 },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    uint32_t code = 0;
    ck_assert_int_eq(
      nacre_text_utf8(cases[i].text, strlen(cases[i].text), &code),
      cases[i].bytes);
    ck_assert_uint_eq(code, cases[i].code);
  }
}
END_TEST

START_TEST(texts_grow_and_failures_stick) {
  nacre_text text = { NULL, 0, 0, false };
  for (int i = 0; i < 1000; i++) {
    nacre_text_printf(&text, "%d,", i);
  }
  nacre_text_puts(&text, "end");
  ck_assert(!text.failed);
  ck_assert_uint_eq(text.n, 3893);
  ck_assert_str_eq(text.at + 3888, "9,end");
  nacre_text_fini(&text);
  fixture_watch();
  fixture_memory.fail_at = 1;
  nacre_text_puts(&text, "lost");
  nacre_text_puts(&text, "late");
  fixture_unwatch();
  ck_assert(text.failed);
  ck_assert_uint_eq(text.n, 0);
  nacre_text_fini(&text);
}
END_TEST

START_TEST(hashes_tell_inputs_apart) {
  char bytes[64];
  memset(bytes, 7, sizeof bytes);
  nacre_hash seen[64 * 8 + 65];
  int n = 0;
  for (size_t length = 0; length <= 64; length++, n++) {
    memset(&seen[n], 0, sizeof seen[n]);
    nacre_hash_add(&seen[n], bytes, length);
  }
  for (int bit = 0; bit < 64 * 8; bit++, n++) {
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    memset(&seen[n], 0, sizeof seen[n]);
    nacre_hash_add(&seen[n], bytes, sizeof bytes);
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
  }
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < i; j++) {
      ck_assert(seen[i].word[0] != seen[j].word[0]);
      ck_assert(seen[i].word[1] != seen[j].word[1]);
    }
  }
  nacre_hash fixed = { { 0, 0 } }; /* stored digests depend on it */
  nacre_hash_add(&fixed, "nacre", 5);
  ck_assert_uint_eq(fixed.word[0], 6355301032164340907u);
  ck_assert_uint_eq(fixed.word[1], 8504837477263292031u);
}
END_TEST

Suite *test_text_suite(void) {
  Suite *suite = suite_create("text");
  TCase *tests = tcase_create("all");
  tcase_add_test(tests, floats_are_read);
  tcase_add_test(tests, ints_are_read_exactly);
  tcase_add_test(tests, floats_are_written_shortest);
  tcase_add_test(tests, the_locale_does_not_matter);
  tcase_add_test(tests, distances_count_edits);
  tcase_add_test(tests, utf8_is_told_from_other_bytes);
  tcase_add_test(tests, texts_grow_and_failures_stick);
  tcase_add_test(tests, hashes_tell_inputs_apart);
  suite_add_tcase(suite, tests);
  return suite;
}
