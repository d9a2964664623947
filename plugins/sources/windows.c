/* SPDX-License-Identifier: MIT */
/* windows: a table of measurements in the order of time, as pieces of its
 * past and what followed them, for forecasts. The table is read by the files
 * of the csv source. */
#include "windows.h"

static void windows_close(void *opened) {
  windows_source *self = opened;
  if (self != NULL) {
    const nacre_host *host = self->table.host;
    csv_table_fini(&self->table);
    host->free((void *)self->name);
    host->free(self->x);
    host->free(self->y);
    host->free(self->mean);
    host->free(self->deviation);
    host->free(self);
  }
}

/* --- columns --- */

/* Finds columns by their names, or takes all inputs of the table. */
static int find_columns(windows_source *self, const nacre_strings *names,
                        size_t *list, int64_t *n, nacre_fail *fail) {
  const csv_table *table = &self->table;
  for (int64_t i = 0; i < names->n; i++) {
    size_t found = csv_table_find(table, names->at[i]);
    for (int64_t j = 0; j < *n && found != SIZE_MAX; j++) {
      found = list[j] == found ? SIZE_MAX : found;
    }
    if (found == SIZE_MAX || table->column[found].role != CSV_INPUT) {
      char shown[CSV_CELL_SHOWN + 4];
      fail->fail(fail, table->cfg->path, "column '%s' is not there, or named "
                 "twice, or under 'drop'",
                 csv_cell_show(shown, names->at[i], strlen(names->at[i])));
      return NACRE_ERROR;
    }
    list[(*n)++] = found;
  }
  for (size_t i = 0; names->n == 0 && i < table->inputs; i++) {
    list[(*n)++] = table->input[i];
  }
  return NACRE_OK;
}

/* The table is asked for what 'x' or 'y' names, once each. */
static int name_columns(windows_source *self, const windows_cfg *cfg,
                        nacre_fail *fail) {
  int64_t n = 0;
  if (cfg->x.n == 0) {
    return NACRE_OK; /* all that is not dropped */
  }
  self->name = self->table.host->alloc((size_t)(cfg->x.n + cfg->y.n),
                                       sizeof(*self->name));
  if (self->name == NULL) {
    return sources_no_memory(fail);
  }
  for (int64_t i = 0; i < cfg->x.n; i++) {
    self->name[n++] = cfg->x.at[i];
  }
  for (int64_t i = 0; i < cfg->y.n; i++) {
    bool known = false;
    for (int64_t j = 0; j < cfg->x.n; j++) {
      known = known || strcmp(cfg->x.at[j], cfg->y.at[i]) == 0;
    }
    if (!known) {
      self->name[n++] = cfg->y.at[i];
    }
  }
  self->marks.x = (nacre_strings){ self->name, n };
  return NACRE_OK;
}

