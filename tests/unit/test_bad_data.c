/* SPDX-License-Identifier: MIT */
/* test_bad_data: every file of tests/bad_data is refused with exactly the
 * message in its NAME.expected; NAME.options, if there, holds a parameter and
 * its value in each line. The name's ending chooses the source. Whole files
 * in tests/bad_data/valid are cut and flipped at each byte. */
#include "plugin_fixture.h"

#include <dirent.h>

#define FILES_MAX 1024

static char *names[FILES_MAX];
static int count;

static const char *folder(void) {
  const char *at = getenv("NACRE_TEST_BAD_DATA");
  return at != NULL ? at : "tests/bad_data";
}

static bool ends_in(const char *name, const char *end) {
  size_t n = strlen(name), m = strlen(end);
  return n >= m && strcmp(name + n - m, end) == 0;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Called before any test runs, when Check's assertions cannot be. */
static void list_files(void) {
  DIR *dir = opendir(folder());
  for (struct dirent *entry;
       dir != NULL && (entry = readdir(dir)) != NULL && count < FILES_MAX;) {
    if (entry->d_name[0] != '.' && strchr(entry->d_name, '.') != NULL &&
        !ends_in(entry->d_name, ".expected") &&
        !ends_in(entry->d_name, ".options")) {
      names[count++] = strdup(entry->d_name);
    }
  }
  if (dir != NULL) {
    closedir(dir);
  }
  qsort(names, (size_t)count, sizeof(names[0]), compare_names);
}

START_TEST(finds_the_files) {
  ck_assert_int_ge(count, 25);
}
END_TEST

static bool is_packed(const char *name) {
  return ends_in(name, ".gz") || ends_in(name, ".xz");
}

/* Files whose codec this build lacks are passed over. */
static bool can_unpack(const char *name) {
  return (!ends_in(name, ".xz") || fixture_has("codecs", "xz")) &&
         (strstr(name, ".images.") == NULL ||
          (fixture_has("images", "png") && fixture_has("images", "jpeg"))) &&
         (strstr(name, ".sounds.") == NULL ||
          fixture_has("sounds", "sndfile"));
}

/* The source for a name's ending, and the parameter that takes the path. */
static const nacre_component *source_for(const char *name, const char **key) {
  static const struct {
    const char *end, *file, *source, *key;
  } known[] = {
    { ".cifar", "cifar", "cifar", "path" },
    { ".csv", "csv", "csv", "path" },
    { ".idx", "idx", "idx", "x" },
    { ".npy", "npy", "npy", "x" },
    { ".npz", "npy", "npz", "path" },
    { ".tsv", "labeled_text", "labeled_text", "path" },
    { ".txt", "text", "text", "path" },
    { ".win", "windows", "windows", "path" },
    { ".images.tar", "image_directory", "image_directory", "path" },
    { ".sounds.tar", "audio_directory", "audio_directory", "path" },
  };
  size_t n = strlen(name);
  const char *bare =
    fixture_word(name, is_packed(name) ? n - 3 : n);
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    if (ends_in(bare, known[i].end)) {
      *key = known[i].key;
      return fixture_component("sources", known[i].file, known[i].source);
    }
  }
  ck_abort_msg("no source for %s", name);
  return NULL;
}

static void read_options(const nacre_component *source, void *cfg,
                         const char *path) {
  char name[4200], line[1024], value[6000];
  snprintf(name, sizeof(name), "%s.options", path);
  FILE *file = fopen(name, "r");
  while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char *space = strchr(line, ' ');
    ck_assert_ptr_nonnull(space);
    *space++ = '\0';
    /* DIR stands for the folder. */
    bool in = strncmp(space, "DIR/", 4) == 0;
    snprintf(value, sizeof(value), "%s%s", in ? folder() : "",
             in ? space + 3 : space);
    fixture_set(source, cfg, line, value);
  }
  if (file != NULL) {
    fclose(file);
  }
}

/* Messages name files as they stand in the folder. */
static const char *without_folder(const char *text) {
  size_t n = strlen(folder());
  return strncmp(text, folder(), n) == 0 && text[n] == '/' ? text + n + 1
                                                           : text;
}

/* Reads every value of an opened source, and closes it. */
static int read_all(const nacre_component *source, void *self,
                    fixture_fail *fail) {
  const nacre_source_ops *ops = source->ops;
  nacre_span fields = ops->fields(self);
  const nacre_field *field = fields.at;
  int status = NACRE_OK;
  for (uint32_t f = 0; f < fields.n && status == NACRE_OK; f++) {
    size_t width = (size_t)nacre_shape_count(&field[f].shape);
    real *out = malloc(width * sizeof(*out));
    for (int64_t i = 0; i < ops->count(self) && status == NACRE_OK; i++) {
      status = ops->read(self, f, &i, 1, out, &fail->base);
    }
    free(out);
  }
  ops->close(self);
  return status;
}

