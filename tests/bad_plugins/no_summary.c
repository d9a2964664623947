/* SPDX-License-Identifier: MIT */
/* no_summary: its component does not say what it is. */
#define SUMMARY NULL
#include "fixture.h"
