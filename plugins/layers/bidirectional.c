/* SPDX-License-Identifier: MIT */
/* bidirectional: a recurrent layer along the steps and one against them. */
#include <nacre/plugin.h>

#include <stdio.h>

enum { CONCAT, SUM, MUL, AVE };

typedef struct bidirectional {
  nacre_ref layer;
  nacre_enum merge_mode;
} bidirectional;

static const char *const merges[] = {
  [CONCAT] = "{type: concatenate}",
  [SUM] = "{type: add}",
  [MUL] = "{type: multiply}",
  [AVE] = "{type: average}",
};

static int expand(nacre_expand *expand) {
  const bidirectional *cfg = expand->cfg;
  const nacre_expand_ops *ops = expand->ops;
  const int32_t x = 0;
  double backwards = 0, sequences = 0, state = 0;
  if (ops->ask(expand, "layer", "go_backwards", &backwards) != NACRE_OK) {
    return ops->refuse(expand, "its 'layer' must be one that can "
                       "'go_backwards', such as lstm");
  }
  (void)ops->ask(expand, "layer", "return_sequences", &sequences);
  (void)ops->ask(expand, "layer", "return_state", &state);
  if (state != 0) {
    return ops->refuse(expand, "'return_state' is for two layers of your "
                       "own, one with 'go_backwards: true'");
  }
  char set[32];
  snprintf(set, sizeof(set), "{go_backwards: %s}",
           backwards != 0 ? "false" : "true");
  int32_t both[2];
  both[0] = ops->layer(expand, "forward_layer", "layer", NULL, &x, 1);
  both[1] = both[0] < 0 ? both[0]
    : ops->layer(expand, "backward_layer", "layer", set, &x, 1);
  if (both[1] >= 0 && sequences != 0) {
    /* Its first output belongs to the last step. */
    both[1] = ops->layer(expand, "in_order", NULL, "{type: flip, axis: 1}",
                         &both[1], 1);
  }
  return both[1] >= 0 && ops->layer(expand, NULL, NULL,
                                    merges[cfg->merge_mode.value], both,
                                    2) >= 0 ? NACRE_OK : NACRE_ERROR;
}

static const nacre_param params[] = {
  NACRE_PARAM(bidirectional, layer, NULL, "layer", "",
              "The recurrent layer: {type: lstm, units: 64}.", 0),
  NACRE_PARAM(bidirectional, merge_mode, "concat", "concat|sum|mul|ave", "",
              "How the outputs of both directions become one.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .weights = NACRE_EMPTY_SPAN,
  .min_inputs = 1, .max_inputs = 1, .expand = expand,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "bidirectional",
  .summary = "A recurrent layer in both directions",
  .doc = "The layer described by 'layer' goes along the steps, a second one "
         "like it, with weights of its own, against them, and the outputs "
         "are merged: side by side, or as their sum, product or average. "
         "Sequences are merged step by step.\n\n"
         "In a model it stands for the layers NAME/forward_layer, "
         "NAME/backward_layer and NAME, by which their weights are called. "
         "As Keras's Bidirectional.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(bidirectional),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(bidirectional, component)
