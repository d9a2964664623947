/* SPDX-License-Identifier: MIT */
/* error: the birth and the keeping of problems. */
#include "error.h"

#include "sys.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Characters of a line kept before and after the column of a problem. A file
 * may be one line of a megabyte with a problem at every word of it. */
#define SOURCE_BEFORE 200
#define SOURCE_AFTER 200

void nacre_error_init(nacre_error *error) {
  memset(error, 0, sizeof *error);
}

static void problem_fini(nacre_problem *problem) {
  nacre_free(problem->file);
  nacre_free(problem->source);
  nacre_free(problem->text);
  nacre_free(problem->hint);
  nacre_free(problem->trace);
}

void nacre_error_fini(nacre_error *error) {
  for (int i = 0; i < error->count; i++) {
    problem_fini(&error->problem[i]);
  }
  nacre_free(error->problem);
  nacre_error_init(error);
}

static char *format_text(const char *format, va_list list)
  NACRE_PRINTF(1, 0);

static char *format_text(const char *format, va_list list) {
  va_list again;
  va_copy(again, list);
  int n = nacre_text_vsnprintf(NULL, 0, format, again);
  va_end(again);
  char *text = n < 0 ? NULL : nacre_alloc((size_t)n + 1, 1);
  if (text != NULL) {
    (void)nacre_text_vsnprintf(text, (size_t)n + 1, format, list);
  }
  return text;
}

/* One character on, over a byte that belongs to none as well. */
static const char *next_character(const char *at) {
  if ((unsigned char)*at < 0x80) {
    return at + 1;
  }
  uint32_t code;
  int n = nacre_text_utf8(at, strnlen(at, 4), &code);
  return at + (n > 0 ? n : 1);
}

static bool at_line_end(const char *at) {
  return *at == '\0' || *at == '\n' || *at == '\r';
}

/* Copies the line around a column; false: out of memory. */
static bool copy_source(nacre_problem *problem, const char *line) {
  const char *begin = line;
  const char *end = line;
  int column = 1;
  int stop = problem->column + SOURCE_AFTER;
  for (; !at_line_end(end) && column < stop; column++) {
    if (column + SOURCE_BEFORE < problem->column) {
      begin = next_character(end);
      problem->skipped = column;
    }
    end = next_character(end);
  }
  problem->source = nacre_strndup(begin, (size_t)(end - begin));
  return problem->source != NULL;
}

static bool set_place(nacre_problem *problem, const nacre_place *place) {
  if (place == NULL || place->file == NULL) {
    return true;
  }
  const bool standard = strcmp(place->file, "-") == 0;
  problem->file = nacre_strdup(standard ? "standard input" : place->file);
  problem->line = place->line;
  problem->column = place->column;
  problem->length = place->length;
  if (place->source != NULL && !copy_source(problem, place->source)) {
    return false;
  }
  return problem->file != NULL;
}

/* Room for one problem more, zeroed; NULL: it cannot be kept. */
static nacre_problem *next_problem(nacre_error *error) {
  if (error->count == error->room) {
    int room = error->room == 0 ? 8 : 2 * error->room;
    void *grown = nacre_resize(error->problem, (size_t)room,
                               sizeof *error->problem);
    if (grown == NULL) {
      error->lost = true;
      return NULL;
    }
    error->problem = grown;
    error->room = room;
  }
  nacre_problem *problem = &error->problem[error->count];
  memset(problem, 0, sizeof *problem);
  return problem;
}

/* How many problems back one is looked for that says the same. */
#define LOOK_BACK 64

