/* SPDX-License-Identifier: MIT */
/* bad_name: its component has a name that no YAML could say. */
#define NAME "Bad name"
#include "fixture.h"
