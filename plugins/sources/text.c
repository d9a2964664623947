/* SPDX-License-Identifier: MIT */
/* text: running text for language models: windows of tokens, and what comes
 * next. Tokens are characters or words; the vocabulary is that of the
 * training text, and is kept as the source's state.
 *
 * text_file.c reads text and cuts it, text_vocabulary.c numbers the tokens,
 * text_load.c makes windows of them. */
#include "text_source.h"

static void text_close(void *opened) {
  text_source *self = opened;
  if (self != NULL) {
    const nacre_host *host = self->host;
    text_vocabulary_fini(&self->vocabulary);
    host->free(self->token);
    host->free(self);
  }
}

/* --- opening --- */

/* The terms of a training text are its configuration. */
static int begin(text_source *self, const text_cfg *cfg, nacre_fail *fail) {
  self->words = cfg->level.value != TEXT_LEVEL_CHAR;
  self->last = cfg->targets.value > TEXT_TARGETS_ALL;
  self->has_unknown = cfg->unknown.value == TEXT_UNKNOWN_TOKEN ||
                      (cfg->unknown.value == TEXT_UNKNOWN_AUTO &&
                       (self->words || cfg->max_tokens != INT64_MIN));
  if (cfg->context == INT64_MIN) {
    fail->fail(fail, NULL, "'context' is missing: the number of tokens in a "
                           "window");
    return NACRE_ERROR;
  }
  self->context = cfg->context;
  if (self->has_unknown &&
      text_vocabulary_special(&self->vocabulary, TEXT_UNKNOWN) != NACRE_OK) {
    return sources_no_memory(fail);
  }
  return parts_init(&self->part, &cfg->parts, fail);
}

static bool read_state(text_source *self, const char *state) {
  int64_t words, unknown, last, count;
  const char *at = state;
  if (strncmp(at, "text 1 ", 7) != 0) {
    return false;
  }
  at += 7;
  if (!state_number(&at, ' ', 0, 1, &words) ||
      !state_number(&at, ' ', 0, 1, &unknown) ||
      !state_number(&at, ' ', 0, 1, &last) ||
      !state_number(&at, ' ', 1, TEXT_CONTEXT_MOST, &self->context) ||
      !state_number(&at, '\n', 0, text_lines(state) - 2, &count) ||
      !parts_read(&self->part, &at)) {
    return false;
  }
  self->words = words != 0;
  self->last = last != 0;
  self->has_unknown = unknown != 0;
  if (self->has_unknown &&
      text_vocabulary_special(&self->vocabulary, TEXT_UNKNOWN) != NACRE_OK) {
    return false;
  }
  return text_vocabulary_read(&self->vocabulary, &at, count) && *at == '\0' &&
         self->vocabulary.n > 0;
}

/* The terms of another text are those of the training text; its own window
 * and parts may differ. */
static int begin_from(text_source *self, const text_cfg *cfg,
                      const char *state, nacre_fail *fail) {
  if (!read_state(self, state)) {
    fail->fail(fail, NULL, "what was kept of the training text is damaged");
    return NACRE_ERROR;
  }
  if (cfg->context != INT64_MIN) {
    self->context = cfg->context;
  }
  return cfg->parts.n > 0 ? parts_init(&self->part, &cfg->parts, fail)
                          : NACRE_OK;
}

static int describe(text_source *self, nacre_fail *fail) {
  nacre_field *x = &self->field[0], *y = &self->field[1];
  if (text_vocabulary_name(&self->vocabulary) != NACRE_OK) {
    return sources_no_memory(fail);
  }
  x->name = "x";
  x->shape = nacre_shape_1d(self->context);
  x->flags = NACRE_FIELD_INDEX;
  x->classes = self->vocabulary.n;
  x->class_names = self->vocabulary.name;
  *y = *x;
  y->name = "y";
  y->flags |= NACRE_FIELD_TARGET;
  y->shape.rank = self->last ? 0 : 1;
  return NACRE_OK;
}

static int text_open(const nacre_source_open *open, void **out) {
  const nacre_host *host = open->host;
  text_source *self = host->alloc(1, sizeof(*self));
  if (self == NULL) {
    return sources_no_memory(open->fail);
  }
  self->host = host;
  text_vocabulary_init(&self->vocabulary, host);
  int status = open->state == NULL
    ? begin(self, open->cfg, open->fail)
    : begin_from(self, open->cfg, open->state, open->fail);
  if (status == NACRE_OK &&
      (open->state == NULL || (open->flags & NACRE_OPEN_TOKENS) == 0)) {
    status = text_load(self, open->cfg, open->state == NULL,
                       (open->flags & NACRE_OPEN_PREDICT) != 0, open->fail);
  }
  if (status == NACRE_OK) {
    status = describe(self, open->fail);
  }
  if (status != NACRE_OK) {
    text_close(self);
    return NACRE_ERROR;
  }
  *out = self;
  return NACRE_OK;
}

/* --- reading --- */

static int64_t text_count(const void *opened) {
  const text_source *self = opened;
  return self->rows;
}

static nacre_span text_fields(const void *opened) {
  const text_source *self = opened;
  nacre_span span = { self->field, 2, (uint32_t)sizeof(*self->field) };
  return span;
}

/* out: [n] */
static void copy_tokens(const text_source *self, int64_t from, int64_t n,
                        real *out) {
  if (self->narrow) {
    const uint16_t *at = (const uint16_t *)self->token + from;
    for (int64_t i = 0; i < n; i++) {
      out[i] = (real)at[i];
    }
  } else {
    const uint32_t *at = (const uint32_t *)self->token + from;
    for (int64_t i = 0; i < n; i++) {
      out[i] = (real)at[i];
    }
  }
}

