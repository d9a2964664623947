/* SPDX-License-Identifier: MIT */
/* embed: nacre inside another program: learns XOR from a text, predicts.
 *
 *   cc $(pkg-config --cflags nacre) embed.c $(pkg-config --libs nacre) */
#include <nacre/nacre.h>
#include <stdio.h>

static const char config[] =
  "nacre: 1\n"
  "seed: 1\n"
  "model:\n"
  "  input: [2]\n"
  "  layers:\n"
  "    - {type: dense, units: 8, activation: tanh}\n"
  "    - {type: dense, units: 1, activation: sigmoid}\n"
  "loss: binary_crossentropy\n"
  "optimizer: {type: adam, learning_rate: 0.05}\n"
  "data:\n"
  "  train: {type: inline, x: [[0, 0], [0, 1], [1, 0], [1, 1]],\n"
  "          y: [[0], [1], [1], [0]]}\n"
  "train: {epochs: 200, batch_size: 4}\n";

/* The library itself prints nothing: what went wrong is handed over. */
static int report(const nacre_problems *problems) {
  for (int i = 0; i < nacre_problems_count(problems); i++) {
    fprintf(stderr, "%s\n", nacre_problems_text(problems, i));
  }
  return nacre_problems_code(problems);
}

int main(void) {
  const float x[4][2] = { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } };
  float y[4] = { 0 };
  const float *inputs[] = { x[0] }; /* [samples, 2] */
  float *outputs[] = { y };         /* [samples, 1] */
  nacre_problems *problems = nacre_problems_new();
  nacre_session *session =
    problems != NULL
      ? nacre_session_new_text(config, NULL, NULL, problems) : NULL;
  int status = session == NULL ||
               nacre_session_fit(session, problems) != 0 ||
               nacre_session_predict(session, 4, inputs, outputs,
                                     problems) != 0;
  for (int i = 0; i < 4 && status == 0; i++) {
    printf("%g xor %g = %.3f\n", (double)x[i][0], (double)x[i][1],
           (double)y[i]);
  }
  if (status != 0) {
    status = problems != NULL ? report(problems) : 8;
  }
  nacre_session_free(session);
  nacre_problems_free(problems);
  return status;
}
