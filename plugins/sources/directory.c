/* SPDX-License-Identifier: MIT */
/* directory: samples that are files: which, of what class, of what group. */
#include "directory.h"

#include "state.h"

#include <stdarg.h>

#define FOUND_MOST ((int64_t)16777216) /* indices that a float can hold */

int directory_no_memory(nacre_fail *fail) {
  fail->fail(fail, NULL, "out of memory");
  return NACRE_ERROR;
}

int directory_fail(const directory *self, int64_t sample, nacre_fail *fail,
                   const char *format, ...) {
  char place[DIRECTORY_PLACE], text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  fail->fail(fail, self->host->listed(&self->listing, self->file[sample],
                                      place, sizeof(place)), "%s", text);
  return NACRE_ERROR;
}

static void fail_in_file(nacre_fail *base, const char *place,
                         const char *format, ...) NACRE_PRINTF(3, 4);
static void fail_in_file(nacre_fail *base, const char *place,
                         const char *format, ...) {
  directory_file_fail *self = (directory_file_fail *)(void *)base;
  char text[512];
  va_list args;
  (void)place;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  directory_fail(self->from, self->sample, self->outer, "%s", text);
}

nacre_fail *directory_fail_init(directory_file_fail *self,
                                const directory *from, int64_t sample,
                                nacre_fail *outer) {
  *self = (directory_file_fail){ { sizeof(nacre_fail), 0, fail_in_file },
                                 outer, from, sample };
  return &self->base;
}

int directory_fetch(const directory *self, int64_t sample, nacre_fail *fail,
                    nacre_bytes *out) {
  return self->host->fetch(self->host, &self->listing, self->file[sample],
                           fail, out);
}

void directory_release(const directory *self, int64_t sample,
                       nacre_bytes *bytes) {
  if (self->listing.file[self->file[sample]].at == NULL) {
    self->host->free(bytes->at);
  }
}

/* The part of a sample's path below the folder. */
static const char *path_of(const directory *self, int64_t sample) {
  return self->listing.file[self->file[sample]].path + self->root;
}

/* --- which files --- */

static void find_formats(directory *self, uint32_t kind) {
  const nacre_component *component;
  while (self->formats < DIRECTORY_FORMATS &&
         (component = self->host->component(self->host, kind,
                                            self->formats)) != NULL) {
    self->format[self->formats++] = component;
  }
}

static bool has_suffix(const directory *self, const char *path) {
  for (uint32_t i = 0; i < self->formats; i++) {
    if (directory_suffix_of(self->format[i], path)) {
      return true;
    }
  }
  return false;
}

/* Files of no class lie where the folders of the classes do. */
static bool by_folder(const directory *self, bool predict) {
  return !predict && self->cfg->labels.value == DIRECTORY_LABELS_INFERRED &&
         self->cfg->table == NULL && !self->pattern.labels;
}

/* "png (.png), jpeg (.jpeg, .jpg)": all that would have been taken. */
static void write_suffixes(const directory *self, char *out, size_t room) {
  size_t n = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < self->formats && n + 96 < room; i++) {
    const nacre_component *format = self->format[i];
    n += (size_t)snprintf(out + n, room - n, "%s.%.20s", i > 0 ? ", " : "",
                          format->name);
    for (const char *at = format->aliases; at != NULL && n + 32 < room;) {
      size_t length = strcspn(at, ",");
      n += (size_t)snprintf(out + n, room - n, ", .%.*s",
                            length < 20 ? (int)length : 20, at);
      at = at[length] == ',' ? at + length + 1 : NULL;
    }
  }
}

static int fail_empty(const directory *self, size_t others, size_t loose,
                      const char *what) {
  char names[512], where[DIRECTORY_PLACE];
  const char *folder = self->cfg->folder;
  snprintf(where, sizeof(where), "%s%s%s", self->cfg->path,
           self->root > 0 ? "/" : "", self->root > 0 ? folder : "");
  write_suffixes(self, names, sizeof(names));
  if (self->formats == 0) {
    self->fail->fail(self->fail, where, "no plugin reads %ss", what);
  } else if (loose > 0) {
    self->fail->fail(self->fail, where,
                     "%zu %s files, but none in a folder of its class: "
                     "'labels: none', a 'pattern' with {label} or a 'table' "
                     "does without", loose, what);
  } else {
    self->fail->fail(self->fail, where, "of %zu files none is a%s %s by its "
                                        "name (%s)", others,
                     what[0] == 'i' ? "n" : "", what, names);
  }
  return NACRE_ERROR;
}

