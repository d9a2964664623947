/* SPDX-License-Identifier: MIT */
/* undefined_symbol: it calls what nobody defines. */
#include "fixture.h"

void nobody_defines_this(void);
NACRE_EXPORT void fixture_call(void);
void fixture_call(void) {
  nobody_defines_this();
}
