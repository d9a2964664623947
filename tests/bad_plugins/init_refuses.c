/* SPDX-License-Identifier: MIT */
/* init_refuses: it loads, and then says that it cannot start. */
#define NAME "init_refuses"
#define MODULE_NAME "init_refuses"
#define INIT start

#include <nacre/plugin.h>

static int start(const nacre_host *host, nacre_fail *fail) {
  (void)host;
  fail->fail(fail, NULL, "there is no accelerator here");
  return NACRE_ERROR;
}

#include "fixture.h"
