/* SPDX-License-Identifier: MIT */
/* error: what went wrong, where, and with which exit code.
 *
 * One object collects every problem of a call: a config is checked to its
 * end and all its mistakes are reported together. All problems are born in
 * nacre_error_addv(), so one breakpoint catches them. Nothing here prints. */
#ifndef NACRE_BASE_ERROR_H
#define NACRE_BASE_ERROR_H

#include <nacre/abi/types.h>
#include <stdarg.h>
#include <stdbool.h>

/** Codes of problems; they are the exit codes of the command line. */
#define NACRE_EBUG 1
#define NACRE_EUSAGE 2
#define NACRE_ECONFIG 3
#define NACRE_EPLUGIN 4
#define NACRE_EDATA 5
#define NACRE_EMODEL 6
#define NACRE_EIO 7
#define NACRE_ELIMIT 8
#define NACRE_EBUSY 9
#define NACRE_EDIVERGED 10

/** A place in a file. `file` NULL: no place. line 0: the whole file. Columns
 *  count characters from 1; `length` is for the caret (0: one). */
typedef struct nacre_place {
  const char *file;
  int line, column, length;
  const char *source; /* text of the line, for the caret; or NULL */
} nacre_place;

typedef struct nacre_problem {
  int code;
  bool warning;
  int line, column, length;
  char *file;   /* or NULL */
  char *source; /* the line of the file, without its end; or NULL */
  char *text;   /* one line: context prefixes and the message */
  char *hint;   /* "did you mean ...?", or NULL */
  char *trace;  /* "in block 'tower', used at ...", or NULL */
  int skipped;  /* characters of a long line that `source` left out */
} nacre_problem;

/** Problems kept; what comes after them is only counted. */
#define NACRE_ERROR_MAX 1000

typedef struct nacre_error {
  nacre_problem *problem;
  int count, room;
  int errors; /* problems that are not warnings */
  int repeats; /* of these, what had been said already and is not kept */
  bool repeated; /* the newest problem is one of them */
  bool lost;  /* memory ran out: problems are missing */
} nacre_error;

void nacre_error_init(nacre_error *);
void nacre_error_fini(nacre_error *);

/** Adds a problem; all text is copied. `place` may be NULL. Returns
 *  NACRE_ERROR, so that callers can `return nacre_error_add(...)`. */
int nacre_error_add(nacre_error *, int code, const nacre_place *place,
                    const char *format, ...) NACRE_PRINTF(4, 5);
int nacre_error_addv(nacre_error *, int code, const nacre_place *place,
                     const char *format, va_list) NACRE_PRINTF(4, 0);
/** The same as a warning, which does not make the call fail. */
void nacre_error_warn(nacre_error *, const nacre_place *place,
                      const char *format, ...) NACRE_PRINTF(3, 4);
/** Sets the hint of the newest problem. */
void nacre_error_hint(nacre_error *, const char *format, ...)
  NACRE_PRINTF(2, 3);
/** Says how one comes to the place of the newest problem. */
void nacre_error_trace(nacre_error *, const char *format, ...)
  NACRE_PRINTF(2, 3);
/** Puts "CONTEXT: " before the text of every problem from `first` on. */
void nacre_error_context(nacre_error *, int first, const char *format, ...)
  NACRE_PRINTF(3, 4);
/** Gives problems from `first` on that have no place this one. */
void nacre_error_locate(nacre_error *, int first, const nacre_place *);
/** Sorts by file, line and column; problems without a place come last. */
void nacre_error_sort(nacre_error *);
/** The code to leave with: of the first problem that is not a warning; 0. */
int nacre_error_code(const nacre_error *);
/** One problem as its lines: "FILE:LINE:COL: error: TEXT", the source line
 *  and a caret with the hint. Caller frees with nacre_free(). NULL: memory. */
char *nacre_problem_format(const nacre_problem *);

/** A nacre_fail for plugins whose problems land in `error` with `code`; a
 *  place given by the plugin wins over `place`. Lives in the caller. */
typedef struct nacre_error_fail {
  nacre_fail fail; /* first: a plugin sees only this */
  nacre_error *error;
  int code;
  nacre_place place;
} nacre_error_fail;
nacre_fail *nacre_error_fail_init(nacre_error_fail *, nacre_error *, int code,
                                  const nacre_place *place);

#endif
