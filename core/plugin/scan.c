/* SPDX-License-Identifier: MIT */
/* scan: the host's side: listens to the helper, with a time limit per file.
 *
 * One helper serves all files that behave. When it dies or hangs, the file
 * it was at is refused for that, and a new helper goes on with the next. */
#include "scan.h"

#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A description is a few hundred bytes; more than this is no description. */
#define MAX_RECORD (1u << 20)

typedef struct scanner {
  nacre_arena *arena;
  const nacre_scan_job *jobs;
  int n, at;          /* the file that the helper is at */
  double seconds;
  double deadline;
  pid_t child;
  int in;             /* the pipe */
  nacre_text heard;   /* lines, the last perhaps not complete */
  char stage[32];     /* what the helper was doing last */
  bool damaged;       /* a line made no sense */
} scanner;

static void refuse(scanner *scan, bool passing, const char *reason) {
  nacre_found *found = scan->jobs[scan->at].found;
  nacre_found_refuse(scan->arena, found, reason);
  found->passing = passing;
}

static const char *signal_name(int number) {
  static const struct {
    int number;
    const char *name;
  } names[] = { { SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" },
                { SIGILL, "SIGILL" },   { SIGFPE, "SIGFPE" },
                { SIGABRT, "SIGABRT" }, { SIGTRAP, "SIGTRAP" },
                { SIGSYS, "SIGSYS" } };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (names[i].number == number) {
      return names[i].name;
    }
  }
  return NULL;
}

static void begin_file(scanner *scan) {
  scan->deadline = nacre_clock() + scan->seconds;
  snprintf(scan->stage, sizeof scan->stage, "constructor");
}

static void take_line(scanner *scan, char *line) {
  size_t prefix = sizeof NACRE_HELPER_AT - 1;
  if (scan->at >= scan->n) {
    scan->damaged = true;
  } else if (strncmp(line, NACRE_HELPER_AT, prefix) == 0) {
    snprintf(scan->stage, sizeof scan->stage, "%.31s", line + prefix);
  } else if (strcmp(line, NACRE_HELPER_DONE) == 0) {
    if (!nacre_found_whole(scan->jobs[scan->at].found)) {
      refuse(scan, false, "gave no description that makes sense");
    }
    scan->at++;
    begin_file(scan);
  } else {
    /* The found keeps pointing into the line: it gets one of its own. */
    char *copy = nacre_arena_strndup(scan->arena, line, strlen(line));
    if (copy == NULL || !nacre_found_take(scan->arena,
                                          scan->jobs[scan->at].found, copy)) {
      scan->damaged = true;
    }
  }
}

static void take_lines(scanner *scan) {
  nacre_text *heard = &scan->heard;
  size_t begin = 0;
  char *end;
  while (!scan->damaged && begin < heard->n &&
         (end = memchr(heard->at + begin, '\n', heard->n - begin)) != NULL) {
    *end = '\0';
    take_line(scan, heard->at + begin);
    begin = (size_t)(end - heard->at) + 1;
  }
  memmove(heard->at, heard->at + begin, heard->n - begin);
  heard->n -= begin;
  if (heard->failed || heard->n > MAX_RECORD) {
    scan->damaged = true;
  }
}

static int milliseconds_left(const scanner *scan) {
  double left = scan->deadline - nacre_clock();
  return left > 0 ? (int)(left * 1000) + 1 : 0;
}

/* Listens until all is done, the pipe ends, or time is up. */
static void listen_to(scanner *scan) {
  char bytes[4096];
  struct pollfd wait = { scan->in, POLLIN, 0 };
  while (scan->at < scan->n && !scan->damaged) {
    int ready = poll(&wait, 1, milliseconds_left(scan));
    if (ready == 0 || (ready < 0 && errno != EINTR)) {
      return;
    }
    if (ready < 0) {
      continue;
    }
    ssize_t n = nacre_sys_calls.read(scan->in, bytes, sizeof bytes);
    if (n == 0 || (n < 0 && errno != EINTR)) {
      return;
    }
    if (n > 0) {
      nacre_text_put(&scan->heard, bytes, (size_t)n);
      take_lines(scan);
    }
  }
}

/* Waits for the end of the helper until the deadline, then ends it. True
 * with its status if it ended by itself. */
static bool await_end(const scanner *scan, bool now, int *status) {
  const struct timespec nap = { 0, 200 * 1000 };
  while (!now) {
    pid_t ended = waitpid(scan->child, status, WNOHANG);
    if (ended == scan->child) {
      return true;
    }
    if (ended < 0 && errno != EINTR) {
      *status = 0; /* the host ignores SIGCHLD: the status is lost */
      return true;
    }
    if (milliseconds_left(scan) == 0) {
      break;
    }
    nanosleep(&nap, NULL);
  }
  kill(scan->child, SIGKILL);
  while (waitpid(scan->child, status, 0) < 0 && errno == EINTR) {
  }
  return false;
}

static void explain_end(scanner *scan, bool ended, int status) {
  char reason[128];
  if (scan->damaged) {
    refuse(scan, false, "gave no description that makes sense");
    return;
  }
  if (!ended) {
    snprintf(reason, sizeof reason, "did not load within %g s",
             scan->seconds);
    refuse(scan, false, reason);
    return;
  }
  if (!WIFSIGNALED(status)) {
    refuse(scan, false, "exited while being loaded");
    return;
  }
  const char *name = signal_name(WTERMSIG(status));
  if (name == NULL) {
    /* Somebody from outside: this says nothing about the file. */
    snprintf(reason, sizeof reason, "its scan was killed by signal %d",
             WTERMSIG(status));
    refuse(scan, true, reason);
    return;
  }
  bool loading = strcmp(scan->stage, "constructor") == 0;
  snprintf(reason, sizeof reason, "crashed in its %s (%s)%s", scan->stage,
           name,
           loading && WTERMSIG(status) == SIGBUS ? ": is the file cut short?"
                                                 : "");
  refuse(scan, false, reason);
}

static bool start(scanner *scan) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return false;
  }
  begin_file(scan);
  scan->child = fork();
  if (scan->child == 0) {
    nacre_helper_run(scan->jobs + scan->at, scan->n - scan->at, ends[1]);
  }
  int error = errno;
  nacre_sys_calls.close(ends[1]);
  if (scan->child < 0) {
    nacre_sys_calls.close(ends[0]);
    errno = error;
    return false;
  }
  scan->in = ends[0];
  return true;
}

void nacre_scan(nacre_arena *arena, const nacre_scan_job *jobs, int n,
                double seconds) {
  scanner scan;
  memset(&scan, 0, sizeof scan);
  scan.arena = arena;
  scan.jobs = jobs;
  scan.n = n;
  scan.seconds = seconds;
  while (scan.at < n) {
    if (!start(&scan)) {
      char reason[160];
      snprintf(reason, sizeof reason, "no helper process to load it in: %s",
               strerror(errno));
      for (; scan.at < n; scan.at++) {
        refuse(&scan, true, reason);
      }
      break;
    }
    scan.heard.n = 0;
    scan.damaged = false;
    listen_to(&scan);
    int status = 0;
    bool ended = await_end(&scan, scan.at >= n || scan.damaged, &status);
    nacre_sys_calls.close(scan.in);
    if (scan.at < n) {
      explain_end(&scan, ended, status);
      scan.at++;
    }
  }
  nacre_text_fini(&scan.heard);
}
