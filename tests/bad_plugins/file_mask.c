/* SPDX-License-Identifier: MIT */
/* file_mask: its constructor sets the umask. */
#include "fixture.h"

#include <sys/stat.h>

__attribute__((constructor)) static void begin(void) {
  umask(0123);
}
