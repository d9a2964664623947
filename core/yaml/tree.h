/* SPDX-License-Identifier: MIT */
/* tree: a YAML document as nodes that remember where they stood. */
#ifndef NACRE_YAML_TREE_H
#define NACRE_YAML_TREE_H

#include "base/error.h"
#include "base/sys.h"

typedef enum nacre_node_kind {
  NACRE_NODE_SCALAR,
  NACRE_NODE_LIST,
  NACRE_NODE_MAP
} nacre_node_kind;

/** One source of nodes: a file, or an override of the command line. */
typedef struct nacre_source_file {
  const char *name;   /* as the user wrote it; "command line" */
  const char *dir;    /* relative paths in it start here */
  const char *text;   /* NUL-terminated */
  size_t n;
} nacre_source_file;

typedef struct nacre_node nacre_node;
struct nacre_node {
  nacre_node_kind kind;
  bool quoted;          /* a scalar in quotes, or a block scalar */
  bool used;            /* somebody asked for it: the rest is unknown keys */
  int line, column, length;
  const nacre_source_file *file;
  const char *text;     /* scalar: NUL-terminated UTF-8 */
  nacre_node *key;      /* this is a map's value: its key's scalar */
  nacre_node *parent;
  nacre_node *first, *last, *next; /* children: list items or map values */
  int count;            /* children */
  int state;            /* NACRE_UNRESOLVED and on */
  nacre_node *use;      /* the use of a block that it came from, or NULL */
  const char *block;    /* it is a use of this block; or NULL */
};

/** How far nacre_resolve() is with a node. */
#define NACRE_UNRESOLVED 0
#define NACRE_RESOLVING 1
#define NACRE_RESOLVED 2

/** All nodes of an experiment live in one arena. */
typedef struct nacre_tree {
  nacre_arena *arena;
  nacre_node *root; /* a map */
} nacre_tree;

nacre_tree *nacre_tree_new(void);
void nacre_tree_free(nacre_tree *);

nacre_node *nacre_node_new(nacre_tree *, nacre_node_kind);
/** A scalar that stands where `like` stands. */
nacre_node *nacre_node_scalar(nacre_tree *, const char *text,
                              const nacre_node *like);
/** Appends a child (key NULL for lists); parent, first, last, count. */
void nacre_node_append(nacre_node *parent, nacre_node *key,
                       nacre_node *child);
void nacre_node_remove(nacre_node *parent, nacre_node *child);
/** Makes a node what `with` is, its children and place included; the node's
 *  key and its place among its siblings stay. `with` is used up. */
void nacre_node_become(nacre_node *, nacre_node *with);
/** A deep copy in the same tree; positions kept. */
nacre_node *nacre_node_copy(nacre_tree *, const nacre_node *);

/** Nodes of a subtree, keys and itself included; stops counting after
 *  `limit`, so that counting cannot take long. */
int nacre_node_size(const nacre_node *, int limit);
/** Levels of lists and maps in a subtree: 0 for a scalar. */
int nacre_node_depth(const nacre_node *);

/** The value of a key in a map, or NULL; get marks it used, peek does not. */
nacre_node *nacre_node_get(nacre_node *map, const char *key);
nacre_node *nacre_node_peek(const nacre_node *map, const char *key);
nacre_node *nacre_node_at(const nacre_node *list, int index);

bool nacre_node_is_null(const nacre_node *); /* plain ~, null, or empty */
/** Typed reading of scalars, by the rules of YAML 1.2's core schema plus
 *  true/false/yes/no/on/off for booleans and a/b for fractions ("1/255"). */
bool nacre_node_float(const nacre_node *, double *);
bool nacre_node_int(const nacre_node *, int64_t *);
bool nacre_node_bool(const nacre_node *, bool *);

/** Where a node stands, with its line's text. Lives as long as the tree; the
 *  line's text is found by nacre_error_add() up to its end of line. */
nacre_place nacre_node_place(const nacre_node *);
/** The same for its key, if it has one. */
nacre_place nacre_node_key_place(const nacre_node *);
/** "model.layers.head.units", for messages and origins. Caller frees. */
char *nacre_node_path(const nacre_node *);
/** The tree as YAML text that reads back as the same tree: where variables
 *  were resolved, a "${" is written "$${". Caller frees. */
char *nacre_node_write(const nacre_node *);

#endif
