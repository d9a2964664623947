/* SPDX-License-Identifier: MIT */
/* bad_kind: its component is of a kind that does not exist. */
#define KIND NACRE_KIND_COUNT
#include "fixture.h"
