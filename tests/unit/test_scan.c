/* SPDX-License-Identifier: MIT */
/* test_scan: whatever a file does when it is loaded, the host lives and says
 * why. */
#include "plugin/scan.h"

#include "plugin_dir.h"

#include <unistd.h>

/* A fixture, and what its refusal must say; NULL: it must be accepted. */
typedef struct expectation {
  const char *fixture, *reason;
} expectation;

static const expectation expectations[] = {
  { "good", NULL },
  { "noisy", NULL },
  { "late", NULL },
  { "init_refuses", NULL },
  { "crash", "crashed in its constructor (SIGSEGV)" },
  { "crash_entry", "crashed in its entry function (SIGSEGV)" },
  { "leave", "exited while being loaded" },
  { "abi_major", "built for ABI 1, this nacre speaks 0" },
  { "abi_entry", "built for ABI 1, this nacre speaks 0" },
  { "abi_minor", "needs ABI 0.1, this nacre speaks 0.0" },
  { "no_entry", "not a nacre plugin: it exports no nacre_module_0" },
  { "undefined_symbol", "undefined symbol: nobody_defines_this" },
  { "null_module", "its entry function returned NULL" },
  { "float_mode", "loading it changes the floating-point state" },
  { "locale", "loading it changes the locale" },
  { "directory", "loading it changes the current directory" },
  { "file_mask", "loading it changes the umask" },
  { "signals", "loading it changes the handling of signals" },
  { "twice", "it has activation 'fixture' twice" },
  { "bad_name", "bad name of activation 'Bad name'" },
  { "bad_kind", "a component has the unknown kind" },
  { "no_ops", "activation 'fixture' has no operations" },
  { "short_ops", "activation 'fixture': its operations have 16 bytes, not" },
  { "no_summary", "activation 'fixture' has no summary of one line" },
  { "param_stride", "its table of parameters is damaged" },
  { "param_type", "parameter 'rate' has an unknown type" },
  { "param_offset", "parameter 'rate' lies outside the config struct" },
  { "param_overlap", "parameter 'count' overlaps another" },
  { "param_default", "has a bad default: expected a number in [0,1), got "
                     "'1.5'" },
  { "param_range", "has a range that is not an interval" },
};
#define N ((int)(sizeof expectations / sizeof expectations[0]))

/* Files that are to be scanned together. */
typedef struct batch {
  plugin_dir dir;
  nacre_arena *arena;
  nacre_scan_job job[512];
  int n;
} batch;

static void begin(batch *all) {
  memset(all, 0, sizeof *all);
  plugin_dir_init(&all->dir);
  all->arena = nacre_arena_new();
  ck_assert_ptr_nonnull(all->arena);
}

static void end(batch *all) {
  nacre_arena_free(all->arena);
  plugin_dir_fini(&all->dir);
}

static void add(batch *all, const char *bytes, size_t n) {
  char file[32];
  snprintf(file, sizeof file, "%03d.so", all->n);
  plugin_dir_write(&all->dir, file, bytes, n);
  nacre_scan_job *job = &all->job[all->n++];
  job->path =
    nacre_arena_strndup(all->arena, all->dir.path, strlen(all->dir.path));
  job->found = nacre_arena_alloc(all->arena, 1, sizeof *job->found);
  ck_assert(job->path != NULL && job->found != NULL);
}

static void add_fixture(batch *all, const char *name) {
  size_t n = 0;
  char *bytes = plugin_dir_fixture(name, &n);
  add(all, bytes, n);
  free(bytes);
}

START_TEST(refusals) {
  batch all;
  begin(&all);
  for (int i = 0; i < N; i++) {
    add_fixture(&all, expectations[i].fixture);
  }
  nacre_scan(all.arena, all.job, all.n, NACRE_SCAN_SECONDS);
  for (int i = 0; i < N; i++) {
    const nacre_found *found = all.job[i].found;
    const char *expected = expectations[i].reason;
    if (expected == NULL) {
      ck_assert_msg(found->reason == NULL, "%s: %s",
                    expectations[i].fixture, found->reason);
      ck_assert_int_eq(found->count, 1);
      ck_assert_str_eq(found->component[0].name, expectations[i].fixture);
      ck_assert_str_eq(found->version, "1.0");
      ck_assert_uint_eq(found->component[0].kind, NACRE_KIND_ACTIVATION);
    } else {
      ck_assert_msg(found->reason != NULL, "%s was accepted",
                    expectations[i].fixture);
      ck_assert_msg(strstr(found->reason, expected) != NULL, "%s: '%s'",
                    expectations[i].fixture, found->reason);
      ck_assert_int_eq(found->count, 0);
    }
  }
  end(&all);
}
END_TEST

START_TEST(precision) {
  batch all;
  begin(&all);
  add_fixture(&all, "precision");
  nacre_scan(all.arena, all.job, all.n, NACRE_SCAN_SECONDS);
  ck_assert_str_eq(all.job[0].found->reason,
                   sizeof(real) == sizeof(float)
                     ? "built for double, this nacre computes in float"
                     : "built for float, this nacre computes in double");
  end(&all);
}
END_TEST

START_TEST(a_hang_costs_its_time_limit_alone) {
  batch all;
  begin(&all);
  add_fixture(&all, "hang");
  add_fixture(&all, "good");
  double start = nacre_clock();
  nacre_scan(all.arena, all.job, all.n, 0.4);
  double took = nacre_clock() - start;
  ck_assert_str_eq(all.job[0].found->reason, "did not load within 0.4 s");
  ck_assert_ptr_null(all.job[1].found->reason);
  ck_assert(took >= 0.4 && took < 5);
  end(&all);
}
END_TEST

