/* SPDX-License-Identifier: MIT */
/* test_fuzz_configs: every experiment of configs/ and tests/bad_configs with
 * a few thousand mistakes made in them, always the same ones. Whatever comes
 * out is accepted or refused, and a refusal names its place. */
#include "config_fixture.h"

#include <time.h>

#define CASES 12000
#define TURNS 6          /* tests that share the cases */
#define SECONDS_MOST 2.0 /* for a single case: none may hang */
#define LONGEST 20000    /* bytes of a text that is tried */

typedef struct sample {
  char *name, *text;
  size_t n;
} sample;

static sample samples[2 * CONFIG_FILES_MAX];
static int n_samples;

/* Numbers that are the same wherever the test runs (splitmix64). */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t n) {
  return n == 0 ? 0 : (size_t)(next_random(state) % n);
}

/* A text that changes in place; what would not fit is not put in. */
typedef struct buffer {
  char *at;
  size_t n, room;
} buffer;

static void splice(buffer *text, size_t at, size_t cut, const char *with,
                   size_t n) {
  size_t end = at + cut;
  if (text->n - cut + n >= text->room) {
    return;
  }
  char *copy = malloc(n + 1);
  ck_assert_ptr_nonnull(copy);
  memcpy(copy, with, n); /* `with` may be of the text itself */
  memmove(text->at + at + n, text->at + end, text->n - end);
  memcpy(text->at + at, copy, n);
  text->n += n;
  text->n -= cut;
  free(copy);
}

/* From a random byte on: its line, or its word. */
static void find_piece(const buffer *text, uint64_t *state, bool line,
                       size_t *at, size_t *n) {
  static const char ends[] = " \t\n,:[]{}\"'";
  size_t begin = below(state, text->n), end = begin;
  while (begin > 0 && (line ? text->at[begin - 1] != '\n'
                            : strchr(ends, text->at[begin - 1]) == NULL)) {
    begin--;
  }
  while (end < text->n && (line ? text->at[end] != '\n'
                                : strchr(ends, text->at[end]) == NULL)) {
    end++;
  }
  *at = begin;
  *n = end - begin + (line && end < text->n ? 1 : 0);
}

static void mutate(buffer *text, uint64_t *state) {
  static const char *const words[] = {
    "", "null", "-1", "0", "1e40", ".nan", "4611686018427387904", "[]", "{}",
    "[[1]]", "{type: dense}", "${model}", "${env:HOME}", "*a", "&a", "<<",
    "!t", "\"", "'", "\t", "- ", "? ", ": ", "---\n", "\xff", "share: head",
    "repeat: 99999", "type", "name", "inputs", "input", "1.5", "true", "~"
  };
  size_t at, n, to, m;
  if (text->n == 0) {
    return;
  }
  switch (below(state, 6)) {
  case 0: /* a flipped bit */
    at = below(state, text->n);
    text->at[at] = (char)(text->at[at] ^ (1 << below(state, 8)));
    break;
  case 1: /* a line less */
    find_piece(text, state, true, &at, &n);
    splice(text, at, n, "", 0);
    break;
  case 2: /* a line twice */
    find_piece(text, state, true, &at, &n);
    splice(text, at, 0, text->at + at, n);
    break;
  case 3: /* a word in another's place */
    find_piece(text, state, false, &at, &n);
    find_piece(text, state, false, &to, &m);
    splice(text, to, m, text->at + at, n);
    break;
  case 4: { /* a word that means trouble */
    const char *word =
      words[below(state, sizeof(words) / sizeof(words[0]))];
    find_piece(text, state, false, &at, &n);
    splice(text, at, n, word, strlen(word));
    break;
  }
  default: /* the end cut off */
    text->n = below(state, 4) == 0 ? below(state, text->n) : text->n;
    break;
  }
}

