/* SPDX-License-Identifier: MIT */
/* plugin_fixture: a host of the simplest kind, with which tests drive the
 * components of one built module directly, without the core. Modules are
 * found below NACRE_TEST_PLUGINS. */
#ifndef NACRE_TESTS_PLUGIN_FIXTURE_H
#define NACRE_TESTS_PLUGIN_FIXTURE_H

#include "cfg_fixture.h"

#include <nacre/plugin.h>

#include <check.h>
#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef fail /* an old name of Check's, and a member's here */

/* --- errors: the last one as "place: text" --- */

typedef struct fixture_fail {
  nacre_fail base;
  int count;
  char text[1024];
} fixture_fail;

static inline void fixture_on_fail(nacre_fail *base, const char *place,
                                   const char *format, ...)
  NACRE_PRINTF(3, 4);
static inline void fixture_on_fail(nacre_fail *base, const char *place,
                                   const char *format, ...) {
  fixture_fail *self = (fixture_fail *)base;
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  self->count++;
  snprintf(self->text, sizeof(self->text), "%s%s%.500s",
           place != NULL ? place : "", place != NULL ? ": " : "", text);
}

static inline fixture_fail fixture_fail_new(void) {
  fixture_fail fail = { { sizeof(nacre_fail), 0, fixture_on_fail }, 0, "" };
  return fail;
}

/* --- modules --- */

/* A module; NULL when it was not built. `path` is where it was looked for. */
static inline void *fixture_module(const char *folder, const char *file,
                                   char path[4096]) {
  const char *root = getenv("NACRE_TEST_PLUGINS");
  snprintf(path, 4096, "%s/%s/.libs/%s.so", root != NULL ? root : "", folder,
           file);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    snprintf(path, 4096, "%s/%s/%s.so", root != NULL ? root : "", folder,
             file);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  }
  return library;
}

/* Whether a plugin that needs a library was built; else says so, loudly. */
static inline bool fixture_has(const char *folder, const char *file) {
  char path[4096];
  bool has = fixture_module(folder, file, path) != NULL;
  if (!has) {
    fprintf(stderr, "*** SKIPPED: there is no plugin %s/%s\n", folder, file);
  }
  return has;
}

static inline const nacre_component *
fixture_component(const char *folder, const char *file, const char *name) {
  char path[4096];
  ck_assert_msg(getenv("NACRE_TEST_PLUGINS") != NULL,
                "NACRE_TEST_PLUGINS is not set");
  void *library = fixture_module(folder, file, path);
  ck_assert_msg(library != NULL, "%s", library == NULL ? dlerror() : "");
  const nacre_module *(*entry)(void);
  *(void **)&entry = dlsym(library, NACRE_ENTRY_NAME);
  ck_assert_ptr_nonnull(*(void **)&entry);
  const nacre_component *all = entry()->components.at;
  for (uint32_t i = 0; i < entry()->components.n; i++) {
    if (strcmp(all[i].name, name) == 0) {
      return &all[i];
    }
  }
  ck_abort_msg("%s has no component %s", path, name);
  return NULL;
}

/* --- the host --- */

/* A file that exists in memory alone. */
static const char *fixture_path;
static nacre_bytes fixture_text;
/* Allocations until one fails; negative: none does. And those not freed. */
static long fixture_alloc_left = -1;
static long fixture_blocks;

static inline int fixture_alloc_fails(void) {
  return fixture_alloc_left >= 0 && fixture_alloc_left-- == 0;
}

static inline void *fixture_alloc(size_t count, size_t size) {
  if (fixture_alloc_fails() || (size > 0 && count > SIZE_MAX / size) ||
      count * size > ((size_t)1 << 32)) {
    return NULL;
  }
  size_t bytes = count * size;
  void *block = calloc(bytes > 0 ? bytes : 1, 1);
  fixture_blocks += block != NULL;
  return block;
}

static inline void *fixture_resize(void *block, size_t count, size_t size) {
  if (fixture_alloc_fails() || (size > 0 && count > SIZE_MAX / size)) {
    return NULL;
  }
  void *grown = realloc(block, count * size > 0 ? count * size : 1);
  fixture_blocks += block == NULL && grown != NULL;
  return grown;
}

static inline void fixture_free(void *block) {
  fixture_blocks -= block != NULL;
  free(block);
}

