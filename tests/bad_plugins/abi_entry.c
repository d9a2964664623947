/* SPDX-License-Identifier: MIT */
/* abi_entry: it exports the entry of another major of the ABI alone. */
#define ENTRY nacre_module_1
#include "fixture.h"
