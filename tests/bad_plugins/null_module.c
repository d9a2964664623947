/* SPDX-License-Identifier: MIT */
/* null_module: its entry function returns NULL. */
#define RETURNED NULL
#include "fixture.h"
