/* SPDX-License-Identifier: MIT */
/* labeled_text: texts that belong to classes, as rows of word numbers, such
 * as Keras's TextVectorization makes them. labeled_read.c reads the files. */
#include "labeled_text.h"

typedef struct labeled_source {
  const nacre_host *host;
  text_vocabulary words, classes;
  char *text, *y;        /* names of the columns; y NULL: none */
  uint32_t *code;        /* of all texts, one behind the other */
  size_t codes, room;
  int64_t *start;        /* [rows + 1] in code */
  int32_t *label;        /* [rows] */
  size_t start_room, label_room;
  int64_t rows, length, longest;
  int standardize, split;
  bool labeled;          /* rows have classes */
  nacre_field field[2];  /* x, y */
  uint32_t fields;
} labeled_source;

/* What only open() needs. */
typedef struct labeled_loading {
  labeled_source *self;
  nacre_fail *fail;
  bool training;
  char *word;            /* the one that is being put together */
  size_t n, room;
} labeled_loading;

static void labeled_close(void *opened) {
  labeled_source *self = opened;
  if (self != NULL) {
    const nacre_host *host = self->host;
    text_vocabulary_fini(&self->words);
    text_vocabulary_fini(&self->classes);
    host->free(self->text);
    host->free(self->y);
    host->free(self->code);
    host->free(self->start);
    host->free(self->label);
    host->free(self);
  }
}

/* --- words --- */

static int grow(const labeled_loading *load, void **block, size_t *room,
                size_t need, size_t size) {
  return sources_grow(load->self->host, block, room, need, size) == NACRE_OK
    ? NACRE_OK : sources_no_memory(load->fail);
}

