/* SPDX-License-Identifier: MIT */
/* test_registry: which plugins are found, which one a name means, and what
 * the caches remember. */
#include "plugin/registry.h"

#include "base/sys.h"
#include "plugin/cache.h"
#include "plugin/verify.h"
#include "plugin_dir.h"

#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <locale.h>

static plugin_dir dir;
static nacre_error error;

static void set_up(void) {
  plugin_dir_init(&dir);
  nacre_error_init(&error);
}

static void tear_down(void) {
  nacre_error_fini(&error);
  plugin_dir_fini(&dir);
}

static nacre_registry *open_with(bool rescan) {
  nacre_registry_options options = { dir.plugins, rescan, false };
  nacre_registry *registry = nacre_registry_open(&options, &error);
  ck_assert_ptr_nonnull(registry);
  ck_assert_int_eq(error.count, 0);
  return registry;
}

static const nacre_component *find(nacre_registry *registry,
                                   const char *name, int nth) {
  return nacre_registry_find(registry, NACRE_KIND_ACTIVATION, name, NULL,
                             nth, &error);
}

/* The reason for which the only refused file was refused. */
static const char *refusal(const nacre_registry *registry) {
  ck_assert_int_eq(nacre_registry_refusals(registry), 1);
  return nacre_registry_refusal(registry, 0)->reason;
}

/* The user's cache; its path must be freed by globfree. */
static bool cache_exists(glob_t *found) {
  char pattern[320];
  snprintf(pattern, sizeof pattern, "%s/nacre/plugins-*", dir.root);
  return glob(pattern, 0, NULL, found) == 0 && found->gl_pathc == 1;
}

START_TEST(finds_and_loads) {
  plugin_dir_put(&dir, "activations/good.so", "good");
  nacre_registry *registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  const nacre_provider *provider = nacre_registry_at(registry, 0);
  ck_assert_str_eq(provider->name, "good");
  ck_assert_str_eq(provider->file, dir.path);
  ck_assert_str_eq(provider->module, "good");
  ck_assert_ptr_null(nacre_registry_at(registry, 1));
  ck_assert_ptr_null(nacre_registry_refusal(registry, 0));

  const nacre_component *component = find(registry, "good", 0);
  ck_assert_ptr_nonnull(component);
  ck_assert_str_eq(component->name, "good");
  ck_assert_ptr_eq(nacre_registry_provider(registry, component), provider);
  ck_assert_ptr_eq(find(registry, "good/good", 0), component);
  ck_assert_ptr_null(find(registry, "good", 1));
  ck_assert_ptr_null(find(registry, "other/good", 0));
  ck_assert_ptr_null(find(registry, "missing", 0));
  ck_assert_ptr_null(nacre_registry_find(registry, NACRE_KIND_LAYER, "good",
                                         NULL, 0, &error));
  ck_assert_int_eq(error.count, 0);
  ck_assert(nacre_registry_has(registry, NACRE_KIND_ACTIVATION, "good"));
  ck_assert(!nacre_registry_has(registry, NACRE_KIND_LOSS, "good"));
  ck_assert_str_eq(
    nacre_registry_nearest(registry, NACRE_KIND_ACTIVATION, "godo"), "good");
  ck_assert_ptr_null(
    nacre_registry_nearest(registry, NACRE_KIND_LOSS, "godo"));
  nacre_registry_free(registry);
}
END_TEST

START_TEST(build_tree) {
  plugin_dir_put(&dir, "activations/.libs/good.so", "good");
  plugin_dir_put(&dir, ".libs/noisy.so", "noisy");
  plugin_dir_put(&dir, "too/deep/late.so", "late");
  plugin_dir_put(&dir, ".hidden/late.so", "late");
  plugin_dir_put(&dir, "activations/good.so.0", "late");
  nacre_registry *registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 2);
  ck_assert(nacre_registry_has(registry, NACRE_KIND_ACTIVATION, "good"));
  ck_assert(nacre_registry_has(registry, NACRE_KIND_ACTIVATION, "noisy"));
  nacre_registry_free(registry);
}
END_TEST

