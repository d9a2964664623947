/* SPDX-License-Identifier: MIT */
/* split_groups: parts of whole groups: all samples of a speaker, all frames
 * of a track. Samples of one group are alike, and a network that has seen
 * some of them is not tested by the others. */
#include "run/split.h"

#include "base/random.h"
#include "yaml/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define READ_BLOCK 1024

/* A free row, and later a group of them. */
typedef struct member {
  int64_t row;
  int64_t group;  /* one number for the values of all group fields */
  int64_t class;  /* 0 where there are none */
} member;

typedef struct group {
  int64_t begin, size; /* of the members, sorted by group */
  int64_t class;
  int64_t place;       /* in the order that groups are considered */
  int64_t fold;
} group;

typedef struct splitter {
  const nacre_dataset *set;
  const nacre_split_cfg *cfg;
  nacre_params_ctx *ctx;
  member *member;      /* [n] free rows */
  int64_t n;
  group *group;        /* [groups] */
  int64_t groups;
  int64_t *order;      /* [groups] */
  const unsigned char *taken;
  uint64_t seed;
} splitter;

/* --- fields and their values --- */

/* The i-th item of a key that takes one text or a list of them. */
static const nacre_node *item_of(const splitter *self, const char *key,
                                 int64_t i) {
  const nacre_node *node =
    self->cfg->node != NULL ? nacre_node_peek(self->cfg->node, key) : NULL;
  const nacre_node *item = node != NULL && node->kind == NACRE_NODE_LIST
    ? nacre_node_at(node, (int)i) : node;
  return item != NULL ? item : self->set->choice->node;
}

/* Groups are fields of groups, or targets that are classes. */
static bool is_group(const nacre_field *field) {
  return (field->flags & NACRE_FIELD_INDEX) != 0 && field->classes > 0 &&
         field->class_names != NULL &&
         nacre_shape_count(&field->shape) == 1 &&
         (field->flags & (NACRE_FIELD_GROUP | NACRE_FIELD_TARGET)) != 0;
}

static int fail_field(const splitter *self, int64_t i) {
  const nacre_dataset *set = self->set;
  const char *name = self->cfg->group.at[i];
  const char **names =
    nacre_alloc((size_t)set->n_fields + 1, sizeof(*names));
  int n = 0;
  nacre_report(self->ctx->error, item_of(self, "group", i), NACRE_EDATA,
               "the data has no groups called '%s'", name);
  for (int f = 0; names != NULL && f < set->n_fields; f++) {
    if (is_group(&set->field[f])) {
      names[n++] = set->field[f].name;
    }
  }
  const char *near = n > 0 ? nacre_nearest(name, names, n) : NULL;
  if (near != NULL) {
    nacre_error_hint(self->ctx->error, "did you mean '%s'?", near);
  } else if (n > 0) {
    nacre_error_hint(self->ctx->error, "there is '%s'%s", names[0],
                     n > 1 ? ", among others" : "");
  } else {
    nacre_error_hint(self->ctx->error,
                     "data source '%s' is told of groups by its parameters",
                     set->choice->component->name);
  }
  nacre_free(names);
  return NACRE_ERROR;
}

static int find_field(const splitter *self, int64_t i) {
  for (int f = 0; f < self->set->n_fields; f++) {
    const nacre_field *field = &self->set->field[f];
    if (is_group(field) && strcmp(field->name, self->cfg->group.at[i]) == 0) {
      return f;
    }
  }
  return fail_field(self, i);
}

/* Values of a field of whole numbers at the members' rows, times `times`,
 * are added to their groups, or are their classes. */
static int read_values(const splitter *self, int field, bool classes) {
  const nacre_dataset *set = self->set;
  nacre_place place = nacre_node_place(set->choice->node);
  nacre_error_fail fail;
  nacre_fail *to =
    nacre_error_fail_init(&fail, self->ctx->error, NACRE_EDATA, &place);
  int64_t rows[READ_BLOCK];
  real value[READ_BLOCK];
  int64_t times = set->field[field].classes;
  for (int64_t at = 0; at < self->n; at += READ_BLOCK) {
    int64_t n = self->n - at < READ_BLOCK ? self->n - at : READ_BLOCK;
    for (int64_t i = 0; i < n; i++) {
      rows[i] = self->member[at + i].row;
    }
    if (set->ops->read(set->self, (uint32_t)field, rows, n, value, to) !=
        NACRE_OK) {
      return NACRE_ERROR;
    }
    for (int64_t i = 0; i < n; i++) {
      member *one = &self->member[at + i];
      int64_t number = (int64_t)value[i];
      if (classes) {
        one->class = number;
      } else if (!nacre_int_mul(one->group, times, &one->group) ||
                 !nacre_int_add(one->group, number, &one->group)) {
        return nacre_report(self->ctx->error, item_of(self, "group", 0),
                            NACRE_ELIMIT, "more groups than can be counted");
      }
    }
  }
  return NACRE_OK;
}

