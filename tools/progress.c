/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include "cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH 24

bool progress_choose(progress *self, const char *word) {
  static const struct {
    const char *name;
    progress_mode mode;
  } modes[] = {
    { "none", PROGRESS_NONE }, { "plain", PROGRESS_PLAIN },
    { "bar", PROGRESS_BAR }, { "jsonl", PROGRESS_JSONL },
  };
  *self = (progress){ .last = -1 };
  if (word == NULL || strcmp(word, "auto") == 0) {
    self->mode = cli_is_terminal(2) ? PROGRESS_BAR : PROGRESS_PLAIN;
    return true;
  }
  for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
    if (strcmp(modes[i].name, word) == 0) {
      self->mode = modes[i].mode;
      return true;
    }
  }
  return false;
}

void progress_clear(progress *self) {
  if (self->drawn) {
    fputs("\r\033[K", stderr);
    fflush(stderr);
    self->drawn = false;
  }
}

static int columns(void) {
  struct winsize size;
  if (ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) {
    return size.ws_col;
  }
  return 80;
}

static void draw_bar(progress *self, const nacre_progress *at) {
  char line[256], bar[BAR_WIDTH + 1];
  int filled = at->batches > 0
    ? (int)(BAR_WIDTH * at->batch / at->batches) : 0;
  for (int i = 0; i < BAR_WIDTH; i++) {
    bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
  }
  bar[BAR_WIDTH] = '\0';
  int n = snprintf(line, sizeof(line),
                   "epoch %" PRId64 "/%" PRId64 " [%s] %" PRId64 "/%" PRId64
                   "  loss %.4g  %.0f s", at->epoch, at->epochs, bar,
                   at->batch, at->batches, at->loss, at->seconds);
  int width = columns() - 1;
  if (n > width) {
    line[width] = '\0'; /* a wrapped line cannot be redrawn */
  }
  fprintf(stderr, "\r%s\033[K", line);
  fflush(stderr);
  self->drawn = true;
}

static void print_epoch(const progress *self, const nacre_progress *at) {
  fprintf(stderr, "epoch %" PRId64 "/%" PRId64, at->epoch, at->epochs);
  for (int i = 0; i < at->n_logs; i++) {
    if (strcmp(at->log[i].name, "learning_rate") != 0) {
      fprintf(stderr, "  %s %.4g", at->log[i].name, at->log[i].value);
    }
  }
  fprintf(stderr, "  %.2f s", at->seconds);
  if (self->digest) {
    fprintf(stderr, "  digest %016" PRIx64 "%016" PRIx64, at->digest.word[0],
            at->digest.word[1]);
  }
  fputc('\n', stderr);
}

static void print_json(const progress *self, const nacre_progress *at) {
  nacre_text text = { 0 };
  nacre_log_json(&text, at->log, at->n_logs);
  printf("{\"epoch\": %" PRId64 ", \"epochs\": %" PRId64
         ", \"seconds\": %.6f, \"logs\": %s", at->epoch, at->epochs,
         at->seconds, text.at != NULL ? text.at : "{}");
  if (self->digest) {
    printf(", \"digest\": \"%016" PRIx64 "%016" PRIx64 "\"",
           at->digest.word[0], at->digest.word[1]);
  }
  printf("}\n");
  fflush(stdout);
  nacre_text_fini(&text);
}

/* Short epochs would be a flood: without a digest to compare, lines come at
 * most ten a second, but the first and the last always do. */
static bool is_due(progress *self, const nacre_progress *at) {
  bool due = self->digest || self->last < 0 || at->epoch == at->epochs ||
             at->seconds - self->last >= 0.1;
  if (due) {
    self->last = at->seconds;
  }
  return due;
}

void progress_observe(void *ctx, const nacre_progress *at) {
  progress *self = ctx;
  if (self->mode == PROGRESS_NONE) {
    return;
  }
  switch (at->event) {
  case NACRE_EVENT_STEP:
    if (self->mode == PROGRESS_BAR) {
      draw_bar(self, at);
    }
    return;
  case NACRE_EVENT_EPOCH:
    if (self->mode == PROGRESS_JSONL) {
      print_json(self, at);
    } else if (is_due(self, at)) {
      progress_clear(self);
      print_epoch(self, at);
    }
    return;
  case NACRE_EVENT_NOTE:
    progress_clear(self);
    fprintf(stderr, "%s\n", at->note);
    return;
  }
}
