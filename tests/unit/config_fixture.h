/* SPDX-License-Identifier: MIT */
/* config_fixture: the experiments of a folder, loaded as a program would, and
 * what was said about them. The plugins are those of the environment. */
#ifndef NACRE_TESTS_CONFIG_FIXTURE_H
#define NACRE_TESTS_CONFIG_FIXTURE_H

#include "experiment/experiment.h"
#include "train/train.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_FILES_MAX 1024
#define CONFIG_OVERRIDES_MAX 16

/** One registry for all tests: its plugins are loaded once. */
static nacre_registry *config_registry;

static inline bool config_ends_in(const char *name, const char *end) {
  size_t n = strlen(name), m = strlen(end);
  return n >= m && strcmp(name + n - m, end) == 0;
}

static inline int config_compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/** Names of a folder's experiments, sorted. Called before any test runs,
 *  when Check's assertions cannot be used: 0 files tell of a failure. */
static inline int config_list(const char *folder, char **names) {
  int count = 0;
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir != NULL && count < CONFIG_FILES_MAX &&
                             (entry = readdir(dir)) != NULL;) {
    if (entry->d_name[0] != '.' && config_ends_in(entry->d_name, ".yaml")) {
      names[count++] = strdup(entry->d_name);
    }
  }
  if (dir != NULL) {
    closedir(dir);
  }
  qsort(names, (size_t)count, sizeof(names[0]), config_compare_names);
  return count;
}

/** The whole of a file, '\0' behind it; NULL: it cannot be read. Caller
 *  frees with free(). */
static inline char *config_read(const char *path, size_t *n) {
  FILE *file = fopen(path, "rb");
  char *text = malloc((size_t)1 << 21);
  *n = file != NULL && text != NULL
    ? fread(text, 1, ((size_t)1 << 21) - 1, file) : 0;
  if (file == NULL || text == NULL) {
    free(text);
    text = NULL;
  } else {
    text[*n] = '\0';
  }
  if (file != NULL) {
    fclose(file);
  }
  return text;
}

/** "exit: CODE" and all problems as a person sees them. Caller frees with
 *  free(). */
static inline char *config_problems(nacre_error *error) {
  char *all = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&all, &n);
  ck_assert_ptr_nonnull(out);
  nacre_error_sort(error);
  fprintf(out, "exit: %d\n", nacre_error_code(error));
  for (int i = 0; i < error->count; i++) {
    char *one = nacre_problem_format(&error->problem[i]);
    ck_assert_ptr_nonnull(one);
    fputs(one, out);
    nacre_free(one);
  }
  ck_assert_int_eq(fclose(out), 0);
  return all;
}

/** Loads an experiment; with `train` its data too, and it is trained until
 *  something is wrong. Returns what config_problems() does. */
static inline char *config_try(const char *path,
                               const char *const *overrides, int n_overrides,
                               bool train) {
  nacre_experiment experiment;
  nacre_error error;
  nacre_error_init(&error);
  int status = nacre_experiment_load(&experiment, config_registry, path, NULL,
                                     NULL, NULL, 0, overrides, n_overrides,
                                     &error);
  if (status == NACRE_OK && train) {
    nacre_trainer trainer;
    nacre_train_options options = { .threads = 1 };
    status = nacre_trainer_make(&trainer, &experiment, &options);
    if (status == NACRE_OK) {
      status = nacre_trainer_fit(&trainer);
    }
    nacre_trainer_fini(&trainer);
  }
  ck_assert_msg((status != NACRE_OK) == (error.errors > 0),
                "%s: status %d with %d errors", path, status, error.errors);
  char *said = config_problems(&error);
  nacre_experiment_free(&experiment);
  nacre_error_fini(&error);
  return said;
}

static inline bool config_open_registry(void) {
  nacre_registry_options options = { 0 };
  nacre_error error;
  nacre_error_init(&error);
  config_registry = nacre_registry_open(&options, &error);
  nacre_error_fini(&error);
  return config_registry != NULL;
}

#endif
