/* SPDX-License-Identifier: MIT */
/* load: a config from its files, what they extend, and overrides. */
#include "merge.h"
#include "override.h"
#include "parse.h"
#include "report.h"
#include "resolve.h"

#include <string.h>
#include <sys/stat.h>

/* Files of one experiment. Two lists of two that extend one another in turn
 * would otherwise be read a number of times that doubles with each file. */
#define MAX_FILES 100

/* A file that is being read, and what it is extended by. */
typedef struct opened {
  const struct opened *by;
  dev_t device;
  ino_t inode;
} opened;

typedef struct loader {
  nacre_tree *tree;
  nacre_error *error;
  int files, nodes; /* read so far */
} loader;

static nacre_node *extend(loader *, nacre_node *root, const opened *);

/* Reads a file and what it extends. `from` is where it was named, or NULL. */
static nacre_node *load(loader *self, const char *path,
                        const nacre_node *from, const opened *by) {
  opened file = { by, 0, 0 };
  struct stat status;
  if (stat(path, &status) == 0) {
    file.device = status.st_dev;
    file.inode = status.st_ino;
  }
  for (const opened *at = by; at != NULL && file.inode != 0; at = at->by) {
    if (at->device == file.device && at->inode == file.inode) {
      (void)nacre_report(self->error, from, NACRE_ECONFIG,
                         "'%s' extends itself", path);
      return NULL;
    }
  }
  if (++self->files > MAX_FILES) {
    (void)nacre_report(self->error, from, NACRE_ELIMIT,
                       "more than %d files are extended", MAX_FILES);
    return NULL;
  }
  const int first = self->error->count;
  nacre_node *root = nacre_yaml_file(self->tree, path, self->error);
  if (root != NULL) {
    self->nodes += nacre_node_size(root, NACRE_YAML_MAX_NODES);
    if (self->nodes > NACRE_YAML_MAX_NODES) {
      (void)nacre_report(self->error, root, NACRE_ELIMIT,
                         "more than %d values in all files together",
                         NACRE_YAML_MAX_NODES);
      return NULL;
    }
    return extend(self, root, &file);
  }
  if (from != NULL && self->error->count > first &&
      self->error->problem[first].line == 0) {
    nacre_error_context(self->error, first, "extended by %s:%d",
                        from->file->name, from->line);
  }
  return NULL;
}

/* Loads one entry of `extends:` onto `base`; NULL: a problem. */
static nacre_node *load_entry(loader *self, nacre_node *base,
                              const nacre_node *entry, const opened *by) {
  if (entry->kind != NACRE_NODE_SCALAR || nacre_node_is_null(entry) ||
      entry->text[0] == '\0' || strcmp(entry->text, "-") == 0) {
    (void)nacre_report(self->error, entry, NACRE_ECONFIG,
                       "extends: expected the path of a file");
    return NULL;
  }
  char *path = nacre_path_join(entry->file->dir, entry->text);
  if (path == NULL) {
    (void)nacre_no_memory(self->error);
    return NULL;
  }
  nacre_node *loaded = load(self, path, entry, by);
  nacre_free(path);
  return loaded != NULL ? nacre_merge(self->tree, base, loaded, self->error)
                        : NULL;
}

/* Puts a file's own settings onto those of what it extends. */
static nacre_node *extend(loader *self, nacre_node *root, const opened *by) {
  if (root->kind != NACRE_NODE_MAP) {
    (void)nacre_report(self->error, root, NACRE_ECONFIG,
                       "an experiment is a map of keys and values");
    return NULL;
  }
  nacre_node *extends = nacre_node_peek(root, "extends");
  if (extends == NULL) {
    return root;
  }
  nacre_node_remove(root, extends);
  nacre_node *base = NULL;
  if (extends->kind != NACRE_NODE_LIST) {
    base = load_entry(self, NULL, extends, by);
    return base != NULL ? nacre_merge(self->tree, base, root, self->error)
                        : NULL;
  }
  bool complete = true;
  for (nacre_node *at = extends->first; at != NULL; at = at->next) {
    nacre_node *merged = load_entry(self, base, at, by);
    complete = complete && merged != NULL;
    base = merged != NULL ? merged : base;
  }
  return complete ? nacre_merge(self->tree, base, root, self->error) : NULL;
}

/* What follows once all files are one tree. */
static int finish(loader *self, nacre_node *root, int before,
                  const char *const *overrides, int n_overrides) {
  if (root == NULL) {
    return NACRE_ERROR;
  }
  self->tree->root = root;
  for (int i = 0; i < n_overrides; i++) {
    (void)nacre_override_apply(self->tree, overrides[i], self->error);
  }
  (void)nacre_resolve(self->tree, self->error);
  return self->error->errors == before ? NACRE_OK : NACRE_ERROR;
}

int nacre_config_load(nacre_tree *tree, const char *path,
                      const char *const *more, int n_more,
                      const char *const *overrides, int n_overrides,
                      nacre_error *error) {
  loader self = { tree, error, 0, 0 };
  const int before = error->errors;
  nacre_node *root = load(&self, path, NULL, NULL);
  for (int i = 0; i < n_more; i++) {
    nacre_node *over = load(&self, more[i], NULL, NULL);
    bool both = root != NULL && over != NULL;
    root = both ? nacre_merge(tree, root, over, error) : NULL;
  }
  return finish(&self, root, before, overrides, n_overrides);
}

int nacre_config_load_text(nacre_tree *tree, const char *name,
                           const char *dir, const char *text, size_t n,
                           const char *const *overrides, int n_overrides,
                           nacre_error *error) {
  loader self = { tree, error, 0, 0 };
  const int before = error->errors;
  nacre_node *root = nacre_yaml_text(tree, name, dir, text, n, error);
  if (root != NULL) {
    root = extend(&self, root, NULL);
  }
  return finish(&self, root, before, overrides, n_overrides);
}
