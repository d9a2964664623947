/* SPDX-License-Identifier: MIT */
/* layer_cases: finds configurations and input shapes that a layer accepts,
 * by asking its plan() about many. */
#include "layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "yaml/parse.h"

#define BASE_CASES 24 /* the rest of the room is for other parameters */

/* Odd extents first: an even one hides what is transposed. */
static const nacre_shape shapes[] = {
  { { 5 }, 1, NACRE_REAL },          { { 3, 5 }, 2, NACRE_REAL },
  { { 7, 6, 3 }, 3, NACRE_REAL },    { { 2, 3, 5 }, 3, NACRE_REAL },
  { { 15 }, 1, NACRE_REAL },         { { 6, 4 }, 2, NACRE_REAL },
  { { 1 }, 1, NACRE_REAL },          { { 1, 1, 4 }, 3, NACRE_REAL },
  { { 5, 4, 6, 2 }, 4, NACRE_REAL }, { { 0 }, 0, NACRE_REAL },
  /* Past the registers and the blocks that loops are cut into. */
  { { 3, 37 }, 2, NACRE_REAL },      { { 1031 }, 1, NACRE_REAL }
};
#define SHAPES ((int)(sizeof shapes / sizeof shapes[0]))

/* Ways to make the inputs 2, 3, ... from the first one's shape. */
#define WAYS 4

static void other_input(int way, uint32_t i, nacre_shape *shape) {
  if (shape->rank == 0 || i == 0) {
    return;
  }
  if (way == 1) { /* another length */
    shape->dim[0] += 1;
  } else if (way == 2) { /* another width, each its own */
    shape->dim[shape->rank - 1] += (int64_t)i;
  } else if (way == 3) { /* one axis less */
    for (int32_t axis = 1; axis < shape->rank; axis++) {
      shape->dim[axis - 1] = shape->dim[axis];
    }
    shape->rank--;
    shape->dim[shape->rank] = 0;
  }
}

static const char *case_text(nacre_suite *suite, const nacre_layer_case *at) {
  const char *text = nacre_suite_format(suite, "%s on", at->map);
  for (uint32_t i = 0; i < at->n_inputs && text != NULL; i++) {
    text = nacre_suite_format(suite, "%s%s [", text, i > 0 ? "," : "");
    for (int32_t j = 0; j < at->input[i].rank && text != NULL; j++) {
      text = nacre_suite_format(suite, "%s%s%lld", text, j > 0 ? ", " : "",
                                (long long)at->input[i].dim[j]);
    }
    if (text != NULL) {
      text = nacre_suite_format(suite, "%s]", text);
    }
  }
  return text;
}

/* Whether plan() takes it; a faulty plan() is reported on the way. */
static bool is_accepted(nacre_suite *suite, nacre_layer_case *at) {
  nacre_layer_answer answer;
  nacre_layer_ask(suite, at, 3, -1, &answer);
  if (answer.misuse[0] != '\0') {
    suite->where = case_text(suite, at);
    nacre_suite_check(suite, "plan", false, "%s", answer.misuse);
    suite->where = NULL;
    return false;
  }
  suite->declined += answer.status == NACRE_DECLINE ? 1 : 0;
  return answer.status == NACRE_OK;
}

/* Tries a configuration on one shape, for every number of inputs. */
static int try_shape(nacre_suite *suite, const nacre_candidate *with,
                     int shape, int max, nacre_layer_case *out) {
  const nacre_layer_ops *ops = suite->component->ops;
  uint32_t least = ops->min_inputs > 0 ? ops->min_inputs : 1;
  uint32_t most = ops->max_inputs > 0 ? ops->max_inputs : least + 1;
  int count = 0;
  if (most > NACRE_LAYER_INPUTS) {
    most = NACRE_LAYER_INPUTS;
  }
  for (uint32_t n = least; n <= most; n++) {
    for (int way = 0; way < (n > 1 ? WAYS : 1) && count < max; way++) {
      nacre_layer_case *at = &out[count];
      memset(at, 0, sizeof *at);
      at->map = with->text;
      at->cfg = with->cfg;
      at->n_inputs = n;
      for (uint32_t i = 0; i < n; i++) {
        at->input[i] = shapes[shape];
        other_input(way, i, &at->input[i]);
      }
      if (is_accepted(suite, at)) {
        at->text = case_text(suite, at);
        count++;
      }
    }
  }
  return count;
}

