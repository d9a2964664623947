/* SPDX-License-Identifier: MIT */
/* directory: its constructor changes the current directory. */
#include "fixture.h"

#include <unistd.h>

__attribute__((constructor)) static void begin(void) {
  if (chdir("/") != 0) {
    _exit(1);
  }
}
