/* SPDX-License-Identifier: MIT */
/* main: the conformance suite over every installed plugin.
 *
 *   conformance [-v] [KIND/NAME...]
 *
 * A new plugin is tested without a new test. Each component is checked in a
 * process of its own, so that one that crashes or hangs fails alone.
 *
 * The mutants prove the suite: modules in NACRE_TEST_MUTANTS that are wrong
 * on purpose. The doc of each names the check that must catch it. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocations.h"
#include "base/sys.h"
#include "conform/conform.h"

#define SECONDS 300u /* for one component, on a slow machine in a sanitizer */
#define WORDS_MAX 256

/* What the doc of a mutant begins its last paragraph with. */
#define MUST_FAIL "Must fail: "

/* One component's run as its report sees it. */
typedef struct run {
  const char *must_fail; /* the check that has to; NULL: none may */
  bool caught, verbose;
  bool skipped; /* it could not be made here */
  int checks;
} run;

static void report(void *ctx, const nacre_conform_result *result) {
  run *at = ctx;
  const char *kind = nacre_kind_name(result->component->kind);
  const char *name = result->component->name;
  bool meant = at->must_fail != NULL &&
               strcmp(at->must_fail, result->check) == 0;
  at->checks++;
  if (result->status == NACRE_CONFORM_SKIPPED) {
    at->skipped = at->skipped || meant;
    printf("skip  %s/%s: %s: %s\n", kind, name, result->check, result->text);
  } else if (result->status == NACRE_CONFORM_FAILED) {
    at->caught = at->caught || meant;
    if (at->must_fail == NULL) {
      printf("FAIL  %s/%s: %s, %d of %d: %s\n", kind, name, result->check,
             result->failures, result->cases, result->text);
    }
  } else if (at->verbose) {
    printf("      %s/%s: %s, %d times\n", kind, name, result->check,
           result->cases);
  }
}

static void print_problems(const nacre_error *error) {
  for (int i = 0; i < error->count; i++) {
    printf("      %s\n", error->problem[i].text);
  }
}

/* Checks one component; true if it is as it should be. */
static bool check(nacre_registry *registry, const nacre_provider *provider,
                  bool is_mutant, bool verbose) {
  static char cases[PATH_MAX];
  const char *source = getenv("srcdir");
  nacre_error error;
  bool ok = false;
  run at = { NULL, false, verbose, false, 0 };
  nacre_error_init(&error);
  snprintf(cases, sizeof cases, "%s/tests/conformance/cases",
           source == NULL ? "." : source);
  char *full = nacre_format("%s/%s", provider->module, provider->name);
  const nacre_component *component =
    full == NULL ? NULL
                 : nacre_registry_find(registry, provider->kind, full, NULL,
                                       0, &error);
  nacre_free(full);
  if (component == NULL) {
    printf("FAIL  %s/%s: it cannot be loaded\n",
           nacre_kind_name(provider->kind), provider->name);
    print_problems(&error);
    goto done;
  }
  if (is_mutant) {
    const char *last = strstr(component->doc, MUST_FAIL);
    at.must_fail = last == NULL ? "?" : last + strlen(MUST_FAIL);
  }
  nacre_conform_options options = { report, &at, cases,
                                    nacre_test_allocations() };
  int failed = nacre_conform_run(registry, component, &options, &error);
  print_problems(&error);
  if (is_mutant) {
    ok = at.caught || at.skipped;
    const char *outcome = at.caught ? "ok  " : ok ? "skip" : "FAIL";
    printf("%s  mutant %s: %s\n", outcome, component->name, at.must_fail);
  } else {
    ok = failed == 0;
    if (ok) {
      printf("ok    %s/%s: %d checks\n", nacre_kind_name(component->kind),
             component->name, at.checks);
    }
  }
done:
  nacre_error_fini(&error);
  return ok;
}

/* The same in a child process under a time limit. */
static bool check_apart(nacre_registry *registry,
                        const nacre_provider *provider, bool is_mutant,
                        bool verbose) {
  fflush(stdout);
  pid_t child = fork();
  if (child < 0) {
    perror("fork");
    return false;
  }
  if (child == 0) {
    alarm(SECONDS);
    bool ok = check(registry, provider, is_mutant, verbose);
    fflush(stdout);
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) {
    perror("waitpid");
    return false;
  }
  if (WIFSIGNALED(status)) {
    printf("FAIL  %s/%s: %s\n", nacre_kind_name(provider->kind),
           provider->name, WTERMSIG(status) == SIGALRM
             ? "it did not end in time" : strsignal(WTERMSIG(status)));
  } else if (WEXITSTATUS(status) > 1) {
    printf("FAIL  %s/%s: it left with code %d\n",
           nacre_kind_name(provider->kind), provider->name,
           WEXITSTATUS(status));
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Whether words name this component, or there are none. */
static bool is_named(const nacre_provider *provider, int words, char **word) {
  char full[WORDS_MAX];
  snprintf(full, sizeof full, "%s/%s", nacre_kind_name(provider->kind),
           provider->name);
  for (int i = 0; i < words; i++) {
    if (strcmp(word[i], full) == 0 || strcmp(word[i], provider->name) == 0 ||
        strcmp(word[i], nacre_kind_name(provider->kind)) == 0) {
      return true;
    }
  }
  return words == 0;
}

int main(int argc, char **argv) {
  static char mutants[PATH_MAX];
  const char *given = getenv("NACRE_TEST_MUTANTS");
  bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
  int skip = verbose ? 2 : 1;
  bool has_mutants = given != NULL && realpath(given, mutants) != NULL;
  nacre_registry_options options = { has_mutants ? mutants : NULL, false,
                                     false };
  nacre_error error;
  nacre_error_init(&error);
  nacre_registry *registry = nacre_registry_open(&options, &error);
  print_problems(&error);
  int failed = 0, components = 0, killed = 0, wrong = 0;
  if (registry == NULL) {
    return 1;
  }
  for (int i = 0; i < nacre_registry_refusals(registry); i++) {
    const nacre_refusal *refusal = nacre_registry_refusal(registry, i);
    printf("FAIL  %s: refused: %s\n", refusal->file, refusal->reason);
    failed++;
  }
  size_t n = strlen(mutants);
  for (int i = 0; i < nacre_registry_count(registry); i++) {
    const nacre_provider *provider = nacre_registry_at(registry, i);
    bool is_mutant = n > 0 && strncmp(provider->file, mutants, n) == 0 &&
                     provider->file[n] == '/';
    if (!is_named(provider, argc - skip, argv + skip)) {
      continue;
    }
    bool ok = check_apart(registry, provider, is_mutant, verbose);
    failed += ok ? 0 : 1;
    if (is_mutant) {
      wrong++;
      killed += ok ? 1 : 0;
    } else {
      components++;
    }
  }
  printf("%d components and %d mutants (%d caught): %d failures\n",
         components, wrong, killed, failed);
  nacre_registry_free(registry);
  nacre_error_fini(&error);
  /* A run that checked nothing has proven nothing. */
  return failed == 0 && components + wrong > 0 ? 0 : 1;
}
