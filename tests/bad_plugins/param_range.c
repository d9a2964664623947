/* SPDX-License-Identifier: MIT */
/* param_range: a range is no interval. */
#define PARAM_RANGE "between 0 and 1"
#include "fixture.h"
