/* SPDX-License-Identifier: MIT */
/* short_ops: its table of operations is shorter than the kind's. */
#define OPS_SIZE 16
#include "fixture.h"
