/* SPDX-License-Identifier: MIT */
/* csv: a table of text. Columns of numbers are taken as they are; columns of
 * texts are categories, one-hot or by index. What a training file taught,
 * its columns and their categories, is kept as the source's state, so that a
 * test file and later predictions are encoded alike.
 *
 * csv_parse.c cuts the text, csv_table.c knows the columns, csv_column.c
 * fills them, csv_state.c keeps what was learned. */
#include "csv.h"

#include <math.h>
#include <string.h>

/* Above this a real of single precision no longer tells neighbours apart. */
#define INDEX_LIMIT ((real)16777216)

typedef struct csv_source {
  csv_table table;
  nacre_field field[2 + CSV_GROUPS]; /* x, y, groups */
  uint32_t fields;
} csv_source;

static int64_t column_width(const csv_table *table, const csv_column *column) {
  return column->categorical && table->onehot ? column->categories.n : 1;
}

/* Whole numbers, none negative, may be classes. How many there are is
 * believed if there could be a row of each: prices may be whole, too. */
static void find_classes(nacre_field *field, const real *at, int64_t n) {
  real top = -1;
  for (int64_t i = 0; i < n; i++) {
    if (!(at[i] >= 0 && at[i] < INDEX_LIMIT) || at[i] != (real)floor(at[i])) {
      return;
    }
    top = at[i] > top ? at[i] : top;
  }
  field->flags |= NACRE_FIELD_INDEX;
  field->classes = top < (real)n ? (int64_t)top + 1 : 0;
}

static int describe_input(csv_source *self, nacre_fail *fail) {
  const csv_table *table = &self->table;
  int64_t width = 0, classes = 0;
  bool index = !table->onehot;
  for (size_t i = 0; i < table->inputs; i++) {
    const csv_column *column = &table->column[table->input[i]];
    width += column_width(table, column);
    index = index && column->categorical;
    if (column->categories.n + 1 > classes) {
      classes = column->categories.n + 1;
    }
  }
  if (width == 0) {
    fail->fail(fail, table->cfg->path,
               "the columns of 'x' are missing in every row");
    return NACRE_ERROR;
  }
  self->field[0].name = "x";
  self->field[0].shape = nacre_shape_1d(width);
  self->field[0].flags = index ? NACRE_FIELD_INDEX : 0;
  self->field[0].classes = index ? classes : 0;
  self->fields = 1;
  return NACRE_OK;
}

/* One target is a scalar, several are a vector. One that is not read is
 * described all the same: its class names are those of predictions. */
static void describe_target(csv_source *self) {
  const csv_table *table = &self->table;
  nacre_field *field = &self->field[1];
  size_t targets = table->targets + table->unread;
  if (targets == 0) {
    return;
  }
  field->name = "y";
  field->flags = NACRE_FIELD_TARGET;
  field->shape = nacre_shape_1d((int64_t)targets);
  self->fields = 2;
  if (targets > 1) {
    return;
  }
  field->shape.rank = 0;
  const csv_column *column = &table->column[table->target[0]];
  if (column->categorical) {
    field->flags |= NACRE_FIELD_INDEX;
    field->classes = column->categories.n;
    field->class_names = (const char *const *)column->categories.text;
  } else if (table->unread == 0) {
    find_classes(field, column->number, table->rows);
  }
}

/* A model that was trained on other than CSV files has no categories, and
 * codes made up for this file would mean nothing to it. */
static void expect_numbers(csv_table *table) {
  for (size_t i = 0; i < table->columns; i++) {
    csv_column *column = &table->column[i];
    column->fixed = column->role == CSV_INPUT && !column->declared;
  }
}

static void describe_groups(csv_source *self) {
  const csv_table *table = &self->table;
  for (size_t i = 0; i < table->groups; i++) {
    const csv_column *column = &table->column[table->group[i]];
    nacre_field *field = &self->field[self->fields++];
    field->name = column->name;
    field->flags = NACRE_FIELD_GROUP | NACRE_FIELD_INDEX;
    field->classes = column->categories.n;
    field->class_names = (const char *const *)column->categories.text;
  }
}

