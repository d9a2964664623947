/* SPDX-License-Identifier: MIT */
/* hang: its constructor never returns. */
#include "fixture.h"

#include <unistd.h>

__attribute__((constructor)) static void begin(void) {
  for (;;) {
    pause();
  }
}
