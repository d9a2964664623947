/* SPDX-License-Identifier: MIT */
/* kern_avx512: kernels for x86-64-v4: compiled with -mavx512f -mavx512dq
 * -mavx512vl -mavx512bw -mfma, called only where the processor has them. */
#include "lanes_avx512.h"

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

TILES(14)
CONV_TILES(28, 14)

const kernels nacre_kernels_avx512 = KERNEL_TABLE("AVX-512", 14);
