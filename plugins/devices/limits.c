/* SPDX-License-Identifier: MIT */
/* limits: how many processors the pool may count on, and the floating-point
 * mode of its threads. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pool.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* Bits of MXCSR: results and operands that are subnormal become zero. */
#define MXCSR_FTZ_DAZ 0x8040u
/* The same of FPCR on AArch64. */
#define FPCR_FZ ((uint64_t)1 << 24)

uint64_t nacre_pool_float_mode(void) {
#if defined(__x86_64__)
  return _mm_getcsr();
#elif defined(__aarch64__)
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
#else
  return 0;
#endif
}

uint64_t nacre_pool_float_mode_fast(uint64_t mode) {
#if defined(__x86_64__)
  return mode | MXCSR_FTZ_DAZ;
#elif defined(__aarch64__)
  return mode | FPCR_FZ;
#else
  return mode;
#endif
}

void nacre_pool_set_float_mode(uint64_t mode) {
#if defined(__x86_64__)
  _mm_setcsr((unsigned)mode);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
  (void)mode;
#endif
}

/* The first line of a small file; 0 when it cannot be read. */
static int read_line(const char *path, char *line, int room) {
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    return 0;
  }
  int ok = fgets(line, room, file) != NULL;
  fclose(file);
  return ok;
}

/* Processors that the file cpu.max of one group allows, rounded up; 0 when
 * it sets no limit: "max 100000", or "150000 100000" for one and a half. */
static int64_t group_quota(const char *group) {
  char path[4096], line[64];
  long long quota, period;
  int n = snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
  if (n < 0 || (size_t)n >= sizeof path ||
      !read_line(path, line, (int)sizeof line) ||
      sscanf(line, "%lld %lld", &quota, &period) != 2 || quota <= 0 ||
      period <= 0) {
    return 0;
  }
  return (quota - 1) / period + 1;
}

/* The tightest quota of this process's control group (version 2) and those
 * that it is in; 0 when there is none. */
static int64_t quota_processors(void) {
  char group[2048];
  if (!read_line("/proc/self/cgroup", group, (int)sizeof group) ||
      strncmp(group, "0::/", 4) != 0) {
    return 0;
  }
  memmove(group, group + 3, strlen(group + 3) + 1);
  group[strcspn(group, "\n")] = '\0';
  int64_t least = 0;
  for (;;) {
    int64_t quota = group_quota(strcmp(group, "/") == 0 ? "" : group);
    if (quota > 0 && (least == 0 || quota < least)) {
      least = quota;
    }
    char *slash = strrchr(group, '/');
    if (slash == NULL) {
      return least;
    }
    *slash = '\0';
  }
}

int nacre_pool_processor(void) {
#ifdef __linux__
  return sched_getcpu();
#else
  return -1;
#endif
}

int64_t nacre_pool_processors(void) {
  int64_t count = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    count = CPU_COUNT(&set);
  }
#endif
  int64_t quota = quota_processors();
  if (quota > 0 && quota < count) {
    count = quota;
  }
  return count > 0 ? count : 1;
}