START_TEST(ranks_and_modules) {
  plugin_dir_put(&dir, "activations/a.so", "twin_low");
  plugin_dir_put(&dir, "activations/b.so", "twin_high");
  nacre_registry *registry = open_with(false);
  const nacre_component *best = find(registry, "twin", 0);
  const nacre_component *next = find(registry, "twin", 1);
  ck_assert(best != NULL && next != NULL && best != next);
  ck_assert_str_eq(nacre_registry_provider(registry, best)->module,
                   "twin_high");
  ck_assert_str_eq(nacre_registry_provider(registry, next)->module,
                   "twin_low");
  ck_assert_ptr_null(find(registry, "twin", 2));
  ck_assert_ptr_eq(find(registry, "twin_low/twin", 0), next);
  ck_assert_ptr_null(find(registry, "twin_low/twin", 1));
  ck_assert_ptr_null(find(registry, "twin_lo/twin", 0));
  nacre_registry_free(registry);
}
END_TEST

START_TEST(providers_of_a_name_agree) {
  plugin_dir_put(&dir, "activations/a.so", "twin_low");
  plugin_dir_put(&dir, "activations/b.so", "twin_odd");
  nacre_registry *registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  ck_assert_ptr_nonnull(strstr(
    refusal(registry), "its activation 'twin' takes other parameters"));
  nacre_registry_free(registry);
}
END_TEST

START_TEST(first_directory_wins) {
  char path[900];
  plugin_dir_put(&dir, "activations/x.so", "good");
  plugin_dir second = plugin_dir_beside(&dir, "other");
  plugin_dir_put(&second, "activations/.libs/x.so", "noisy");
  snprintf(path, sizeof path, "%s::%s:%s", second.plugins, dir.plugins,
           second.plugins);
  ck_assert_int_eq(setenv("NACRE_PLUGIN_PATH", path, 1), 0);

  nacre_registry *registry = nacre_registry_open(NULL, &error);
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  ck_assert_str_eq(nacre_registry_at(registry, 0)->name, "noisy");
  nacre_registry_free(registry);

  registry = open_with(false); /* --plugin-path comes before the variable */
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  ck_assert_str_eq(nacre_registry_at(registry, 0)->name, "good");
  nacre_registry_free(registry);
}
END_TEST

START_TEST(system_path_replaces_the_rest) {
  char data[320];
  plugin_dir_put(&dir, "activations/good.so", "good");
  ck_assert_int_eq(setenv("NACRE_PLUGIN_SYSTEM_PATH", dir.plugins, 1), 0);
  nacre_registry *registry = nacre_registry_open(NULL, &error);
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  nacre_registry_free(registry);

  ck_assert_int_eq(unsetenv("NACRE_PLUGIN_SYSTEM_PATH"), 0);
  snprintf(data, sizeof data, "%s/nacre", dir.root);
  mkdir(data, 0755);
  snprintf(data, sizeof data, "%s/nacre/plugins-0", dir.root);
  ck_assert_int_eq(rename(dir.plugins, data), 0);
  ck_assert_int_eq(setenv("XDG_DATA_HOME", dir.root, 1), 0);
  registry = nacre_registry_open(NULL, &error);
  ck_assert(nacre_registry_has(registry, NACRE_KIND_ACTIVATION, "good"));
  nacre_registry_free(registry);
}
END_TEST

START_TEST(untrusted_places) {
  plugin_dir_put(&dir, "activations/good.so", "good");
  ck_assert_int_eq(chmod(dir.path, 0666), 0);
  nacre_registry *registry = open_with(false);
  ck_assert_str_eq(refusal(registry), "file is writable by others");
  ck_assert_str_eq(nacre_registry_refusal(registry, 0)->file, dir.path);
  ck_assert_str_eq(nacre_registry_refused_for(
                     registry, NACRE_KIND_ACTIVATION, "good"),
                   "file is writable by others");
  ck_assert_ptr_null(
    nacre_registry_refused_for(registry, NACRE_KIND_LAYER, "good"));
  ck_assert_ptr_null(
    nacre_registry_refused_for(registry, NACRE_KIND_ACTIVATION, "goo"));
  nacre_registry_free(registry);

  /* Put right, it is there at once: such a refusal is not remembered. */
  ck_assert_int_eq(chmod(dir.path, 0644), 0);
  registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  nacre_registry_free(registry);

  ck_assert_int_eq(chmod(dir.plugins, 0777), 0);
  registry = open_with(false);
  ck_assert_str_eq(refusal(registry), "directory is writable by others");
  ck_assert_int_eq(nacre_registry_count(registry), 0);
  nacre_registry_free(registry);
}
END_TEST

