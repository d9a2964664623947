/* SPDX-License-Identifier: MIT */
/* kern_avx2: kernels for x86-64-v3: compiled with -mavx2 -mfma, called only
 * where the processor has them. */
#include "lanes_avx2.h"

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

const kernels nacre_kernels_avx2 = KERNEL_TABLE("AVX2", 6);
