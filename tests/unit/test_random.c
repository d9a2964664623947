/* SPDX-License-Identifier: MIT */
/* test_random: the streams, and what is drawn from them. */
#include "base/random.h"

#include <check.h>
#include <stdbool.h>

Suite *test_random_suite(void);

/* Known answers published with the generator (Random123, kat_vectors). */
START_TEST(philox_gives_the_published_numbers) {
  static const struct {
    nacre_key key;
    uint64_t block;
    uint32_t words[4];
  } cases[] = {
    { { { 0, 0 }, { 0, 0 } },
      0,
      { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
    { { { 0xffffffff, 0xffffffff }, { 0xffffffff, 0xffffffff } },
      UINT64_MAX,
      { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
    { { { 0xa4093822, 0x299f31d0 }, { 0x13198a2e, 0x03707344 } },
      0x85a308d3243f6a88,
      { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
  };
  for (int i = 0; i < 3; i++) {
    uint32_t words[4];
    nacre_random_block(cases[i].key, cases[i].block, words);
    for (int j = 0; j < 4; j++) {
      ck_assert_uint_eq(words[j], cases[i].words[j]);
    }
  }
}
END_TEST

START_TEST(keys_differ_by_seed_name_and_tag) {
  nacre_key base = nacre_key_make(7, "dense", 1);
  nacre_key same = nacre_key_make(7, "dense", 1);
  nacre_key others[] = { nacre_key_make(8, "dense", 1),
                         nacre_key_make(7, "dense_1", 1),
                         nacre_key_make(7, "dense", 2),
                         nacre_key_make((uint64_t)7 << 32, "dense", 1) };
  uint32_t words[4];
  uint32_t again[4];
  nacre_random_block(base, 3, words);
  nacre_random_block(same, 3, again);
  ck_assert_uint_eq(words[0], again[0]);
  for (int i = 0; i < 4; i++) {
    nacre_random_block(others[i], 3, again);
    ck_assert(words[0] != again[0] || words[1] != again[1]);
  }
}
END_TEST

START_TEST(draws_are_uniform_and_in_range) {
  nacre_key key = nacre_key_make(42, "x", 0);
  int counts[7] = { 0 };
  for (uint64_t i = 0; i < 70000; i++) {
    uint64_t draw = nacre_random_below(key, i, 7);
    ck_assert_uint_lt(draw, 7);
    counts[draw]++;
  }
  for (int i = 0; i < 7; i++) { /* 10000 expected, deviation 93 */
    ck_assert_int_gt(counts[i], 9600);
    ck_assert_int_lt(counts[i], 10400);
  }
  const uint64_t large = (uint64_t)3 << 62; /* high words count */
  int above = 0;
  for (uint64_t i = 0; i < 1000; i++) {
    uint64_t draw = nacre_random_below(key, i, large);
    ck_assert_uint_lt(draw, large);
    above += draw > large / 2;
    ck_assert_uint_eq(nacre_random_below(key, i, 1), 0);
  }
  ck_assert(above > 430 && above < 570);
}
END_TEST

/* Each of the n comes as often in each place, and none twice. */
START_TEST(draws_are_fair_selections) {
  int counts[2][5] = { { 0 } };
  for (uint64_t run = 0; run < 20000; run++) {
    int64_t order[] = { 0, 1, 2, 3, 4 };
    nacre_random_draw(nacre_key_make(run, "shuffle", 0), 5, 2, order);
    ck_assert(order[0] >= 0 && order[0] < 5 && order[0] != order[1]);
    counts[0][order[0]]++;
    counts[1][order[1]]++;
  }
  for (int i = 0; i < 5; i++) {
    ck_assert_int_gt(counts[0][i], 3800);
    ck_assert_int_gt(counts[1][i], 3800);
  }
  int64_t all[] = { 0, 1, 2, 3 }, shuffled[] = { 0, 1, 2, 3 };
  nacre_random_draw(nacre_key_make(7, "x", 0), 4, 4, all);
  nacre_random_shuffle(nacre_key_make(7, "x", 0), 4, shuffled);
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(all[i], shuffled[i]);
  }
}
END_TEST

/* Long ones, too, draw from all. */
START_TEST(draws_reach_all_of_a_long_order) {
  enum { MANY = 100000 };
  static int64_t order[MANY];
  double sum = 0;
  for (int64_t i = 0; i < MANY; i++) {
    order[i] = i;
  }
  nacre_random_draw(nacre_key_make(3, "x", 0), MANY, 1000, order);
  for (int i = 0; i < 1000; i++) {
    sum += (double)order[i] / MANY;
  }
  ck_assert(sum > 460 && sum < 540);
}
END_TEST

START_TEST(shuffles_are_fair_permutations) {
  int first[4] = { 0 };
  for (uint32_t run = 0; run < 4000; run++) {
    int64_t order[4] = { 0, 1, 2, 3 };
    int seen = 0;
    nacre_random_shuffle(nacre_key_make(run, "shuffle", 0), 4, order);
    for (int i = 0; i < 4; i++) {
      seen |= 1 << order[i];
    }
    ck_assert_int_eq(seen, 15);
    first[order[0]]++;
  }
  for (int i = 0; i < 4; i++) { /* 1000 expected, deviation 27 */
    ck_assert(first[i] > 890 && first[i] < 1110);
  }
  int64_t one[1] = { 5 };
  nacre_random_shuffle(nacre_key_make(1, "x", 0), 1, one);
  nacre_random_shuffle(nacre_key_make(1, "x", 0), 0, NULL);
  ck_assert_int_eq(one[0], 5);
}
END_TEST

Suite *test_random_suite(void) {
  Suite *suite = suite_create("random");
  TCase *tests = tcase_create("all");
  tcase_add_test(tests, philox_gives_the_published_numbers);
  tcase_add_test(tests, keys_differ_by_seed_name_and_tag);
  tcase_add_test(tests, draws_are_uniform_and_in_range);
  tcase_add_test(tests, draws_are_fair_selections);
  tcase_add_test(tests, draws_reach_all_of_a_long_order);
  tcase_add_test(tests, shuffles_are_fair_permutations);
  suite_add_tcase(suite, tests);
  return suite;
}
