/* SPDX-License-Identifier: MIT */
/* load: brings a plugin into this process.
 *
 * The scan has seen the file load in a helper; here it is loaded for good,
 * if it is still that file and still belongs to somebody trusted. */
#include "load.h"

#include "dylib.h"
#include "search.h"
#include "trust.h"
#include "verify.h"

#include <stdio.h>
#include <string.h>

const nacre_component *nacre_load_component(const nacre_module *module,
                                            uint32_t i) {
  const char *at = (const char *)module->components.at +
                   (size_t)i * module->components.stride;
  return (const nacre_component *)(const void *)at;
}

static bool same_state(const nacre_stamp *a, const nacre_stamp *b) {
  return a->device == b->device && a->inode == b->inode &&
         a->size == b->size && a->mtime == b->mtime;
}

static bool check_file(const char *path, const nacre_found *found,
                       char *reason, size_t room) {
  nacre_stamp now;
  char *dir = nacre_path_dir(path);
  nacre_stamp unused;
  const char *refused =
    dir != NULL ? nacre_search_stamp(dir, &unused) : "out of memory";
  nacre_free(dir);
  if (refused == NULL) {
    refused = nacre_search_stamp(path, &now);
  }
  if (refused == NULL && !same_state(&now, &found->stamp)) {
    refused = "file changed after it was looked into; start again";
  }
  if (refused != NULL) {
    snprintf(reason, room, "%s", refused);
  }
  return refused == NULL;
}

static bool same_text(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A cache may lie; what it promised must be there. */
static bool as_found(const nacre_module *module, const nacre_found *found) {
  if ((uint32_t)found->count != module->components.n ||
      strcmp(found->module, module->name) != 0) {
    return false;
  }
  for (int i = 0; i < found->count; i++) {
    const nacre_component *component =
      nacre_load_component(module, (uint32_t)i);
    if (component->kind != found->component[i].kind ||
        strcmp(component->name, found->component[i].name) != 0 ||
        !same_text(component->device, found->component[i].device)) {
      return false;
    }
  }
  return true;
}

static const nacre_module *open_module(const char *path, char *reason,
                                       size_t room) {
  nacre_trust_state state;
  const nacre_module *module = NULL;
  nacre_trust_watch(&state, false);
  bool passing = false;
  nacre_entry entry = nacre_dylib_open(path, reason, room, &passing);
  if (entry != NULL) {
    module = entry();
  }
  const char *changed = nacre_trust_settle(&state);
  if (changed != NULL) {
    snprintf(reason, room, "loading it changes %s", changed);
    return NULL;
  }
  if (entry == NULL || !nacre_verify_module(module, reason, room)) {
    return NULL;
  }
  return module;
}

static bool start(const nacre_module *module, const nacre_host *host,
                  char *reason, size_t room) {
  nacre_error error;
  nacre_error_fail fail;
  if (module->init == NULL) {
    return true;
  }
  nacre_error_init(&error);
  nacre_error_fail_init(&fail, &error, NACRE_EPLUGIN, NULL);
  bool good = module->init(host, &fail.fail) == NACRE_OK;
  if (!good) {
    snprintf(reason, room, "does not start: %s",
             error.count > 0 ? error.problem[0].text : "it does not say why");
  }
  nacre_error_fini(&error);
  return good;
}

const nacre_module *nacre_load(const char *path, const nacre_found *found,
                               const nacre_host *host, char *reason,
                               size_t room) {
  if (!check_file(path, found, reason, room)) {
    return NULL;
  }
  const nacre_module *module = open_module(path, reason, room);
  if (module != NULL && !as_found(module, found)) {
    snprintf(reason, room, "is not what its scan found; scan it again");
    return NULL;
  }
  if (module == NULL || !start(module, host, reason, room)) {
    return NULL;
  }
  return module;
}

bool nacre_load_start(const nacre_module *module, const nacre_host *host,
                      char *reason, size_t room) {
  return nacre_verify_module(module, reason, room) &&
         start(module, host, reason, room);
}
