/* SPDX-License-Identifier: MIT */
/* choosy_odd: has another weight than choosy_high. */
#define MODULE_NAME "choosy_odd"
#define RANK 5
#define LEAST 1
#define WEIGHT "factor"
#include "choosy.h"
