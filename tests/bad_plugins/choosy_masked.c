/* SPDX-License-Identifier: MIT */
/* choosy_masked: asked when choosy_high declines; unlike that, reads masks,
 * and refuses to do without. */
#define MODULE_NAME "choosy_masked"
#define RANK 0
#define LEAST 4
#define MASKED
#include "choosy.h"
