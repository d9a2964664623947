/* SPDX-License-Identifier: MIT */
/* variables: ${a.b}, ${env:NAME,default} and ${now:FORMAT}.
 *
 * A node is resolved where it is first needed: on the walk over the tree, or
 * because another one refers to it. Each stays resolved, so the work is
 * linear; a node that is met while it is in hand closes a circle. */
#include "variables.h"

#include "address.h"
#include "base/text.h"
#include "parse.h"
#include "report.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* References within references. Each may walk down a whole tree. */
#define MAX_CHAIN 32

/* Children above which an index is worth its making. */
#define MANY 32

/* Of all spliced texts: twenty lines that each double the one before would
 * make a terabyte. */
#define MAX_BYTES ((size_t)4 * NACRE_YAML_MAX_BYTES)

/* One "${...}" of a scalar. */
typedef struct reference {
  const nacre_node *node; /* the scalar that it stands in */
  const char *at;         /* its '$' */
  const char *end;        /* after its '}' */
  char *name;             /* what is between the braces */
} reference;

int nacre_variables_spend(nacre_variables *self, int n,
                          const nacre_node *node) {
  if (self->spent) {
    return NACRE_ERROR; /* already said */
  }
  if (n > NACRE_YAML_MAX_NODES - self->nodes) {
    self->spent = true;
    return nacre_report(self->error, node, NACRE_ELIMIT,
                        "more than %d values, variables and blocks expanded",
                        NACRE_YAML_MAX_NODES);
  }
  self->nodes += n;
  return NACRE_OK;
}

/* Adds a problem at a reference, which is sought on the scalar's line: what
 * escapes and folding made of the line is not known any more. */
static int report_reference(const nacre_variables *self,
                            const reference *ref, const char *format, ...)
  NACRE_PRINTF(3, 4);

static int report_reference(const nacre_variables *self,
                            const reference *ref, const char *format, ...) {
  nacre_place place = { NULL, 0, 0, 0, NULL };
  if (self->error->count <= NACRE_ERROR_MAX) {
    place = nacre_node_place(ref->node);
  }
  const char *line = place.source;
  const size_t n = (size_t)(ref->end - ref->at);
  int column = 1;
  while (line != NULL && *line != '\0' && *line != '\n') {
    if (column >= place.column && strncmp(line, ref->at, n) == 0) {
      place.column = column;
      place.length = 0;
      for (size_t i = 0; i < n; i++) {
        place.length += ((unsigned char)line[i] & 0xc0) != 0x80 ? 1 : 0;
      }
      break;
    }
    line++;
    column += ((unsigned char)*line & 0xc0) != 0x80 ? 1 : 0;
  }
  va_list list;
  va_start(list, format);
  (void)nacre_error_addv(self->error, NACRE_ECONFIG, &place, format, list);
  va_end(list);
  return NACRE_ERROR;
}

/* Follows a dotted name from `node`, resolving what it passes through.
 * NACRE_DECLINE: there is no such node; `missing` gets where it ended and
 * `step` the name that was not found there. */
typedef struct trail {
  nacre_node *found;
  const nacre_node *missing;
  const char *step;
} trail;

static int resolve_scalar(nacre_variables *, nacre_node *);

/* nacre_address_child() by way of an index, where the children are many. */
static nacre_node *find_child(nacre_variables *self, const nacre_node *node,
                              const char *step) {
  /* An entry whose owner is no node says that the node has been indexed. */
  const void *mark = &node->count;
  if (node->count < MANY) {
    return nacre_address_child(node, step);
  }
  if (nacre_index_find(&self->index, mark, "") == NULL) {
    for (nacre_node *at = node->first; at != NULL; at = at->next) {
      const char *name = nacre_address_name(at);
      if (name != NULL &&
          nacre_index_find(&self->index, node, name) == NULL &&
          !nacre_index_put(&self->index, node, name, at)) {
        return nacre_address_child(node, step);
      }
    }
    if (!nacre_index_put(&self->index, mark, "", node->first)) {
      return nacre_address_child(node, step);
    }
  }
  nacre_node *child = nacre_index_find(&self->index, node, step);
  bool numbered = child == NULL && node->kind == NACRE_NODE_LIST;
  return numbered ? nacre_address_item(node, step) : child;
}

