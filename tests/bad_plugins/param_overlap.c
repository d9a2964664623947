/* SPDX-License-Identifier: MIT */
/* param_overlap: two parameters share their bytes. */
#define PARAM_OFFSET offsetof(config, count)
#include "fixture.h"
