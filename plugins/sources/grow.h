/* SPDX-License-Identifier: MIT */
/* grow: blocks of sources that get longer as a file is read. */
#ifndef NACRE_SOURCES_GROW_H
#define NACRE_SOURCES_GROW_H

#include <nacre/plugin.h>

/* Makes room for `need` elements of `size` bytes: by at least half as much
 * again. NACRE_ERROR: out of memory, nothing is lost. */
static inline int sources_grow(const nacre_host *host, void **block,
                               size_t *room, size_t need, size_t size) {
  if (need <= *room) {
    return NACRE_OK;
  }
  size_t more = *room + *room / 2 + 16;
  more = more > need ? more : need;
  void *grown = *block == NULL ? host->alloc(more, size)
                               : host->resize(*block, more, size);
  if (grown == NULL) {
    return NACRE_ERROR;
  }
  *block = grown;
  *room = more;
  return NACRE_OK;
}

static inline int sources_no_memory(nacre_fail *fail) {
  fail->fail(fail, NULL, "out of memory");
  return NACRE_ERROR;
}

#endif