static int follow(nacre_variables *self, nacre_node *node, char *name,
                  trail *out) {
  for (char *step = name; step != NULL;) {
    if (node->kind == NACRE_NODE_SCALAR &&
        resolve_scalar(self, node) != NACRE_OK) {
      return NACRE_ERROR;
    }
    char *dot = strchr(step, '.');
    nacre_node *child = find_child(self, node, step);
    if (child != NULL || dot == NULL) {
      dot = NULL; /* a key may contain dots */
    } else {
      *dot = '\0';
      child = find_child(self, node, step);
    }
    out->missing = node;
    out->step = step;
    if (child == NULL) {
      return NACRE_DECLINE;
    }
    node = child;
    if (dot != NULL) {
      *dot = '.';
    }
    step = dot != NULL ? dot + 1 : NULL;
  }
  out->found = node;
  return NACRE_OK;
}

static int report_missing(nacre_variables *self, const reference *ref,
                          const trail *trails, const size_t *ends) {
  (void)report_reference(self, ref, "there is no '%s'", ref->name);
  size_t furthest = 0;
  for (int i = 0; i < 3; i++) {
    furthest = ends[i] > furthest ? ends[i] : furthest;
  }
  char *step = nacre_strdup(ref->name + furthest);
  if (step == NULL) {
    return NACRE_ERROR;
  }
  step[strcspn(step, ".")] = '\0';
  for (int i = 2; i >= 0; i--) { /* the innermost scope has the last word */
    if (trails[i].missing != NULL && ends[i] == furthest) {
      nacre_address_hint(self->error, trails[i].missing, step);
    }
  }
  nacre_free(step);
  return NACRE_ERROR;
}

/* Looks a name up in the block's parameters, in `vars`, then in the whole
 * config. The bodies of blocks are not to be referred to: their text means
 * something only where they are used. */
static int look_up(nacre_variables *self, const reference *ref,
                   nacre_node **found) {
  nacre_node *root = self->tree->root;
  nacre_node *const scopes[3] = { self->scope, nacre_node_peek(root, "vars"),
                                  root };
  trail trails[3] = { { NULL, NULL, NULL } };
  size_t ends[3] = { 0, 0, 0 };
  const bool inside_blocks = strcmp(ref->name, "blocks") == 0 ||
                             strncmp(ref->name, "blocks.", 7) == 0;
  for (int i = 0; i < (inside_blocks ? 0 : 3); i++) {
    if (scopes[i] == NULL || scopes[i]->kind == NACRE_NODE_SCALAR) {
      continue;
    }
    char *name = nacre_strdup(ref->name);
    if (name == NULL) {
      return nacre_no_memory(self->error);
    }
    int status = follow(self, scopes[i], name, &trails[i]);
    if (trails[i].step != NULL) {
      ends[i] = (size_t)(trails[i].step - name);
    }
    nacre_free(name);
    if (status != NACRE_DECLINE) {
      *found = trails[i].found;
      return status;
    }
  }
  return report_missing(self, ref, trails, ends);
}

static bool is_utf8(const char *text) {
  const size_t n = strlen(text);
  for (size_t i = 0; i < n;) {
    uint32_t code;
    int bytes = nacre_text_utf8(text + i, n - i, &code);
    if (bytes == 0) {
      return false;
    }
    i += (size_t)bytes;
  }
  return true;
}

/* ${env:NAME,default}: borrowed from the environment or the reference. */
static const char *environment(const nacre_variables *self, reference *ref) {
  char *name = ref->name + strlen("env:");
  char *comma = strchr(name, ',');
  if (comma != NULL) {
    *comma = '\0';
  }
  const char *value = name[0] != '\0' ? getenv(name) : NULL;
  if (value == NULL && comma != NULL) {
    return comma + 1;
  }
  if (value == NULL) {
    (void)report_reference(self, ref,
                           "the environment has no variable '%s'", name);
    nacre_error_hint(self->error, "${env:%s,VALUE} gives it a default",
                     name);
  } else if (!is_utf8(value)) {
    (void)report_reference(
      self, ref, "the environment variable '%s' is not UTF-8", name);
    value = NULL;
  }
  return value;
}