/* A file that cannot be mapped is refused; one that lacks only its end, which
 * the loader does not read, may load. */
START_TEST(cut_short) {
  batch all;
  begin(&all);
  size_t n = 0;
  char *bytes = plugin_dir_fixture("good", &n);
  for (size_t length = 0; length < n && all.n < 512; length += 512) {
    add(&all, bytes, length);
  }
  nacre_scan(all.arena, all.job, all.n, NACRE_SCAN_SECONDS);
  ck_assert_str_eq(all.job[0].found->reason,
                   "not a shared object, or cut short: file too short");
  for (int i = 0; i < all.n; i++) {
    const nacre_found *found = all.job[i].found;
    ck_assert(found->reason != NULL || found->count == 1);
    ck_assert(i > 4 || found->reason != NULL);
  }
  free(bytes);
  end(&all);
}
END_TEST

START_TEST(flipped_bits) {
  batch all;
  begin(&all);
  size_t n = 0;
  char *bytes = plugin_dir_fixture("good", &n);
  for (size_t i = 0; i < 200; i++) {
    size_t at = i * 7919 % n;
    char bit = (char)(1 << (i % 7));
    bytes[at] = (char)(bytes[at] ^ bit);
    add(&all, bytes, n);
    bytes[at] = (char)(bytes[at] ^ bit);
  }
  nacre_scan(all.arena, all.job, all.n, 1.0);
  for (int i = 0; i < all.n; i++) {
    const nacre_found *found = all.job[i].found;
    ck_assert(found->reason != NULL || found->count >= 1);
  }
  free(bytes);
  end(&all);
}
END_TEST

START_TEST(not_a_library) {
  batch all;
  begin(&all);
  add(&all, "no ELF at all, but long enough to have a header in front of it. "
            "no ELF at all, but long enough to have a header.", 112);
  add(&all, "", 0);
  nacre_scan(all.arena, all.job, all.n, NACRE_SCAN_SECONDS);
  ck_assert_str_eq(all.job[0].found->reason,
                   "not a shared object, or cut short: invalid ELF header");
  ck_assert_ptr_nonnull(all.job[1].found->reason);
  ck_assert(!all.job[1].found->passing);
  end(&all);
}
END_TEST

/* What is in the host's buffers must come out once, not again from a helper
 * in which a plugin called exit(). */
START_TEST(exit_handlers_run_once) {
  batch all;
  char path[320];
  begin(&all);
  add_fixture(&all, "leave");
  snprintf(path, sizeof path, "%s/log", all.dir.root);
  FILE *log = fopen(path, "w");
  ck_assert_ptr_nonnull(log);
  fputs("once\n", log);
  nacre_scan(all.arena, all.job, all.n, NACRE_SCAN_SECONDS);
  fclose(log);
  struct stat st;
  ck_assert_int_eq(stat(path, &st), 0);
  ck_assert_int_eq((int)st.st_size, 5);
  end(&all);
}
END_TEST

START_TEST(lines_survive_the_way_to_text_and_back) {
  nacre_arena *arena = nacre_arena_new();
  nacre_text text = { NULL, 0, 0, false };
  nacre_found_component one = { NACRE_KIND_LOSS, 2,   -7,         0xabcdu,
                                "mse",           "a,b", NULL, "Squares" };
  nacre_found found, back;
  memset(&found, 0, sizeof found);
  memset(&back, 0, sizeof back);
  found.module = "m";
  found.version = "3.1";
  found.component = &one;
  found.count = 1;
  nacre_found_put(&text, &found);
  ck_assert(!text.failed);
  for (char *line = strtok(text.at, "\n"); line; line = strtok(NULL, "\n")) {
    ck_assert(!nacre_found_whole(&back));
    ck_assert(nacre_found_take(arena, &back, line));
  }
  ck_assert(nacre_found_whole(&back));
  ck_assert_int_eq(back.component[0].rank, -7);
  ck_assert_uint_eq(back.component[0].contract, 2);
  ck_assert_uint_eq(back.component[0].table, 0xabcdu);
  ck_assert_uint_eq(back.component[0].kind, NACRE_KIND_LOSS);
  ck_assert_str_eq(back.component[0].aliases, "a,b");
  ck_assert_ptr_null(back.component[0].device);
  ck_assert_str_eq(back.component[0].summary, "Squares");

  char bad[][64] = { "module\tm\t1\t-1", "module\tm\t1\t99999999999",
                     "component\tloss\tx", "nonsense", "" };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    memset(&back, 0, sizeof back);
    ck_assert(!nacre_found_take(arena, &back, bad[i]));
  }
  nacre_text_fini(&text);
  nacre_arena_free(arena);
}
END_TEST

Suite *test_scan_suite(void);
Suite *test_scan_suite(void) {
  Suite *suite = suite_create("scan");
  TCase *tcase = tcase_create("scan");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, refusals);
  tcase_add_test(tcase, precision);
  tcase_add_test(tcase, a_hang_costs_its_time_limit_alone);
  tcase_add_test(tcase, cut_short);
  tcase_add_test(tcase, flipped_bits);
  tcase_add_test(tcase, not_a_library);
  tcase_add_test(tcase, exit_handlers_run_once);
  tcase_add_test(tcase, lines_survive_the_way_to_text_and_back);
  suite_add_tcase(suite, tcase);
  return suite;
}
