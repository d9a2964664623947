/* SPDX-License-Identifier: MIT */
/* problem: one problem as the lines that a person reads. */
#include "error.h"
#include "sys.h"
#include "text.h"

#include <string.h>

/* Characters of a source line that are shown; a longer one is cut to a
 * window around the caret. */
#define WINDOW 100
#define WINDOW_BEFORE 60

/* Characters that would move the cursor, colour the terminal or reverse the
 * direction of what follows. */
static bool must_escape(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
         code == 0x2029 || code == 0x200e || code == 0x200f ||
         (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

/* Puts the character at `at` so that it can be shown. Returns its bytes;
 * `width` gets the columns that it fills. */
static int put_character(nacre_text *out, const char *at, size_t n,
                         int *width) {
  uint32_t code = 0;
  int bytes = nacre_text_utf8(at, n, &code);
  size_t before = out->n;
  if (bytes == 0) {
    nacre_text_printf(out, "\\x%02x", (unsigned)(unsigned char)at[0]);
  } else if (code == '\t') {
    nacre_text_puts(out, " ");
  } else if (code == '\n') {
    nacre_text_puts(out, "\\n");
  } else if (must_escape(code)) {
    nacre_text_printf(out, code < 0x100 ? "\\x%02x" : "\\u%04x",
                      (unsigned)code);
  } else {
    nacre_text_put(out, at, (size_t)bytes);
    *width = 1;
    return bytes;
  }
  *width = (int)(out->n - before);
  return bytes > 0 ? bytes : 1;
}

static void put_clean(nacre_text *out, const char *text) {
  size_t n = strlen(text);
  for (size_t i = 0; i < n;) {
    int width;
    i += (size_t)put_character(out, text + i, n - i, &width);
  }
}

static int count_characters(const char *text) {
  size_t n = strlen(text);
  int count = 0;
  for (size_t i = 0; i < n; count++) {
    uint32_t code;
    int bytes = nacre_text_utf8(text + i, n - i, &code);
    i += (size_t)(bytes > 0 ? bytes : 1);
  }
  return count;
}

/* Which characters of the line to show, and where the caret goes. */
typedef struct window {
  int from, to;  /* characters of `source`, counted from 0 */
  int caret;     /* columns before the caret, in what is shown */
  int underline; /* columns of the caret and its tail */
} window;

static void put_source(nacre_text *out, const nacre_problem *problem,
                       window *view) {
  const char *text = problem->source;
  size_t n = strlen(text);
  int caret_at = problem->column - 1 - problem->skipped;
  int caret_end = caret_at + (problem->length > 0 ? problem->length : 1);
  int column = 0;
  int index = 0;
  view->underline = 0;
  nacre_text_printf(out, "%5d | ", problem->line);
  if (view->from > 0 || problem->skipped > 0) {
    nacre_text_puts(out, "...");
    column = 3;
  }
  view->caret = column;
  for (size_t i = 0; i < n && index < view->to; index++) {
    nacre_text piece = { NULL, 0, 0, false };
    int width;
    i += (size_t)put_character(&piece, text + i, n - i, &width);
    if (index >= view->from) {
      nacre_text_put(out, piece.at, piece.n);
      column += width;
    }
    out->failed = out->failed || piece.failed;
    nacre_text_fini(&piece);
    if (index < caret_at) {
      view->caret = column;
    } else if (index < caret_end) {
      view->underline += width;
    }
  }
  if (index < count_characters(text)) {
    nacre_text_puts(out, "...");
  }
  nacre_text_puts(out, "\n");
}

static void put_caret(nacre_text *out, const nacre_problem *problem,
                      const window *view) {
  nacre_text_puts(out, "      | ");
  for (int i = 0; i < view->caret; i++) {
    nacre_text_puts(out, " ");
  }
  nacre_text_puts(out, "^");
  for (int i = 1; i < view->underline; i++) {
    nacre_text_puts(out, "~");
  }
  if (problem->hint != NULL) {
    nacre_text_puts(out, " ");
    put_clean(out, problem->hint);
  }
  nacre_text_puts(out, "\n");
}

static void put_place(nacre_text *out, const nacre_problem *problem) {
  if (problem->file == NULL) {
    nacre_text_puts(out, "nacre");
    return;
  }
  put_clean(out, problem->file);
  if (problem->line > 0) {
    nacre_text_printf(out, ":%d", problem->line);
    if (problem->column > 0) {
      nacre_text_printf(out, ":%d", problem->column);
    }
  }
}

char *nacre_problem_format(const nacre_problem *problem) {
  nacre_text out = { NULL, 0, 0, false };
  put_place(&out, problem);
  nacre_text_puts(&out, problem->warning ? ": warning: " : ": error: ");
  put_clean(&out, problem->text);
  nacre_text_puts(&out, "\n");
  if (problem->source != NULL && problem->line > 0 && problem->column > 0) {
    int count = count_characters(problem->source);
    int caret = problem->column - 1 - problem->skipped;
    window view = { 0, count, 0, 0 };
    if (count > WINDOW) {
      view.from = caret > WINDOW_BEFORE ? caret - WINDOW_BEFORE : 0;
      view.to = view.from + WINDOW < count ? view.from + WINDOW : count;
      view.from = view.to - WINDOW;
    }
    put_source(&out, problem, &view);
    put_caret(&out, problem, &view);
  } else if (problem->hint != NULL) {
    nacre_text_puts(&out, "  ");
    put_clean(&out, problem->hint);
    nacre_text_puts(&out, "\n");
  }
  if (problem->trace != NULL) {
    nacre_text_puts(&out, "  ");
    put_clean(&out, problem->trace);
    nacre_text_puts(&out, "\n");
  }
  if (out.failed) {
    nacre_text_fini(&out);
    return NULL;
  }
  return out.at;
}