START_TEST(foreign_owner) {
  plugin_dir_put(&dir, "activations/good.so", "good");
  if (geteuid() == 0) {
    ck_assert_int_eq(chown(dir.path, 4711, 4711), 0);
    nacre_registry *registry = open_with(false);
    ck_assert_str_eq(refusal(registry), "file belongs to another user");
    nacre_registry_free(registry);
  }
}
END_TEST

START_TEST(links) {
  char link[640];
  plugin_dir_put(&dir, "activations/good.so", "good");
  plugin_dir second = plugin_dir_beside(&dir, "open");
  plugin_dir_put(&second, "noisy.so", "noisy");
  snprintf(link, sizeof link, "%s/activations/noisy.so", dir.plugins);
  ck_assert_int_eq(symlink(second.path, link), 0);
  nacre_registry *registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 2);
  nacre_registry_free(registry);

  ck_assert_int_eq(chmod(second.plugins, 0777), 0);
  registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  ck_assert_str_eq(refusal(registry), "directory is writable by others");
  nacre_registry_free(registry);
}
END_TEST

START_TEST(relative_and_missing_directories) {
  nacre_registry_options options = { "plugins:/nonexistent/nacre", false,
                                     false };
  plugin_dir_put(&dir, "activations/good.so", "good");
  ck_assert_int_eq(chdir(dir.root), 0);
  nacre_registry *registry = nacre_registry_open(&options, &error);
  ck_assert_int_eq(nacre_registry_count(registry), 0);
  ck_assert_int_eq(nacre_registry_refusals(registry), 2);
  ck_assert_ptr_nonnull(
    strstr(nacre_registry_refusal(registry, 0)->reason,
           "not an absolute path"));
  ck_assert_str_eq(nacre_registry_refusal(registry, 1)->file,
                   "/nonexistent/nacre");
  ck_assert_str_eq(nacre_registry_refusal(registry, 1)->reason,
                   "No such file or directory");
  nacre_registry_free(registry);
}
END_TEST

/* Overwrites a plugin so that nothing tells, but its bytes. */
static void ruin_in_secret(const char *path) {
  struct stat st;
  ck_assert_int_eq(stat(path, &st), 0);
  int fd = open(path, O_WRONLY);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq((int)pwrite(fd, "ruined", 6, 0), 6);
  const struct timespec times[2] = { st.st_atim, st.st_mtim };
  ck_assert_int_eq(futimens(fd, times), 0);
  close(fd);
}

START_TEST(caches_are_used) {
  glob_t cache;
  plugin_dir_put(&dir, "activations/good.so", "good");
  nacre_registry_free(open_with(false));
  ck_assert(cache_exists(&cache));
  globfree(&cache);
  ruin_in_secret(dir.path);

  nacre_registry *registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  ck_assert_ptr_null(find(registry, "good", 0));
  ck_assert_int_eq(error.count, 1);
  ck_assert_int_eq(error.problem[0].code, NACRE_EPLUGIN);
  ck_assert_ptr_nonnull(strstr(error.problem[0].text, "invalid ELF header"));
  ck_assert_int_eq(nacre_registry_refusals(registry), 1);
  nacre_registry_free(registry);
  nacre_error_fini(&error);
  nacre_error_init(&error);

  registry = open_with(true); /* a rescan believes nothing */
  ck_assert_int_eq(nacre_registry_count(registry), 0);
  nacre_registry_free(registry);
}
END_TEST

START_TEST(caches_notice_changes) {
  plugin_dir_put(&dir, "activations/x.so", "good");
  nacre_registry_free(open_with(false));
  plugin_dir_put(&dir, "activations/x.so", "noisy");
  nacre_registry *registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  ck_assert_str_eq(nacre_registry_at(registry, 0)->name, "noisy");
  /* Changed again behind the back of an open registry. */
  plugin_dir_put(&dir, "activations/x.so", "late");
  ck_assert_ptr_null(find(registry, "noisy", 0));
  ck_assert_int_eq(error.count, 1);
  ck_assert_ptr_nonnull(strstr(error.problem[0].text, "file changed after"));
  nacre_registry_free(registry);
}
END_TEST

