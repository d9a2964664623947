/* SPDX-License-Identifier: MIT */
/* kern_portable: kernels in plain C for every machine. */
#include "lanes_portable.h"

#include "attend.h"
#include "convtile.h"
#include "direct.h"
#include "microtile.h"
#include "packing.h"
#include "peak.h"
#include "philox.h"
#include "pointwise.h"
#include "reduce.h"
#include "table.h"
#include "winograd.h"

TILES(6)
CONV_TILES(12, 6)

const kernels nacre_kernels_portable = KERNEL_TABLE("portable", 6);