static bool same_text(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What one file says in several places, such as a block that is used twice,
 * is one mistake. Problems without a place are not compared. */
static bool is_said(const nacre_error *error, const nacre_problem *problem) {
  for (int i = 1; i <= error->count && i <= LOOK_BACK; i++) {
    const nacre_problem *old = &error->problem[error->count - i];
    if (problem->line > 0 && old->line == problem->line &&
        old->column == problem->column && old->warning == problem->warning &&
        same_text(old->file, problem->file) &&
        same_text(old->text, problem->text)) {
      return true;
    }
  }
  return false;
}

/* Keeps one problem, or remembers that one was lost. */
static void keep(nacre_error *error, int code, bool warning,
                 const nacre_place *place, const char *format, va_list list)
  NACRE_PRINTF(5, 0);

static void keep(nacre_error *error, int code, bool warning,
                 const nacre_place *place, const char *format, va_list list) {
  error->errors += warning ? 0 : 1;
  error->repeated = false;
  if (error->count > NACRE_ERROR_MAX) {
    return;
  }
  nacre_problem *problem = next_problem(error);
  if (problem == NULL) {
    return;
  }
  problem->code = code;
  problem->warning = warning;
  bool complete;
  if (error->count == NACRE_ERROR_MAX) {
    problem->text = nacre_strdup("there are more problems than these");
    complete = problem->text != NULL;
  } else {
    problem->text = format_text(format, list);
    complete = problem->text != NULL && set_place(problem, place);
  }
  if (!complete) {
    problem_fini(problem);
    error->lost = true;
    return;
  }
  if (is_said(error, problem)) {
    problem_fini(problem);
    error->repeats += warning ? 0 : 1;
    error->repeated = true;
    return;
  }
  error->count++;
}

int nacre_error_addv(nacre_error *error, int code, const nacre_place *place,
                     const char *format, va_list list) {
  keep(error, code, false, place, format, list);
  return NACRE_ERROR;
}

int nacre_error_add(nacre_error *error, int code, const nacre_place *place,
                    const char *format, ...) {
  va_list list;
  va_start(list, format);
  (void)nacre_error_addv(error, code, place, format, list);
  va_end(list);
  return NACRE_ERROR;
}

void nacre_error_warn(nacre_error *error, const nacre_place *place,
                      const char *format, ...) {
  va_list list;
  va_start(list, format);
  keep(error, 0, true, place, format, list);
  va_end(list);
}

/* After a loss the newest problem may not be the one that is meant. */
static nacre_problem *newest(nacre_error *error) {
  bool known = !error->lost && !error->repeated && error->count > 0 &&
               error->count <= NACRE_ERROR_MAX;
  return known ? &error->problem[error->count - 1] : NULL;
}

void nacre_error_hint(nacre_error *error, const char *format, ...) {
  nacre_problem *problem = newest(error);
  if (problem == NULL) {
    return;
  }
  va_list list;
  va_start(list, format);
  char *hint = format_text(format, list);
  va_end(list);
  if (hint != NULL) {
    nacre_free(problem->hint);
    problem->hint = hint;
  }
}

void nacre_error_trace(nacre_error *error, const char *format, ...) {
  nacre_problem *problem = newest(error);
  if (problem == NULL || problem->trace != NULL) {
    return;
  }
  va_list list;
  va_start(list, format);
  problem->trace = format_text(format, list);
  va_end(list);
}

void nacre_error_context(nacre_error *error, int first, const char *format,
                         ...) {
  if (first >= error->count) {
    return;
  }
  va_list list;
  va_start(list, format);
  char *context = format_text(format, list);
  va_end(list);
  for (int i = first; i < error->count && context != NULL; i++) {
    char *text = nacre_format("%s: %s", context, error->problem[i].text);
    if (text != NULL) { /* else the message is complete without it */
      nacre_free(error->problem[i].text);
      error->problem[i].text = text;
    }
  }
  nacre_free(context);
}

void nacre_error_locate(nacre_error *error, int first,
                        const nacre_place *place) {
  for (int i = first; i < error->count; i++) {
    nacre_problem *problem = &error->problem[i];
    if (problem->file == NULL && i < NACRE_ERROR_MAX &&
        !set_place(problem, place)) {
      nacre_free(problem->file);
      problem->file = NULL;
    }
  }
}

static int compare_problems(const nacre_problem *a, const nacre_problem *b) {
  if (a->file == NULL || b->file == NULL) {
    return (a->file == NULL) - (b->file == NULL);
  }
  int order = strcmp(a->file, b->file);
  if (order == 0) {
    order = (a->line > b->line) - (a->line < b->line);
  }
  if (order == 0) {
    order = (a->column > b->column) - (a->column < b->column);
  }
  return order;
}

/* Merges the sorted runs [from, middle) and [middle, to) by way of `room`. */
static void merge_runs(nacre_problem *at, nacre_problem *room, int from,
                       int middle, int to) {
  int a = from;
  int b = middle;
  for (int i = from; i < to; i++) {
    bool left =
      a < middle && (b == to || compare_problems(&at[a], &at[b]) <= 0);
    room[i] = left ? at[a++] : at[b++];
  }
  memcpy(at + from, room + from, (size_t)(to - from) * sizeof *at);
}

void nacre_error_sort(nacre_error *error) {
  /* A stable sort: problems of one place stay in the order of their birth. */
  int n = error->count;
  nacre_problem *room = nacre_alloc((size_t)n, sizeof *room);
  if (room == NULL) {
    return; /* the order is a courtesy */
  }
  for (int run = 1; run < n; run *= 2) {
    for (int from = 0; from + run < n; from += 2 * run) {
      int to = from + 2 * run < n ? from + 2 * run : n;
      merge_runs(error->problem, room, from, from + run, to);
    }
  }
  nacre_free(room);
}

int nacre_error_code(const nacre_error *error) {
  for (int i = 0; i < error->count; i++) {
    if (!error->problem[i].warning) {
      return error->problem[i].code;
    }
  }
  return error->lost ? NACRE_ELIMIT : 0;
}

/* The number that [*end, ...) ends in, and ':' before it; else -1. */
static int trailing_number(const char *text, size_t *end) {
  size_t i = *end;
  while (i > 0 && text[i - 1] >= '0' && text[i - 1] <= '9') {
    i--;
  }
  if (i == *end || i < 2 || text[i - 1] != ':' || *end - i > 9) {
    return -1;
  }
  int value = (int)strtol(text + i, NULL, 10);
  *end = i - 1;
  return value;
}

/* Adds a problem at a place written "FILE", "FILE@OFFSET", "FILE:ROW" or
 * "FILE:ROW:COLUMN". */
static void add_at(nacre_error_fail *self, const char *text,
                   const char *format, va_list list) NACRE_PRINTF(3, 0);

static void add_at(nacre_error_fail *self, const char *text,
                   const char *format, va_list list) {
  size_t end = strlen(text);
  int last = trailing_number(text, &end);
  int before = last < 0 ? -1 : trailing_number(text, &end);
  char *file = nacre_strndup(text, end);
  nacre_place place = { file, 0, 0, 0, NULL };
  if (before >= 0) {
    place.line = before;
    place.column = last;
  } else if (last >= 0) {
    place.line = last;
  }
  (void)nacre_error_addv(self->error, self->code, &place, format, list);
  nacre_free(file);
}

static void fail_into_error(nacre_fail *fail, const char *place,
                            const char *format, ...) NACRE_PRINTF(3, 4);

static void fail_into_error(nacre_fail *fail, const char *place,
                            const char *format, ...) {
  nacre_error_fail *self = (nacre_error_fail *)fail;
  va_list list;
  va_start(list, format);
  if (place != NULL && place[0] != '\0') {
    add_at(self, place, format, list);
  } else {
    (void)nacre_error_addv(self->error, self->code, &self->place, format,
                           list);
  }
  va_end(list);
}

nacre_fail *nacre_error_fail_init(nacre_error_fail *self, nacre_error *error,
                                  int code, const nacre_place *place) {
  memset(self, 0, sizeof *self);
  self->fail.size = (uint32_t)sizeof self->fail;
  self->fail.fail = fail_into_error;
  self->error = error;
  self->code = code;
  if (place != NULL) {
    self->place = *place;
  }
  return &self->fail;
}
