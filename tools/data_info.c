/* SPDX-License-Identifier: MIT */
/* data_info: what the data are, as their source gives them. */
#include "data.h"
#include "table.h"

#include "train/samples.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define PARTS 3
#define BLOCK_NUMBERS ((int64_t)1 << 18)
#define CLASSES_SHOWN 40 /* in text; JSON has all */

static const char *const part_names[PARTS] = { "train", "validation",
                                               "test" };

/* Of one field in one part. */
typedef struct facts {
  int64_t missing, count; /* values that are there */
  double least, most, mean, squares;
  int64_t *classes;       /* [classes]; NULL: no index field */
} facts;

typedef struct survey {
  nacre_samples samples;
  const nacre_split *split[PARTS];
  facts *facts; /* [PARTS, fields] */
  int fields;
} survey;

static facts *facts_of(const survey *self, int part, int field) {
  return &self->facts[part * self->fields + field];
}

/* By Welford's method, which loses nothing where the mean is large. */
static void add_value(facts *to, const nacre_field *field, double value) {
  if (isnan(value)) {
    to->missing++;
    return;
  }
  to->least = to->count == 0 || value < to->least ? value : to->least;
  to->most = to->count == 0 || value > to->most ? value : to->most;
  to->count++;
  double before = value - to->mean;
  to->mean += before / (double)to->count;
  to->squares += before * (value - to->mean);
  if (to->classes != NULL && value >= 0 && value < (double)field->classes) {
    to->classes[(int64_t)value]++;
  }
}

static int read_field(survey *self, int part, int index, nacre_error *error) {
  const nacre_split *split = self->split[part];
  const nacre_dataset *set = split->set;
  const nacre_field *field = &set->field[index];
  facts *to = facts_of(self, part, index);
  int64_t count = nacre_shape_count(&field->shape);
  int64_t block = BLOCK_NUMBERS / count < 1 ? 1 : BLOCK_NUMBERS / count;
  nacre_place place = nacre_node_place(set->choice->node);
  nacre_error_fail fail;
  nacre_fail *failing =
    nacre_error_fail_init(&fail, error, NACRE_EDATA, &place);
  real *values = nacre_alloc((size_t)block, (size_t)count * sizeof(real));
  int64_t *rows = nacre_alloc((size_t)block, sizeof(*rows));
  bool counts =
    (field->flags & NACRE_FIELD_INDEX) != 0 && field->classes > 0;
  to->classes = counts ? nacre_alloc((size_t)field->classes,
                                     sizeof(*to->classes)) : NULL;
  int status =
    values != NULL && rows != NULL && (!counts || to->classes != NULL)
      ? NACRE_OK : nacre_no_memory(error);
  for (int64_t at = 0; at < split->n && status == NACRE_OK; at += block) {
    int64_t n = split->n - at < block ? split->n - at : block;
    for (int64_t i = 0; i < n; i++) {
      rows[i] = split->row != NULL ? split->row[at + i] : at + i;
    }
    status = set->ops->read(set->self, (uint32_t)index, rows, n, values,
                            failing);
    for (int64_t i = 0; i < n * count && status == NACRE_OK; i++) {
      add_value(to, field, (double)values[i]);
    }
  }
  nacre_free(values);
  nacre_free(rows);
  return status;
}

