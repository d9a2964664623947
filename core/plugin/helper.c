/* SPDX-License-Identifier: MIT */
/* helper: the child process of a scan.
 *
 * It is made harmless first: no core files, no terminal, default signals, no
 * files of the host. Then it loads one file after the other and says on the
 * pipe what it is doing, so that the host knows what went wrong when the
 * pipe ends too early.
 *
 * This is the one place below tools/ that ends a process: the process is the
 * helper, not the host, and it must leave by _exit() so that neither exit
 * handlers nor stdio buffers inherited from the host run a second time. */
#include "helper.h"

#include "dylib.h"
#include "trust.h"
#include "verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* The descriptor the pipe is moved to: the first after the standard ones. */
#define PIPE 3

/* Exit handlers run last in, first out: this one is registered after all of
 * the host's, so an exit() in a plugin runs none of them. */
static void leave(void) {
  _exit(NACRE_HELPER_LEFT);
}

static void close_from(unsigned first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0u, 0u) == 0) {
    return;
  }
#endif
  long most = sysconf(_SC_OPEN_MAX);
  for (int fd = (int)first; fd < (most > 0 && most < 65536 ? most : 65536);
       fd++) {
    close(fd);
  }
}

static void make_harmless(int out) {
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  const struct rlimit none = { 0, 0 };
  setrlimit(RLIMIT_CORE, &none);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int i = 1; i < NACRE_TRUST_SIGNALS; i++) {
    sigaction(i, &action, NULL);
  }
  sigset_t none_blocked;
  sigemptyset(&none_blocked);
  sigprocmask(SIG_SETMASK, &none_blocked, NULL);

  /* The pipe may itself sit on a standard descriptor the host had closed. */
  int high = fcntl(out, F_DUPFD, PIPE + 1);
  int null = open("/dev/null", O_RDWR);
  if (high < 0 || null < 0) {
    _exit(NACRE_HELPER_LEFT);
  }
  for (int fd = 0; fd < PIPE; fd++) {
    dup2(null, fd);
  }
  dup3(high, PIPE, O_CLOEXEC);
  close_from(PIPE + 1);
  if (atexit(leave) != 0) {
    _exit(NACRE_HELPER_LEFT);
  }
}

static void say(const char *text, size_t n) {
  while (n > 0) {
    ssize_t done = nacre_sys_calls.write(PIPE, text, n);
    if (done <= 0) {
      _exit(NACRE_HELPER_LEFT);
    }
    text += done;
    n -= (size_t)done;
  }
}

static void say_at(const char *what) {
  char line[64];
  int n = snprintf(line, sizeof line, NACRE_HELPER_AT "%s\n", what);
  say(line, (size_t)n);
}

/* Loads, asks and verifies one file: a description, or a reason. */
static void look_into(nacre_arena *arena, const char *path,
                      nacre_found *found) {
  char reason[400];
  nacre_trust_state state;
  const nacre_module *module = NULL;
  say_at("constructor");
  nacre_trust_watch(&state, true);
  bool passing = false;
  nacre_entry entry =
    nacre_dylib_open(path, reason, sizeof reason, &passing);
  if (entry != NULL) {
    say_at("entry function");
    module = entry();
    say_at("description");
  }
  const char *changed = nacre_trust_settle(&state);
  if (changed != NULL) {
    snprintf(reason, sizeof reason, "loading it changes %s", changed);
    nacre_found_refuse(arena, found, reason);
  } else if (entry == NULL ||
             !nacre_verify_module(module, reason, sizeof reason)) {
    nacre_found_refuse(arena, found, reason);
    found->passing = passing;
  } else if (nacre_found_describe(arena, module, found) != NACRE_OK) {
    nacre_found_refuse(arena, found, "out of memory");
  }
}

_Noreturn void nacre_helper_run(const nacre_scan_job *jobs, int n, int out) {
  make_harmless(out);
  for (int i = 0; i < n; i++) {
    nacre_found found;
    nacre_text text = { NULL, 0, 0, false };
    nacre_arena *arena = nacre_arena_new();
    memset(&found, 0, sizeof found);
    if (arena == NULL) {
      break;
    }
    look_into(arena, jobs[i].path, &found);
    nacre_found_put(&text, &found);
    nacre_text_puts(&text, NACRE_HELPER_DONE "\n");
    if (text.failed) {
      break;
    }
    say(text.at, text.n);
    nacre_text_fini(&text);
    nacre_arena_free(arena);
  }
  _exit(0);
}