/* Bytes of "FOLDER/" before the paths. */
static size_t find_root(const char *folder) {
  size_t n = folder != NULL ? strlen(folder) : 0;
  return n == 0 || folder[n - 1] == '/' ? n : n + 1;
}

static bool is_below(const directory *self, const char *path) {
  const char *folder = self->cfg->folder;
  size_t n = folder != NULL ? strlen(folder) : 0;
  return self->root == 0 ||
         (strncmp(path, folder, n) == 0 && path[self->root - 1] == '/' &&
          path[self->root] != '\0');
}

static int find_files(directory *self, bool predict, const char *what) {
  const nacre_listing *listing = &self->listing;
  size_t others = 0, loose = 0;
  bool folders = by_folder(self, predict);
  self->file = self->host->alloc(listing->n + 1, sizeof(*self->file));
  if (self->file == NULL) {
    return directory_no_memory(self->fail);
  }
  for (size_t i = 0; i < listing->n; i++) {
    const char *path = listing->file[i].path;
    if (!is_below(self, path)) {
      continue;
    }
    if (!has_suffix(self, path)) {
      others++;
    } else if (folders && strchr(path + self->root, '/') == NULL) {
      loose++;
    } else {
      self->file[self->count++] = i;
    }
  }
  if (self->count > FOUND_MOST) {
    self->fail->fail(self->fail, self->cfg->path, "more than %lld files",
                     (long long)FOUND_MOST);
    return NACRE_ERROR;
  }
  return self->count > 0 ? NACRE_OK : fail_empty(self, others, loose, what);
}

/* --- names --- */

static int match_names(directory *self) {
  const directory_pattern *pattern = &self->pattern;
  directory_match match;
  for (int64_t i = 0; i < self->count; i++) {
    if (!directory_pattern_match(pattern, path_of(self, i), &match)) {
      return directory_fail(self, i, self->fail,
                            "its name is not made as '%s'",
                            self->cfg->pattern);
    }
    if (pattern->labels && self->text != NULL) {
      self->text[i] = match.label;
      self->text_n[i] = match.label_n;
    }
    for (uint32_t g = 0; g < pattern->groups; g++) {
      if (csv_categories_add(&self->group[g], self->host, match.group[g],
                             match.group_n[g]) != NACRE_OK) {
        return directory_no_memory(self->fail);
      }
    }
  }
  for (uint32_t g = 0; g < pattern->groups; g++) {
    csv_categories_sort(&self->group[g], self->host);
    self->value[g] =
      self->host->alloc((size_t)self->count, sizeof(*self->value[g]));
    if (self->value[g] == NULL) {
      return directory_no_memory(self->fail);
    }
  }
  for (int64_t i = 0; i < self->count; i++) {
    directory_pattern_match(pattern, path_of(self, i), &match);
    for (uint32_t g = 0; g < pattern->groups; g++) {
      self->value[g][i] = csv_categories_find(&self->group[g], match.group[g],
                                              match.group_n[g]);
    }
  }
  return NACRE_OK;
}

static void take_folders(directory *self) {
  for (int64_t i = 0; i < self->count; i++) {
    self->text[i] = path_of(self, i);
    self->text_n[i] = strcspn(self->text[i], "/");
  }
}

/* Where the text of each sample's label is. */
static int find_labels(directory *self) {
  self->text = self->host->alloc((size_t)self->count, sizeof(*self->text));
  self->text_n = self->host->alloc((size_t)self->count,
                                   sizeof(*self->text_n));
  if (self->text == NULL || self->text_n == NULL) {
    return directory_no_memory(self->fail);
  }
  if (self->cfg->table != NULL) {
    return directory_table_read(self);
  }
  if (!self->pattern.labels) {
    take_folders(self);
  }
  return NACRE_OK;
}

