/* SPDX-License-Identifier: MIT */
/* report: problems at nodes, and the nearest of some names. */
#include "report.h"

#include "base/text.h"

#include <string.h>

int nacre_report(nacre_error *error, const nacre_node *node, int code,
                 const char *format, ...)
{
  const nacre_place place = nacre_node_place(node);
  va_list list;
  va_start(list, format);
  (void)nacre_error_addv(error, code, &place, format, list);
  va_end(list);
  return NACRE_ERROR;
}

int nacre_report_key(nacre_error *error, const nacre_node *node, int code,
                     const char *format, ...)
{
  const nacre_place place = nacre_node_key_place(node);
  va_list list;
  va_start(list, format);
  (void)nacre_error_addv(error, code, &place, format, list);
  va_end(list);
  return NACRE_ERROR;
}

const char *nacre_nearest(const char *word, const char *const *candidates,
                          int n)
{
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
