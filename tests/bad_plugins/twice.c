/* SPDX-License-Identifier: MIT */
/* twice: it has one component twice. */
#define COMPONENTS COMPONENT("fixture"), COMPONENT("fixture")
#include "fixture.h"
