/* SPDX-License-Identifier: MIT */
/* dylib: loads shared objects and says in plain words why one does not load.
 *
 * Nothing is ever closed: components are handed out as pointers into the
 * object, and threads or exit handlers of a plugin would outlive its code. */
#include "dylib.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* ABI majors that are looked for to say what an alien plugin was built for. */
#define MAJORS 10

/* dlerror() begins with the path, which every report of ours has already.
 * True: the file itself is whole. */
static bool explain(const char *path, const char *text, char *reason,
                    size_t room) {
  size_t n = strlen(path);
  if (strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0) {
    text += n + 2;
  }
  bool broken = strstr(text, "ELF") != NULL || strstr(text, "too short") ||
                strstr(text, "cannot read file data") != NULL;
  snprintf(reason, room, "%s%s",
           broken ? "not a shared object, or cut short: " : "", text);
  return !broken;
}

static nacre_entry find(void *handle, const char *name) {
  void *symbol = dlsym(handle, name);
  nacre_entry entry = NULL;
  /* ISO C has no conversion from an object pointer to a function pointer. */
  _Static_assert(sizeof symbol == sizeof entry, "pointers of one size");
  memcpy(&entry, &symbol, sizeof entry);
  return entry;
}

nacre_entry nacre_dylib_open(const char *path, char *reason, size_t room,
                             bool *passing) {
  *passing = false;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    const char *text = dlerror();
    *passing = explain(path, text != NULL ? text : "unknown error", reason,
                       room);
    return NULL;
  }
  nacre_entry entry = find(handle, NACRE_ENTRY_NAME);
  if (entry != NULL) {
    return entry;
  }
  for (int major = 0; major < MAJORS; major++) {
    char name[32];
    snprintf(name, sizeof name, "nacre_module_%d", major);
    if (find(handle, name) != NULL) {
      snprintf(reason, room, "built for ABI %d, this nacre speaks %d", major,
               NACRE_ABI_MAJOR);
      return NULL;
    }
  }
  snprintf(reason, room, "not a nacre plugin: it exports no %s",
           NACRE_ENTRY_NAME);
  return NULL;
}
