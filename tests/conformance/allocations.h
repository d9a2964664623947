/* SPDX-License-Identifier: MIT */
/* allocations: counts what a process allocates. */
#ifndef NACRE_TEST_ALLOCATIONS_H
#define NACRE_TEST_ALLOCATIONS_H

#include <stdint.h>

/** A function that gives the number of allocations so far; NULL where they
 *  cannot be counted: without glibc, and in a sanitizer, which wants to see
 *  them itself. */
uint64_t (*nacre_test_allocations(void))(void);

#endif
