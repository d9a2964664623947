/* SPDX-License-Identifier: MIT */
/* trust: owners and modes of files, and the state of the process around a
 * load.
 *
 * Objects linked with -ffast-math switch the whole process to flush-to-zero
 * from a constructor; others call setlocale(), chdir() or signal(). Each of
 * these changes the numbers or the manners of the host, so it is noticed,
 * undone, and the plugin is refused by name. */
#include "trust.h"

#include "base/sys.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

const char *nacre_trust_refuses(const struct stat *st) {
  bool dir = S_ISDIR(st->st_mode);
  if (st->st_uid != 0 && st->st_uid != geteuid()) {
    return dir ? "directory belongs to another user"
               : "file belongs to another user";
  }
  bool group = (st->st_mode & S_IWGRP) != 0 && st->st_gid != st->st_uid;
  bool world = (st->st_mode & S_IWOTH) != 0;
  if (group || world) {
    return dir ? "directory is writable by others"
               : "file is writable by others";
  }
  return NULL;
}

/* Control bits of the floating-point unit; the sticky exception flags are
 * anybody's. */
static unsigned control_bits(void) {
  unsigned bits = (unsigned)fegetround();
#if defined(__x86_64__) || defined(__SSE__)
  bits = __builtin_ia32_stmxcsr() & ~0x3fu;
  unsigned short word = 0;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  bits ^= (unsigned)word << 16;
#elif defined(__aarch64__)
  unsigned long long fpcr;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  bits = (unsigned)fpcr;
#endif
  return bits;
}

void nacre_trust_watch(nacre_trust_state *state, bool alone) {
  memset(state, 0, sizeof *state);
  state->alone = alone;
  if (alone) {
    state->mask = umask(0);
    umask(state->mask);
  }
  fegetenv(&state->floating);
  state->control = control_bits();
  state->locale = nacre_strdup(setlocale(LC_ALL, NULL));
  state->thread_locale = uselocale((locale_t)0);
  state->directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  sigprocmask(SIG_BLOCK, NULL, &state->blocked);
  for (int i = 1; i < NACRE_TRUST_SIGNALS; i++) {
    sigaction(i, NULL, &state->action[i]);
  }
}

static bool settle_floating(const nacre_trust_state *state) {
  bool same = control_bits() == state->control;
  /* The environment holds the sticky flags too: they go back either way. */
  fesetenv(&state->floating);
  return same;
}

static bool settle_locale(const nacre_trust_state *state) {
  const char *now = setlocale(LC_ALL, NULL);
  bool same = true;
  if (state->locale != NULL && strcmp(now, state->locale) != 0) {
    setlocale(LC_ALL, state->locale);
    same = false;
  }
  if (uselocale((locale_t)0) != state->thread_locale) {
    uselocale(state->thread_locale);
    same = false;
  }
  return same;
}

static bool settle_directory(const nacre_trust_state *state) {
  struct stat before, now;
  if (state->directory < 0 || fstat(state->directory, &before) != 0) {
    return true;
  }
  if (stat(".", &now) == 0 && now.st_ino == before.st_ino &&
      now.st_dev == before.st_dev) {
    return true;
  }
  /* If going back fails there is nowhere to go; it is reported either way. */
  int back = fchdir(state->directory);
  (void)back;
  return false;
}

static bool settle_mask(const nacre_trust_state *state) {
  return !state->alone || umask(state->mask) == state->mask;
}

static bool settle_signals(const nacre_trust_state *state) {
  bool same = true;
  for (int i = 1; i < NACRE_TRUST_SIGNALS; i++) {
    struct sigaction now;
    memset(&now, 0, sizeof now);
    if (sigaction(i, NULL, &now) == 0 &&
        (now.sa_handler != state->action[i].sa_handler ||
         now.sa_flags != state->action[i].sa_flags)) {
      sigaction(i, &state->action[i], NULL);
      same = false;
    }
  }
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, &state->blocked, &blocked);
  for (int i = 1; i < NACRE_TRUST_SIGNALS; i++) {
    same = same && sigismember(&blocked, i) ==
                     sigismember(&state->blocked, i);
  }
  return same;
}

const char *nacre_trust_settle(nacre_trust_state *state) {
  static const struct {
    bool (*settle)(const nacre_trust_state *);
    const char *name;
  } parts[] = {
    { settle_signals, "the handling of signals" },
    { settle_mask, "the umask" },
    { settle_directory, "the current directory" },
    { settle_locale, "the locale" },
    { settle_floating, "the floating-point state (built with -ffast-math?)" },
  };
  const char *changed = NULL;
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    if (!parts[i].settle(state)) {
      changed = parts[i].name;
    }
  }
  if (state->directory >= 0) {
    close(state->directory);
  }
  nacre_free(state->locale);
  return changed;
}
