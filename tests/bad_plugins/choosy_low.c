/* SPDX-License-Identifier: MIT */
/* choosy_low: asked when choosy_high declines; takes four and more. */
#define MODULE_NAME "choosy_low"
#define RANK 0
#define LEAST 4
#define WIDE_CONFIG
#include "choosy.h"
