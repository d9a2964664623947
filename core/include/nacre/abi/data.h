/* SPDX-License-Identifier: MIT */
/* data: the contracts of data sources, transforms and codecs. */
#ifndef NACRE_ABI_DATA_H
#define NACRE_ABI_DATA_H

#include "math.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nacre_component;

/** A file in a folder or an archive. Frozen. */
typedef struct nacre_listed {
  const char *path; /* below the root, parts joined by '/' */
  const char *at;   /* its bytes; NULL: on the disk */
  size_t n;         /* how many */
} nacre_listed;

/** Files, sorted by the bytes of their paths, each path once. Frozen. */
typedef struct nacre_listing {
  const nacre_listed *file; /* [n] */
  size_t n;
  void *self;               /* the host's */
} nacre_listing;

/** What the host does for plugins that touch the outside. */
typedef struct nacre_host nacre_host;
struct nacre_host {
  uint32_t size, pad;
  /** [any] count * size zeroed bytes; NULL when out of memory, over the
   *  limit, or when the product overflows. Freed with free(). */
  void *(*alloc)(size_t count, size_t size);
  /** [any] Grows a block from alloc(); the old one stays valid on NULL. */
  void *(*resize)(void *, size_t count, size_t size);
  void (*free)(void *);
  /** [main] Reads a whole file; a path that ends in a codec's name (".gz")
   *  is decoded. "-" is standard input. At most `limit` bytes after
   *  decoding (0: the host's own limit). Regular files and pipes only. The
   *  caller frees out->at with free(). */
  int (*read_file)(const nacre_host *, const char *path, size_t limit,
                   nacre_fail *, nacre_bytes *out);
  /** [main] Decodes `in` by the codec `name`; the result must have exactly
   *  `size` bytes. For containers that say their members' sizes. */
  int (*decode)(const nacre_host *, const char *name, const void *in,
                size_t n, void *out, size_t size, nacre_fail *);
  /** [any] A number from text in the C locale: 0 when all of it was one. */
  int (*number)(const char *text, size_t n, double *value);
  void *self;
  /** [main] The files below a folder, or in an archive, which is read (and
   *  decoded) whole: "set.tar", "set.tar.xz"; or the one file that `path`
   *  names. Of a folder, names with a leading dot and links to folders are
   *  left out. Done with by unlist(). */
  int (*list)(const nacre_host *, const char *path, nacre_fail *,
              nacre_listing *out);
  void (*unlist)(const nacre_host *, nacre_listing *);
  /** [any] The bytes of file i of a listing, of at most 4 GiB: borrowed, as
   *  long as the listing, where file[i].at is not NULL; else the caller frees
   *  out->at with free(). Names the file in what it fails with. */
  int (*fetch)(const nacre_host *, const nacre_listing *, size_t i,
               nacre_fail *, nacre_bytes *out);
  /** [any] "ARCHIVE/PATH" or "FOLDER/PATH" of file i, for messages; at most
   *  `room` bytes, cut if need be. Returns out. */
  const char *(*listed)(const nacre_listing *, size_t i, char *out,
                        size_t room);
  /** [main] The i-th component of a kind, loaded, from the highest rank down;
   *  NULL: there are no more. What cannot be loaded is passed over. */
  const struct nacre_component *(*component)(const nacre_host *,
                                             uint32_t kind, uint32_t i);
};

/** Flags of fields. */
#define NACRE_FIELD_TARGET 1u  /* what is to be predicted */
#define NACRE_FIELD_INDEX 2u   /* whole numbers: class or token indices */
#define NACRE_FIELD_GROUP 4u   /* which samples belong together, such as those
                                  of one speaker: an index, rank 0, with all
                                  class_names. Splits go by it; it is neither
                                  input nor target */

/** One named column group of a data set. */
typedef struct nacre_field {
  const char *name;  /* "x", "y", or a graph's input or output name */
  nacre_shape shape; /* per sample; rank 0 for a scalar */
  uint32_t flags, pad;
  int64_t classes;   /* of an index field: number of classes; 0 unknown */
  const char *const *class_names; /* [classes], or NULL */
} nacre_field;

/** Flags of nacre_source_open. */
#define NACRE_OPEN_PREDICT 1u /* targets may be missing and are not read */
#define NACRE_OPEN_TOKENS 2u  /* only fields(), encode() and decode() will be
                                 called: by `state` alone, no file is read */

typedef struct nacre_source_open {
  uint32_t size, flags;
  const nacre_host *host;
  const void *cfg;
  nacre_fail *fail;
  /** What state() of the training set's source gave: categories, columns.
   *  NULL for the training set itself. */
  const char *state;
} nacre_source_open;

/** Flags of sources. */
#define NACRE_SOURCE_ALONE 1u /* what was learned by its samples can only be
                                 put to use on samples that it has read,
                                 whatever the file is called: texts, windows */

/** A data set of samples that can be read in any order. Instances own what
 *  they allocate, through the host. Configured by paths, never by code. */
