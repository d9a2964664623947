/* SPDX-License-Identifier: MIT */
/* choosy_high: the first to be asked; takes eight features and more. */
#define MODULE_NAME "choosy_high"
#define RANK 10
#define LEAST 8
#include "choosy.h"
