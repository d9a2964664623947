/* SPDX-License-Identifier: MIT */
/* Tests of parts of whole groups: none is torn, shares are near, folds are
 * all rows, named groups are those named. */
#include "engine_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS 120
#define WHO 9

static char path[64];

/* Groups of 4 to 24 rows, each of one class, mixed. */
static int who_of(int64_t row) {
  static const int bounds[WHO] = { 4, 10, 18, 30, 42, 58, 74, 96, 120 };
  int64_t at = row * 77 % ROWS;
  int who = 0;
  while (at >= bounds[who]) {
    who++;
  }
  return who;
}

static int day_of(int64_t row) {
  return (int)(row * 7 % 5);
}

static void write_table(void) {
  snprintf(path, sizeof path, "/tmp/nacre-groups-XXXXXX");
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  FILE *file = fdopen(fd, "w");
  fprintf(file, "x,who,day,kind\n");
  for (int64_t i = 0; i < ROWS; i++) {
    fprintf(file, "%d,p%d,%d,k%d\n", (int)i, who_of(i), day_of(i),
            who_of(i) % 3);
  }
  ck_assert_int_eq(fclose(file), 0);
}

static void make_yaml(engine_text *yaml, const char *parts) {
  engine_put(yaml, "nacre: 1\nseed: 4\nmodel:\n  input: [1]\n  layers:\n"
                   "    - {type: dense, units: 3, activation: softmax}\n"
                   "loss: sparse_categorical_crossentropy\n"
                   "optimizer: sgd\ndata:\n  train: {type: csv, path: %s, "
                   "y: kind, group: [who, day]}\n%s", path, parts);
}

static void open_parts(engine *self, const char *parts) {
  engine_text yaml = { NULL, 0 };
  make_yaml(&yaml, parts);
  engine_open(self, yaml.at);
  free(yaml.at);
}

/* Rows are all there, each in one part; 0: of training. */
static void find_parts(const engine *self, int part[ROWS]) {
  const nacre_samples *all = &self->trainer.samples;
  const nacre_split *splits[] = { &all->train, &all->validation,
                                  &all->test };
  for (int i = 0; i < ROWS; i++) {
    part[i] = -1;
  }
  for (int s = 0; s < 3; s++) {
    for (int64_t i = 0; i < splits[s]->n; i++) {
      int64_t row = splits[s]->row[i];
      ck_assert_int_eq(part[row], -1);
      part[row] = s;
    }
  }
  for (int i = 0; i < ROWS; i++) {
    ck_assert_int_ge(part[i], 0);
  }
}

/* No group has rows in two parts. */
static void check_whole(const int part[ROWS], int (*group_of)(int64_t)) {
  int seen[WHO];
  memset(seen, -1, sizeof seen);
  for (int i = 0; i < ROWS; i++) {
    int group = group_of(i);
    ck_assert(seen[group] < 0 || seen[group] == part[i]);
    seen[group] = part[i];
  }
}

START_TEST(test_fractions) {
  static const double fractions[] = { 0.1, 0.2, 0.3, 0.5, 0.75 };
  for (int i = 0; i < 10; i++) {
    char parts[256];
    int part[ROWS];
    engine self;
    double fraction = fractions[i % 5];
    snprintf(parts, sizeof parts, "  validation: {from: train, group: who, "
             "fraction: %g%s}\n", fraction, i < 5 ? "" : ", shuffle: false");
    write_table();
    open_parts(&self, parts);
    find_parts(&self, part);
    check_whole(part, who_of);
    double held = (double)self.trainer.samples.validation.n;
    /* As near as whole groups can come; the smallest has four rows. */
    ck_assert_double_le(fabs(held - fraction * ROWS), 8);
    engine_close(&self);
    remove(path);
  }
}
END_TEST

START_TEST(test_stratified) {
  int part[ROWS], counts[3] = { 0 }, sizes[3] = { 0 };
  engine self;
  write_table();
  open_parts(&self, "  test: {from: train, group: who, fraction: 0.4, "
                    "stratify: true}\n");
  find_parts(&self, part);
  check_whole(part, who_of);
  for (int i = 0; i < ROWS; i++) {
    counts[who_of(i) % 3] += part[i] == 2;
    sizes[who_of(i) % 3]++;
  }
  for (int i = 0; i < 3; i++) {
    ck_assert_int_gt(counts[i], 0);
    ck_assert_int_lt(counts[i], sizes[i]);
  }
  engine_close(&self);
  remove(path);
}
END_TEST

START_TEST(test_folds) {
  static const char *const more[] = { "", ", stratify: true",
                                      ", shuffle: false" };
  for (int m = 0; m < 3; m++) {
    int total[ROWS] = { 0 }, least = ROWS, most = 0;
    for (int fold = 0; fold < 3; fold++) {
      char parts[256];
      int part[ROWS], held = 0;
      engine self;
      snprintf(parts, sizeof parts, "  validation: {from: train, group: who, "
               "folds: 3, fold: %d%s}\n", fold, more[m]);
      write_table();
      open_parts(&self, parts);
      find_parts(&self, part);
      check_whole(part, who_of);
      for (int i = 0; i < ROWS; i++) {
        total[i] += part[i] == 1;
        held += part[i] == 1;
      }
      least = held < least ? held : least;
      most = held > most ? held : most;
      engine_close(&self);
      remove(path);
    }
    for (int i = 0; i < ROWS; i++) {
      ck_assert_int_eq(total[i], 1);
    }
    /* 40 rows each, as near as groups of up to 24 allow. */
    ck_assert_int_le(most - least, m == 1 ? 24 : 6);
  }
}
END_TEST

