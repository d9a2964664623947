/* SPDX-License-Identifier: MIT */
/* plugin_dir: a directory of plugins for one test, filled from those that
 * tests/bad_plugins builds; caches go into it too. */
#ifndef NACRE_TESTS_PLUGIN_DIR_H
#define NACRE_TESTS_PLUGIN_DIR_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct plugin_dir {
  char root[256];    /* all of it */
  char plugins[288]; /* what a search path names */
  char path[512];    /* of the file that was put last */
} plugin_dir;

static inline void plugin_dir_init(plugin_dir *dir) {
  const char *temporary = getenv("TMPDIR");
  snprintf(dir->root, sizeof dir->root, "%s/nacre-test-XXXXXX",
           temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
  ck_assert_ptr_nonnull(mkdtemp(dir->root));
  snprintf(dir->plugins, sizeof dir->plugins, "%s/plugins", dir->root);
  ck_assert_int_eq(mkdir(dir->plugins, 0755), 0);
  ck_assert_int_eq(setenv("XDG_CACHE_HOME", dir->root, 1), 0);
  ck_assert_int_eq(setenv("NACRE_PLUGIN_SYSTEM_PATH", "", 1), 0);
  ck_assert_int_eq(unsetenv("NACRE_PLUGIN_PATH"), 0);
}

/** A second directory of plugins beside the first, under the same roof. */
static inline plugin_dir plugin_dir_beside(const plugin_dir *dir,
                                           const char *name) {
  plugin_dir other = *dir;
  snprintf(other.plugins, sizeof other.plugins, "%s/%.20s", dir->root, name);
  ck_assert_int_eq(mkdir(other.plugins, 0755), 0);
  return other;
}

static inline int plugin_dir_remove(const char *path, const struct stat *st,
                                    int flag, struct FTW *walk) {
  (void)st;
  (void)flag;
  (void)walk;
  return remove(path);
}

static inline void plugin_dir_fini(plugin_dir *dir) {
  nftw(dir->root, plugin_dir_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/** The bytes of a built fixture; the caller frees them. */
static inline char *plugin_dir_fixture(const char *name, size_t *n) {
  char path[4096];
  const char *root = getenv("NACRE_TEST_BAD_PLUGINS");
  ck_assert_msg(root != NULL, "NACRE_TEST_BAD_PLUGINS is not set");
  snprintf(path, sizeof path, "%s/.libs/%s.so", root, name);
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    snprintf(path, sizeof path, "%s/%s.so", root, name);
    file = fopen(path, "rb");
  }
  ck_assert_msg(file != NULL, "there is no %s", path);
  struct stat st;
  ck_assert_int_eq(fstat(fileno(file), &st), 0);
  *n = (size_t)st.st_size;
  char *bytes = malloc(*n);
  ck_assert_ptr_nonnull(bytes);
  ck_assert_uint_eq(fread(bytes, 1, *n, file), *n);
  fclose(file);
  return bytes;
}

/** Writes a file below the directory, its folder too. */
static inline void plugin_dir_write(plugin_dir *dir, const char *file,
                                    const char *bytes, size_t n) {
  snprintf(dir->path, sizeof dir->path, "%s/%s", dir->plugins, file);
  for (char *at = dir->path + strlen(dir->plugins) + 1;
       (at = strchr(at, '/')) != NULL; *at++ = '/') {
    *at = '\0';
    mkdir(dir->path, 0755);
  }
  FILE *out = fopen(dir->path, "wb");
  ck_assert_ptr_nonnull(out);
  ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
  ck_assert_int_eq(fclose(out), 0);
  ck_assert_int_eq(chmod(dir->path, 0755), 0);
}

/** Copies the fixture `name` to `file` below the directory. */
static inline void plugin_dir_put(plugin_dir *dir, const char *file,
                                  const char *name) {
  size_t n = 0;
  char *bytes = plugin_dir_fixture(name, &n);
  plugin_dir_write(dir, file, bytes, n);
  free(bytes);
}

#endif