static int base_cases(nacre_suite *suite, int max, nacre_layer_case *out) {
  nacre_candidate *base =
    nacre_suite_alloc(suite, NACRE_CANDIDATES_MAX, sizeof *base);
  bool used[NACRE_CANDIDATES_MAX] = { false };
  if (base == NULL) {
    return 0;
  }
  int n = nacre_candidates_base(suite, NACRE_CANDIDATES_MAX, base);
  int count = 0;
  /* Every shape that anything takes, then every configuration. */
  for (int i = 0; i < SHAPES && count < max; i++) {
    int found = 0;
    for (int j = 0; j < n && found == 0; j++) {
      int room = max - count < 3 ? max - count : 3;
      found = try_shape(suite, &base[j], i, room, out + count);
      used[j] = used[j] || found > 0;
    }
    count += found;
  }
  for (int j = 0; j < n && count < max; j++) {
    int found = used[j] ? 1 : 0;
    for (int i = 0; i < SHAPES && found == 0; i++) {
      /* Two: with more inputs than it needs, too. */
      int room = max - count < 2 ? max - count : 2;
      found = try_shape(suite, &base[j], i, room, out + count);
      count += found;
    }
  }
  return count;
}

/* The other parameters, around two of the cases found. */
static int varied_cases(nacre_suite *suite, const nacre_layer_case *around,
                        int max, nacre_layer_case *out) {
  nacre_candidate *varied =
    nacre_suite_alloc(suite, NACRE_CANDIDATES_MAX, sizeof *varied);
  if (varied == NULL) {
    return 0;
  }
  int n = nacre_candidates_vary(suite, around->map, NACRE_CANDIDATES_MAX,
                                varied);
  int count = 0;
  for (int i = 0; i < n && count < max; i++) {
    nacre_layer_case *at = &out[count];
    *at = *around;
    at->map = varied[i].text;
    at->cfg = varied[i].cfg;
    if (is_accepted(suite, at)) {
      at->text = case_text(suite, at);
      count++;
      continue;
    }
    for (int j = 0, found = 0; j < SHAPES && found == 0; j++) {
      found = try_shape(suite, &varied[i], j, 1, out + count);
      count += found;
    }
  }
  return count;
}

/* Finds what the inputs must be: reals, or whole numbers below 2 or 1. */
static bool find_values(nacre_suite *suite, nacre_layer_case *at) {
  static const int64_t whole[] = { 0, 2, 1 };
  nacre_layer_how how = { .device = &suite->device[0], .batch = 3,
                          .flags = NACRE_RUN_TRAINING, .tag = 1 };
  char fault[160] = "";
  if (at->whole > 0 ||
      (((const nacre_layer_ops *)suite->component->ops)->flags &
       NACRE_LAYER_VIEW) != 0) {
    return true;
  }
  for (int i = 0; i < 3; i++) {
    at->whole = whole[i];
    nacre_layer_bound *bound = nacre_layer_bind(suite, at, 3);
    if (bound == NULL) {
      return false;
    }
    nacre_layer_forward(bound, &how);
    bool faulted = bound->faulted;
    snprintf(fault, sizeof fault, "%s", bound->fault);
    nacre_layer_unbind(bound);
    if (!faulted) {
      return true;
    }
  }
  suite->where = at->text;
  nacre_suite_check(suite, "values", false,
                    "neither reals nor whole numbers are taken: %s", fault);
  suite->where = NULL;
  return false;
}

/* The case with the most axes, and of those the largest: strides and kernels
 * fit into it. */
static int most_room(const nacre_layer_case *list, int n) {
  int best = 0;
  for (int i = 1; i < n; i++) {
    const nacre_shape *a = &list[i].input[0], *b = &list[best].input[0];
    if (a->rank > b->rank ||
        (a->rank == b->rank && nacre_shape_count(a) > nacre_shape_count(b))) {
      best = i;
    }
  }
  return best;
}

/* The same inputs with masks, for a layer that reads them: of every input
 * that has steps of features. */
static int masked_cases(nacre_suite *suite, const nacre_layer_case *list,
                        int n, int max, nacre_layer_case *out) {
  const nacre_layer_ops *ops = suite->component->ops;
  int count = 0;
  for (int i = 0; i < n && count < max &&
                  (ops->flags & NACRE_LAYER_MASK_READ) != 0; i++) {
    nacre_layer_case *at = &out[count];
    *at = list[i];
    for (uint32_t k = 0; k < at->n_inputs && k < 32; k++) {
      at->masked |= at->input[k].rank >= 2 ? 1u << k : 0;
    }
    if (at->masked != 0 && is_accepted(suite, at)) {
      at->text = nacre_suite_format(suite, "%s, masked", at->text);
      count++;
    }
  }
  return count;
}