static int add_word(labeled_loading *load, const char *at, size_t n,
                    const labeled_place *place) {
  labeled_source *self = load->self;
  if (n == 0) {
    return NACRE_OK;
  }
  int32_t code = load->training ? text_vocabulary_add(&self->words, at, n)
                                : text_vocabulary_find(&self->words, at, n);
  if (load->training && code == TEXT_FULL) {
    load->fail->fail(load->fail, place->path, "more than %d different words",
                     TEXT_CODES);
    return NACRE_ERROR;
  }
  if (load->training && code < 0) {
    return sources_no_memory(load->fail);
  }
  void *block = self->code;
  int status = grow(load, &block, &self->room, self->codes + 1,
                    sizeof(*self->code));
  self->code = block;
  if (status == NACRE_OK) {
    self->code[self->codes++] = code < 0 ? 1 : (uint32_t)code; /* [UNK] */
  }
  return status;
}

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Keras strips what is punctuation in ASCII, and lowers its letters alone. */
static bool is_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
         (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/* Puts together the words of a text. */
static int cut_text(labeled_loading *load, const char *at, size_t n,
                    const labeled_place *place) {
  const labeled_source *self = load->self;
  bool words = self->split == LABELED_SPLIT_WORDS;
  int status = NACRE_OK;
  load->n = 0;
  for (size_t i = 0; i < n && status == NACRE_OK; i++) {
    char c = at[i];
    if (words && is_space(c)) {
      status = add_word(load, load->word, load->n, place);
      load->n = 0;
      continue;
    }
    if (LABELED_STRIP(self->standardize) && is_punctuation(c)) {
      continue;
    }
    /* A character ends where the next begins. */
    if (!words && ((unsigned char)c & 0xC0) != 0x80) {
      status = add_word(load, load->word, load->n, place);
      load->n = 0;
    }
    void *block = load->word;
    if (status == NACRE_OK) {
      status = grow(load, &block, &load->room, load->n + 1, 1);
      load->word = block;
    }
    if (status == NACRE_OK) {
      bool upper = LABELED_LOWER(self->standardize) && c >= 'A' && c <= 'Z';
      load->word[load->n++] = (char)(upper ? c - 'A' + 'a' : c);
    }
  }
  return status == NACRE_OK ? add_word(load, load->word, load->n, place)
                            : status;
}

/* --- rows --- */

static int unknown_class(const labeled_loading *load, const char *label,
                         size_t n, const labeled_place *place) {
  char shown[CSV_CELL_SHOWN + 4];
  const char *text = "'%s' is not a class that the training data had";
  csv_cell_show(shown, label, n);
  if (place->reader != NULL) {
    return csv_reader_fail(place->reader, (int64_t)place->label, text,
                           shown);
  }
  load->fail->fail(load->fail, place->path, text, shown);
  return NACRE_ERROR;
}

static int add_row(void *ctx, const char *text, size_t n, const char *label,
                   size_t label_n, const labeled_place *place) {
  labeled_loading *load = ctx;
  labeled_source *self = load->self;
  size_t row = (size_t)self->rows, begin = self->codes;
  int32_t code = 0;
  if (label != NULL) {
    code = load->training
      ? text_vocabulary_add(&self->classes, label, label_n)
      : text_vocabulary_find(&self->classes, label, label_n);
    if (code < 0) {
      return load->training ? sources_no_memory(load->fail)
                            : unknown_class(load, label, label_n, place);
    }
  }
  void *start = self->start, *labels = self->label;
  int status = grow(load, &start, &self->start_room, row + 2,
                    sizeof(*self->start));
  self->start = start;
  if (status == NACRE_OK) {
    status = grow(load, &labels, &self->label_room, row + 1,
                  sizeof(*self->label));
    self->label = labels;
  }
  if (status != NACRE_OK || cut_text(load, text, n, place) != NACRE_OK) {
    return NACRE_ERROR;
  }
  self->label[row] = code;
  self->start[row] = (int64_t)begin;
  self->start[row + 1] = (int64_t)self->codes;
  int64_t length = (int64_t)(self->codes - begin);
  self->longest = length > self->longest ? length : self->longest;
  self->rows++;
  return NACRE_OK;
}

/* --- opening --- */

static char *copy_text(const nacre_host *host, const char *text) {
  size_t n = strlen(text) + 1;
  char *copy = host->alloc(n, 1);
  if (copy != NULL) {
    memcpy(copy, text, n);
  }
  return copy;
}

/* "" pads short texts, and is what embeddings mask. */
static int add_special(labeled_source *self) {
  return text_vocabulary_special(&self->words, "") == NACRE_OK &&
         text_vocabulary_special(&self->words, TEXT_UNKNOWN) == NACRE_OK
    ? NACRE_OK : NACRE_ERROR;
}

static int begin(labeled_source *self, const labeled_cfg *cfg,
                 nacre_fail *fail) {
  if ((cfg->path != NULL) + (cfg->classes.n > 0) +
        (cfg->directory != NULL) != 1) {
    fail->fail(fail, NULL, "either 'path' names a file of texts, or 'classes' "
                           "a file for each class, or 'directory' a folder "
                           "for each class");
    return NACRE_ERROR;
  }
  self->standardize = cfg->standardize.value;
  self->split = cfg->split.value;
  self->length = cfg->output_sequence_length;
  self->labeled = cfg->path == NULL || cfg->y != NULL;
  self->text = copy_text(self->host, cfg->text);
  self->y = cfg->y != NULL ? copy_text(self->host, cfg->y) : NULL;
  return self->text != NULL && (cfg->y == NULL || self->y != NULL) &&
         add_special(self) == NACRE_OK
    ? NACRE_OK : sources_no_memory(fail);
}

/* Numbers from the training data, and codes in their order. */
static int learn(labeled_loading *load, const labeled_cfg *cfg) {
  labeled_source *self = load->self;
  const nacre_host *host = self->host;
  int64_t most = cfg->max_tokens == INT64_MIN ? TEXT_CODES : cfg->max_tokens;
  int32_t *word = host->alloc((size_t)self->words.n + 1, sizeof(*word));
  int32_t *class = host->alloc((size_t)self->classes.n + 1, sizeof(*class));
  int status = word != NULL && class != NULL ? NACRE_OK : NACRE_ERROR;
  if (status == NACRE_OK) {
    status = text_vocabulary_order(&self->words, true, most, word);
  }
  if (status == NACRE_OK) {
    status = text_vocabulary_order(&self->classes, false, TEXT_CODES, class);
  }
  for (size_t i = 0; i < self->codes && status == NACRE_OK; i++) {
    int32_t code = word[self->code[i]];
    self->code[i] = code < 0 ? 1 : (uint32_t)code;
  }
  for (int64_t i = 0; i < self->rows && status == NACRE_OK &&
                      self->labeled; i++) {
    self->label[i] = class[self->label[i]];
  }
  host->free(word);
  host->free(class);
  if (self->length == INT64_MIN) {
    self->length = self->longest > 0 ? self->longest : 1;
  }
  return status == NACRE_OK ? NACRE_OK : sources_no_memory(load->fail);
}

static int load_rows(labeled_source *self, const nacre_source_open *open) {
  const labeled_cfg *cfg = open->cfg;
  bool predict = (open->flags & NACRE_OPEN_PREDICT) != 0;
  labeled_loading load = { .self = self, .fail = open->fail,
                           .training = open->state == NULL };
  labeled_reading reading = {
    .host = self->host, .cfg = cfg, .fail = open->fail, .text = self->text,
    .y = self->y, .predict = predict, .row = add_row, .ctx = &load
  };
  int status = labeled_read(&reading);
  self->host->free(load.word);
  if (status == NACRE_OK && self->rows == 0) {
    open->fail->fail(open->fail, cfg->path != NULL        ? cfg->path
                                 : cfg->directory != NULL ? cfg->directory
                                                    : cfg->classes.at[0],
                     "no texts");
    status = NACRE_ERROR;
  }
  return status == NACRE_OK && load.training ? learn(&load, cfg) : status;
}

static int describe(labeled_source *self, nacre_fail *fail) {
  nacre_field *x = &self->field[0], *y = &self->field[1];
  if (text_vocabulary_name(&self->words) != NACRE_OK ||
      text_vocabulary_name(&self->classes) != NACRE_OK) {
    return sources_no_memory(fail);
  }
  x->name = "x";
  x->shape = nacre_shape_1d(self->length);
  x->flags = NACRE_FIELD_INDEX;
  x->classes = self->words.n;
  x->class_names = self->words.name;
  y->name = "y";
  y->shape = nacre_shape_1d(1);
  y->shape.rank = 0;
  y->flags = NACRE_FIELD_INDEX | NACRE_FIELD_TARGET;
  y->classes = self->classes.n;
  y->class_names = self->classes.name;
  self->fields = self->labeled ? 2 : 1;
  return NACRE_OK;
}

/* --- state ---
 *
 *   labeled_text 1 LABELED STANDARDIZE SPLIT LENGTH WORDS CLASSES
 *   TEXT                   the columns' names
 *   Y                      "" for none
 *   WORD...
 *   CLASS...                                                          */

static int labeled_state(const void *opened, const nacre_host *host,
                         nacre_bytes *out) {
  const labeled_source *self = opened;
  state_writer writer = { .host = host };
  char line[160];
  int n = snprintf(line, sizeof(line), "labeled_text 1 %d %d %d %lld %ld "
                   "%ld\n", self->labeled, self->standardize, self->split,
                   (long long)self->length,
                   (long)(self->words.n - self->words.special),
                   (long)self->classes.n);
  state_put(&writer, line, (size_t)n);
  state_put_text(&writer, self->text);
  state_put_text(&writer, self->y != NULL ? self->y : "");
  text_vocabulary_write(&self->words, &writer);
  text_vocabulary_write(&self->classes, &writer);
  return state_finish(&writer, out);
}

static bool read_state(labeled_source *self, const char *state) {
  const char *at = state;
  int64_t labeled, standardize, split, words, classes;
  int64_t lines = text_lines(state) - 3;
  size_t n, y = 0;
  if (strncmp(at, "labeled_text 1 ", 15) != 0) {
    return false;
  }
  at += 15;
  if (!state_number(&at, ' ', 0, 1, &labeled) ||
      !state_number(&at, ' ', 0, 3, &standardize) ||
      !state_number(&at, ' ', 0, 1, &split) ||
      !state_number(&at, ' ', 1, TEXT_CODES, &self->length) ||
      !state_number(&at, ' ', 0, lines, &words) ||
      !state_number(&at, '\n', labeled, lines - words, &classes)) {
    return false;
  }
  self->labeled = labeled != 0;
  self->standardize = (int)standardize;
  self->split = (int)split;
  self->text = state_text(&at, self->host, &n);
  self->y = self->text != NULL ? state_text(&at, self->host, &y) : NULL;
  if (self->y == NULL) {
    return false;
  }
  if (y == 0) {
    self->host->free(self->y);
    self->y = NULL;
  }
  return add_special(self) == NACRE_OK &&
         text_vocabulary_read(&self->words, &at, words) &&
         text_vocabulary_read(&self->classes, &at, classes) && *at == '\0';
}

static int labeled_open(const nacre_source_open *open, void **out) {
  const nacre_host *host = open->host;
  labeled_source *self = host->alloc(1, sizeof(*self));
  int status = NACRE_OK;
  if (self == NULL) {
    return sources_no_memory(open->fail);
  }
  self->host = host;
  text_vocabulary_init(&self->words, host);
  text_vocabulary_init(&self->classes, host);
  if (open->state == NULL) {
    status = begin(self, open->cfg, open->fail);
  } else if (!read_state(self, open->state)) {
    open->fail->fail(open->fail, NULL,
                     "what was kept of the training texts is damaged");
    status = NACRE_ERROR;
  }
  if (status != NACRE_OK || load_rows(self, open) != NACRE_OK ||
      describe(self, open->fail) != NACRE_OK) {
    labeled_close(self);
    return NACRE_ERROR;
  }
  *out = self;
  return NACRE_OK;
}

/* --- reading --- */

static int64_t labeled_count(const void *opened) {
  const labeled_source *self = opened;
  return self->rows;
}

static nacre_span labeled_fields(const void *opened) {
  const labeled_source *self = opened;
  nacre_span span = { self->field, self->fields,
                      (uint32_t)sizeof(*self->field) };
  return span;
}

/* out: [n, length] of field 0, [n] of field 1 */
static int labeled_get(const void *opened, uint32_t field,
                       const int64_t *rows, int64_t n, real *out,
                       nacre_fail *fail) {
  const labeled_source *self = opened;
  (void)fail;
  for (int64_t i = 0; i < n && field == 1; i++) {
    out[i] = (real)self->label[rows[i]];
  }
  for (int64_t i = 0; i < n && field == 0; i++) {
    const uint32_t *code = self->code + self->start[rows[i]];
    int64_t count = self->start[rows[i] + 1] - self->start[rows[i]];
    real *to = out + i * self->length;
    for (int64_t j = 0; j < self->length; j++) {
      to[j] = j < count ? (real)code[j] : 0;
    }
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(labeled_cfg, path, "null", NULL, "",
              "A table with a column of texts, or a file with one in each "
              "line; \"-\" is standard input.", NACRE_PARAM_PATH),
  NACRE_PARAM(labeled_cfg, text, "text", NULL, "",
              "The table's column of texts, by name or by number from 0.", 0),
  NACRE_PARAM_AS(labeled_cfg, y, "target", "null", NULL, "",
                 "Its column of classes, by name or by number from 0.", 0),
  NACRE_PARAM(labeled_cfg, classes, "null", NULL, "",
              "In place of a table: a map from classes to files that have a "
              "text of that class in each line.", NACRE_PARAM_PATH),
  NACRE_PARAM(labeled_cfg, directory, "null", NULL, "",
              "In place of a table: a folder, or an archive, that has a "
              "folder for each class with a file NAME.txt for each text.",
              NACRE_PARAM_PATH),
  NACRE_PARAM(labeled_cfg, max_tokens, "null", "[2,16777216]", "",
              "Size of the vocabulary: the most frequent words, and two "
              "numbers for padding and for unknown ones; null: all words.",
              0),
  NACRE_PARAM(labeled_cfg, output_sequence_length, "null", "[1,16777216]",
              "words", "Texts are cut to this length, or filled up with 0; "
              "null: that of the longest training text.", 0),
  NACRE_PARAM(labeled_cfg, standardize, "lower_and_strip_punctuation",
              LABELED_STANDARDIZE, "",
              "What is done to texts at first; lower case and punctuation "
              "are those of ASCII.", 0),
  NACRE_PARAM(labeled_cfg, split, "whitespace", "whitespace|character", "",
              "What stands between the words, or each character is one.", 0),
  NACRE_PARAM(labeled_cfg, format, "auto", "auto|lines|table", "",
              "What 'path' is; auto: a table, but lines when it is to be "
              "predicted and does not end in .csv or .tsv.", 0),
  NACRE_PARAM(labeled_cfg, header, "auto", "auto|true|false", "",
              "Whether the table's first row names its columns; auto: it does "
              "if 'text' or 'y' is a name.", 0),
  NACRE_PARAM(labeled_cfg, delimiter, "null", NULL, "",
              "Stands between its cells: one character, or \"tab\"; null: "
              "\"tab\" for .tsv, else a comma.", 0),
  NACRE_PARAM(labeled_cfg, quote, "null", NULL, "",
              "Stands around cells that hold delimiters; empty: none does; "
              "null: '\"', but none with tabs.", NACRE_PARAM_ADVANCED),
  NACRE_PARAM(labeled_cfg, encoding, "utf-8", TEXT_ENCODINGS, "",
              "How characters are written in the files.", 0),
};

static const nacre_source_ops ops = {
  .size = sizeof(nacre_source_ops),
  .flags = NACRE_SOURCE_ALONE,
  .open = labeled_open,
  .close = labeled_close,
  .count = labeled_count,
  .fields = labeled_fields,
  .read = labeled_get,
  .state = labeled_state,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SOURCE,
  .contract = 1,
  .name = "labeled_text",
  .summary = "Texts and their classes",
  .doc = "x [output_sequence_length] are word numbers as Keras's "
         "TextVectorization gives them: 0 fills up, 1 is every unknown word, "
         "the most frequent word is 2; y is the number of the class, classes "
         "sorted in byte order. Blank lines are left out, except of texts "
         "that are to be predicted, where each line gets an answer.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(labeled_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(labeled_text, component)