/* The terms of a training series are its configuration. */
static int begin(windows_source *self, const windows_cfg *cfg,
                 nacre_fail *fail) {
  if (cfg->history == INT64_MIN) {
    fail->fail(fail, NULL, "'history' is missing: the number of rows that a "
                           "forecast is made from");
    return NACRE_ERROR;
  }
  self->history = cfg->history;
  self->horizon = cfg->horizon != INT64_MIN ? cfg->horizon : 1;
  self->standardize = cfg->standardize;
  if (parts_init(&self->part, &cfg->parts, fail) != NACRE_OK ||
      name_columns(self, cfg, fail) != NACRE_OK ||
      csv_table_begin(&self->table) != NACRE_OK ||
      windows_make_lists(self, fail) != NACRE_OK ||
      find_columns(self, &cfg->x, self->x, &self->n_x, fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return find_columns(self, &cfg->y, self->y, &self->n_y, fail);
}

/* Columns that are only forecast need not be there when they are. */
static void drop_targets(windows_source *self) {
  csv_table *table = &self->table;
  for (int64_t i = 0; i < self->n_y; i++) {
    bool input = false;
    for (int64_t j = 0; j < self->n_x; j++) {
      input = input || self->x[j] == self->y[i];
    }
    if (!input) {
      table->column[self->y[i]].role = CSV_UNUSED;
    }
  }
  size_t n = 0;
  for (size_t i = 0; i < table->inputs; i++) {
    if (table->column[table->input[i]].role == CSV_INPUT) {
      table->input[n++] = table->input[i];
    }
  }
  table->inputs = n;
}

static int begin_from(windows_source *self, const nacre_source_open *open) {
  const windows_cfg *cfg = open->cfg;
  if (windows_state_read(self, open->state, open->fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if ((open->flags & NACRE_OPEN_PREDICT) != 0) {
    drop_targets(self);
  }
  self->history = cfg->history != INT64_MIN ? cfg->history : self->history;
  self->horizon = cfg->horizon != INT64_MIN ? cfg->horizon : self->horizon;
  if (cfg->parts.n > 0 &&
      parts_init(&self->part, &cfg->parts, open->fail) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return csv_table_match(&self->table, false);
}

/* --- values --- */

/* Mean and deviation of a column's rows from begin to end, missing ones left
 * out, by two passes in double. */
static void fit(windows_source *self, size_t i, int64_t begin, int64_t end) {
  const real *at = self->table.column[i].number;
  double sum = 0, squares = 0, n = 0;
  for (int64_t row = begin; row < end; row++) {
    if (!isnan(at[row])) {
      sum += (double)at[row];
      n += 1;
    }
  }
  double mean = n > 0 ? sum / n : 0;
  for (int64_t row = begin; row < end; row++) {
    if (!isnan(at[row])) {
      double off = (double)at[row] - mean;
      squares += off * off;
    }
  }
  self->mean[i] = mean;
  /* A constant column carries nothing, and is left at its 0. */
  self->deviation[i] = squares > 0 ? sqrt(squares / n) : 1;
}

static void scale(windows_source *self, bool training, int64_t begin,
                  int64_t end) {
  for (size_t i = 0; i < self->table.inputs && self->standardize; i++) {
    size_t column = self->table.input[i];
    real *at = self->table.column[column].number;
    if (training) {
      fit(self, column, begin, end);
    }
    for (int64_t row = 0; row < self->table.rows; row++) {
      at[row] = (real)(((double)at[row] - self->mean[column]) /
                       self->deviation[column]);
    }
  }
}

/* Windows forecast rows from begin to end; what they look back on may lie
 * before. To be predicted are those after each piece of history, the last of
 * which ends where the file does. */
static int count_windows(windows_source *self, int64_t begin, int64_t end,
                         bool predict, nacre_fail *fail) {
  int64_t after = predict ? 0 : self->horizon;
  self->first = begin > self->history ? begin - self->history : 0;
  self->end = end;
  int64_t room = end - self->first - self->history - after;
  if (room < 0) {
    fail->fail(fail, self->table.cfg->path, "%lld rows are too few for a "
               "history of %lld and a horizon of %lld",
               (long long)(end - self->first), (long long)self->history,
               (long long)after);
    return NACRE_ERROR;
  }
  self->first += predict ? room % self->stride : 0;
  self->windows = room / self->stride + 1;
  return NACRE_OK;
}

static int load(windows_source *self, const nacre_source_open *open) {
  const windows_cfg *cfg = open->cfg;
  bool predict = (open->flags & NACRE_OPEN_PREDICT) != 0;
  bool training = open->state == NULL;
  int64_t begin_row, end_row;
  self->stride = cfg->stride;
  if ((training ? begin(self, cfg, open->fail) : begin_from(self, open)) !=
        NACRE_OK ||
      csv_columns_learn(&self->table, training) != NACRE_OK ||
      csv_columns_fill(&self->table) != NACRE_OK ||
      parts_find(&self->part, predict ? PARTS_ALL : cfg->part.value,
                 self->table.rows, cfg->path, "rows", open->fail, &begin_row,
                 &end_row) != NACRE_OK) {
    return NACRE_ERROR;
  }
  scale(self, training, begin_row, end_row);
  return count_windows(self, begin_row, end_row, predict, open->fail);
}

static int describe(windows_source *self, nacre_fail *fail) {
  nacre_field *x = &self->field[0], *y = &self->field[1];
  if (self->history > WINDOWS_MOST / self->n_x ||
      self->horizon > WINDOWS_MOST / self->n_y) {
    fail->fail(fail, NULL, "a window has more than %d values", WINDOWS_MOST);
    return NACRE_ERROR;
  }
  x->name = "x";
  x->shape = nacre_shape_2d(self->history, self->n_x);
  y->name = "y";
  y->flags = NACRE_FIELD_TARGET;
  y->shape = nacre_shape_2d(self->horizon, self->n_y);
  if (self->n_y == 1) {
    y->shape.rank = 1;
  } else if (self->horizon == 1) {
    y->shape = nacre_shape_1d(self->n_y);
  }
  return NACRE_OK;
}

static int windows_open(const nacre_source_open *open, void **out) {
  const nacre_host *host = open->host;
  const windows_cfg *cfg = open->cfg;
  nacre_bytes text = { NULL, 0 };
  windows_source *self = host->alloc(1, sizeof(*self));
  if (self == NULL) {
    return sources_no_memory(open->fail);
  }
  self->marks = (csv_cfg){
    .path = cfg->path, .header = cfg->header, .delimiter = cfg->delimiter,
    .quote = cfg->quote, .drop = cfg->drop, .missing = cfg->missing,
    .columns = cfg->columns, .skip_rows = cfg->skip_rows,
    .skip_blank = true, .trim = true, .strip = ""
  };
  self->table.host = host;
  self->table.cfg = &self->marks;
  self->table.fail = open->fail;
  self->table.numeric = true;
  int status = host->read_file(host, cfg->path, 0, open->fail, &text);
  if (status == NACRE_OK) {
    self->table.text = text.at;
    self->table.n = text.n;
    status = load(self, open);
    host->free(text.at);
  }
  if (status == NACRE_OK) {
    status = describe(self, open->fail);
  }
  /* None of these outlives open(). */
  self->table.text = NULL;
  self->table.fail = NULL;
  if (status != NACRE_OK) {
    windows_close(self);
    return NACRE_ERROR;
  }
  *out = self;
  return NACRE_OK;
}

/* --- reading --- */

static int64_t windows_count(const void *opened) {
  const windows_source *self = opened;
  return self->windows;
}

static nacre_span windows_fields(const void *opened) {
  const windows_source *self = opened;
  nacre_span span = { self->field, 2, (uint32_t)sizeof(*self->field) };
  return span;
}

/* out: [n, history, n_x] of field 0, [n, horizon, n_y] of field 1 */
static int windows_read(const void *opened, uint32_t field,
                        const int64_t *rows, int64_t n, real *out,
                        nacre_fail *fail) {
  const windows_source *self = opened;
  const size_t *list = field == 0 ? self->x : self->y;
  int64_t columns = field == 0 ? self->n_x : self->n_y;
  int64_t steps = field == 0 ? self->history : self->horizon;
  for (int64_t i = 0; i < n; i++) {
    int64_t from = self->first + rows[i] * self->stride +
                   (field == 0 ? 0 : self->history);
    if (from + steps > self->end) {
      fail->fail(fail, NULL, "what comes after the last row is not known");
      return NACRE_ERROR;
    }
    for (int64_t c = 0; c < columns; c++) {
      const real *at = self->table.column[list[c]].number;
      if (at == NULL) { /* a target alone, when it is to be predicted */
        fail->fail(fail, NULL, "targets are not read");
        return NACRE_ERROR;
      }
      real *to = out + i * steps * columns + c;
      for (int64_t step = 0; step < steps; step++) {
        to[step * columns] = at[from + step];
      }
    }
  }
  return NACRE_OK;
}

static int64_t windows_overlap(const void *opened) {
  const windows_source *self = opened;
  return (self->history + self->horizon - 1) / self->stride + 1;
}

/* x: [n, horizon, n_y] */
static void windows_restore(const void *opened, uint32_t field, int64_t n,
                            real *x) {
  const windows_source *self = opened;
  int64_t count = n * self->horizon;
  for (int64_t i = 0; i < count && field == 1 && self->standardize; i++) {
    for (int64_t c = 0; c < self->n_y; c++) {
      real *at = &x[i * self->n_y + c];
      *at = (real)((double)*at * self->deviation[self->y[c]] +
                   self->mean[self->y[c]]);
    }
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(windows_cfg, path, NULL, NULL, "",
              "The table, compressed or not, its rows in the order of time; "
              "\"-\" is standard input.", NACRE_PARAM_PATH),
  NACRE_PARAM_AS(windows_cfg, y, "target", "[]", NULL, "",
                 "Columns to forecast, by name or by number from 0; none "
                 "named: those of 'x'.", 0),
  NACRE_PARAM(windows_cfg, x, "[]", NULL, "",
              "Columns to forecast from, in this order; none named: all but "
              "those under 'drop'.", 0),
  NACRE_PARAM(windows_cfg, drop, "[]", NULL, "",
              "Columns that are left out, such as dates.", 0),
  NACRE_PARAM(windows_cfg, history, "null", "[1,16777216]", "rows",
              "How far a forecast looks back; null: as far as in training.",
              0),
  NACRE_PARAM(windows_cfg, horizon, "null", "[1,16777216]", "rows",
              "How far it looks ahead; null: as far as in training, there 1.",
              0),
  NACRE_PARAM(windows_cfg, stride, "1", "[1,16777216]", "rows",
              "From one window to the next.", 0),
  NACRE_PARAM(windows_cfg, part, "all", PARTS_WORDS, "",
              "Which of 'parts' is forecast; what is looked back on may be "
              "before it.", 0),
  NACRE_PARAM(windows_cfg, parts, "[]", "(0,inf)", "",
              "Lengths of the training, validation and test part, one after "
              "the other: below 1 shares of the rows, else numbers of rows; "
              "none given: those of the training series.", 0),
  NACRE_PARAM(windows_cfg, standardize, "false", NULL, "",
              "Scale each column to mean 0 and deviation 1 over the rows of "
              "the training part, as input and as target alike.", 0),
  NACRE_PARAM(windows_cfg, header, "auto", "auto|true|false", "",
              "Whether the first row names the columns; auto: it does if it "
              "has a text above a column of numbers.", 0),
  NACRE_PARAM(windows_cfg, columns, "[]", NULL, "",
              "Names for all columns, in place of a header's.", 0),
  NACRE_PARAM(windows_cfg, missing, "[\"\", \"?\", NA, NaN, nan, \"null\"]",
              NULL, "", "Cells that mean \"no value\".", 0),
  NACRE_PARAM(windows_cfg, delimiter, "','", NULL, "",
              "Stands between cells: one character, or \"tab\".", 0),
  NACRE_PARAM(windows_cfg, quote, "'\"'", NULL, "",
              "Stands around cells that hold delimiters; empty: none does.",
              NACRE_PARAM_ADVANCED),
  NACRE_PARAM(windows_cfg, skip_rows, "0", "[0,inf)", "lines",
              "Lines before the first row.", 0),
};

static const nacre_source_ops ops = {
  .size = sizeof(nacre_source_ops),
  .flags = NACRE_SOURCE_ALONE,
  .open = windows_open,
  .close = windows_close,
  .count = windows_count,
  .fields = windows_fields,
  .read = windows_read,
  .state = windows_state,
  .overlap = windows_overlap,
  .restore = windows_restore,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SOURCE,
  .contract = 1,
  .name = "windows",
  .summary = "Windows over a series of measurements, for forecasts",
  .doc = "x [history, columns of x] are rows of a table, y the rows of the "
         "columns of y that follow them: [horizon] for one column, else "
         "[horizon, columns], or [columns] for a horizon of 1. With "
         "'standardize' losses and metrics are those of scaled values, as "
         "the literature gives them; predictions are in the table's own "
         "units. To predict is what follows each piece of history in a file, "
         "the last of which ends with it.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(windows_cfg),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(windows, component)