/* ${now:FORMAT}: the local time when resolving began, in the C locale. */
static const char *moment(nacre_variables *self, const reference *ref,
                          char *room, size_t n) {
  const char *format = ref->name + strlen("now:");
  struct tm parts;
  if (self->now == 0) {
    self->now = time(NULL);
  }
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  size_t put = 0;
  if (plain != (locale_t)0 && localtime_r(&self->now, &parts) != NULL) {
    put = strftime_l(room, n, format, &parts, plain);
  }
  if (plain != (locale_t)0) {
    freelocale(plain);
  }
  if (put == 0) {
    (void)report_reference(self, ref, "'%s' is no format of a time", format);
    nacre_error_hint(self->error, "as of strftime: %%Y-%%m-%%d");
    return NULL;
  }
  return room;
}

int nacre_variables_spend_bytes(nacre_variables *self, size_t n,
                                const nacre_node *node) {
  if (self->spent) {
    return NACRE_ERROR;
  }
  if (n > MAX_BYTES - self->bytes) {
    self->spent = true;
    return nacre_report(self->error, node, NACRE_ELIMIT,
                        "the texts made of variables and names become "
                        "larger than %zu bytes",
                        MAX_BYTES);
  }
  self->bytes += n;
  return NACRE_OK;
}

/* What a reference stands for: a node, or a text. */
typedef struct meaning {
  nacre_node *node;
  const char *text; /* valid while the reference is */
  char room[256];
} meaning;

static int find_meaning(nacre_variables *self, reference *ref, meaning *out) {
  out->node = NULL;
  out->text = NULL;
  if (strncmp(ref->name, "env:", 4) == 0) {
    out->text = environment(self, ref);
    return out->text != NULL ? NACRE_OK : NACRE_ERROR;
  }
  if (strncmp(ref->name, "now:", 4) == 0) {
    out->text = moment(self, ref, out->room, sizeof out->room);
    return out->text != NULL ? NACRE_OK : NACRE_ERROR;
  }
  if (ref->name[0] == '\0' || strpbrk(ref->name, "${: \t\n") != NULL) {
    (void)report_reference(self, ref, "'%s' is no name of a value",
                           ref->name);
    nacre_error_hint(self->error, "${a.b}, ${env:NAME,default}, "
                                  "${now:%%Y-%%m-%%d}");
    return NACRE_ERROR;
  }
  if (self->chain >= MAX_CHAIN) {
    return report_reference(self, ref,
                            "refers through more than %d others", MAX_CHAIN);
  }
  self->chain++;
  int status = look_up(self, ref, &out->node);
  if (status == NACRE_OK && out->node->state == NACRE_RESOLVING) {
    status = report_reference(self, ref, "'%s' refers to itself",
                              ref->name);
  } else if (status == NACRE_OK) {
    status = nacre_variables_resolve(self, out->node);
  }
  self->chain--;
  /* What the reference passes through may be what closes the circle. */
  if (self->circle) {
    self->circle = false;
    status = report_reference(self, ref, "'%s' refers to itself", ref->name);
  }
  return status;
}

