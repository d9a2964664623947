/* SPDX-License-Identifier: MIT */
/* good: nothing is wrong with it. */
#define NAME "good"
#define MODULE_NAME "good"
#include "fixture.h"