/* --- classes --- */

static int add_class(directory *self, const char *at, size_t n) {
  return csv_categories_add(&self->classes, self->host, at, n) == NACRE_OK
    ? NACRE_OK : directory_no_memory(self->fail);
}

static int read_state(directory *self, const char *state) {
  int64_t n = 0;
  const char *at = state;
  bool ok = strncmp(at, "directory 1 ", 12) == 0;
  at += ok ? 12 : 0;
  ok = ok && state_number(&at, '\n', 0, INT32_MAX, &n);
  for (int64_t i = 0; ok && i < n; i++) {
    size_t length;
    char *text = state_text(&at, self->host, &length);
    ok = text != NULL && add_class(self, text, length) == NACRE_OK;
    self->host->free(text);
  }
  if (!ok || *at != '\0' || self->classes.n != n) {
    self->fail->fail(self->fail, NULL, "what was kept of the training data's "
                                       "classes is damaged");
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

int directory_state(const directory *self, nacre_bytes *out) {
  state_writer writer = { self->host, NULL, 0, 0, false };
  char line[64];
  int n = snprintf(line, sizeof(line), "directory 1 %ld\n",
                   (long)self->classes.n);
  state_put(&writer, line, (size_t)n);
  for (int32_t i = 0; i < self->classes.n; i++) {
    state_put_text(&writer, self->classes.text[i]);
  }
  return state_finish(&writer, out);
}

static int learn_classes(directory *self) {
  const nacre_strings *names = &self->cfg->class_names;
  for (int64_t i = 0; i < names->n; i++) {
    if (add_class(self, names->at[i], strlen(names->at[i])) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  if (names->n > 0) {
    if (self->classes.n == names->n) {
      return NACRE_OK;
    }
    self->fail->fail(self->fail, NULL, "class_names: a name stands in it "
                                       "twice");
    return NACRE_ERROR;
  }
  for (int64_t i = 0; i < self->count; i++) {
    if (add_class(self, self->text[i], self->text_n[i]) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  if (self->classes.n == 1) {
    self->fail->fail(self->fail, self->cfg->path, "all %lld files are of one "
                                                  "class, '%.64s'",
                     (long long)self->count, self->classes.text[0]);
    return NACRE_ERROR;
  }
  /* Codes are asked for after sorting: put them back in a table. */
  csv_categories sorted = self->classes;
  csv_categories_sort(&sorted, self->host);
  self->classes = (csv_categories){ NULL, 0, 0, NULL, 0 };
  int status = NACRE_OK;
  for (int32_t i = 0; i < sorted.n && status == NACRE_OK; i++) {
    status = add_class(self, sorted.text[i], strlen(sorted.text[i]));
  }
  csv_categories_fini(&sorted, self->host);
  return status;
}

/* A number's digits but for zeros before them; n 0: it is none. */
static const char *digits_of(const char *at, size_t *n) {
  size_t end = *n, i = 0;
  for (size_t d = 0; d < end; d++) {
    if (at[d] < '0' || at[d] > '9') {
      *n = 0;
      return at;
    }
  }
  while (i + 1 < end && at[i] == '0') {
    i++;
  }
  *n = end - i;
  return at + i;
}

/* The class of a text; of a number that is written otherwise, the class of
 * the same number: tables have 7 where folders have 00007. */
static int32_t find_class(const directory *self, const char *at, size_t n) {
  int32_t code = csv_categories_code(&self->classes, at, n);
  const char *digits = digits_of(at, &n);
  for (int32_t i = 0; code < 0 && n > 0 && i < self->classes.n; i++) {
    size_t other_n = strlen(self->classes.text[i]);
    const char *other = digits_of(self->classes.text[i], &other_n);
    code = other_n == n && memcmp(other, digits, n) == 0 ? i : code;
  }
  return code;
}

static int label_files(directory *self, bool training) {
  self->label = self->host->alloc((size_t)self->count, sizeof(*self->label));
  if (self->label == NULL) {
    return directory_no_memory(self->fail);
  }
  for (int64_t i = 0; i < self->count; i++) {
    self->label[i] = find_class(self, self->text[i], self->text_n[i]);
    if (self->label[i] < 0) {
      return directory_fail(self, i, self->fail,
                            training ? "its label '%.*s' is not under "
                                       "'class_names'"
                                     : "its label '%.*s' is none that the "
                                       "training data had",
                            self->text_n[i] < 64 ? (int)self->text_n[i] : 64,
                            self->text[i]);
    }
  }
  return NACRE_OK;
}

/* --- fields --- */

static void describe(directory *self, bool target) {
  static const nacre_shape scalar = { { 0, 0, 0, 0, 0, 0 }, 0, NACRE_REAL };
  self->field[0].name = "x";
  self->fields = 1;
  self->has_target = target;
  if (target) {
    self->field[self->fields++] = (nacre_field){
      .name = "y", .shape = scalar, .classes = self->classes.n,
      .flags = NACRE_FIELD_TARGET | NACRE_FIELD_INDEX,
      .class_names = (const char *const *)self->classes.text
    };
  }
  for (uint32_t g = 0; g < self->pattern.groups; g++) {
    self->field[self->fields++] = (nacre_field){
      .name = self->pattern.name[g], .shape = scalar,
      .flags = NACRE_FIELD_GROUP | NACRE_FIELD_INDEX,
      .classes = self->group[g].n,
      .class_names = (const char *const *)self->group[g].text
    };
  }
}

void directory_read(const directory *self, uint32_t field,
                    const int64_t *rows, int64_t n, real *out) {
  const int32_t *from = self->has_target && field == 1
    ? self->label : self->value[field - 1 - (self->has_target ? 1 : 0)];
  for (int64_t i = 0; i < n; i++) {
    out[i] = (real)from[rows[i]];
  }
}

static int load(directory *self, const nacre_source_open *open,
                const char *what) {
  bool predict = (open->flags & NACRE_OPEN_PREDICT) != 0;
  bool labels = self->cfg->labels.value == DIRECTORY_LABELS_INFERRED;
  bool named = !predict && self->cfg->pattern != NULL;
  /* Predictions are for whatever files there are. */
  self->root = predict ? 0 : find_root(self->cfg->folder);
  if ((named && directory_pattern_parse(&self->pattern, self->cfg->pattern,
                                        self->fail) != NACRE_OK) ||
      find_files(self, predict, what) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (labels && open->state != NULL &&
      read_state(self, open->state) != NACRE_OK) {
    return NACRE_ERROR;
  }
  bool read = labels && !predict;
  if ((read && find_labels(self) != NACRE_OK) ||
      (named && match_names(self) != NACRE_OK) ||
      (read && open->state == NULL && learn_classes(self) != NACRE_OK) ||
      (read && label_files(self, open->state == NULL) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  describe(self, labels && (read || self->classes.n > 0));
  return NACRE_OK;
}

int directory_open(directory *self, const nacre_source_open *open,
                   const directory_cfg *cfg, uint32_t kind,
                   const char *what) {
  self->host = open->host;
  self->fail = open->fail;
  self->cfg = cfg;
  find_formats(self, kind);
  int status = self->host->list(self->host, cfg->path, open->fail,
                                &self->listing);
  if (status == NACRE_OK) {
    status = load(self, open, what);
  }
  self->host->free((void *)(uintptr_t)self->text);
  self->host->free(self->text_n);
  csv_categories_fini(&self->table_labels, self->host);
  self->text = NULL;
  self->text_n = NULL;
  self->table_labels = (csv_categories){ NULL, 0, 0, NULL, 0 };
  self->fail = NULL;
  self->cfg = NULL;
  return status;
}

void directory_close(directory *self) {
  const nacre_host *host = self->host;
  if (host == NULL) {
    return;
  }
  csv_categories_fini(&self->classes, host);
  for (int g = 0; g < DIRECTORY_GROUPS; g++) {
    csv_categories_fini(&self->group[g], host);
    host->free(self->value[g]);
  }
  host->free(self->label);
  host->free(self->file);
  host->unlist(host, &self->listing);
}
