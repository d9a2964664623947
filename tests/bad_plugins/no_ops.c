/* SPDX-License-Identifier: MIT */
/* no_ops: its component has no operations. */
#define OPS NULL
#include "fixture.h"
