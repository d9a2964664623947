/* SPDX-License-Identifier: MIT */
/* no_entry: it exports no entry. */
#define NO_ENTRY
#include "fixture.h"