/* out: [n, field.shape] */
static int text_read_rows(const void *opened, uint32_t field,
                          const int64_t *rows, int64_t n, real *out,
                          nacre_fail *fail) {
  const text_source *self = opened;
  int64_t width = nacre_shape_count(&self->field[field].shape);
  int64_t skip = field == 0 ? 0 : self->context - width + 1;
  for (int64_t i = 0; i < n; i++) {
    int64_t from = rows[i] * self->stride + skip;
    if (from + width > self->tokens) {
      fail->fail(fail, NULL, "what comes after the last token is not known");
      return NACRE_ERROR;
    }
    copy_tokens(self, from, width, out + i * width);
  }
  return NACRE_OK;
}

static int64_t text_overlap(const void *opened) {
  const text_source *self = opened;
  return (self->context - 1) / self->stride + 1;
}

static int text_state(const void *opened, const nacre_host *host,
                      nacre_bytes *out) {
  const text_source *self = opened;
  state_writer writer = { .host = host };
  char line[128];
  int n = snprintf(line, sizeof(line), "text 1 %d %d %d %lld %d\n",
                   self->words, self->has_unknown, self->last,
                   (long long)self->context,
                   (int)(self->vocabulary.n - self->vocabulary.special));
  state_put(&writer, line, (size_t)n);
  parts_write(&self->part, &writer);
  text_vocabulary_write(&self->vocabulary, &writer);
  return state_finish(&writer, out);
}

/* --- prompts --- */

static int text_encode(const void *opened, const nacre_host *host,
                       const char *text, size_t n, nacre_bytes *out,
                       nacre_fail *fail) {
  const text_source *self = opened;
  const char *at = text, *end = text + n;
  if (text_check(text, n) != n) {
    fail->fail(fail, NULL, "byte %zu of the text is not UTF-8",
               text_check(text, n));
    return NACRE_ERROR;
  }
  int64_t *code = host->alloc(n + 1, sizeof(*code));
  size_t codes = 0;
  if (code == NULL) {
    return sources_no_memory(fail);
  }
  for (size_t bytes; at < end; at += bytes) {
    bytes = text_token(self, at, end);
    int32_t found = text_vocabulary_find(&self->vocabulary, at, bytes);
    if (found < 0 && !self->has_unknown) {
      char shown[TEXT_SHOWN];
      fail->fail(fail, NULL, "the %s '%s' is not in the vocabulary of the "
                 "training text", self->words ? "word" : "character",
                 text_show(shown, at, bytes));
      host->free(code);
      return NACRE_ERROR;
    }
    code[codes++] = found < 0 ? 0 : found;
  }
  out->at = (char *)code;
  out->n = codes * sizeof(*code);
  return NACRE_OK;
}

static const char *text_decode(const void *opened, int64_t token) {
  const text_source *self = opened;
  return token >= 0 && token < self->vocabulary.n
    ? self->vocabulary.name[token] : NULL;
}

static const nacre_param params[] = {
  NACRE_PARAM(text_cfg, path, NULL, NULL, "",
              "The file, or files that are read one after the other, "
              "compressed or not.", NACRE_PARAM_PATH),
  NACRE_PARAM(text_cfg, context, "null", "[1,16777216]", "tokens",
              "Length of a window; null: that of the training text.", 0),
  NACRE_PARAM(text_cfg, level, "char", "char|word", "",
              "What a token is.", 0),
  NACRE_PARAM(text_cfg, targets, "all", "all|last", "",
              "The token after each one of a window, or after its last.", 0),
  NACRE_PARAM(text_cfg, stride, "null", "[1,inf)", "tokens",
              "From one window to the next; 1: a window begins at each token; "
              "null: each token is a target once.", 0),
  NACRE_PARAM(text_cfg, part, "all", PARTS_WORDS, "",
              "Which of 'parts' is read.", 0),
  NACRE_PARAM(text_cfg, parts, "[]", "(0,inf)", "",
              "Lengths of the training, validation and test part, one after "
              "the other: below 1 shares of the text, else numbers of "
              "tokens; none given: those of the training text.", 0),
  NACRE_PARAM(text_cfg, max_tokens, "null", "[2,16777216]", "",
              "Size of the vocabulary: the most frequent tokens; null: all "
              "there are.", 0),
  NACRE_PARAM(text_cfg, unknown, "auto", "auto|refuse|token", "",
              "Tokens outside the vocabulary are an error, or all the token "
              "0; auto: this for words and with 'max_tokens'.", 0),
  NACRE_PARAM(text_cfg, encoding, "utf-8", TEXT_ENCODINGS, "",
              "How characters are written in the file.", 0),
};

static const nacre_source_ops ops = {
  .size = sizeof(nacre_source_ops),
  .flags = NACRE_SOURCE_ALONE,
  .open = text_open,
  .close = text_close,
  .count = text_count,
  .fields = text_fields,
  .read = text_read_rows,
  .state = text_state,
  .overlap = text_overlap,
  .encode = text_encode,
  .decode = text_decode,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SOURCE,
  .contract = 1,
  .name = "text",
  .summary = "Running text for language models",
  .doc = "x [context] are token numbers, y [context] (or one number, with "
         "targets: last) the tokens that come next. Characters are "
         "numbered in the order of Unicode. Words are a space, if there is "
         "one, with the letters and digits behind it, or any other single "
         "character; they are numbered by frequency, and 0 stands for all "
         "unknown ones. The vocabulary is that of the training part. A "
         "byte order mark is ignored, and lines may end in LF or CRLF. "
         "Networks trained on it write text: nacre predict RUN --prompt "
         "TEXT.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(text_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(text, component)
