/* SPDX-License-Identifier: MIT */
/* crash_entry: its entry function crashes. */
static int *volatile nowhere;
#define RETURNED (*nowhere = 1, &module)
#include "fixture.h"
