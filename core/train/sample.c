/* SPDX-License-Identifier: MIT */
#include "train/sample.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TAG_SAMPLE 6u

static int refuse(const nacre_sampler *sampler, nacre_error *error,
                  const char *why) {
  const nacre_choice *choice = sampler->set.choice;
  nacre_place place = nacre_node_place(choice->node);
  return nacre_error_add(error, NACRE_EMODEL, &place,
                         "this run is no language model: %s", why);
}

int nacre_sampler_open(nacre_sampler *sampler, nacre_experiment *experiment,
                       const nacre_tensors *tensors, const char *weights) {
  nacre_params_ctx *ctx = &experiment->ctx;
  const nacre_choice *choice = &experiment->train_data.source;
  const char *state = nacre_checkpoint_source(tensors);
  *sampler = (nacre_sampler){ .set = { .choice = choice } };
  if (choice->component == NULL) {
    return nacre_error_add(ctx->error, NACRE_EMODEL, NULL,
                           "this run is no language model: it names no "
                           "data");
  }
  const nacre_source_ops *ops = choice->component->ops;
  if (ops->encode == NULL || ops->decode == NULL) {
    refuse(sampler, ctx->error, "its training data are not running text");
    return NACRE_ERROR;
  }
  if (state == NULL) {
    nacre_place place = { .file = weights };
    return nacre_error_add(ctx->error, NACRE_EMODEL, &place,
                           "the vocabulary of the training text is missing");
  }
  if (nacre_dataset_open_tokens(&sampler->set, ctx, choice, state) !=
        NACRE_OK ||
      nacre_pipe_make(&sampler->pipe, &sampler->set.field[0],
                      experiment->transform, experiment->n_transforms,
                      ctx) != NACRE_OK) {
    return NACRE_ERROR;
  }
  sampler->context = nacre_shape_count(&sampler->set.field[0].shape);
  sampler->tokens = sampler->set.field[0].classes;
  return nacre_checkpoint_fit(&sampler->pipe, 1, tensors, weights,
                              ctx->error);
}

const nacre_shape *nacre_sampler_input(const nacre_sampler *sampler) {
  return &sampler->pipe.shape;
}

static int check_network(nacre_sampler *sampler, nacre_error *error) {
  const nacre_graph *graph = &sampler->predictor->experiment->graph;
  if (graph->n_inputs != 1 || graph->n_heads != 1) {
    return refuse(sampler, error, "it has several inputs or outputs");
  }
  const nacre_shape *in = &graph->edge[0].shape;
  const nacre_shape *out = &graph->edge[graph->head[0].edge].shape;
  if (nacre_shape_count(in) != nacre_shape_count(&sampler->pipe.shape)) {
    return refuse(sampler, error, "its input is not a window of tokens");
  }
  int64_t rows = nacre_shape_count(out) / nacre_shape_last(out);
  sampler->every = rows != 1 || sampler->context == 1;
  if (nacre_shape_last(out) != sampler->tokens ||
      (rows != 1 && rows != sampler->context)) {
    return refuse(sampler, error, "its output is not the probability of "
                                  "each token of the vocabulary");
  }
  return NACRE_OK;
}

