/* SPDX-License-Identifier: MIT */
/* choosy_late: declines when it has already asked for a weight. */
#define MODULE_NAME "choosy_late"
#define RANK 20
#define LEAST 16
#define LATE
#include "choosy.h"
