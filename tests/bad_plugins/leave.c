/* SPDX-License-Identifier: MIT */
/* leave: its constructor ends the process, as if all were well. */
#include "fixture.h"

#include <stdlib.h>

__attribute__((constructor)) static void begin(void) {
  exit(0);
}
