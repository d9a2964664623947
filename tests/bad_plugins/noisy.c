/* SPDX-License-Identifier: MIT */
/* noisy: its constructor prints, and waits for input; in a helper that is
 * nothing. */
#define NAME "noisy"
#define MODULE_NAME "noisy"
#include "fixture.h"

#include <stdio.h>

__attribute__((constructor)) static void begin(void) {
  char line[16];
  puts("a plugin must not print");
  fputs("nor complain\n", stderr);
  fflush(stdout);
  if (fgets(line, sizeof line, stdin) != NULL) {
    puts(line);
  }
}
