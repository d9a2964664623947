/* SPDX-License-Identifier: MIT */
/* param_default: a default is outside its own range. */
#define PARAM_DEFAULT "1.5"
#include "fixture.h"
