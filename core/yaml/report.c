/* SPDX-License-Identifier: MIT */
/* report: problems at nodes, and the nearest of some names. */
#include "report.h"

#include "base/text.h"

#include <string.h>

/* No place for what will only be counted: to find its line, all of the file
 * before it is walked through. */
static nacre_place place_of(const nacre_error *error, const nacre_node *node) {
  const nacre_place none = { NULL, 0, 0, 0, NULL };
  return error->count <= NACRE_ERROR_MAX ? nacre_node_place(node) : none;
}

int nacre_report(nacre_error *error, const nacre_node *node, int code,
                 const char *format, ...) {
  const nacre_place place = place_of(error, node);
  va_list list;
  va_start(list, format);
  (void)nacre_error_addv(error, code, &place, format, list);
  va_end(list);
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
