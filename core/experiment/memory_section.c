/* SPDX-License-Identifier: MIT */
/* memory_section: reads `memory:`. */
#include "base/text.h"
#include "experiment/sections.h"
#include "yaml/report.h"

#include <string.h>

/* `memory:` as a table; the limit is a text with a unit. */
typedef struct memory_cfg {
  const char *limit;
  nacre_enum recompute;
} memory_cfg;

static const nacre_param memory_params[] = {
  NACRE_PARAM(memory_cfg, limit, "null", NULL, "",
              "What a training may take, such as 2GiB; null: what there is.",
              0),
  NACRE_PARAM(memory_cfg, recompute, "never", "never|auto|always", "",
              "Whether activations are forgotten and computed again: auto, "
              "as far as the limit makes necessary.", 0),
};
static const char *const memory_keys[] = { "limit", "recompute", NULL };

static const struct {
  const char *name;
  double bytes;
} units[] = {
  { "", 1 }, { "B", 1 }, { "kB", 1e3 }, { "KB", 1e3 }, { "MB", 1e6 },
  { "GB", 1e9 }, { "TB", 1e12 }, { "KiB", 1024 }, { "MiB", 1048576 },
  { "GiB", 1073741824 }, { "TiB", 1099511627776 },
};

/* "2GiB", "1.5 GB", "300000"; 0: it is none. */
static int64_t read_bytes(const char *text) {
  size_t n = strspn(text, "0123456789.eE+-");
  double value = 0;
  /* The exponent's letter is no part of a unit, but "E" alone may be. */
  if (!nacre_text_float(text, n, &value) || !(value > 0)) {
    return 0;
  }
  const char *unit = text + n + strspn(text + n, " ");
  for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
    double bytes = value * units[i].bytes;
    if (strcmp(unit, units[i].name) == 0) {
      return bytes >= 1 && bytes < 9e18 ? (int64_t)bytes : 0;
    }
  }
  return 0;
}

int nacre_experiment_read_memory(nacre_experiment *experiment,
                                 nacre_node *node) {
  nacre_params_ctx *ctx = &experiment->ctx;
  nacre_span table = NACRE_SPAN(memory_params);
  memory_cfg cfg = { 0 };
  if (node != NULL && nacre_node_is_null(node)) {
    node = NULL;
  }
  if (node != NULL && node->kind != NACRE_NODE_MAP) {
    return nacre_report(ctx->error, node, NACRE_ECONFIG,
                        "expected a map such as {limit: 2GiB, "
                        "recompute: auto}");
  }
  int status = nacre_params_fill(ctx, table, &cfg, "'memory'", node);
  if (node != NULL && nacre_params_unknown(ctx, table, memory_keys,
                                           "'memory'", node) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  experiment->memory = (nacre_memory_cfg){ .recompute = cfg.recompute };
  if (cfg.limit == NULL) {
    return status;
  }
  experiment->memory.node = nacre_node_peek(node, "limit");
  experiment->memory.limit = read_bytes(cfg.limit);
  if (experiment->memory.limit == 0) {
    status = nacre_report(ctx->error, experiment->memory.node, NACRE_ECONFIG,
                          "expected a number of bytes such as 2GiB or "
                          "500MB");
  }
  return status;
}
