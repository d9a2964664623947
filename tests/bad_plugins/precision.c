/* SPDX-License-Identifier: MIT */
/* precision: it was built for the other precision. */
#define REAL_SIZE (12 - sizeof(real))
#include "fixture.h"