/* A scalar that is one reference takes all of what it refers to. */
static int take_whole(nacre_variables *self, nacre_node *node,
                      reference *ref) {
  meaning meant;
  if (find_meaning(self, ref, &meant) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_node *copy;
  if (meant.node == NULL) {
    if (nacre_variables_spend_bytes(self, strlen(meant.text), node) !=
        NACRE_OK) {
      return NACRE_ERROR;
    }
    copy = nacre_node_scalar(self->tree, meant.text, node);
  } else {
    int size = nacre_node_size(meant.node, NACRE_YAML_MAX_NODES);
    if (nacre_variables_spend(self, size, node) != NACRE_OK) {
      return NACRE_ERROR;
    }
    if (nacre_address_depth(node) + nacre_node_depth(meant.node) >
        NACRE_YAML_MAX_DEPTH) {
      return report_reference(self, ref, "nested deeper than %d levels",
                              NACRE_YAML_MAX_DEPTH);
    }
    copy = nacre_node_copy(self->tree, meant.node);
  }
  if (copy == NULL) {
    return nacre_no_memory(self->error);
  }
  if (copy->kind == NACRE_NODE_SCALAR) {
    /* What is wrong with a value is best said where it is used, and a path
     * belongs to the file that defines it. */
    if (meant.node == NULL || meant.node->file == node->file) {
      copy->line = node->line;
      copy->column = node->column;
      copy->length = node->length;
    }
  }
  nacre_node_become(node, copy);
  return NACRE_OK;
}

/* Appends what a reference stands for to the text of its scalar. */
static int splice(nacre_variables *self, nacre_text *out, reference *ref) {
  meaning meant;
  if (find_meaning(self, ref, &meant) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (meant.node != NULL && meant.node->kind != NACRE_NODE_SCALAR) {
    return report_reference(
      self, ref, "'%s' is a %s and cannot stand inside text", ref->name,
      meant.node->kind == NACRE_NODE_MAP ? "map" : "list");
  }
  const char *text = meant.node != NULL ? meant.node->text : meant.text;
  const size_t n = strlen(text);
  if (nacre_variables_spend_bytes(self, n, ref->node) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_text_put(out, text, n);
  return NACRE_OK;
}

/* Reads the reference at `at`; its name is the caller's to free. */
static int read_reference(const nacre_variables *self,
                          const nacre_node *node, const char *at,
                          reference *out) {
  const char *close = strchr(at, '}');
  out->node = node;
  out->at = at;
  out->name = NULL;
  if (close == NULL) {
    out->end = at + 2;
    (void)report_reference(self, out, "'${' is never closed");
    nacre_error_hint(self->error, "'$${' stands for the text '${'");
    return NACRE_ERROR;
  }
  out->end = close + 1;
  out->name = nacre_strndup(at + 2, (size_t)(close - at - 2));
  return out->name != NULL ? NACRE_OK : nacre_no_memory(self->error);
}

static int resolve_text(nacre_variables *self, nacre_node *node) {
  nacre_text out = { NULL, 0, 0, false };
  const char *at = node->text;
  int status = NACRE_OK;
  while (*at != '\0' && status == NACRE_OK) {
    if (strncmp(at, "$${", 3) == 0) {
      nacre_text_puts(&out, "${");
      at += 3;
    } else if (strncmp(at, "${", 2) == 0) {
      reference ref;
      status = read_reference(self, node, at, &ref);
      if (status == NACRE_OK && at == node->text && *ref.end == '\0') {
        status = take_whole(self, node, &ref);
        nacre_free(ref.name);
        nacre_text_fini(&out);
        return status;
      }
      if (status == NACRE_OK) {
        status = splice(self, &out, &ref);
      }
      at = ref.end;
      nacre_free(ref.name);
    } else {
      size_t n = strcspn(at + 1, "$") + 1;
      status = nacre_variables_spend_bytes(self, n, node);
      nacre_text_put(&out, at, n);
      at += n;
    }
  }
  if (status == NACRE_OK) {
    node->text = out.failed ? NULL
                            : nacre_arena_strndup(self->tree->arena, out.at,
                                                  out.n);
    if (node->text == NULL) {
      node->text = "";
      status = nacre_no_memory(self->error);
    }
  }
  nacre_text_fini(&out);
  return status;
}

static int resolve_scalar(nacre_variables *self, nacre_node *node) {
  if (node->state == NACRE_RESOLVED) {
    return NACRE_OK;
  }
  if (node->state == NACRE_RESOLVING) {
    self->circle = true; /* whose reference it was will report it */
    return NACRE_ERROR;
  }
  int status = NACRE_OK;
  node->state = NACRE_RESOLVING;
  if (strstr(node->text, "${") != NULL) {
    status = resolve_text(self, node);
  }
  node->state = NACRE_RESOLVED; /* one report of a problem is enough */
  return status;
}

int nacre_variables_resolve(nacre_variables *self, nacre_node *node) {
  if (node->state == NACRE_RESOLVED) {
    return NACRE_OK;
  }
  if (node->kind == NACRE_NODE_SCALAR) {
    return resolve_scalar(self, node);
  }
  int status = NACRE_OK;
  node->state = NACRE_RESOLVING;
  for (nacre_node *at = node->first; at != NULL; at = at->next) {
    if (nacre_variables_resolve(self, at) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  node->state = NACRE_RESOLVED;
  return status;
}
