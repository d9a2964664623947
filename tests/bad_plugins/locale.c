/* SPDX-License-Identifier: MIT */
/* locale: its constructor sets the locale. */
#include "fixture.h"

#include <locale.h>

__attribute__((constructor)) static void begin(void) {
  setlocale(LC_ALL, "C.UTF-8");
}