/* Every refusal has a text and a place; all of it can be shown. */
static void check_problems(nacre_error *error, const char *what) {
  for (int i = 0; i < error->count; i++) {
    const nacre_problem *problem = &error->problem[i];
    char *text = nacre_problem_format(problem);
    ck_assert_ptr_nonnull(text);
    /* The last one may only say that there are more. */
    ck_assert_msg(problem->file != NULL || i == NACRE_ERROR_MAX,
                  "%s: no place: %s", what, text);
    ck_assert_msg(problem->warning || problem->code > NACRE_EUSAGE,
                  "%s: code %d: %s", what, problem->code, text);
    nacre_free(text);
  }
  ck_assert_msg(!error->lost, "%s: a problem was lost", what);
}

static void try_text(const sample *from, const buffer *text, int turn) {
  nacre_experiment experiment;
  nacre_error error;
  nacre_bytes bytes = { text->at, text->n };
  char what[512];
  snprintf(what, sizeof(what), "%.400s, case %d", from->name, turn);
  nacre_error_init(&error);
  clock_t begin = clock();
  int status = nacre_experiment_load(&experiment, config_registry,
                                     from->name, &bytes, ".", NULL, 0, NULL,
                                     0, &error);
  double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
  ck_assert_msg((status != NACRE_OK) == (error.errors > 0),
                "%s: status %d with %d errors", what, status, error.errors);
  ck_assert_msg(seconds < SECONDS_MOST, "%s took %.1f s", what, seconds);
  check_problems(&error, what);
  nacre_experiment_free(&experiment);
  nacre_error_fini(&error);
}

START_TEST(finds_the_samples) {
  ck_assert_int_ge(n_samples, 100);
}
END_TEST

START_TEST(survives_its_mistakes) {
  for (int turn = _i; turn < CASES; turn += TURNS) {
    const sample *from = &samples[turn % n_samples];
    uint64_t state = (uint64_t)turn;
    buffer text = { NULL, from->n, 2 * from->n + 4096 };
    text.at = malloc(text.room);
    ck_assert_ptr_nonnull(text.at);
    memcpy(text.at, from->text, from->n);
    for (size_t i = 1 + below(&state, 3); i > 0; i--) {
      mutate(&text, &state);
    }
    try_text(from, &text, turn);
    free(text.at);
  }
}
END_TEST

/* Cut behind each byte, as by a full disk. */
START_TEST(survives_each_cut) {
  for (int i = 0; i < n_samples; i++) {
    const sample *from = &samples[i];
    if (strcmp(from->name, "several.yaml") == 0 ||
        strcmp(from->name, "xor.yaml") == 0) {
      for (size_t n = 0; n < from->n; n++) {
        buffer text = { from->text, n, from->n };
        try_text(from, &text, (int)n);
      }
    }
  }
}
END_TEST

static void add_folder(const char *folder) {
  char *names[CONFIG_FILES_MAX];
  int n = config_list(folder, names);
  for (int i = 0; i < n; i++) {
    char path[4096];
    sample *at = &samples[n_samples];
    snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
    at->text = config_read(path, &at->n);
    at->name = names[i];
    if (at->text != NULL && at->n <= LONGEST) {
      n_samples++;
    } else {
      free(at->text);
      free(names[i]);
    }
  }
}

int main(void) {
  const char *configs = getenv("NACRE_TEST_CONFIGS");
  const char *bad = getenv("NACRE_TEST_BAD_CONFIGS");
  add_folder(configs != NULL ? configs : "configs");
  add_folder(bad != NULL ? bad : "tests/bad_configs");
  /* Files that are extended are those of the tests. */
  if (chdir(bad != NULL ? bad : "tests/bad_configs") != 0 ||
      !config_open_registry()) {
    fprintf(stderr, "tests/bad_configs or the plugins are not there\n");
    return EXIT_FAILURE;
  }
  Suite *suite = suite_create("fuzz_configs");
  TCase *tests = tcase_create("fuzz_configs");
  tcase_set_timeout(tests, 300);
  tcase_add_test(tests, finds_the_samples);
  tcase_add_loop_test(tests, survives_its_mistakes, 0, TURNS);
  tcase_add_test(tests, survives_each_cut);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  nacre_registry_free(config_registry);
  for (int i = 0; i < n_samples; i++) {
    free(samples[i].name);
    free(samples[i].text);
  }
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
