/* SPDX-License-Identifier: MIT */
/* test_trust: owners, modes, and the state of the process around a load. */
#include "plugin/trust.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *judge(mode_t mode, uid_t uid, gid_t gid) {
  struct stat st;
  memset(&st, 0, sizeof st);
  st.st_mode = mode;
  st.st_uid = uid;
  st.st_gid = gid;
  return nacre_trust_refuses(&st);
}

START_TEST(owners) {
  uid_t me = geteuid();
  ck_assert_ptr_null(judge(S_IFREG | 0755, 0, 0));
  ck_assert_ptr_null(judge(S_IFREG | 0644, me, 0));
  ck_assert_ptr_null(judge(S_IFDIR | 0700, me, 0));
  ck_assert_str_eq(judge(S_IFREG | 0644, me + 4711, 0),
                   "file belongs to another user");
  ck_assert_str_eq(judge(S_IFDIR | 0755, me + 4711, 0),
                   "directory belongs to another user");
}
END_TEST

START_TEST(modes) {
  uid_t me = geteuid();
  ck_assert_str_eq(judge(S_IFREG | 0646, me, (gid_t)me),
                   "file is writable by others");
  ck_assert_str_eq(judge(S_IFDIR | 0777, me, (gid_t)me),
                   "directory is writable by others");
  ck_assert_str_eq(judge(S_IFREG | 0664, me, (gid_t)me + 1),
                   "file is writable by others");
  ck_assert_ptr_null(judge(S_IFREG | 0664, me, (gid_t)me));
  ck_assert_str_eq(judge(S_IFDIR | 01777, 0, 0),
                   "directory is writable by others");
}
END_TEST

START_TEST(nothing_changed) {
  nacre_trust_state state;
  nacre_trust_watch(&state, true);
  ck_assert_ptr_null(nacre_trust_settle(&state));
  nacre_trust_watch(&state, false);
  /* Sticky flags are raised by any arithmetic: no cause for complaint. */
  feraiseexcept(FE_INEXACT);
  ck_assert_ptr_null(nacre_trust_settle(&state));
}
END_TEST

START_TEST(floating_point) {
  nacre_trust_state state;
  nacre_trust_watch(&state, true);
  ck_assert_int_eq(fesetround(FE_UPWARD), 0);
  const char *changed = nacre_trust_settle(&state);
  ck_assert_ptr_nonnull(changed);
  ck_assert_ptr_nonnull(strstr(changed, "floating-point"));
  ck_assert_int_eq(fegetround(), FE_TONEAREST);
}
END_TEST

START_TEST(flush_to_zero) {
#ifdef __SSE__
  nacre_trust_state state;
  nacre_trust_watch(&state, true);
  unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8000u);
  ck_assert_ptr_nonnull(nacre_trust_settle(&state));
  ck_assert_uint_eq(__builtin_ia32_stmxcsr() & 0x8000u, 0);
#else
  ck_assert_int_eq(fegetround(), FE_TONEAREST);
#endif
}
END_TEST

START_TEST(current_directory) {
  nacre_trust_state state;
  char before[4096], after[4096];
  ck_assert_int_eq(chdir("/usr"), 0);
  ck_assert_ptr_nonnull(getcwd(before, sizeof before));
  nacre_trust_watch(&state, true);
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert_str_eq(nacre_trust_settle(&state), "the current directory");
  ck_assert_ptr_nonnull(getcwd(after, sizeof after));
  ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(locale_umask_signals) {
  nacre_trust_state state;
  nacre_trust_watch(&state, true);
  ck_assert_ptr_nonnull(setlocale(LC_ALL, "C.UTF-8"));
  ck_assert_str_eq(nacre_trust_settle(&state), "the locale");
  ck_assert_str_eq(setlocale(LC_ALL, NULL), "C");

  mode_t before = umask(027);
  nacre_trust_watch(&state, true);
  umask(0);
  ck_assert_str_eq(nacre_trust_settle(&state), "the umask");
  ck_assert_uint_eq(umask(before), 027);

  nacre_trust_watch(&state, true);
  signal(SIGUSR2, SIG_IGN);
  ck_assert_str_eq(nacre_trust_settle(&state), "the handling of signals");
  ck_assert(signal(SIGUSR2, SIG_DFL) == SIG_DFL);

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  nacre_trust_watch(&state, true);
  sigprocmask(SIG_BLOCK, &set, NULL);
  ck_assert_str_eq(nacre_trust_settle(&state), "the handling of signals");
  sigprocmask(SIG_BLOCK, NULL, &set);
  ck_assert_int_eq(sigismember(&set, SIGUSR1), 0);
}
END_TEST

Suite *test_trust_suite(void);
Suite *test_trust_suite(void) {
  Suite *suite = suite_create("trust");
  TCase *tcase = tcase_create("trust");
  tcase_add_test(tcase, owners);
  tcase_add_test(tcase, modes);
  tcase_add_test(tcase, nothing_changed);
  tcase_add_test(tcase, floating_point);
  tcase_add_test(tcase, flush_to_zero);
  tcase_add_test(tcase, current_directory);
  tcase_add_test(tcase, locale_umask_signals);
  suite_add_tcase(suite, tcase);
  return suite;
}
