/* SPDX-License-Identifier: MIT */
/* param_type: a parameter has a type that does not exist. */
#define PARAM_TYPE 99
#include "fixture.h"