START_TEST(refuses_with_its_message) {
  char path[4096], wanted[1024];
  const char *key;
  void *self;
  fixture_fail fail = fixture_fail_new();
  if (!can_unpack(names[_i])) {
    return;
  }
  snprintf(path, sizeof(path), "%s/%s", folder(), names[_i]);
  const nacre_component *source = source_for(names[_i], &key);
  void *cfg = fixture_cfg(source, key, path, NULL);
  read_options(source, cfg, path);
  int status = fixture_open(source, cfg, 0, NULL, &fail, &self);
  if (status == NACRE_OK) {
    /* Images and sounds are decoded when they are read. */
    status = read_all(source, self, &fail);
  }
  ck_assert_msg(status == NACRE_ERROR, "%s was accepted", names[_i]);
  ck_assert_int_eq(fail.count, 1);
  ck_assert_int_eq(fixture_blocks, 0);
  strncat(path, ".expected", sizeof(path) - strlen(path) - 1);
  FILE *file = fopen(path, "r");
  ck_assert_msg(file != NULL && fgets(wanted, sizeof(wanted), file) != NULL,
                "%s has no .expected: %s", names[_i],
                without_folder(fail.text));
  fclose(file);
  wanted[strcspn(wanted, "\n")] = '\0';
  ck_assert_str_eq(without_folder(fail.text), wanted);
}
END_TEST

/* A file that is whole, and how many bytes at its end it can do without. */
#define ANY SIZE_MAX
static const struct {
  const char *name;
  size_t spare;
} valid[] = {
  { "images.idx", 0 },       { "matrix.npy", 0 },     { "arrays.npz", 0 },
  { "table.csv", ANY },      { "table.csv.gz", 0 },   { "table.csv.xz", 0 },
  { "two.cifar.xz", 0 },     { "all.images.tar", 512 },
  { "jpeg.images.tar", 512 }, { "pax.images.tar", 512 },
  { "all.sounds.tar", 512 },
  { "prose.txt", ANY },       { "texts.tsv", ANY },   { "series.win", ANY },
};

/* Opens what is in memory; reads all of it if it opens. */
static int try_bytes(const nacre_component *source, const void *cfg) {
  fixture_fail fail = fixture_fail_new();
  void *self;
  int status = fixture_open(source, cfg, 0, NULL, &fail, &self);
  status = status == NACRE_OK ? read_all(source, self, &fail) : status;
  ck_assert_int_eq(fail.count, status == NACRE_OK ? 0 : 1);
  ck_assert_int_eq(fixture_blocks, 0);
  return status;
}

START_TEST(survives_each_cut_and_flip) {
  char path[4096];
  const char *key;
  nacre_bytes whole;
  if (!can_unpack(valid[_i].name)) {
    return;
  }
  const nacre_component *source = source_for(valid[_i].name, &key);
  void *cfg = fixture_cfg(source, key, valid[_i].name, NULL);
  snprintf(path, sizeof(path), "%s/valid/%s", folder(), valid[_i].name);
  read_options(source, cfg, path);
  ck_assert_int_eq(fixture_load(path, &whole), NACRE_OK);
  fixture_blocks = 0;
  fixture_path = valid[_i].name;
  fixture_text = whole;
  ck_assert_int_eq(try_bytes(source, cfg), NACRE_OK);
  for (size_t cut = 0; cut < whole.n; cut++) {
    fixture_text.n = cut;
    int status = try_bytes(source, cfg);
    ck_assert_msg(status != NACRE_OK || valid[_i].spare == ANY ||
                    cut + valid[_i].spare >= whole.n,
                  "%s: a cut at %zu was accepted", valid[_i].name, cut);
  }
  fixture_text.n = whole.n;
  for (size_t i = 0; i < whole.n; i++) {
    static const unsigned char flips[] = { 0x01, 0x80, 0xFF };
    for (size_t f = 0; f < sizeof(flips); f++) {
      whole.at[i] = (char)(whole.at[i] ^ flips[f]);
      try_bytes(source, cfg);
      whole.at[i] = (char)(whole.at[i] ^ flips[f]);
    }
  }
  free(whole.at);
}
END_TEST