/* Every single changed byte, and every length, is as good as no cache. */
START_TEST(damaged_caches_are_ignored) {
  glob_t path;
  char bytes[4096];
  plugin_dir_put(&dir, "activations/good.so", "good");
  nacre_registry_free(open_with(false));
  ck_assert(cache_exists(&path));
  FILE *file = fopen(path.gl_pathv[0], "rb");
  size_t n = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  ck_assert(n > 100 && n < sizeof bytes);
  nacre_arena *arena = nacre_arena_new();
  nacre_cache cache;
  nacre_cache_read(arena, path.gl_pathv[0], false, &cache);
  ck_assert_int_eq(cache.count, 1);
  for (size_t i = 0; i < 2 * n; i++) {
    file = fopen(path.gl_pathv[0], "wb");
    size_t at = i % n;
    char was = bytes[at];
    if (i < n) {
      bytes[at] = (char)(was ^ 1);
    }
    fwrite(bytes, 1, i < n ? n : at, file);
    fclose(file);
    bytes[at] = was;
    nacre_cache_read(arena, path.gl_pathv[0], false, &cache);
    ck_assert_msg(cache.count == 0, "byte %zu", i);
  }
  nacre_registry *registry = open_with(false);
  ck_assert_ptr_nonnull(find(registry, "good", 0));
  nacre_registry_free(registry);
  globfree(&path);
  nacre_arena_free(arena);
}
END_TEST

/* What a host of another contract made of a file is nothing to this one. The
 * line is whole: its hash is made again. */
START_TEST(caches_of_another_contract) {
  glob_t path;
  char bytes[4096], contract[32];
  plugin_dir_put(&dir, "activations/good.so", "good");
  nacre_registry_free(open_with(false));
  ck_assert(cache_exists(&path));
  FILE *file = fopen(path.gl_pathv[0], "rb");
  size_t n = fread(bytes, 1, sizeof bytes - 1, file);
  fclose(file);
  ck_assert(n > 100 && n < sizeof bytes - 1);
  n -= 4 + 32 + 1; /* the last line: "end", a tab, the hash */
  bytes[n] = '\0';
  snprintf(contract, sizeof contract, "\t%016" PRIx64 "\n",
           nacre_verify_contract());
  char *at = strstr(bytes, contract);
  ck_assert_ptr_nonnull(at);
  nacre_arena *arena = nacre_arena_new();
  for (int count = 1; count >= 0; count--) {
    nacre_hash hash = { { 0, 0 } };
    nacre_cache cache;
    nacre_hash_add(&hash, bytes, n);
    file = fopen(path.gl_pathv[0], "wb");
    fprintf(file, "%send\t%016" PRIx64 "%016" PRIx64 "\n", bytes,
            hash.word[0], hash.word[1]);
    fclose(file);
    nacre_cache_read(arena, path.gl_pathv[0], false, &cache);
    ck_assert_int_eq(cache.count, count);
    at[1] = at[1] == '0' ? '1' : '0';
  }
  globfree(&path);
  nacre_arena_free(arena);
}
END_TEST

START_TEST(shipped_caches) {
  glob_t path;
  char copy[600], other[320];
  plugin_dir_put(&dir, "activations/good.so", "good");
  nacre_registry_options options = { dir.plugins, false, true };
  nacre_registry *registry = nacre_registry_open(&options, &error);
  ck_assert(!cache_exists(&path)); /* asked not to write */
  globfree(&path);
  ck_assert_int_eq(nacre_registry_ship(registry, dir.plugins, &error),
                   NACRE_OK);
  ck_assert_int_eq(nacre_registry_ship(registry, "/usr", &error),
                   NACRE_ERROR);
  nacre_error_fini(&error);
  nacre_error_init(&error);
  nacre_registry_free(registry);

  /* Installed: a copy with another inode, its time cut to seconds. */
  struct stat st;
  ck_assert_int_eq(stat(dir.path, &st), 0);
  plugin_dir second = dir;
  snprintf(other, sizeof other, "%s/copy", dir.root);
  ck_assert_int_eq(rename(dir.path, other), 0);
  plugin_dir_put(&second, "activations/good.so", "good");
  const struct timespec times[2] = { { st.st_mtim.tv_sec, 0 },
                                     { st.st_mtim.tv_sec, 0 } };
  ck_assert_int_eq(utimensat(AT_FDCWD, second.path, times, 0), 0);
  ruin_in_secret(second.path);
  registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 1);
  nacre_registry_free(registry);

  /* Others could have written it: not to be believed. */
  snprintf(copy, sizeof copy, "%s/" NACRE_CACHE_SHIPPED, dir.plugins);
  ck_assert_int_eq(chmod(copy, 0666), 0);
  registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 0);
  nacre_registry_free(registry);
}
END_TEST