static int load(csv_source *self, const nacre_source_open *open) {
  csv_table *table = &self->table;
  bool predict = (open->flags & NACRE_OPEN_PREDICT) != 0;
  bool training = open->state == NULL;
  int status = training ? csv_table_begin(table)
                        : csv_state_read(table, open->state);
  if (status == NACRE_OK && !training) {
    status = csv_table_match(table, predict);
  } else if (status == NACRE_OK && predict) {
    expect_numbers(table);
  }
  if (status == NACRE_OK) {
    status = csv_columns_learn(table, training);
  }
  if (status == NACRE_OK) {
    status = csv_columns_fill(table);
  }
  if (status == NACRE_OK) {
    status = describe_input(self, open->fail);
  }
  if (status == NACRE_OK) {
    describe_target(self);
    describe_groups(self);
  }
  return status;
}

static void csv_close(void *opened) {
  csv_source *self = opened;
  if (self != NULL) {
    const nacre_host *host = self->table.host;
    csv_table_fini(&self->table);
    host->free(self);
  }
}

static int csv_open(const nacre_source_open *open, void **out) {
  const csv_cfg *cfg = open->cfg;
  const nacre_host *host = open->host;
  csv_source *self = host->alloc(1, sizeof(*self));
  if (self == NULL) {
    return sources_no_memory(open->fail);
  }
  nacre_bytes text = { NULL, 0 };
  int status = host->read_file(host, cfg->path, 0, open->fail, &text);
  self->table.host = host;
  self->table.cfg = cfg;
  self->table.fail = open->fail;
  self->table.text = text.at;
  self->table.n = text.n;
  self->table.onehot = cfg->encoding.value == CSV_ENCODING_ONEHOT;
  if (status == NACRE_OK) {
    status = load(self, open);
    host->free(text.at);
  }
  /* Neither outlives open(). */
  self->table.text = NULL;
  self->table.fail = NULL;
  if (status != NACRE_OK) {
    csv_close(self);
    return NACRE_ERROR;
  }
  *out = self;
  return NACRE_OK;
}

static int64_t csv_count(const void *opened) {
  const csv_source *self = opened;
  return self->table.rows;
}

static nacre_span csv_fields(const void *opened) {
  const csv_source *self = opened;
  nacre_span span = { self->field, self->fields,
                      (uint32_t)sizeof(*self->field) };
  return span;
}

/* One sample's inputs; out: [width] */
static void read_input(const csv_table *table, int64_t row, real *out) {
  for (size_t i = 0; i < table->inputs; i++) {
    const csv_column *column = &table->column[table->input[i]];
    if (!column->categorical) {
      *out++ = column->number[row];
    } else if (!table->onehot) {
      *out++ = (real)(column->code[row] + 1); /* 0: missing or unknown */
    } else {
      memset(out, 0, (size_t)column->categories.n * sizeof(*out));
      if (column->code[row] >= 0) {
        out[column->code[row]] = 1;
      }
      out += column->categories.n;
    }
  }
}

/* One sample's targets; out: [targets] */
static void read_target(const csv_table *table, int64_t row, real *out) {
  for (size_t i = 0; i < table->targets; i++) {
    const csv_column *column = &table->column[table->target[i]];
    out[i] = column->categorical ? (real)column->code[row]
                                 : column->number[row];
  }
}

/* Groups come last, in their order. out: [n] */
static void read_group(const csv_source *self, uint32_t field,
                       const int64_t *rows, int64_t n, real *out) {
  const csv_table *table = &self->table;
  size_t i = field - (self->fields - table->groups);
  const int32_t *code = table->column[table->group[i]].code;
  for (int64_t row = 0; row < n; row++) {
    out[row] = (real)code[rows[row]];
  }
}

/* out: [n, field.shape] */
static int csv_read(const void *opened, uint32_t field, const int64_t *rows,
                    int64_t n, real *out, nacre_fail *fail) {
  const csv_source *self = opened;
  int64_t width = nacre_shape_count(&self->field[field].shape);
  (void)fail;
  if ((self->field[field].flags & NACRE_FIELD_GROUP) != 0) {
    read_group(self, field, rows, n, out);
    return NACRE_OK;
  }
  for (int64_t i = 0; i < n; i++) {
    if (field == 0) {
      read_input(&self->table, rows[i], out + i * width);
    } else {
      read_target(&self->table, rows[i], out + i * width);
    }
  }
  return NACRE_OK;
}

