/* SPDX-License-Identifier: MIT */
/* report: problems at nodes, and the nearest of some names. */
#include "report.h"

#include "base/text.h"

#include <string.h>

#define MAX_TRACE 4 /* uses of blocks within blocks that are told */

/* No place for what will only be counted: to find its line, all of the file
 * before it is walked through. */
static nacre_place place_of(const nacre_error *error, const nacre_node *node) {
  const nacre_place none = { NULL, 0, 0, 0, NULL };
  return error->count <= NACRE_ERROR_MAX ? nacre_node_place(node) : none;
}

/* The use of a block that a node came with, or NULL. */
static const nacre_node *use_of(const nacre_node *node) {
  while (node != NULL && node->use == NULL) {
    node = node->parent;
  }
  return node != NULL ? node->use : NULL;
}

/* A mistake in a block may be one of its use: says where that is. */
static void trace(nacre_error *error, const nacre_node *node) {
  const nacre_node *use = use_of(node);
  nacre_text text = { NULL, 0, 0, false };
  for (int i = 0; use != NULL && i < MAX_TRACE; i++) {
    const char *file = use->file != NULL ? use->file->name : "?";
    nacre_text_printf(&text, "%sblock '%s', used at %s:%d:%d",
                      i == 0 ? "in " : ", in ",
                      use->block, file, use->line, use->column);
    use = use_of(use);
  }
  if (text.n > 0 && !text.failed) {
    nacre_error_trace(error, "%s", text.at);
  }
  nacre_text_fini(&text);
}

int nacre_report(nacre_error *error, const nacre_node *node, int code,
                 const char *format, ...) {
  const nacre_place place = place_of(error, node);
  va_list list;
  va_start(list, format);
  (void)nacre_error_addv(error, code, &place, format, list);
  va_end(list);
  trace(error, node);
  return NACRE_ERROR;
}

int nacre_report_key(nacre_error *error, const nacre_node *node, int code,
                     const char *format, ...) {
  const bool has_key = node != NULL && node->key != NULL;
  const nacre_place place = place_of(error, has_key ? node->key : node);
  va_list list;
  va_start(list, format);
  (void)nacre_error_addv(error, code, &place, format, list);
  va_end(list);
  trace(error, node);
  return NACRE_ERROR;
}

const char *nacre_nearest(const char *word, const char *const *candidates,
                          int n) {
  const char *nearest = NULL;
  int least = 3;
  for (int i = 0; i < n; i++) {
    int distance = nacre_text_distance(word, candidates[i], 2);
    if (distance < least && (size_t)distance < strlen(word)) {
      least = distance;
      nearest = candidates[i];
    }
  }
  return nearest;
}
