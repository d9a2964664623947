/* SPDX-License-Identifier: MIT */
/* text_load: files of running text become windows of tokens. */
#include "text_source.h"

/* What only open() needs. */
typedef struct text_loading {
  text_source *self;
  const text_cfg *cfg;
  nacre_fail *fail;
  bool training;
  nacre_bytes *text;    /* [files] */
  uint32_t *code;       /* [codes] of all files; UINT32_MAX: unknown */
  size_t codes, room;
} text_loading;

static int fail_memory_or_full(nacre_fail *fail, const char *path,
                               int32_t code) {
  if (code == TEXT_FULL) {
    fail->fail(fail, path, "more than %d different tokens", TEXT_CODES);
    return NACRE_ERROR;
  }
  return sources_no_memory(fail);
}

/* Adds a file's tokens; of a training file, numbered as they appear. */
static int cut_file(text_loading *load, int64_t file) {
  text_source *self = load->self;
  const nacre_bytes *text = &load->text[file];
  const char *at = text->at, *end = text->at + text->n;
  while (at < end) {
    size_t n = text_token(self, at, end);
    int32_t code = load->training
      ? text_vocabulary_add(&self->vocabulary, at, n)
      : text_vocabulary_find(&self->vocabulary, at, n);
    if (load->training && code < 0) {
      return fail_memory_or_full(load->fail, load->cfg->path.at[file], code);
    }
    if (load->codes == load->room) {
      void *block = load->code;
      if (sources_grow(self->host, &block, &load->room, load->codes + 1,
                       sizeof(*load->code)) != NACRE_OK) {
        return sources_no_memory(load->fail);
      }
      load->code = block;
    }
    load->code[load->codes++] = code < 0 ? UINT32_MAX : (uint32_t)code;
    at += n;
  }
  return NACRE_OK;
}

/* The vocabulary is that of the training part: what only comes later is not
 * known when the network is trained. */
static int learn(text_loading *load, int64_t begin, int64_t end) {
  text_source *self = load->self;
  text_vocabulary *vocabulary = &self->vocabulary;
  int64_t most = load->cfg->max_tokens == INT64_MIN ? TEXT_CODES
                                                    : load->cfg->max_tokens;
  int32_t *map =
    self->host->alloc((size_t)vocabulary->n + 1, sizeof(*map));
  if (map == NULL) {
    return sources_no_memory(load->fail);
  }
  memset(vocabulary->times, 0,
         (size_t)vocabulary->n * sizeof(*vocabulary->times));
  for (int64_t i = begin; i < end; i++) {
    vocabulary->times[load->code[i]]++;
  }
  int status = text_vocabulary_order(vocabulary, self->words, most, map);
  for (int64_t i = begin; i < end && status == NACRE_OK; i++) {
    int32_t code = map[load->code[i]];
    load->code[i] = code < 0 ? UINT32_MAX : (uint32_t)code;
  }
  self->host->free(map);
  return status == NACRE_OK ? NACRE_OK : sources_no_memory(load->fail);
}

/* Names the token at `index` and its place. */
static int fail_unknown(const text_loading *load, int64_t index) {
  const text_source *self = load->self;
  char place[TEXT_PLACE], shown[TEXT_SHOWN];
  for (int64_t f = 0, i = 0; f < load->cfg->path.n; f++) {
    const char *at = load->text[f].at, *end = at + load->text[f].n;
    int64_t line = 1;
    for (size_t n; at < end; at += n, i++) {
      n = text_token(self, at, end);
      if (i == index) {
        snprintf(place, sizeof(place), "%s:%lld", load->cfg->path.at[f],
                 (long long)line);
        load->fail->fail(load->fail, place,
                         "the %s '%s' is not in the vocabulary of the "
                         "training text (unknown: token has one for all "
                         "such)", self->words ? "word" : "character",
                         text_show(shown, at, n));
        return NACRE_ERROR;
      }
      line += *at == '\n';
    }
  }
  return NACRE_ERROR; /* not reached: the index is of a token */
}

/* Keeps the tokens from begin to end, as narrow as they can be. */
static int keep(text_loading *load, int64_t begin, int64_t end) {
  text_source *self = load->self;
  int64_t n = end - begin;
  self->narrow = self->vocabulary.n <= UINT16_MAX + 1;
  size_t size = self->narrow ? sizeof(uint16_t) : sizeof(uint32_t);
  self->token = self->host->alloc((size_t)n, size);
  if (self->token == NULL) {
    return sources_no_memory(load->fail);
  }
  self->tokens = n;
  for (int64_t i = 0; i < n; i++) {
    uint32_t code = load->code[begin + i];
    if (code == UINT32_MAX && !self->has_unknown) {
      return fail_unknown(load, begin + i);
    }
    code = code == UINT32_MAX ? 0 : code; /* the special entry */
    if (self->narrow) {
      ((uint16_t *)self->token)[i] = (uint16_t)code;
    } else {
      ((uint32_t *)self->token)[i] = code;
    }
  }
  return NACRE_OK;
}

static int count_rows(text_source *self, const text_cfg *cfg, bool predict,
                      nacre_fail *fail) {
  int64_t window = self->context + (predict ? 0 : 1);
  self->stride = cfg->stride;
  if (cfg->stride == INT64_MIN) {
    self->stride = self->last ? 1 : self->context;
  }
  if (self->tokens < window) {
    fail->fail(fail, cfg->path.at[0],
               predict ? "%lld tokens do not fill a window of %lld"
                       : "%lld tokens do not fill a window of %lld and what "
                         "comes next", (long long)self->tokens,
               (long long)self->context);
    return NACRE_ERROR;
  }
  self->rows = (self->tokens - window) / self->stride + 1;
  return NACRE_OK;
}

static int load_files(text_loading *load, bool predict) {
  text_source *self = load->self;
  const text_cfg *cfg = load->cfg;
  const nacre_strings *path = &cfg->path;
  int64_t from = 0, to = 0;
  for (int64_t i = 0; i < path->n; i++) {
    if (text_read(self->host, path->at[i], cfg->encoding.value, load->fail,
                  &load->text[i]) != NACRE_OK ||
        cut_file(load, i) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  if (load->codes == 0) {
    load->fail->fail(load->fail, path->at[0], "there is no text in it");
    return NACRE_ERROR;
  }
  int which = predict ? PARTS_ALL : cfg->part.value;
  if (parts_find(&self->part, which, (int64_t)load->codes, path->at[0],
                 "tokens", load->fail, &from, &to) != NACRE_OK ||
      (load->training && learn(load, from, to) != NACRE_OK) ||
      keep(load, from, to) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return count_rows(self, cfg, predict, load->fail);
}

int text_load(text_source *self, const text_cfg *cfg, bool training,
              bool predict, nacre_fail *fail) {
  text_loading load = { .self = self, .cfg = cfg, .fail = fail,
                        .training = training };
  load.text = self->host->alloc((size_t)cfg->path.n + 1, sizeof(*load.text));
  if (load.text == NULL) {
    return sources_no_memory(fail);
  }
  int status = load_files(&load, predict);
  for (int64_t i = 0; i < cfg->path.n; i++) {
    self->host->free(load.text[i].at);
  }
  self->host->free(load.text);
  self->host->free(load.code);
  return status;
}
