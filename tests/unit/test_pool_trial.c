/* SPDX-License-Identifier: MIT */
/* Trials of sharing jobs among threads, by a clock of the test's own. */
#include "plugin_fixture.h"

#include "pool_trial.h"

/* Beyond any rest. */
#define MANY (1024 * POOL_TRIAL_JOBS)

typedef struct jobs {
  pool_trial trial;
  double now;
  double shared_ns, alone_ns; /* what a job takes */
  int64_t alone;              /* jobs that were run so */
} jobs;

/* As the pool does it. */
static void run(jobs *j, int64_t n) {
  pool_trial *t = &j->trial;
  j->alone = 0;
  for (int64_t i = 0; i < n; i++) {
    if (t->rounds_run || --t->jobs <= 0) {
      nacre_pool_trial_job(t, j->now);
    }
    j->now += t->alone ? j->alone_ns : j->shared_ns;
    j->alone += t->alone;
  }
}

static jobs jobs_of(double shared_ns, double alone_ns) {
  jobs j = { .shared_ns = shared_ns, .alone_ns = alone_ns };
  nacre_pool_trial_open(&j.trial);
  return j;
}

START_TEST(sharing_that_pays_is_kept) {
  jobs j = jobs_of(5000, 9000);
  run(&j, MANY);
  ck_assert_int_gt(j.alone, 0);       /* it was tried */
  ck_assert_int_lt(j.alone, MANY / 100);
  ck_assert_int_eq(j.trial.alone, 0);
}
END_TEST

START_TEST(sharing_that_does_not_pay_ends) {
  jobs j = jobs_of(9000, 5000);
  run(&j, 8 * POOL_TRIAL_JOBS);
  ck_assert_int_eq(j.trial.alone, 1);
  run(&j, MANY);
  ck_assert_int_gt(j.alone, MANY - MANY / 100);
}
END_TEST

/* The cores have come nearer, or the other program has ended. */
START_TEST(times_change) {
  jobs j = jobs_of(9000, 5000);
  run(&j, MANY);
  ck_assert_int_eq(j.trial.alone, 1);
  j.shared_ns = 3000;
  run(&j, MANY);
  ck_assert_int_eq(j.trial.alone, 0);
  j.shared_ns = 9000;
  run(&j, MANY);
  ck_assert_int_eq(j.trial.alone, 1);
}
END_TEST

START_TEST(a_hair_is_no_reason) {
  jobs j = jobs_of(5000, 4900);
  run(&j, MANY);
  ck_assert_int_eq(j.trial.alone, 0);
}
END_TEST

START_TEST(large_jobs_are_left_in_peace) {
  jobs j = jobs_of(90000, 80000);
  run(&j, MANY);
  ck_assert_int_eq(j.alone, 0);
}
END_TEST

/* Someone thinks for a second between one prediction and the next: that says
 * nothing of either way. */
START_TEST(pauses_do_not_count) {
  jobs j = jobs_of(5000, 7000);
  for (int i = 0; i < MANY / 40; i++) {
    run(&j, 40);
    j.now += 1e9;
    ck_assert(j.trial.rounds_run || !j.trial.alone);
  }
}
END_TEST

int main(void) {
  Suite *suite = suite_create("pool_trial");
  TCase *tests = tcase_create("trial");
  tcase_add_test(tests, sharing_that_pays_is_kept);
  tcase_add_test(tests, sharing_that_does_not_pay_ends);
  tcase_add_test(tests, times_change);
  tcase_add_test(tests, a_hair_is_no_reason);
  tcase_add_test(tests, large_jobs_are_left_in_peace);
  tcase_add_test(tests, pauses_do_not_count);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
