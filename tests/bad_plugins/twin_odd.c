/* SPDX-License-Identifier: MIT */
/* twin_odd: a third provider of a name, which takes other parameters. */
#define NAME "twin"
#define MODULE_NAME "twin_odd"
#define PARAM_DEFAULT "0.25"
#include "fixture.h"
