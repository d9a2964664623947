/* SPDX-License-Identifier: MIT */
/* abi_major: its description says another major of the ABI. */
#define ABI_MAJOR 1
#include "fixture.h"
