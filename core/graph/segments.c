/* SPDX-License-Identifier: MIT */
/* segments: what a training step is to forget, so that it fits.
 *
 * The vertices are cut into k segments that put out about as many bytes,
 * where little lives across the cut, and the first j of them are forgotten:
 * theirs would have to be kept longest. Of the k and j that are tried, what
 * fits and computes least again is taken. */
#include "graph/layout.h"

#include <string.h>

/* Numbers of segments beyond which nothing is tried. */
#define MOST 256
/* Of the numbers tried in turn, how many may get worse before the end. */
#define PATIENCE 4

typedef struct search {
  const nacre_graph *graph;
  int64_t batch, room;
  double *before;   /* [vertices + 1]: bytes put out by those before it */
  double *across;   /* [vertices + 1]: bytes that live across the cut */
  int *segment;     /* [vertices] */
  nacre_layout best;
  bool found;       /* there is a best */
} search;

static int64_t bytes_of(const nacre_layout *layout) {
  return layout->activation_bytes + layout->scratch_bytes;
}

/* Forward of some may not be called twice. */
static bool is_pinned(const nacre_graph *graph, const nacre_vertex *vertex) {
  if (vertex->ops == NULL || (vertex->ops->flags & NACRE_LAYER_REPEAT) != 0) {
    return false;
  }
  for (uint32_t i = 0; i < vertex->ops->weights.n; i++) {
    int variable = vertex->variable[i];
    if (variable >= 0 && graph->variable[variable].state) {
      return true;
    }
  }
  return false;
}

static double edge_bytes(const search *self, int edge) {
  const nacre_edge *at = &self->graph->edge[edge];
  return (double)nacre_shape_count(&at->shape) * (double)at->times *
         (double)self->batch * (double)sizeof(real);
}

static double saved_bytes(const search *self, const nacre_vertex *vertex) {
  double bytes = 0;
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    const nacre_slot *slot = &vertex->saved[i];
    if (slot->used) {
      bytes += (double)nacre_shape_count(&slot->shape) *
               (slot->per_sample
                  ? (double)(vertex->times * self->batch) : 1) *
               (double)sizeof(real);
    }
  }
  return bytes;
}

static void weigh(search *self) {
  const nacre_graph *graph = self->graph;
  for (int i = 0; i < graph->n_vertices; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    double bytes = saved_bytes(self, vertex);
    for (int j = 0; j < vertex->n_outputs; j++) {
      bytes += edge_bytes(self, vertex->output[j]);
    }
    self->before[i + 1] = self->before[i] + bytes;
    /* What it reads lives across all cuts back to who made it. Read twice,
     * it counts twice: all the more reason not to cut there. */
    for (int j = 0; j < vertex->n_inputs; j++) {
      int producer = graph->edge[vertex->input[j]].producer;
      for (int at = producer + 1; producer >= 0 && at <= i; at++) {
        self->across[at] += edge_bytes(self, vertex->input[j]);
      }
    }
  }
}

/* The best cut near where `share` of all bytes have been put out. */
static int find_cut(const search *self, double share, double width) {
  int n = self->graph->n_vertices, best = -1;
  double all = self->before[n];
  for (int i = 1; i < n; i++) {
    double off = self->before[i] - share * all;
    off = off < 0 ? -off : off;
    if (off <= width * all &&
        (best < 0 || self->across[i] < self->across[best])) {
      best = i;
    }
    /* One very large layer may leave no place in reach. */
    if (best < 0 && self->before[i] >= share * all) {
      return i;
    }
  }
  return best < 0 ? n - 1 : best;
}

static void cut(search *self, int k, int forgotten) {
  const nacre_graph *graph = self->graph;
  int from = 0;
  memset(self->segment, 0xff,
         (size_t)graph->n_vertices * sizeof(*self->segment));
  for (int i = 0; i < forgotten; i++) {
    int to = find_cut(self, (double)(i + 1) / k, 0.3 / k);
    for (int j = from; j < to; j++) {
      self->segment[j] = is_pinned(graph, &graph->vertex[j]) ? -1 : i;
    }
    from = to > from ? to : from;
  }
}

static bool is_better(const search *self, const nacre_layout *layout) {
  bool fits = bytes_of(layout) <= self->room;
  bool best_fits = self->found && bytes_of(&self->best) <= self->room;
  if (!self->found || fits != best_fits) {
    return !self->found || fits;
  }
  return fits ? layout->flops_again < self->best.flops_again
              : bytes_of(layout) < bytes_of(&self->best);
}

/* Lays it out; *bytes: what it takes. */
static int attempt(search *self, int k, int forgotten, int64_t *bytes) {
  nacre_layout layout;
  cut(self, k, forgotten);
  int status = nacre_layout_segmented(&layout, self->graph, self->segment,
                                      self->batch);
  *bytes = bytes_of(&layout);
  if (status == NACRE_OK && is_better(self, &layout)) {
    nacre_layout_fini(&self->best);
    self->best = layout;
    self->found = true;
  } else {
    nacre_layout_fini(&layout);
  }
  return status;
}

/* Fewer forgotten segments, as long as it fits. */
static int try_fewer(search *self, int k) {
  int low = 0, high = k - 1; /* low does not fit, high does */
  while (high - low > 1) {
    int64_t bytes = 0;
    int middle = (low + high) / 2;
    if (attempt(self, k, middle, &bytes) != NACRE_OK) {
      return NACRE_ERROR;
    }
    if (bytes <= self->room) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return NACRE_OK;
}

static int run(search *self) {
  int64_t bytes = 0, least = INT64_MAX;
  int worse = 0, n = self->graph->n_vertices;
  if (attempt(self, 1, 0, &bytes) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int k = 2; bytes_of(&self->best) > self->room ||
                  self->best.n_again > 0; k += k / 4 + 1) {
    if (k > n || k > MOST || worse > PATIENCE) {
      break;
    }
    if (attempt(self, k, k - 1, &bytes) != NACRE_OK ||
        (bytes <= self->room && try_fewer(self, k) != NACRE_OK)) {
      return NACRE_ERROR;
    }
    worse = bytes < least ? 0 : worse + 1;
    least = bytes < least ? bytes : least;
  }
  return NACRE_OK;
}

int nacre_layout_fit(nacre_layout *layout, const nacre_graph *graph,
                     int64_t batch, int64_t room) {
  size_t n = (size_t)graph->n_vertices + 1;
  search self = { .graph = graph, .batch = batch, .room = room };
  self.before = nacre_alloc(n, sizeof(*self.before));
  self.across = nacre_alloc(n, sizeof(*self.across));
  self.segment = nacre_alloc(n, sizeof(*self.segment));
  int status = NACRE_ERROR;
  if (self.before == NULL || self.across == NULL || self.segment == NULL) {
    nacre_no_memory(graph->ctx->error);
  } else {
    weigh(&self);
    status = run(&self);
  }
  nacre_free(self.before);
  nacre_free(self.across);
  nacre_free(self.segment);
  *layout = self.best;
  if (status != NACRE_OK) {
    nacre_layout_fini(layout);
  }
  return status;
}
