/* SPDX-License-Identifier: MIT */
/* param_stride: its parameters stand closer than a parameter is long. */
#define PARAM_STRIDE (sizeof(nacre_param) - 8)
#include "fixture.h"