static int list_members(splitter *self) {
  const nacre_dataset *set = self->set;
  self->member = nacre_alloc((size_t)set->count, sizeof(*self->member));
  if (self->member == NULL) {
    return nacre_no_memory(self->ctx->error);
  }
  for (int64_t i = 0; i < set->count; i++) {
    if (self->taken[i] == 0) {
      self->member[self->n++].row = i;
    }
  }
  for (int64_t i = 0; i < self->cfg->group.n; i++) {
    int field = find_field(self, i);
    if (field < 0 || read_values(self, field, false) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  if (!self->cfg->stratify) {
    return NACRE_OK;
  }
  int classes = nacre_split_classes(set, self->cfg->node, self->ctx);
  return classes < 0 ? NACRE_ERROR : read_values(self, classes, true);
}

/* --- groups by name --- */

static int find_value(const splitter *self, const nacre_field *field,
                      int64_t i, int64_t *out) {
  const char *text = self->cfg->hold.at[i];
  for (int64_t c = 0; c < field->classes; c++) {
    if (strcmp(field->class_names[c], text) == 0) {
      *out = c;
      return NACRE_OK;
    }
  }
  nacre_report(self->ctx->error, item_of(self, "hold", i), NACRE_EDATA,
               "no sample has %s '%s'", field->name, text);
  const char *near = field->classes <= INT32_MAX
    ? nacre_nearest(text, field->class_names, (int)field->classes) : NULL;
  if (near != NULL) {
    nacre_error_hint(self->ctx->error, "did you mean '%s'?", near);
  } else {
    nacre_error_hint(self->ctx->error, "there are %lld: '%s' to '%s'",
                     (long long)field->classes, field->class_names[0],
                     field->class_names[field->classes - 1]);
  }
  return NACRE_ERROR;
}

static int take_named(const splitter *self, int64_t *rows, int64_t *n) {
  const nacre_field *field = &self->set->field[find_field(self, 0)];
  unsigned char *held = nacre_alloc((size_t)field->classes, 1);
  int status = held != NULL ? NACRE_OK : nacre_no_memory(self->ctx->error);
  for (int64_t i = 0; i < self->cfg->hold.n && held != NULL; i++) {
    int64_t value;
    if (find_value(self, field, i, &value) != NACRE_OK) {
      status = NACRE_ERROR;
    } else {
      held[value] = 1;
    }
  }
  for (int64_t i = 0; i < self->n && status == NACRE_OK; i++) {
    if (held[self->member[i].group] != 0) {
      rows[(*n)++] = self->member[i].row;
    }
  }
  nacre_free(held);
  return status;
}

/* --- groups by size --- */

static int by_group(const void *a, const void *b) {
  const member *x = a, *y = b;
  if (x->group != y->group) {
    return x->group < y->group ? -1 : 1;
  }
  return x->row < y->row ? -1 : x->row > y->row;
}

static int fail_classes(const splitter *self) {
  const nacre_node *node = nacre_node_peek(self->cfg->node, "stratify");
  return nacre_report(self->ctx->error,
                      node != NULL ? node : self->cfg->node, NACRE_EDATA,
                      "a group has samples of several classes, which cannot "
                      "be stratified");
}

static int gather_groups(splitter *self) {
  qsort(self->member, (size_t)self->n, sizeof(*self->member), by_group);
  self->group = nacre_alloc((size_t)self->n + 1, sizeof(*self->group));
  self->order = nacre_alloc((size_t)self->n + 1, sizeof(*self->order));
  if (self->group == NULL || self->order == NULL) {
    return nacre_no_memory(self->ctx->error);
  }
  for (int64_t i = 0; i < self->n; i++) {
    const member *one = &self->member[i];
    if (i == 0 || one[-1].group != one->group) {
      self->group[self->groups] =
        (group){ .begin = i, .class = one->class };
      self->order[self->groups] = self->groups;
      self->groups++;
    }
    group *last = &self->group[self->groups - 1];
    last->size++;
    if (last->class != one->class) {
      return fail_classes(self);
    }
  }
  return NACRE_OK;
}

/* Groups in the order of their values stand in the order of their texts,
 * which is the order of nothing: shuffled, or the last to appear first. */
static void place_groups(splitter *self) {
  if (self->cfg->shuffle) {
    nacre_random_shuffle(nacre_key_make(self->seed, "split", NACRE_TAG_SPLIT),
                         self->groups, self->order);
    for (int64_t i = 0; i < self->groups; i++) {
      self->group[self->order[i]].place = i;
    }
    return;
  }
  for (int64_t i = 0; i < self->groups; i++) {
    group *one = &self->group[i];
    one->place = -self->member[one->begin].row;
  }
}

static int by_place(const void *a, const void *b) {
  const group *x = a, *y = b;
  if (x->class != y->class) {
    return x->class < y->class ? -1 : 1;
  }
  return x->place < y->place ? -1 : x->place > y->place;
}

static int by_size(const void *a, const void *b) {
  const group *x = a, *y = b;
  if (x->class != y->class || x->size == y->size) {
    return by_place(a, b);
  }
  return x->size > y->size ? -1 : 1;
}

static int64_t class_end(const splitter *self, int64_t begin,
                         int64_t *size) {
  int64_t end = begin;
  *size = 0;
  while (end < self->groups &&
         self->group[end].class == self->group[begin].class) {
    *size += self->group[end++].size;
  }
  return end;
}

/* A group is taken where that brings the part nearer to its share. */
static void choose_fraction(const splitter *self) {
  double due = 0, given = 0;
  double fraction =
    self->cfg->fraction * (double)self->set->count / (double)self->n;
  qsort(self->group, (size_t)self->groups, sizeof(*self->group), by_place);
  for (int64_t begin = 0, end; begin < self->groups; begin = end) {
    int64_t size;
    end = class_end(self, begin, &size);
    due += fraction * (double)size;
    for (int64_t i = begin; i < end; i++) {
      double more = (double)self->group[i].size;
      bool nearer = fabs(given + more - due) < fabs(given - due);
      given += nearer ? more : 0;
      self->group[i].fold = nearer ? 0 : 1;
    }
  }
}

/* The largest group first, each to the fold that has the fewest rows of its
 * class, and of these to the smallest. */
static int choose_fold(const splitter *self) {
  const nacre_split_cfg *cfg = self->cfg;
  if (self->groups < cfg->folds) {
    return nacre_report(self->ctx->error, nacre_node_peek(cfg->node, "folds"),
                        NACRE_EDATA, "there are only %lld groups for %lld "
                                     "folds", (long long)self->groups,
                        (long long)cfg->folds);
  }
  int64_t *rows = nacre_alloc((size_t)cfg->folds, 2 * sizeof(*rows));
  if (rows == NULL) {
    return nacre_no_memory(self->ctx->error);
  }
  int64_t *of_class = rows + cfg->folds;
  qsort(self->group, (size_t)self->groups, sizeof(*self->group), by_size);
  for (int64_t i = 0; i < self->groups; i++) {
    group *one = &self->group[i];
    if (i > 0 && one[-1].class != one->class) {
      memset(of_class, 0, (size_t)cfg->folds * sizeof(*of_class));
    }
    int64_t best = 0;
    for (int64_t fold = 1; fold < cfg->folds; fold++) {
      bool fewer = of_class[fold] < of_class[best] ||
                   (of_class[fold] == of_class[best] &&
                    rows[fold] < rows[best]);
      best = fewer ? fold : best;
    }
    one->fold = best == cfg->fold ? 0 : 1;
    rows[best] += one->size;
    of_class[best] += one->size;
  }
  nacre_free(rows);
  return NACRE_OK;
}

static int take_sized(splitter *self, int64_t *rows, int64_t *n) {
  if (gather_groups(self) != NACRE_OK) {
    return NACRE_ERROR;
  }
  place_groups(self);
  if (self->cfg->folds == 0) {
    choose_fraction(self);
  } else if (choose_fold(self) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int64_t i = 0; i < self->groups; i++) {
    const group *one = &self->group[i];
    for (int64_t m = 0; m < one->size && one->fold == 0; m++) {
      rows[(*n)++] = self->member[one->begin + m].row;
    }
  }
  return NACRE_OK;
}

int nacre_split_groups(const nacre_dataset *set, const nacre_split_cfg *cfg,
                       uint64_t seed, const unsigned char *taken,
                       nacre_params_ctx *ctx, int64_t *rows, int64_t *n) {
  splitter self = { .set = set, .cfg = cfg, .ctx = ctx, .taken = taken,
                    .seed = seed };
  *n = 0;
  int status = list_members(&self);
  if (status == NACRE_OK && self.n > 0) {
    status = cfg->hold.n > 0 ? take_named(&self, rows, n)
                             : take_sized(&self, rows, n);
  }
  nacre_free(self.member);
  nacre_free(self.group);
  nacre_free(self.order);
  return status;
}
