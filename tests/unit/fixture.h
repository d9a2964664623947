/* SPDX-License-Identifier: MIT */
/* fixture: configs from text, what was said about them, temporary files, and
 * system calls that fail when they are told to. */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include "base/error.h"
#include "base/sys.h"
#include "yaml/merge.h"
#include "yaml/parse.h"

#include <check.h>

/** A tree and the problems of making it. */
typedef struct fixture {
  nacre_tree *tree;
  nacre_error error;
  nacre_node *root; /* NULL: refused */
} fixture;

/** Parses text alone ("t.yaml"). */
void fixture_parse(fixture *, const char *text, size_t n);
/** Loads text as a config, with up to two overrides (NULL: none). */
void fixture_load(fixture *, const char *text, const char *one,
                  const char *two);
void fixture_fini(fixture *);

/** All problems as the lines a person sees. Caller frees with free(). */
char *fixture_problems(fixture *);
/** The tree as YAML. Caller frees with free(). */
char *fixture_written(const fixture *);

/** Loads, and compares the tree that comes out. */
void fixture_gives(const char *text, const char *one, const char *two,
                   const char *written);
/** Loads, and compares the problems that come out. */
void fixture_says(const char *text, const char *one, const char *two,
                  const char *problems);
/** The same for parsing alone. */
void fixture_parse_says(const char *text, const char *problems);

/** A new empty directory below TMPDIR; its path is free()d by the caller. */
char *fixture_dir(void);
/** Removes it with the files in it. */
void fixture_remove(char *dir);
void fixture_file(const char *dir, const char *name, const char *text);
/** "DIR/NAME"; free()d by the caller. */
char *fixture_path(const char *dir, const char *name);

/** Counts calls through nacre_sys_calls, and makes some fail. */
typedef struct fixture_faults {
  int calls;   /* counted so far */
  int fail_at; /* the call of this number (from 1) fails; 0: none */
  bool for_good; /* and so do all that follow */
  int reason;  /* errno of the failure */
  int failed;  /* calls that failed */
} fixture_faults;
extern fixture_faults fixture_memory; /* calloc, realloc */
extern fixture_faults fixture_files;  /* all the others but close */
/** Puts the counting calls into the table; undone by the end of the test. */
void fixture_watch(void);
void fixture_unwatch(void);

#endif
