/* SPDX-License-Identifier: MIT */
/* crash: its constructor writes to the null page. */
#include "fixture.h"

static int *volatile nowhere;

__attribute__((constructor)) static void begin(void) {
  *nowhere = 1;
}