static inline int fixture_codec(const nacre_host *host, const char *name,
                                const void *in, size_t n, size_t limit,
                                void *exact, nacre_bytes *out,
                                nacre_fail *fail) {
  const char *file = strcmp(name, "xz") == 0 ? "xz" : "zlib";
  const nacre_codec_ops *ops = fixture_component("codecs", file, name)->ops;
  return ops->decode(host, in, n, limit, exact, out, fail);
}

static inline int fixture_decode(const nacre_host *host, const char *name,
                                 const void *in, size_t n, void *out,
                                 size_t size, nacre_fail *fail) {
  return fixture_codec(host, name, in, n, size, out, NULL, fail);
}

static inline int fixture_load(const char *path, nacre_bytes *out) {
  if (fixture_path != NULL && strcmp(path, fixture_path) == 0) {
    out->n = fixture_text.n;
    out->at = fixture_alloc(out->n + 1, 1);
    if (out->at != NULL && out->n > 0) {
      memcpy(out->at, fixture_text.at, out->n);
    }
    return out->at != NULL ? NACRE_OK : NACRE_ERROR;
  }
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    return NACRE_ERROR;
  }
  out->n = (size_t)ftell(file);
  out->at = fixture_alloc(out->n + 1, 1);
  rewind(file);
  size_t got = out->at == NULL ? 0 : fread(out->at, 1, out->n, file);
  fclose(file);
  return out->at != NULL && got == out->n ? NACRE_OK : NACRE_ERROR;
}

#define FIXTURE_LIMIT ((size_t)1 << 28)

static inline int fixture_read_file(const nacre_host *host, const char *path,
                                    size_t limit, nacre_fail *fail,
                                    nacre_bytes *out) {
  nacre_bytes raw = { NULL, 0 };
  size_t n = strlen(path);
  if (fixture_load(path, &raw) != NACRE_OK) {
    fail->fail(fail, path, "cannot be read");
    return NACRE_ERROR;
  }
  if (n < 3 || (strcmp(path + n - 3, ".gz") != 0 &&
                strcmp(path + n - 3, ".xz") != 0)) {
    *out = raw;
    return NACRE_OK;
  }
  fixture_fail inner = fixture_fail_new();
  int status = fixture_codec(host, path + n - 2, raw.at, raw.n,
                             limit > 0 ? limit : FIXTURE_LIMIT, NULL, out,
                             &inner.base);
  fixture_free(raw.at);
  if (status != NACRE_OK) {
    fail->fail(fail, path, "%s", inner.text);
  }
  return status;
}

static inline int fixture_number(const char *text, size_t n, double *value) {
  char copy[64];
  char *end;
  if (n == 0 || n >= sizeof(copy) || text[0] == ' ') {
    return -1;
  }
  memcpy(copy, text, n);
  copy[n] = '\0';
  *value = strtod(copy, &end);
  return *end == '\0' && strchr("xX", copy[1]) == NULL ? 0
         : *end == '\0' && n == 1                      ? 0 : -1;
}

/* --- files in an archive, or one alone, and what decodes them --- */

typedef struct fixture_files {
  nacre_listed file[64];
  char path[64][512];
  size_t n;
  nacre_bytes block;
  const char *root;
  bool single;
} fixture_files;

static inline int fixture_add(void *ctx, const nacre_listed *listed) {
  fixture_files *self = ctx;
  size_t at = self->n;
  ck_assert_uint_lt(self->n, 64);
  while (at > 0 && strcmp(self->path[at - 1], listed->path) > 0) {
    memcpy(self->path[at], self->path[at - 1], sizeof(self->path[0]));
    self->file[at] = self->file[at - 1];
    at--;
  }
  snprintf(self->path[at], sizeof(self->path[at]), "%s", listed->path);
  self->file[at] = *listed;
  self->n++;
  for (size_t i = 0; i < self->n; i++) {
    self->file[i].path = self->path[i];
  }
  return NACRE_OK;
}

static inline int fixture_list_archive(const nacre_host *host,
                                       fixture_files *files,
                                       nacre_fail *fail) {
  fixture_fail inner = fixture_fail_new();
  const nacre_archive_ops *tar =
    fixture_component("archives", "tar", "tar")->ops;
  int status = tar->list(host, files->block.at, files->block.n, files,
                         fixture_add, &inner.base);
  if (status != NACRE_OK) {
    /* "@512: text" is a place in the archive. */
    char *text = strchr(inner.text, ':');
    ck_assert_ptr_nonnull(text);
    *text = '\0';
    char place[4400];
    snprintf(place, sizeof(place), "%.4200s%.100s", files->root, inner.text);
    fail->fail(fail, place, "%s", text + 2);
  }
  return status;
}