static int csv_state(const void *opened, const nacre_host *host,
                     nacre_bytes *out) {
  const csv_source *self = opened;
  return csv_state_write(&self->table, host, out);
}

static const nacre_param params[] = {
  NACRE_PARAM(csv_cfg, path, NULL, NULL, "",
              "The file, compressed or not; \"-\" is standard input.",
              NACRE_PARAM_PATH),
  NACRE_PARAM_AS(csv_cfg, y, "target", "[]", NULL, "",
                 "Target columns, by name or by number from 0.", 0),
  NACRE_PARAM(csv_cfg, x, "[]", NULL, "",
              "Input columns in this order; none named: all but the targets "
              "and what is dropped.", 0),
  NACRE_PARAM(csv_cfg, group, "[]", NULL, "",
              "Columns that tell which samples belong together: splits can "
              "go by them. They are no inputs.", 0),
  NACRE_PARAM(csv_cfg, drop, "[]", NULL, "",
              "Columns that are left out when 'x' names none.", 0),
  NACRE_PARAM(csv_cfg, header, "auto", "auto|true|false", "",
              "Whether the first row names the columns; auto: it does if it "
              "has a text above a column of numbers.", 0),
  NACRE_PARAM(csv_cfg, columns, "[]", NULL, "",
              "Names for all columns, in place of a header's.", 0),
  NACRE_PARAM(csv_cfg, categorical, "[]", NULL, "",
              "Columns whose cells are categories even where they look like "
              "numbers; none named: the columns of texts.", 0),
  NACRE_PARAM(csv_cfg, encoding, "onehot", "onehot|index", "",
              "Categories as vectors with a single 1, all 0 for a missing or "
              "unknown one; or as numbers from 1, and 0 for these.", 0),
  NACRE_PARAM(csv_cfg, missing, "[\"\", \"?\", NA, NaN, nan, \"null\"]", NULL,
              "", "Cells that mean \"no value\".", 0),
  NACRE_PARAM(csv_cfg, drop_missing_target, "false", NULL, "",
              "Leave out rows whose target is missing; else they are an "
              "error.", 0),
  NACRE_PARAM(csv_cfg, delimiter, "','", NULL, "",
              "Stands between cells: one character, or \"tab\".", 0),
  NACRE_PARAM(csv_cfg, quote, "'\"'", NULL, "",
              "Stands around cells that hold delimiters; empty: none does.",
              NACRE_PARAM_ADVANCED),
  NACRE_PARAM(csv_cfg, trim, "true", NULL, "",
              "Ignore spaces and tabs around cells.", NACRE_PARAM_ADVANCED),
  NACRE_PARAM(csv_cfg, strip, "''", NULL, "",
              "Characters to take off both ends of texts, such as \".\".",
              NACRE_PARAM_ADVANCED),
  NACRE_PARAM(csv_cfg, skip_rows, "0", "[0,inf)", "lines",
              "Lines before the first row.", 0),
  NACRE_PARAM(csv_cfg, skip_blank, "true", NULL, "",
              "Ignore lines with nothing on them.", NACRE_PARAM_ADVANCED),
};

static const nacre_source_ops ops = {
  .size = sizeof(nacre_source_ops),
  .open = csv_open,
  .close = csv_close,
  .count = csv_count,
  .fields = csv_fields,
  .read = csv_read,
  .state = csv_state,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SOURCE,
  .contract = 1,
  .name = "csv",
  .summary = "Tables of text, with categories and missing values",
  .doc = "Reads RFC 4180: quoted cells, doubled quotes, LF or CRLF, UTF-8 "
         "with or without a byte order mark. Inputs become one vector per "
         "row: numbers as they are, NaN where one is missing, categories "
         "encoded. A target of texts becomes the index of its class, classes "
         "sorted in byte order; a target of numbers stays as it is. One "
         "target is a scalar, several are a vector. In files opened after "
         "the training file, columns are found by name where there are "
         "names, else by position, and encoded as they were in training.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(csv_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(csv, component)
