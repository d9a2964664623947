/* SPDX-License-Identifier: MIT */
/* param_offset: a parameter lies beyond the config struct. */
#define PARAM_OFFSET sizeof(config)
#include "fixture.h"
