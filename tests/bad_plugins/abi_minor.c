/* SPDX-License-Identifier: MIT */
/* abi_minor: it needs a later minor of the ABI. */
#define ABI_NEED (NACRE_ABI_MINOR + 1)
#include "fixture.h"
