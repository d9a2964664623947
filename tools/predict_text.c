/* SPDX-License-Identifier: MIT */
#include "predict_text.h"

#include "base/text.h"
#include "train/sample.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LENGTH 500 /* tokens, where --length says nothing */

typedef struct writing {
  cli_session session;
  nacre_tensors tensors; /* the vocabulary is among them */
  nacre_sampler sampler;
  nacre_predictor predictor;
  nacre_sample_cfg cfg;
  int64_t length;
} writing;

static int read_numbers(writing *self, const cli_args *args) {
  const char *temperature = args->temperature, *seed = args->seed;
  int64_t number = 0;
  self->length = args->length > 0 ? args->length : LENGTH;
  self->cfg.top_k = args->top_k;
  self->cfg.temperature = 1;
  if (temperature != NULL &&
      (!nacre_text_float(temperature, strlen(temperature),
                         &self->cfg.temperature) ||
       !isfinite(self->cfg.temperature) || self->cfg.temperature < 0)) {
    fprintf(stderr, "nacre predict: --temperature is a number from 0 on, not "
            "'%s'\n", temperature);
    return NACRE_EUSAGE;
  }
  if (seed != NULL &&
      (!nacre_text_int(seed, strlen(seed), &number) || number < 0)) {
    fprintf(stderr, "nacre predict: --seed is a whole number from 0 on, not "
            "'%s'\n", seed);
    return NACRE_EUSAGE;
  }
  self->cfg.seed = (uint64_t)number;
  return 0;
}

static int open_all(writing *self, const cli_args *args,
                    const char *weights) {
  nacre_experiment *experiment = &self->session.experiment;
  nacre_error *error = &self->session.error;
  if (args->seed == NULL) {
    self->cfg.seed = experiment->seed;
  }
  if (nacre_tensors_read(&self->tensors, weights, error) != NACRE_OK ||
      nacre_sampler_open(&self->sampler, experiment, &self->tensors,
                         weights) != NACRE_OK ||
      nacre_predictor_make(&self->predictor, experiment, weights,
                           nacre_sampler_input(&self->sampler), 1,
                           args->threads, args->cpu) != NACRE_OK ||
      nacre_sampler_join(&self->sampler, &self->predictor) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_sampler_prompt(&self->sampler, args->prompt,
                              strlen(args->prompt));
}

/* Each token as soon as it is there. */
static int write_text(writing *self, const cli_args *args) {
  const char *text = args->prompt;
  int status = NACRE_OK;
  char last = '\0';
  for (int64_t i = 0; status == NACRE_OK; i++) {
    size_t n = strlen(text);
    last = n > 0 ? text[n - 1] : last;
    if (fwrite(text, 1, n, stdout) != n || fflush(stdout) != 0) {
      return NACRE_ERROR; /* cli_finish() says why */
    }
    if (i == self->length) {
      break;
    }
    status = nacre_sampler_next(&self->sampler, &self->cfg, &text);
  }
  if (last != '\n') {
    putchar('\n');
  }
  return status;
}

int predict_text(const cli_args *args) {
  writing self = { 0 };
  char *weights = NULL;
  int code = read_numbers(&self, args);
  if (code != 0) {
    return code;
  }
  code = cli_open_run(&self.session, args, args->word[0], NULL, 0, &weights);
  if (code == 0) {
    int status = open_all(&self, args, weights);
    if (status == NACRE_OK) {
      status = write_text(&self, args);
    }
    code = cli_report(&self.session.error);
    if (status != NACRE_OK && code == 0) {
      code = ferror(stdout) != 0 ? NACRE_EIO : NACRE_EBUG;
    }
  }
  nacre_predictor_fini(&self.predictor);
  nacre_sampler_close(&self.sampler);
  nacre_tensors_fini(&self.tensors);
  cli_close(&self.session);
  nacre_free(weights);
  return code;
}
