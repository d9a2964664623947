/* SPDX-License-Identifier: MIT */
/* twin_low: one of two providers of a name; the lesser. */
#define NAME "twin"
#define MODULE_NAME "twin_low"
#include "fixture.h"