int nacre_layer_cases(nacre_suite *suite, nacre_layer_case *out) {
  int count = nacre_layer_sidecar(suite, NACRE_LAYER_CASES, out);
  if (count == 0) {
    count = base_cases(suite, BASE_CASES, out);
    if (count > 0) {
      int around = most_room(out, count);
      count += varied_cases(suite, &out[around], NACRE_LAYER_CASES - count,
                            out + count);
    }
  }
  if ((((const nacre_layer_ops *)suite->component->ops)->flags &
       NACRE_LAYER_MASK_READ) != 0) {
    count = count < NACRE_LAYER_CASES / 2 ? count : NACRE_LAYER_CASES / 2;
  }
  count += masked_cases(suite, out, count, NACRE_LAYER_CASES - count,
                        out + count);
  int kept = 0;
  for (int i = 0; i < count; i++) {
    if (find_values(suite, &out[i])) {
      out[kept++] = out[i];
    }
  }
  if (kept == 0 && suite->declined > 0) {
    nacre_suite_skip(suite, "cases", "it leaves all of this to others");
    return 0;
  }
  nacre_suite_check(suite, "cases", kept > 0,
                    "no configuration and input shape is accepted; "
                    "a file of cases can name some");
  return kept;
}

/* A configuration as one line, for messages. */
static const char *map_text(nacre_suite *suite, const nacre_node *map) {
  char *text = nacre_node_write(map);
  char *line = text == NULL ? NULL : nacre_suite_format(suite, "%.300s", text);
  nacre_free(text);
  for (char *c = line; c != NULL && *c != '\0'; c++) {
    *c = *c == '\n' ? ' ' : *c;
  }
  return line;
}

/* One item of a sidecar's `cases`. */
static bool read_case(nacre_suite *suite, nacre_node *item,
                      nacre_layer_case *at) {
  memset(at, 0, sizeof *at);
  nacre_node *map = nacre_node_get(item, "config");
  nacre_node *inputs = nacre_node_get(item, "inputs");
  nacre_node *whole = nacre_node_get(item, "whole");
  nacre_node *mixes = nacre_node_get(item, "mixes_batch");
  at->cfg = nacre_suite_config(suite, suite->component, map);
  at->map = map == NULL ? "{}" : map_text(suite, map);
  if (at->cfg == NULL || at->map == NULL || inputs == NULL ||
      (whole != NULL && !nacre_node_int(whole, &at->whole)) ||
      (mixes != NULL && !nacre_node_bool(mixes, &at->mixes))) {
    return false;
  }
  for (nacre_node *input = inputs->first; input != NULL;
       input = input->next) {
    if (at->n_inputs == NACRE_LAYER_INPUTS) {
      return false;
    }
    nacre_shape *shape = &at->input[at->n_inputs++];
    shape->dtype = NACRE_REAL;
    for (nacre_node *dim = input->first; dim != NULL; dim = dim->next) {
      if (shape->rank == NACRE_RANK_MAX - 1 ||
          !nacre_node_int(dim, &shape->dim[shape->rank++])) {
        return false;
      }
    }
  }
  return is_accepted(suite, at) && (at->text = case_text(suite, at)) != NULL;
}

int nacre_layer_sidecar(nacre_suite *suite, int max, nacre_layer_case *out) {
  if (suite->options->cases == NULL) {
    return 0;
  }
  const char *path = nacre_suite_format(
    suite, "%s/%s/%s.yaml", suite->options->cases,
    nacre_kind_folder(suite->component->kind), suite->component->name);
  int fd = path == NULL ? -1 : nacre_sys_calls.open(path, O_RDONLY, 0);
  if (fd < 0) {
    return 0;
  }
  nacre_sys_calls.close(fd);
  nacre_suite_forget(suite);
  nacre_node *root = nacre_yaml_file(suite->tree, path, &suite->error);
  nacre_node *list = root == NULL ? NULL : nacre_node_get(root, "cases");
  int count = 0;
  nacre_node *item = list == NULL ? NULL : list->first;
  for (; item != NULL && count < max; item = item->next) {
    int declined = suite->declined;
    bool taken = read_case(suite, item, &out[count]);
    if (suite->declined == declined) {
      nacre_suite_check(suite, "cases", taken, "%s:%d is not accepted: %s",
                        path, item->line, nacre_suite_problem(suite));
    }
    count += taken ? 1 : 0;
  }
  return count;
}
