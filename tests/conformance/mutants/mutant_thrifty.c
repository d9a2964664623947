/* SPDX-License-Identifier: MIT */
/* mutant_thrifty: says that it allocates, so that nobody counts, but has no
 * need to. */
#include "scale.h"

MUTANT_LAYER(mutant_thrifty, NACRE_LAYER_NEED_X | NACRE_LAYER_ALLOCATES,
             scale_plan, scale_forward, scale_backward, "allocates")
