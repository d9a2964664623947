/* SPDX-License-Identifier: MIT */
/* signals: its constructor takes a signal. */
#include "fixture.h"

#include <signal.h>

__attribute__((constructor)) static void begin(void) {
  signal(SIGINT, SIG_IGN);
}
