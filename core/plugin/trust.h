/* SPDX-License-Identifier: MIT */
/* trust: whom nacre lets bring code into the process, and whether that code
 * kept its hands off the process while it was loaded. */
#ifndef NACRE_PLUGIN_TRUST_H
#define NACRE_PLUGIN_TRUST_H

#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/** Why a file or directory in this state is refused; NULL when it is fine:
 *  it belongs to root or to the effective user, and nobody else can write
 *  it. A group that has the number of the owner counts as the owner: that is
 *  how systems with a umask of 002 number a user's private group. */
const char *nacre_trust_refuses(const struct stat *);

#define NACRE_TRUST_SIGNALS 65

/** What belongs to the process and not to a plugin. */
typedef struct nacre_trust_state {
  bool alone;       /* no other thread can be disturbed by asking for umask */
  mode_t mask;
  fenv_t floating;
  unsigned control; /* the control bits: rounding, flush to zero, traps */
  char *locale;
  locale_t thread_locale;
  int directory;    /* of the process; -1 if it cannot be opened */
  sigset_t blocked;
  struct sigaction action[NACRE_TRUST_SIGNALS];
} nacre_trust_state;

/** Takes stock before a load. `alone`: this process has one thread, so the
 *  umask can be compared too. */
void nacre_trust_watch(nacre_trust_state *, bool alone);
/** Compares, puts back what was changed, and frees. NULL: nothing was
 *  changed; else a static phrase for "it changed ...". */
const char *nacre_trust_settle(nacre_trust_state *);

#endif