static int open_survey(survey *self, nacre_experiment *experiment) {
  nacre_error *error = experiment->error;
  if (nacre_samples_open(&self->samples, experiment,
                         NACRE_PART_VALIDATION | NACRE_PART_TEST) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  self->split[0] = &self->samples.train;
  self->split[1] = &self->samples.validation;
  self->split[2] = &self->samples.test;
  self->fields = self->samples.set[0].n_fields;
  self->facts =
    nacre_alloc((size_t)self->fields * PARTS + 1, sizeof(*self->facts));
  if (self->facts == NULL) {
    return nacre_no_memory(error);
  }
  for (int part = 0; part < PARTS; part++) {
    for (int i = 0; i < self->fields && self->split[part]->n > 0; i++) {
      /* A test file need not have all that the training file has. */
      if (i < self->split[part]->set->n_fields &&
          read_field(self, part, i, error) != NACRE_OK) {
        return NACRE_ERROR;
      }
    }
  }
  return NACRE_OK;
}

static void close_survey(survey *self) {
  for (int i = 0; self->facts != NULL && i < PARTS * self->fields; i++) {
    nacre_free(self->facts[i].classes);
  }
  nacre_free(self->facts);
  nacre_samples_close(&self->samples);
}

static const char *role_of(const nacre_field *field) {
  return (field->flags & NACRE_FIELD_GROUP) != 0    ? "group"
         : (field->flags & NACRE_FIELD_TARGET) != 0 ? "target"
                                                    : "input";
}

static double deviation_of(const facts *of) {
  return of->count > 0 ? sqrt(of->squares / (double)of->count) : 0;
}

/* Text. */

static void print_field(table *to, const survey *self, int part, int index) {
  const nacre_field *field = &self->samples.set[0].field[index];
  const facts *of = facts_of(self, part, index);
  char shape[160];
  cli_shape(&field->shape, NULL, shape);
  table_cell(to, "%s", part_names[part]);
  table_cell(to, "%" PRId64, self->split[part]->n);
  table_cell(to, "%s", field->name);
  table_cell(to, "%s", role_of(field));
  table_cell(to, "%s", shape);
  if (of->count == 0) {
    for (int i = 0; i < 4; i++) {
      table_cell(to, "-");
    }
  } else {
    table_cell(to, "%.6g", of->least);
    table_cell(to, "%.6g", of->most);
    table_cell(to, "%.6g", of->mean);
    table_cell(to, "%.6g", deviation_of(of));
  }
  table_cell(to, "%" PRId64, of->missing);
}

static void print_classes(const survey *self, int index) {
  const nacre_field *field = &self->samples.set[0].field[index];
  static const char *const head[] = { "class", "train", "validation",
                                      "test" };
  table classes = { .align = "lrrr", .head = head, .indent = "  " };
  int64_t shown =
    field->classes < CLASSES_SHOWN ? field->classes : CLASSES_SHOWN;
  if (facts_of(self, 0, index)->classes == NULL) {
    return;
  }
  printf("\n%s: %" PRId64 " classes\n", field->name, field->classes);
  for (int64_t i = 0; i < shown; i++) {
    if (field->class_names != NULL) {
      table_cell(&classes, "%s", field->class_names[i]);
    } else {
      table_cell(&classes, "%" PRId64, i);
    }
    for (int part = 0; part < PARTS; part++) {
      const facts *of = facts_of(self, part, index);
      if (of->classes != NULL) {
        table_cell(&classes, "%" PRId64, of->classes[i]);
      } else {
        table_cell(&classes, "-");
      }
    }
  }
  table_print(&classes);
  if (shown < field->classes) {
    printf("  and %" PRId64 " more, printed by --json\n",
           field->classes - shown);
  }
}

static void print_text(const survey *self) {
  static const char *const head[] = { "part", "samples", "field", "role",
                                      "shape", "least", "most", "mean",
                                      "deviation", "missing" };
  table fields = { .align = "lrlllrrrrr", .head = head };
  for (int part = 0; part < PARTS; part++) {
    for (int i = 0; i < self->fields && self->split[part]->n > 0; i++) {
      print_field(&fields, self, part, i);
    }
  }
  table_print(&fields);
  for (int i = 0; i < self->fields; i++) {
    print_classes(self, i);
  }
  for (int i = 0; i < self->samples.n_pipes; i++) {
    const nacre_pipe *pipe = &self->samples.pipe[i];
    char shape[160];
    if (!nacre_shape_equal(&pipe->shape, &pipe->field.shape)) {
      cli_shape(&pipe->shape, NULL, shape);
      printf("\n%s is %s after its transforms\n", pipe->field.name, shape);
    }
  }
}

/* JSON. */

static void print_number(const char *key, double value) {
  printf(", \"%s\": ", key);
  cli_json_number(value);
}

static void print_json_field(const survey *self, int part, int index) {
  const nacre_field *field = &self->samples.set[0].field[index];
  const facts *of = facts_of(self, part, index);
  char shape[160];
  cli_shape(&field->shape, NULL, shape);
  printf("{\"name\": ");
  cli_json_text(field->name);
  printf(", \"role\": \"%s\", \"shape\": %s", role_of(field), shape);
  double none = (double)NAN;
  print_number("least", of->count > 0 ? of->least : none);
  print_number("most", of->count > 0 ? of->most : none);
  print_number("mean", of->count > 0 ? of->mean : none);
  print_number("deviation", of->count > 0 ? deviation_of(of) : none);
  printf(", \"missing\": %" PRId64 ", \"classes\": ", of->missing);
  if (of->classes == NULL) {
    printf("null}");
    return;
  }
  printf("[");
  for (int64_t i = 0; i < field->classes; i++) {
    char number[32];
    snprintf(number, sizeof(number), "%" PRId64, i);
    printf("%s{\"name\": ", i > 0 ? ", " : "");
    cli_json_text(field->class_names != NULL ? field->class_names[i]
                                             : number);
    printf(", \"samples\": %" PRId64 "}", of->classes[i]);
  }
  printf("]}");
}

static void print_json(const survey *self) {
  bool first = true;
  printf("{\"parts\": [");
  for (int part = 0; part < PARTS; part++) {
    if (self->split[part]->n == 0) {
      continue;
    }
    printf("%s\n  {\"name\": \"%s\", \"samples\": %" PRId64 ", \"fields\": [",
           first ? "" : ",", part_names[part], self->split[part]->n);
    first = false;
    for (int i = 0; i < self->fields; i++) {
      printf("%s\n    ", i > 0 ? "," : "");
      print_json_field(self, part, i);
    }
    printf("]}");
  }
  printf("],\n  \"transformed\": {");
  for (int i = 0; i < self->samples.n_pipes; i++) {
    char shape[160];
    cli_shape(&self->samples.pipe[i].shape, NULL, shape);
    printf("%s", i > 0 ? ", " : "");
    cli_json_text(self->samples.pipe[i].field.name);
    printf(": %s", shape);
  }
  printf("}}\n");
}

int data_info(const cli_args *args, cli_session *session) {
  survey self = { .facts = NULL };
  int status = open_survey(&self, &session->experiment);
  if (status == NACRE_OK && args->json) {
    print_json(&self);
  } else if (status == NACRE_OK) {
    print_text(&self);
  }
  close_survey(&self);
  return status;
}