START_TEST(late_misbehaviour) {
  plugin_dir_put(&dir, "activations/late.so", "late");
  plugin_dir_put(&dir, "activations/init_refuses.so", "init_refuses");
  nacre_registry *registry = open_with(false);
  ck_assert_int_eq(nacre_registry_count(registry), 2);
  ck_assert_int_eq(setenv("LATE_PLUGIN", "1", 1), 0);
  ck_assert_ptr_null(find(registry, "late", 0));
  ck_assert_ptr_nonnull(
    strstr(error.problem[0].text, "loading it changes the locale"));
  ck_assert_str_eq(setlocale(LC_ALL, NULL), "C");
  ck_assert_ptr_null(find(registry, "init_refuses", 0));
  ck_assert_ptr_nonnull(strstr(error.problem[1].text,
                               "does not start: there is no accelerator"));
  ck_assert_int_eq(nacre_registry_refusals(registry), 2);
  ck_assert_ptr_null(find(registry, "init_refuses", 0));
  ck_assert_int_eq(error.count, 3);
  ck_assert_int_eq(nacre_registry_refusals(registry), 2);
  nacre_registry_free(registry);
}
END_TEST

/* Memory that runs out at any point makes the call fail, or the plugin be
 * refused, and nothing else. */
static long calls_left;

static void *scarce_calloc(size_t n, size_t size) {
  return calls_left-- > 0 ? calloc(n, size) : NULL;
}

static void *scarce_realloc(void *at, size_t size) {
  return calls_left-- > 0 ? realloc(at, size) : NULL;
}

START_TEST(out_of_memory) {
  plugin_dir_put(&dir, "activations/good.so", "good");
  plugin_dir_put(&dir, "activations/crash.so", "crash");
  nacre_registry_options options = { dir.plugins, false, true };
  nacre_sys usual = nacre_sys_calls;
  bool whole = false;
  for (long i = 0; i < 400 && !whole; i++) {
    nacre_sys_calls.calloc = scarce_calloc;
    nacre_sys_calls.realloc = scarce_realloc;
    calls_left = i;
    nacre_registry *registry = nacre_registry_open(&options, &error);
    whole = registry != NULL && find(registry, "good", 0) != NULL &&
            calls_left > 0;
    nacre_sys_calls = usual;
    nacre_registry_free(registry);
    nacre_error_fini(&error);
    nacre_error_init(&error);
  }
  ck_assert(whole);
}
END_TEST

Suite *test_registry_suite(void);
Suite *test_registry_suite(void) {
  Suite *suite = suite_create("registry");
  TCase *tcase = tcase_create("registry");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  tcase_add_test(tcase, finds_and_loads);
  tcase_add_test(tcase, build_tree);
  tcase_add_test(tcase, ranks_and_modules);
  tcase_add_test(tcase, providers_of_a_name_agree);
  tcase_add_test(tcase, first_directory_wins);
  tcase_add_test(tcase, system_path_replaces_the_rest);
  tcase_add_test(tcase, untrusted_places);
  tcase_add_test(tcase, foreign_owner);
  tcase_add_test(tcase, links);
  tcase_add_test(tcase, relative_and_missing_directories);
  tcase_add_test(tcase, caches_are_used);
  tcase_add_test(tcase, caches_notice_changes);
  tcase_add_test(tcase, damaged_caches_are_ignored);
  tcase_add_test(tcase, caches_of_another_contract);
  tcase_add_test(tcase, shipped_caches);
  tcase_add_test(tcase, late_misbehaviour);
  tcase_add_test(tcase, out_of_memory);
  suite_add_tcase(suite, tcase);
  return suite;
}
