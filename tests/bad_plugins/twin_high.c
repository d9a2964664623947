/* SPDX-License-Identifier: MIT */
/* twin_high: one of two providers of a name; the better. */
#define NAME "twin"
#define MODULE_NAME "twin_high"
#define RANK 10
#include "fixture.h"