/* Named groups, several fields, and two parts that do not disturb each
 * other. */
START_TEST(test_named) {
  int part[ROWS];
  engine self;
  write_table();
  open_parts(&self, "  test: {from: train, group: day, hold: [0, 3]}\n"
                    "  validation: {from: train, group: who, hold: p8}\n");
  find_parts(&self, part);
  for (int i = 0; i < ROWS; i++) {
    bool test = day_of(i) == 0 || day_of(i) == 3;
    ck_assert_int_eq(part[i], test ? 2 : who_of(i) == 8 ? 1 : 0);
  }
  engine_close(&self);
  remove(path);
  write_table();
  open_parts(&self, "  validation: {from: train, group: [who, day], "
                    "fraction: 0.25}\n");
  find_parts(&self, part);
  int whole = 0, torn = 0;
  for (int i = 0; i < ROWS; i++) {
    for (int j = 0; j < i; j++) {
      bool same = who_of(i) == who_of(j) && day_of(i) == day_of(j);
      ck_assert(!same || part[i] == part[j]);
      whole += same;
      torn += who_of(i) == who_of(j) && part[i] != part[j];
    }
  }
  ck_assert_int_gt(whole, 0);
  ck_assert_int_gt(torn, 0); /* of one person, days apart */
  ck_assert_int_eq(self.trainer.samples.validation.n, 30);
  engine_close(&self);
  remove(path);
}
END_TEST

START_TEST(test_seeds) {
  int first[ROWS], other[ROWS], differ = 0;
  for (int seed = 0; seed < 4; seed++) {
    engine_text yaml = { NULL, 0 };
    engine self;
    write_table();
    make_yaml(&yaml, "  test: {from: train, group: who, fraction: 0.3}\n");
    char *at = strstr(yaml.at, "seed: 4");
    at[6] = (char)('0' + seed / 2);
    engine_open(&self, yaml.at);
    free(yaml.at);
    find_parts(&self, other);
    if (seed % 2 == 1) {
      ck_assert_mem_eq(first, other, sizeof first);
    } else if (seed > 0) {
      differ += memcmp(first, other, sizeof first) != 0;
    }
    memcpy(first, other, sizeof first);
    engine_close(&self);
    remove(path);
  }
  ck_assert_int_gt(differ, 0);
}
END_TEST

static void refuse(const char *parts, const char *says) {
  engine_text yaml = { NULL, 0 };
  engine self;
  write_table();
  make_yaml(&yaml, parts);
  engine_try(&self, yaml.at);
  ck_assert(!self.ready);
  engine_says(&self, says);
  engine_close(&self);
  free(yaml.at);
  remove(path);
}

START_TEST(test_refusals) {
  refuse("  test: {from: train, group: whom, fraction: 0.2}\n",
         "the data has no groups called 'whom'");
  refuse("  test: {from: train, group: x, fraction: 0.2}\n",
         "the data has no groups called 'x'");
  refuse("  test: {from: train, group: who, hold: [p1, p11]}\n",
         "no sample has who 'p11'");
  refuse("  test: {from: train, group: who, folds: 10}\n",
         "there are only 9 groups for 10 folds");
  refuse("  test: {from: train, group: who, fraction: 0.001}\n",
         "this part of 120 samples has none");
  refuse("  test: {from: train, group: day, fraction: 0.3, "
         "stratify: true}\n",
         "a group has samples of several classes");
  refuse("  test: {from: train, hold: p1}\n",
         "'test' needs the one 'group' that 'hold' has the names of");
  refuse("  test: {from: train, group: [who, day], hold: p1}\n",
         "'test' needs the one 'group' that 'hold' has the names of");
  refuse("  test: {from: train, group: who, hold: p1, fraction: 0.1}\n",
         "'test' names what it holds out: 'fraction' has no use");
  refuse("  test: {from: train, group: who, hold: [p0, p1, p2, p3, p4, p5, "
         "p6, p7, p8]}\n", "no samples are left for training");
  refuse("  test: {from: train, group: who, hold: [p0]}\n"
         "  validation: {from: train, group: who, hold: [p0]}\n",
         "this part of 120 samples has none");
  refuse("  transform: [{type: standardize, field: who}]\n",
         "the data has no field 'who'");
}
END_TEST

Suite *test_split_groups_suite(void);
Suite *test_split_groups_suite(void) {
  Suite *suite = suite_create("split_groups");
  TCase *tests = tcase_create("split_groups");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, test_fractions);
  tcase_add_test(tests, test_stratified);
  tcase_add_test(tests, test_folds);
  tcase_add_test(tests, test_named);
  tcase_add_test(tests, test_seeds);
  tcase_add_test(tests, test_refusals);
  suite_add_tcase(suite, tests);
  return suite;
}