typedef struct nacre_source_ops {
  uint32_t size, flags;
  int (*open)(const nacre_source_open *, void **self);       /* [main] */
  void (*close)(void *self);                                 /* [main] */
  int64_t (*count)(const void *self);                        /* [any] */
  nacre_span (*fields)(const void *self);  /* of nacre_field; lives as self */
  /** [any] Writes samples rows[0..n) of a field to out, [n, shape]. */
  int (*read)(const void *self, uint32_t field, const int64_t *rows,
              int64_t n, real *out, nacre_fail *);
  /** [main] Optional: one text that makes another open() read alike, such as
   *  the categories that were seen. Freed by the host's free(). */
  int (*state)(const void *self, const nacre_host *, nacre_bytes *out);
  /** [any] Optional: rows less than this apart share values, as windows over
   *  one series do; 1: none do. Parts of such a set are cut in one piece, and
   *  what overlaps them is left out. */
  int64_t (*overlap)(const void *self);
  /** [any] Optional: puts values of a target, or predictions of it, from the
   *  scale that read() gave them in into the units of the data. x: [n,
   *  shape], in place. */
  void (*restore)(const void *self, uint32_t field, int64_t n, real *x);
  /** [main] Optional, of sources of text whose field 0 is a window of tokens
   *  and whose target is what comes next: the tokens of a text, int64_t[] of
   *  out->n bytes, freed by the host's free(). Refuses what its vocabulary
   *  lacks, and names it. */
  int (*encode)(const void *self, const nacre_host *, const char *text,
                size_t n, nacre_bytes *out, nacre_fail *);
  /** [any] With encode(): a token's text, which lives as self; texts of
   *  tokens in a row make the text. */
  const char *(*decode)(const void *self, int64_t token);
} nacre_source_ops;

#define NACRE_TRANSFORM_START 4

typedef struct nacre_transform_plan {
  uint32_t size, pad;
  const void *cfg;
  nacre_field in;        /* the field it is put on */
  nacre_fail *fail;
  /* Filled by plan(): */
  nacre_shape out;       /* per sample; comes as in.shape */
  int64_t state_count;   /* doubles that fit() makes; 0: nothing to fit */
  double start[NACRE_TRANSFORM_START]; /* what the first of them are before
                            fit(), the others being 0; comes zeroed. So
                            plan() tells apply() what only it can know */
  uint32_t out_flags;    /* of the field as it goes out; comes as in.flags:
                            who makes something else of indices clears
                            NACRE_FIELD_INDEX */
  uint32_t pad_end;
} nacre_transform_plan;

/** Reads key: acts on training batches only, a sample at a time. */
#define NACRE_TRANSFORM_RANDOM 1u
/** apply() reads x while it writes out: they are never the same. */
#define NACRE_TRANSFORM_APART 2u

/** One field of a sample that is mixed with another sample. */
typedef struct nacre_mix_field {
  nacre_field field;     /* with the shape and the flags that it has here */
  real *x;               /* [shape]: of the sample; becomes the mixture */
  const real *other;     /* [shape]: of its partner */
} nacre_mix_field;

typedef struct nacre_mix {
  uint32_t size, n_fields;
  const void *cfg;
  const nacre_mix_field *field; /* [n_fields]: inputs and targets */
  nacre_fail *fail;      /* of plan_mix(); NULL for mix() */
  nacre_key key;         /* of the sample */
} nacre_mix;

/** A sample in, a sample out. Fitted on the training split; what was fitted
 *  is saved with the model.
 *
 *  Either plan() and apply() are there, which see one field, or plan_mix()
 *  and mix(), which see two samples whole. */
typedef struct nacre_transform_ops {
  uint32_t size, flags;
  /** [main] */
  int (*plan)(nacre_transform_plan *);
  /** [main] Optional. Called with all training samples, a block at a time,
   *  `pass` counting from 0; with n = 0 at the end of a pass, when it returns
   *  1 for another pass, 0 when done, NACRE_ERROR with fail. The state starts
   *  as plan() said, else as 0. x: [n, in.shape]. */
  int (*fit)(const void *cfg, const nacre_shape *in, double *state,
             int32_t pass, int64_t n, const real *x, nacre_fail *);
  /** [any] out may be x if the shapes are equal, unless NACRE_TRANSFORM_APART
   *  says no. key: the sample's own stream, of a random transform, which is
   *  called with n = 1. It depends on the seed, the epoch, the transform and
   *  the sample, but neither on the field nor on the batch. */
  int (*apply)(const void *cfg, const nacre_shape *in, const double *state,
               nacre_key key, int64_t n, const real *x, real *out,
               nacre_fail *);
  /** [any] Optional: undoes apply(), for predictions of a transformed
   *  target. x may be out. */
  int (*invert)(const void *cfg, const nacre_shape *in, const double *state,
                int64_t n, const real *x, real *out);
  /** [any] Optional, of a random transform: what is done in its place where
   *  nothing is random, in evaluation and prediction, such as a crop at the
   *  center. Without it samples pass as they are there, and so plan() must
   *  leave their shape. x and out as for apply(). */
  int (*still)(const void *cfg, const nacre_shape *in, const double *state,
               int64_t n, const real *x, real *out, nacre_fail *);
  /** [main] Optional: makes of the configuration what fit(), apply(), still()
   *  and invert() are given in its place, such as tables for samples of `in`.
   *  After plan(), for each field. Several threads read it at once. */
  int (*open)(const nacre_host *, const void *cfg, const nacre_shape *in,
              void **self, nacre_fail *);
  void (*close)(void *self);                                /* [main] */
  /** [main] Refuses fields that cannot be mixed; x and other are NULL. */
  int (*plan_mix)(const nacre_mix *);
  /** [any] Mixes a training sample with a partner that the host has drawn
   *  from all training samples. */
  void (*mix)(const nacre_mix *);
} nacre_transform_ops;

/** A compression. Its component's name is the file suffix it stands for. */
typedef struct nacre_codec_ops {
  uint32_t size, pad;
  /** [main] Decodes all of `in`; at most `limit` bytes, else it refuses.
   *  When `exact` is not NULL, writes exactly `limit` bytes there and leaves
   *  `out` alone; else allocates out->at by the host. */
  int (*decode)(const nacre_host *, const void *in, size_t n, size_t limit,
                void *exact, nacre_bytes *out, nacre_fail *);
} nacre_codec_ops;

#ifdef __cplusplus
}
#endif

#endif