/* Each allocation fails once: a message, and nothing lost. */
START_TEST(survives_lack_of_memory) {
  char path[4096];
  const char *key;
  int refused = 0;
  if (!can_unpack(valid[_i].name)) {
    return;
  }
  const nacre_component *source = source_for(valid[_i].name, &key);
  snprintf(path, sizeof(path), "%s/valid/%s", folder(), valid[_i].name);
  void *cfg = fixture_cfg(source, key, path, NULL);
  read_options(source, cfg, path);
  fixture_blocks = 0;
  for (long left = 0, calm = 0; calm < 3; left++) {
    fixture_fail fail = fixture_fail_new();
    void *self;
    ck_assert_int_lt((int)left, 10000);
    fixture_alloc_left = left;
    int status = fixture_open(source, cfg, 0, NULL, &fail, &self);
    status = status == NACRE_OK ? read_all(source, self, &fail) : status;
    /* What is left was not needed: the end is near. */
    calm = fixture_alloc_left > 0 ? calm + 1 : 0;
    fixture_alloc_left = -1;
    ck_assert_int_eq(fail.count, status == NACRE_OK ? 0 : 1);
    refused += status != NACRE_OK;
    ck_assert_int_eq(fixture_blocks, 0);
  }
  ck_assert_int_ge(refused, 3);
}
END_TEST

/* A megabyte of zeros in 7 KiB: a limit of 64 KiB holds. */
START_TEST(refuses_to_decode_beyond_a_limit) {
  static const unsigned char head[] = { 0x1f, 0x8b, 8, 0, 0, 0,
                                        0,    0,    0, 3 };
  char packed[8192];
  nacre_bytes out = { NULL, 0 };
  fixture_fail fail = fixture_fail_new();
  /* One fixed-Huffman block: a zero, then runs of 258 zeros, each of them
   * the code 11000101 and five bits of distance 0, laid down bit by bit. */
  size_t bit = 8 * sizeof(head);
  memset(packed, 0, sizeof(packed));
  memcpy(packed, head, sizeof(head));
  const char *first = "11000110000";
  for (const char *at = first; *at != '\0'; at++, bit++) {
    packed[bit / 8] = (char)(packed[bit / 8] | (*at - '0') << bit % 8);
  }
  for (int run = 0; run < 4500; run++) {
    for (const char *at = "1100010100000"; *at != '\0'; at++, bit++) {
      packed[bit / 8] = (char)(packed[bit / 8] | (*at - '0') << bit % 8);
    }
  }
  int status = fixture_codec(&fixture_host, "gz", packed, bit / 8, 65536,
                             NULL, &out, &fail.base);
  ck_assert_int_eq(status, NACRE_ERROR);
  ck_assert_str_eq(fail.text, "more than 65536 bytes when decompressed");
  ck_assert_int_eq(fixture_blocks, 0);
}
END_TEST

/* The same by xz, from a file, and into room that is too small or large. */
START_TEST(refuses_to_decode_xz_beyond_a_limit) {
  static const struct {
    size_t limit;
    bool exact;
    const char *says;
  } tries[] = {
    { 65536, false, "more than 65536 bytes when decompressed" },
    { 65536, true, "more than the 65536 bytes that were declared" },
    { 1048577, true,
      "1048576 bytes when decompressed, but 1048577 were declared" },
    { 1048576, true, NULL },
    { 1048576, false, NULL },
  };
  char path[4096];
  nacre_bytes packed;
  if (!fixture_has("codecs", "xz")) {
    return;
  }
  snprintf(path, sizeof(path), "%s/valid/zeros.xz", folder());
  ck_assert_int_eq(fixture_load(path, &packed), NACRE_OK);
  for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
    nacre_bytes out = { NULL, 0 };
    fixture_fail fail = fixture_fail_new();
    char *room = malloc(tries[i].limit);
    int status = fixture_codec(&fixture_host, "xz", packed.at, packed.n,
                               tries[i].limit,
                               tries[i].exact ? room : NULL, &out,
                               &fail.base);
    ck_assert_int_eq(status, tries[i].says != NULL ? NACRE_ERROR : NACRE_OK);
    ck_assert_str_eq(fail.text, tries[i].says != NULL ? tries[i].says : "");
    ck_assert_int_eq(fixture_blocks, out.at != NULL ? 2 : 1);
    if (status == NACRE_OK && !tries[i].exact) {
      ck_assert_uint_eq(out.n, tries[i].limit);
    }
    fixture_free(out.at);
    free(room);
  }
  fixture_free(packed.at);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("bad_data");
  TCase *tests = tcase_create("bad_data");
  list_files();
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, finds_the_files);
  tcase_add_loop_test(tests, refuses_with_its_message, 0, count);
  tcase_add_loop_test(tests, survives_each_cut_and_flip, 0,
                      sizeof(valid) / sizeof(valid[0]));
  tcase_add_loop_test(tests, survives_lack_of_memory, 0,
                      sizeof(valid) / sizeof(valid[0]));
  tcase_add_test(tests, refuses_to_decode_beyond_a_limit);
  tcase_add_test(tests, refuses_to_decode_xz_beyond_a_limit);
  suite_add_tcase(suite, tests);
  return fixture_run(suite);
}
