/* SPDX-License-Identifier: MIT */
/* helper: the child process of a scan: it loads files and tells. */
#ifndef NACRE_PLUGIN_HELPER_H
#define NACRE_PLUGIN_HELPER_H

#include "scan.h"

/** Exit status of a helper in which somebody called exit(). */
#define NACRE_HELPER_LEFT 77

/** Lines that go to the pipe beside those of found.h: what is being done,
 *  for the report of a crash, and that a file is done with. */
#define NACRE_HELPER_AT "at\t"
#define NACRE_HELPER_DONE "done"

/** Goes through the jobs and writes lines to `out`. Never returns. */
_Noreturn void nacre_helper_run(const nacre_scan_job *jobs, int n, int out);

#endif
