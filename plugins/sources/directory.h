/* SPDX-License-Identifier: MIT */
/* directory: what sources share whose samples are files: which files of a
 * folder or an archive are samples, the class of each, and what else their
 * names tell. directory.c opens, directory_names.c reads names by a pattern,
 * directory_table.c reads a table of labels. */
#ifndef NACRE_SOURCES_DIRECTORY_H
#define NACRE_SOURCES_DIRECTORY_H

#include "csv.h"

#define DIRECTORY_FORMATS 32
#define DIRECTORY_GROUPS 8  /* fields that a pattern may have */
#define DIRECTORY_PLACE 4400
#define DIRECTORY_NONE SIZE_MAX

/* Words of `labels`. */
#define DIRECTORY_LABELS_INFERRED 0

/* The parameters that all of them have: the member `from` of their structs. */
typedef struct directory_cfg {
  const char *path, *folder, *pattern, *table;
  nacre_enum labels;
  nacre_strings class_names, table_columns;
} directory_cfg;

#define DIRECTORY_PARAM(T, field, def, range, doc, flags)          \
  {                                                                \
    #field, NULL, def, range, "", doc,                             \
      NACRE_TYPE_OF(directory_cfg, field),                         \
      (uint32_t)(offsetof(T, from) + offsetof(directory_cfg, field)), flags, 0 \
  }

/** The first lines of the parameter table of config struct T. */
#define DIRECTORY_PARAMS(T)                                                  \
  DIRECTORY_PARAM(T, path, NULL, NULL,                                       \
                  "A folder, an archive of one (\".tar\", \".tar.xz\"), or "  \
                  "a single file.", NACRE_PARAM_PATH),                       \
  DIRECTORY_PARAM(T, folder, "null", NULL,                                   \
                  "The folder within it to begin at.", 0),                   \
  DIRECTORY_PARAM(T, labels, "inferred", "inferred|none",                    \
                  "The label of a file is the name of the folder it is in, " \
                  "or what 'pattern' or 'table' says; none: there are no "   \
                  "targets.", 0),                                            \
  DIRECTORY_PARAM(T, pattern, "null", NULL,                                  \
                  "How names are made, as \"{label}_{speaker}_{index}\": "   \
                  "{label} is the label, {} anything, other words are "      \
                  "groups by which splits can go.", 0),                      \
  DIRECTORY_PARAM(T, table, "null", NULL,                                    \
                  "File in the folder that lists files and their labels, "   \
                  "in rows of cells between commas, semicolons or tabs "     \
                  "below a header.", 0),                                     \
  DIRECTORY_PARAM(T, table_columns, "[]", NULL,                              \
                  "Names of the columns of file and label; the first and "   \
                  "the last if none are given.", 0),                         \
  DIRECTORY_PARAM(T, class_names, "[]", NULL,                                \
                  "The labels in the order of the classes; all that there "  \
                  "are, sorted, if none are given.", 0)

/* --- directory_names.c --- */

/* A piece of a pattern: text, or a place for some. */
typedef struct directory_piece {
  const char *at;  /* of the text, or of the place's name, [n] */
  size_t n;
  int slot;        /* DIRECTORY_TEXT, _ANY, _LABEL, or a group's number */
} directory_piece;

#define DIRECTORY_TEXT (-1)
#define DIRECTORY_ANY (-2)
#define DIRECTORY_LABEL (-3)
#define DIRECTORY_PIECES 32

typedef struct directory_pattern {
  directory_piece piece[DIRECTORY_PIECES];
  size_t pieces;
  int folders;     /* slashes in it */
  bool labels;     /* it has a {label} */
  uint32_t groups;
  char name[DIRECTORY_GROUPS][64]; /* of the groups */
} directory_pattern;

/* What a name has in the places. */
typedef struct directory_match {
  const char *label, *group[DIRECTORY_GROUPS];
  size_t label_n, group_n[DIRECTORY_GROUPS];
} directory_match;

/* NACRE_ERROR with a message if the text is no pattern. */
int directory_pattern_parse(directory_pattern *, const char *text,
                            nacre_fail *);
/* Whether the end of a path, without its suffix, is made so. */
bool directory_pattern_match(const directory_pattern *, const char *path,
                             directory_match *);
/* Whether a file's suffix is one of the names of a component. */
bool directory_suffix_of(const nacre_component *, const char *path);

/* --- directory.c --- */

/* Samples that are files, opened. Only what stands before `fail` may be used
 * after opening, and that by any thread. */
typedef struct directory {
  const nacre_host *host;
  nacre_listing listing;
  size_t *file;              /* [count] which file of the listing */
  int64_t count;
  const nacre_component *format[DIRECTORY_FORMATS];
  uint32_t formats;
  csv_categories classes;    /* their texts, in the order of the classes */
  int32_t *label;            /* [count], or NULL */
  csv_categories group[DIRECTORY_GROUPS];
  int32_t *value[DIRECTORY_GROUPS]; /* [count] indices of its texts */
  nacre_field field[2 + DIRECTORY_GROUPS]; /* x first, for the source */
  uint32_t fields;
  bool has_target;           /* field 1 is y */
  nacre_fail *fail;
  const directory_cfg *cfg;
  directory_pattern pattern;
  const char **text;         /* [count] each label, borrowed */
  csv_categories table_labels; /* from here, or from paths */
  size_t *text_n;            /* [count] */
  size_t root;               /* bytes of paths before the folder's own */
} directory;

/* Lists the files that components of `kind` know by their suffix, and finds
 * labels, classes and groups; `what` is such a file, in messages. Close it
 * even on NACRE_ERROR. */
int directory_open(directory *, const nacre_source_open *,
                   const directory_cfg *, uint32_t kind, const char *what);
void directory_close(directory *);
/* Reads a field other than x. */
void directory_read(const directory *, uint32_t field, const int64_t *rows,
                    int64_t n, real *out);
/* The classes, as state() gives them. */
int directory_state(const directory *, nacre_bytes *out);
/* Fails at a sample's file. */
int directory_fail(const directory *, int64_t sample, nacre_fail *,
                   const char *format, ...) NACRE_PRINTF(4, 5);
/* A fail to decode with, which puts the file's name before the message. */
typedef struct directory_file_fail {
  nacre_fail base;
  nacre_fail *outer;
  const directory *from;
  int64_t sample;
} directory_file_fail;
nacre_fail *directory_fail_init(directory_file_fail *, const directory *,
                                int64_t sample, nacre_fail *outer);
/* Bytes of a sample's file; give them back by directory_release(). */
int directory_fetch(const directory *, int64_t sample, nacre_fail *,
                    nacre_bytes *out);
void directory_release(const directory *, int64_t sample, nacre_bytes *);
int directory_no_memory(nacre_fail *);

/* --- directory_table.c --- */

/* Fills text and text_n from the table. */
int directory_table_read(directory *);

#endif
