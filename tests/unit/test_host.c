/* SPDX-License-Identifier: MIT */
/* test_host: the services that plugins get, and the names of the kinds. */
#include "plugin/registry.h"

#include "plugin_dir.h"

#include <stdarg.h>

#undef fail /* an old name of Check's, and a member's here */

/* A fail() that keeps the text. */
typedef struct kept {
  nacre_fail fail;
  char text[512];
} kept;

static void keep(nacre_fail *self, const char *place, const char *format,
                 ...) NACRE_PRINTF(3, 4);
static void keep(nacre_fail *self, const char *place, const char *format,
                 ...) {
  kept *out = (kept *)(void *)self;
  va_list args;
  (void)place;
  va_start(args, format);
  vsnprintf(out->text, sizeof out->text, format, args);
  va_end(args);
}

START_TEST(host_services) {
  kept fail = { { sizeof(nacre_fail), 0, keep }, "" };
  nacre_bytes bytes = { NULL, 0 };
  double value = 0;
  char path[600], out[4];
  plugin_dir dir;
  nacre_error error;
  plugin_dir_init(&dir);
  nacre_error_init(&error);
  nacre_registry *registry = nacre_registry_open(NULL, &error);
  ck_assert_ptr_nonnull(registry);
  const nacre_host *host = nacre_registry_host(registry);
  ck_assert_uint_eq(host->size, sizeof *host);

  int64_t *block = host->alloc(3, sizeof *block);
  ck_assert(block != NULL && block[2] == 0);
  block = host->resize(block, 5, sizeof *block);
  ck_assert_ptr_nonnull(block);
  host->free(block);
  ck_assert_int_eq(host->number("2.5e1", 5, &value), 0);
  ck_assert_double_eq(value, 25);
  ck_assert_int_ne(host->number("2.5x", 4, &value), 0);

  plugin_dir_write(&dir, "data.txt", "2385", 4);
  snprintf(path, sizeof path, "%s/data.txt", dir.plugins);
  ck_assert_int_eq(host->read_file(host, path, 0, &fail.fail, &bytes), 0);
  ck_assert_uint_eq(bytes.n, 4);
  ck_assert_str_eq(bytes.at, "2385");
  host->free(bytes.at);
  ck_assert_int_eq(host->read_file(host, path, 3, &fail.fail, &bytes),
                   NACRE_ERROR);
  ck_assert_ptr_null(bytes.at);
  ck_assert(fail.text[0] != '\0');
  ck_assert_int_eq(
    host->read_file(host, dir.plugins, 0, &fail.fail, &bytes), NACRE_ERROR);
  ck_assert_int_eq(
    host->decode(host, "brotli", "x", 1, out, 4, &fail.fail), NACRE_ERROR);
  ck_assert_str_eq(fail.text, "there is no codec 'brotli'");
  nacre_registry_free(registry);
  nacre_error_fini(&error);
  plugin_dir_fini(&dir);
}
END_TEST

START_TEST(kinds) {
  for (uint32_t kind = 1; kind < NACRE_KIND_COUNT; kind++) {
    ck_assert_uint_eq(nacre_kind_from_name(nacre_kind_name(kind)), kind);
    ck_assert_uint_eq(nacre_kind_from_name(nacre_kind_folder(kind)), kind);
  }
  ck_assert_str_eq(nacre_kind_folder(NACRE_KIND_LOSS), "losses");
  ck_assert_uint_eq(nacre_kind_from_name("gadget"), 0);
}
END_TEST

Suite *test_host_suite(void);
Suite *test_host_suite(void) {
  Suite *suite = suite_create("host");
  TCase *tcase = tcase_create("host");
  tcase_add_test(tcase, host_services);
  tcase_add_test(tcase, kinds);
  suite_add_tcase(suite, tcase);
  return suite;
}
