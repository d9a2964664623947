/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include "sys.h"

#include <pthread.h>
#include <signal.h>

#define STACK_BYTES ((size_t)2 << 20)

struct nacre_thread {
  pthread_t id;
};

nacre_thread *nacre_thread_start(void *(*body)(void *), void *context) {
  nacre_thread *self = nacre_alloc(1, sizeof(*self));
  pthread_attr_t attr;
  sigset_t all, old;
  if (self == NULL || pthread_attr_init(&attr) != 0) {
    nacre_free(self);
    return NULL;
  }
  (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int refused =
    nacre_sys_calls.thread_create(&self->id, &attr, body, context);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attr);
  if (refused != 0) {
    nacre_free(self);
    return NULL;
  }
  return self;
}

void nacre_thread_join(nacre_thread *self) {
  if (self != NULL) {
    (void)pthread_join(self->id, NULL);
    nacre_free(self);
  }
}
