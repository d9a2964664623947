/* SPDX-License-Identifier: MIT */
/* limit: how much memory there is to be had. */
#include "sys.h"

#include "text.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define CGROUP_LIMIT "/sys/fs/cgroup/memory.max"

/* The limit of the control group, which in a container is the root that is
 * seen; "max", or no such file, is none. */
static uint64_t group_limit(void) {
  char text[32];
  int64_t bytes = 0;
  int fd = nacre_sys_calls.open(CGROUP_LIMIT, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    return UINT64_MAX;
  }
  ssize_t n = nacre_sys_calls.read(fd, text, sizeof text);
  (void)nacre_sys_calls.close(fd);
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) {
    n--;
  }
  if (n <= 0 || !nacre_text_int(text, (size_t)n, &bytes) || bytes <= 0) {
    return UINT64_MAX;
  }
  return (uint64_t)bytes;
}

uint64_t nacre_memory_limit(void) {
  uint64_t limit = group_limit();
  struct rlimit space;
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  if (pages > 0 && size > 0 &&
      (uint64_t)pages * (uint64_t)size < limit) {
    limit = (uint64_t)pages * (uint64_t)size;
  }
  if (getrlimit(RLIMIT_AS, &space) == 0 &&
      space.rlim_cur != RLIM_INFINITY && (uint64_t)space.rlim_cur < limit) {
    limit = (uint64_t)space.rlim_cur;
  }
  return limit;
}