static inline void fixture_unlist(const nacre_host *host,
                                  nacre_listing *listing) {
  fixture_files *files = listing->self;
  (void)host;
  if (files != NULL) {
    fixture_free(files->block.at);
    fixture_free(files);
  }
}

static inline int fixture_list_files(const nacre_host *host, const char *path,
                                     nacre_fail *fail, nacre_listing *out) {
  fixture_files *files = fixture_alloc(1, sizeof(*files));
  memset(out, 0, sizeof(*out));
  if (files == NULL) {
    fail->fail(fail, NULL, "out of memory");
    return NACRE_ERROR;
  }
  nacre_listing listing = { files->file, 0, files };
  files->root = path;
  int status = host->read_file(host, path, 0, fail, &files->block);
  files->single = strstr(path, ".tar") == NULL;
  if (status == NACRE_OK && files->single) {
    const char *slash = strrchr(path, '/');
    const nacre_listed one = { slash != NULL ? slash + 1 : path,
                               files->block.at, files->block.n };
    fixture_add(files, &one);
  } else if (status == NACRE_OK) {
    status = fixture_list_archive(host, files, fail);
  }
  listing.n = files->n;
  if (status != NACRE_OK) {
    fixture_unlist(host, &listing);
    return status;
  }
  *out = listing;
  return NACRE_OK;
}

static inline int fixture_fetch(const nacre_host *host,
                                const nacre_listing *listing, size_t i,
                                nacre_fail *fail, nacre_bytes *out) {
  (void)host;
  (void)fail;
  out->at = (char *)(uintptr_t)listing->file[i].at;
  out->n = listing->file[i].n;
  return NACRE_OK;
}

static inline const char *fixture_listed(const nacre_listing *listing,
                                         size_t i, char *out, size_t room) {
  const fixture_files *files = listing->self;
  snprintf(out, room, "%s%s%s", files->root, files->single ? "" : "/",
           files->single ? "" : listing->file[i].path);
  return out;
}

static inline const nacre_component *
fixture_component_at(const nacre_host *host, uint32_t kind, uint32_t i) {
  static const struct {
    uint32_t kind;
    const char *folder, *file, *name;
  } known[] = {
    { NACRE_KIND_IMAGE, "images", "jpeg", "jpeg" },
    { NACRE_KIND_IMAGE, "images", "png", "png" },
    { NACRE_KIND_IMAGE, "images", "pnm", "pnm" },
    { NACRE_KIND_SOUND, "sounds", "sndfile", "flac" },
    { NACRE_KIND_SOUND, "sounds", "sndfile", "wav" },
  };
  char path[4096];
  (void)host;
  for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
    if (known[k].kind == kind &&
        fixture_module(known[k].folder, known[k].file, path) != NULL &&
        i-- == 0) {
      return fixture_component(known[k].folder, known[k].file,
                               known[k].name);
    }
  }
  return NULL;
}

static const nacre_host fixture_host = {
  .size = sizeof(nacre_host),
  .alloc = fixture_alloc,
  .resize = fixture_resize,
  .free = fixture_free,
  .read_file = fixture_read_file,
  .decode = fixture_decode,
  .number = fixture_number,
  .list = fixture_list_files,
  .unlist = fixture_unlist,
  .fetch = fixture_fetch,
  .listed = fixture_listed,
  .component = fixture_component_at,
};

/* --- sources --- */

static inline int fixture_open(const nacre_component *component,
                               const void *cfg, uint32_t flags,
                               const char *state, fixture_fail *fail,
                               void **self) {
  const nacre_source_ops *ops = component->ops;
  nacre_source_open open = { sizeof(open), flags, &fixture_host, cfg,
                             &fail->base, state };
  *self = NULL;
  return ops->open(&open, self);
}

/* The path of a real data file, or NULL, said loudly, where there are none. */
static inline const char *fixture_data(const char *name) {
  const char *root = getenv("NACRE_DATA_DIR");
  if (root == NULL || root[0] == '\0') {
    fprintf(stderr, "*** SKIPPED: NACRE_DATA_DIR is not set: %s\n", name);
    return NULL;
  }
  char *path = fixture_keep(strlen(root) + strlen(name) + 2);
  sprintf(path, "%s/%s", root, name);
  return path;
}

/* Runs a suite as a test program does. */
static inline int fixture_run(Suite *suite) {
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
