/* SPDX-License-Identifier: MIT */
/* thread: threads of the core, which may be refused like memory. */
#ifndef NACRE_BASE_THREAD_H
#define NACRE_BASE_THREAD_H

typedef struct nacre_thread nacre_thread;

/** Runs body(context) on a thread of its own, which takes no signals: they
 *  are the program's affair. NULL when there is none to be had. */
nacre_thread *nacre_thread_start(void *(*body)(void *), void *context);
/** Waits for its end and frees it. NULL is fine. */
void nacre_thread_join(nacre_thread *);

#endif
