/* SPDX-License-Identifier: MIT */
/* late: it behaves in the helper: what it does to the locale comes only when
 * LATE_PLUGIN is set. */
#define NAME "late"
#define MODULE_NAME "late"
#include "fixture.h"

#include <locale.h>
#include <stdlib.h>

__attribute__((constructor)) static void begin(void) {
  if (getenv("LATE_PLUGIN") != NULL) {
    setlocale(LC_ALL, "C.UTF-8");
  }
}
