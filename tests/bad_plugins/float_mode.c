/* SPDX-License-Identifier: MIT */
/* float_mode: its constructor changes the floating-point state, as objects
 * linked with -ffast-math do. */
#include "fixture.h"

#include <fenv.h>

__attribute__((constructor)) static void begin(void) {
#ifdef __SSE__
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040u);
#else
  fesetround(FE_TOWARDZERO);
#endif
}