int nacre_sampler_join(nacre_sampler *sampler, nacre_predictor *predictor) {
  nacre_error *error = predictor->experiment->error;
  sampler->predictor = predictor;
  if (check_network(sampler, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  size_t context = (size_t)sampler->context;
  size_t tokens = (size_t)sampler->tokens, room = 0;
  if (!nacre_size_mul(sampler->every ? context : 1, tokens, &room)) {
    return nacre_no_memory(error);
  }
  sampler->probability = nacre_alloc(room, sizeof(real));
  room = (size_t)nacre_pipe_room(&sampler->pipe);
  sampler->window = nacre_alloc(context, sizeof(*sampler->window));
  sampler->x = nacre_alloc(context, sizeof(real));
  sampler->out = nacre_alloc(room, sizeof(real));
  sampler->work = nacre_alloc(room, sizeof(real));
  sampler->candidate = nacre_alloc(tokens, sizeof(*sampler->candidate));
  return sampler->window != NULL && sampler->x != NULL &&
         sampler->out != NULL && sampler->work != NULL &&
         sampler->probability != NULL && sampler->candidate != NULL
    ? NACRE_OK : nacre_no_memory(error);
}

void nacre_sampler_close(nacre_sampler *sampler) {
  nacre_free(sampler->window);
  nacre_free(sampler->x);
  nacre_free(sampler->out);
  nacre_free(sampler->work);
  nacre_free(sampler->probability);
  nacre_free(sampler->candidate);
  nacre_pipe_fini(&sampler->pipe);
  nacre_dataset_close(&sampler->set);
  *sampler = (nacre_sampler){ 0 };
}

/* --- writing --- */

/* A full window loses its first token. */
static void remember(nacre_sampler *sampler, int64_t token) {
  if (sampler->known == sampler->context) {
    memmove(sampler->window, sampler->window + 1,
            (size_t)(sampler->context - 1) * sizeof(*sampler->window));
    sampler->known--;
  }
  sampler->window[sampler->known++] = token;
}

int nacre_sampler_prompt(nacre_sampler *sampler, const char *text,
                         size_t n) {
  nacre_experiment *experiment = sampler->predictor->experiment;
  nacre_bytes codes = { NULL, 0 };
  nacre_place place = { .file = "the prompt" };
  nacre_error_fail fail;
  if (n == 0) {
    return nacre_error_add(experiment->error, NACRE_EUSAGE, &place,
                           "it is empty, and there must be something that "
                           "text can follow");
  }
  if (sampler->set.ops->encode(
        sampler->set.self, nacre_registry_host(experiment->registry), text,
        n, &codes,
        nacre_error_fail_init(&fail, experiment->error, NACRE_EUSAGE,
                              &place)) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const int64_t *code = (const int64_t *)(const void *)codes.at;
  for (size_t i = 0; i < codes.n / sizeof(*code); i++) {
    remember(sampler, code[i]);
  }
  nacre_free(codes.at);
  return NACRE_OK;
}

/* Where the network says what comes after each token, the text stands at the
 * window's front, and what is behind it has no say in a model of what comes
 * next. Where it only says so after the last, the text stands at the end. */
static int run_network(nacre_sampler *sampler) {
  nacre_predictor *predictor = sampler->predictor;
  nacre_error *error = predictor->experiment->error;
  const nacre_graph *graph = &predictor->experiment->graph;
  int64_t from = sampler->every ? 0 : sampler->context - sampler->known;
  memset(sampler->x, 0, (size_t)sampler->context * sizeof(real));
  for (int64_t i = 0; i < sampler->known; i++) {
    sampler->x[from + i] = (real)sampler->window[i];
  }
  if (nacre_pipe_apply(&sampler->pipe, &sampler->set, sampler->x,
                       sampler->out, sampler->work, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_predictor_write(&predictor->program, 0, sampler->out,
                        nacre_shape_count(&sampler->pipe.shape));
  nacre_model_begin(&predictor->model); /* each window stands for itself */
  if (nacre_predictor_run(predictor, 1, 0) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_predictor_read(&predictor->program, graph->head[0].edge,
                       sampler->probability,
                       sampler->tokens *
                         (sampler->every ? sampler->context : 1));
  return NACRE_OK;
}

/* Likely ones first, and of those as likely the one with the lower number:
 * the order must not be qsort's. */
static int by_probability(const void *a, const void *b) {
  const nacre_sample_candidate *x = a, *y = b;
  if (x->probability > y->probability || x->probability < y->probability) {
    return x->probability > y->probability ? -1 : 1;
  }
  return x->token < y->token ? -1 : x->token > y->token;
}

/* row: [tokens] */
static int list_candidates(nacre_sampler *sampler, const real *row) {
  double sum = 0;
  bool negative = false;
  for (int64_t i = 0; i < sampler->tokens; i++) {
    sampler->candidate[i] = (nacre_sample_candidate){ (double)row[i], i };
    sum += (double)row[i];
    negative = negative || !(row[i] >= 0);
  }
  return !negative && fabs(sum - 1) < 0.01
    ? NACRE_OK
    : refuse(sampler, sampler->predictor->experiment->error,
             "its outputs are no probabilities, as those of a softmax are");
}

/* Draws one of the first n candidates. */
static int64_t draw(nacre_sampler *sampler, const nacre_sample_cfg *cfg,
                    int64_t n) {
  nacre_sample_candidate *list = sampler->candidate;
  double most = 0, sum = 0;
  for (int64_t i = 0; i < n; i++) {
    most = fmax(most, list[i].probability);
  }
  for (int64_t i = 0; i < n; i++) {
    list[i].probability =
      pow(list[i].probability / most, 1 / cfg->temperature);
    sum += list[i].probability;
  }
  uint32_t words[4];
  nacre_random_block(nacre_key_make(cfg->seed, "sample", TAG_SAMPLE),
                     sampler->drawn, words);
  uint64_t bits = (uint64_t)words[0] << 32 | words[1];
  double left = sum * ((double)(bits >> 11) * 0x1p-53);
  int64_t chosen = -1;
  for (int64_t i = 0; i < n; i++) {
    if (list[i].probability > 0) { /* rounding may leave some to the end */
      chosen = i;
      left -= list[i].probability;
      if (left < 0) {
        break;
      }
    }
  }
  return list[chosen].token;
}

int nacre_sampler_next(nacre_sampler *sampler, const nacre_sample_cfg *cfg,
                       const char **text) {
  int64_t n = sampler->tokens;
  if (run_network(sampler) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const real *row = sampler->probability;
  row += sampler->every ? (sampler->known - 1) * n : 0;
  if (list_candidates(sampler, row) != NACRE_OK) {
    return NACRE_ERROR;
  }
  int64_t keep = cfg->temperature > 0 ? cfg->top_k : 1;
  if (keep > 0 && keep < n) {
    qsort(sampler->candidate, (size_t)n, sizeof(*sampler->candidate),
          by_probability);
    n = keep;
  }
  int64_t token = n == 1 ? sampler->candidate[0].token
                         : draw(sampler, cfg, n);
  sampler->drawn++;
  remember(sampler, token);
  *text = sampler->set.ops->decode(sampler->set.self, token);
  return NACRE_OK;
}
