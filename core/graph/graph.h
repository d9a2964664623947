/* SPDX-License-Identifier: MIT */
/* graph: a model as nodes, tensors and weights.
 *
 * build() makes it from the YAML, shape() asks every layer's plan(), link()
 * decides which activations ride in a layer's epilogue and which losses work
 * on logits. Nothing is allocated on a device here, and shapes are per
 * sample: the batch enters with the memory plan. */
#ifndef NACRE_GRAPH_GRAPH_H
#define NACRE_GRAPH_GRAPH_H

#include "plugin/params.h"

#define NACRE_FOLD_MAX 4

/** A value that flows along an edge. */
typedef struct nacre_edge {
  const char *name;  /* "fc1", or "split:1" for a second output */
  nacre_shape shape; /* per sample; valid after shape() */
  int producer;      /* node, or -1: an input of the model */
  int port;          /* which output of the producer */
  int readers;       /* how often nodes read it */
  bool output;       /* one of the model's outputs */
  int mask;          /* edge that says which steps count, or -1: all */
  int64_t fold[NACRE_FOLD_MAX]; /* axes that have joined the batch */
  int n_folds;
  int64_t times;     /* their product: samples of it in one of the model's */
} nacre_edge;

/** A trained weight or an untrained state, owned by one node and bound at
 *  every call site that shares it. */
typedef struct nacre_variable {
  const char *name;         /* "fc1.kernel" */
  const nacre_weight *info; /* from the layer's table */
  nacre_shape shape;
  int64_t count, fan_in, fan_out;
  nacre_choice initializer;
  int64_t start_first, start_n; /* elements that start at a value of their */
  double start_value;           /*   own, whatever the initializer is */
  nacre_choice regularizer, constraint; /* component NULL: none */
  double learning_rate_scale;
  bool trained; /* has a gradient */
  bool state;   /* a running mean or the like */
  bool carried; /* of a pass over data alone: in no file */
} nacre_variable;

/** A saved or scratch tensor that a layer asked for. */
typedef struct nacre_slot {
  bool used, per_sample;
  nacre_shape shape;
  bool kept; /* scratch that inference may leave alone between calls */
} nacre_slot;

/** A call of a layer, or (layer.component NULL) of an activation alone. */
typedef struct nacre_vertex {
  const char *name, *type;
  int number;              /* in a name made of the type; -1: a given name */
  nacre_node *node;        /* where it is described */
  nacre_choice layer;
  int provider;            /* of it, by rank: 0, or more where others decline */
  const nacre_layer_ops *ops; /* NULL: an activation */
  nacre_choice activation; /* of an activation, or an epilogue */
  const nacre_activation_ops *act_ops;
  int owner;               /* the vertex whose variables it uses: itself,
                              or the layer that it shares */
  int *input, n_inputs;    /* edges */
  const char *sum;         /* type of a sum that it has taken over: its last
                              input is added to its output; or NULL */
  int *port;               /* [n_inputs]: which output of the producer */
  int *output, n_outputs;
  int mask;                /* edge of the mask that it writes, or -1 */
  int64_t times;           /* samples that it sees in one of the model's */
  int composite;           /* that it is in, or -1 */
  const int *given;        /* what it reads there, see nacre_placing */
  int n_given;
  bool result;             /* it stands for its composite */
  int *variable;           /* [weights of the table]: index or -1 */
  nacre_slot saved[NACRE_SLOT_MAX], scratch[NACRE_SLOT_MAX];
  uint32_t needs;          /* NACRE_LAYER_NEED_X, _NEED_Y */
  double flops;            /* forward, per sample */
  bool trainable;
  double learning_rate_scale;
} nacre_vertex;

/** Inputs that the layer itself sees. */
static inline int nacre_vertex_inputs(const nacre_vertex *vertex) {
  return vertex->n_inputs - (vertex->sum != NULL);
}

/** A layer that is made of others, while the graph is built. */
typedef struct nacre_composite {
  nacre_node *node;
  int before;       /* vertices before its first: what a chain goes on from */
  int parent;       /* the composite that it is in, or -1 */
  const int *given; /* what it reads there */
} nacre_composite;

/** An output of the model, with its loss. */
typedef struct nacre_head {
  const char *name;
  int edge;          /* the prediction */
  nacre_choice loss; /* component NULL: none */
  const nacre_loss_ops *loss_ops;
  double weight;
  bool on_logits;    /* the loss reads the activation's input instead */
  int loss_edge;     /* what the loss reads */
  int undone;        /* the vertex it looks through, or -1 */
} nacre_head;

typedef struct nacre_graph {
  nacre_params_ctx *ctx; /* borrowed */
  nacre_vertex *vertex;
  int n_vertices;
  nacre_edge *edge;
  int n_edges;
  nacre_variable *variable;
  int n_variables;
  nacre_head *head;
  int n_heads;
  int n_inputs;          /* the first edges are the model's inputs */
  int64_t batch;         /* the largest that it was shaped for */
  struct nacre_graph_name *name; /* while it is built: what names mean */
  int n_names, name_room;
  nacre_composite *composite;
  int n_composites;
} nacre_graph;

/** A whole graph from `model`, in order of execution. `input` is used when
 *  the YAML gives no input shape (it may be NULL: then one is required).
 *  All problems are reported at their nodes. Arrays live on the heap. */
int nacre_graph_build(nacre_graph *, nacre_params_ctx *, nacre_node *model,
                      const nacre_shape *input);
void nacre_graph_fini(nacre_graph *);
/** The model node names its inputs' shapes itself. */
bool nacre_graph_has_inputs(nacre_node *model);

/** Plans every vertex for batches of at most `batch`: shapes, variables,
 *  slots, flops. */
int nacre_graph_shape(nacre_graph *, int64_t batch);
/** Gives heads their losses (a component, {type:}, or a map by output name)
 *  and links activations into epilogues. `loss` may be NULL: no losses. */
int nacre_graph_link(nacre_graph *, nacre_node *loss);
/** Checks what can be checked of losses when build() has failed. */
int nacre_graph_check_loss(nacre_graph *, nacre_node *loss);
/** "the model has no output called ..." at a node's key. NACRE_ERROR. */
int nacre_graph_report_output(nacre_graph *, const nacre_node *);

/** The edge whose mask input `index` of a vertex is read with, or -1. */
int nacre_graph_mask_of(const nacre_graph *, const nacre_vertex *, int index);
/** The edge of the tokens that input `index` was looked up by, if the vertex
 *  makes use of them, or -1. */
int nacre_graph_tokens_of(const nacre_graph *, const nacre_vertex *,
                          int index);
/** Tells plan() which of its inputs come with masks and tokens. */
void nacre_graph_announce(const nacre_graph *, const nacre_vertex *,
                          nacre_plan *);
/** Number of the edge called `name`, or -1. */
int nacre_graph_find(const nacre_graph *, const char *name);
int64_t nacre_graph_parameters(const nacre_graph *, bool trained_only);

#endif
