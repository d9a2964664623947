/* SPDX-License-Identifier: MIT */
/* tiles: how the update of a flat range is shared out.
 *
 * A thread takes neighbouring tiles. They are ordered by their place within
 * their variable, not within the range: so thread 0 of two updates the first
 * half of every variable, the rows whose gradients it has just written. What
 * another core has written comes much more slowly. */
#include "run/optimize.h"

#include <stdlib.h>

typedef struct placed_tile {
  double at; /* of the tile's middle, 0 to 1 */
  nacre_tile tile;
} placed_tile;

static int64_t tiles_of(int64_t count) {
  return (count + NACRE_TILE - 1) / NACRE_TILE;
}

static int by_place(const void *a, const void *b) {
  const placed_tile *x = a, *y = b;
  if (x->at < y->at || x->at > y->at) {
    return x->at < y->at ? -1 : 1;
  }
  return x->tile.first < y->tile.first ? -1 : x->tile.first > y->tile.first;
}

/* Cuts `count` elements from `first` on into tiles; returns the next place.
 * A single tile has its place within the range. */
static placed_tile *cut(const nacre_range *range, int64_t first,
                        int64_t count, placed_tile *place) {
  const int64_t n = tiles_of(count);
  for (int64_t i = 0; i < n; i++) {
    const int64_t begin = i * NACRE_TILE;
    const int64_t left = count - begin;
    const nacre_tile tile = { first + begin,
                              left < NACRE_TILE ? left : NACRE_TILE };
    const double middle = (double)tile.count / 2;
    *place++ = (placed_tile){
      n > 1 ? ((double)begin + middle) / (double)count
            : ((double)first + middle) / (double)range->count,
      tile
    };
  }
  return place;
}

/* Cuts a range at the variables that are larger than a tile; those between
 * them go together, padding goes with what is before it. Returns the end. */
static placed_tile *cut_range(const nacre_model *model,
                              const nacre_range *range, placed_tile *place) {
  const nacre_graph *graph = model->graph;
  int64_t done = 0;
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[model->order[i]];
    const int64_t first = model->offset[model->order[i]] - range->first;
    if (!variable->trained || first < 0 || first >= range->count ||
        variable->count <= NACRE_TILE) {
      continue;
    }
    place = cut(range, done, first - done, place);
    place = cut(range, first, variable->count, place);
    done = first + variable->count;
  }
  return cut(range, done, range->count - done, place);
}

/* No more than so many: a large variable and what is before it leave a broken
 * tile each. */
static int64_t most_tiles(const nacre_range *range) {
  return tiles_of(range->count) + 2 * (range->count / NACRE_TILE) + 1;
}

static bool is_shared(const nacre_optimizer *optimizer,
                      const nacre_range *range) {
  return (optimizer->ops->flags & NACRE_OPT_ELEMENTWISE) != 0 &&
         range->count > NACRE_TILE;
}

int nacre_optimizer_make_tiles(nacre_optimizer *optimizer,
                               nacre_error *error) {
  int64_t most = 0, sum = 0;
  for (int i = 0; i < optimizer->n_ranges; i++) {
    const nacre_range *range = &optimizer->range[i];
    const int64_t tiles = is_shared(optimizer, range) ? most_tiles(range) : 0;
    most = tiles > most ? tiles : most;
    sum += tiles;
  }
  placed_tile *place = nacre_alloc((size_t)most + 1, sizeof(*place));
  optimizer->tile = nacre_alloc((size_t)sum + 1, sizeof(*optimizer->tile));
  if (place == NULL || optimizer->tile == NULL) {
    nacre_free(place);
    return nacre_no_memory(error);
  }
  nacre_tile *tile = optimizer->tile;
  for (int i = 0; i < optimizer->n_ranges; i++) {
    nacre_range *range = &optimizer->range[i];
    if (!is_shared(optimizer, range)) {
      continue;
    }
    range->tile = tile;
    range->n_tiles = cut_range(optimizer->model, range, place) - place;
    qsort(place, (size_t)range->n_tiles, sizeof(*place), by_place);
    for (int64_t j = 0; j < range->n_tiles; j++) {
      *tile++ = place[j].tile;
    }
  }
  nacre_free(place);
  return NACRE_OK;
}
