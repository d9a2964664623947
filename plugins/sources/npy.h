/* SPDX-License-Identifier: MIT */
/* npy: what the files of the npy and npz sources share. */
#ifndef NACRE_SOURCES_NPY_H
#define NACRE_SOURCES_NPY_H

#include "arrays.h"

/** Reads the file in array->block, n bytes long; its elements are brought
 *  into the machine's byte order in place. `place`: the file, for errors. */
int npy_parse(arrays_array *array, const char *place, nacre_fail *fail);

/** A zip file in memory, borrowed. */
typedef struct zip_file {
  const unsigned char *at;
  size_t n;
  size_t directory, directory_end; /* offsets of the central directory */
  size_t entries;
} zip_file;

/** Finds the directory. */
int zip_open(zip_file *, const void *at, size_t n, const char *place,
             nacre_fail *);
/** Unpacks a member: 1 and `out`, which the caller frees with the host's
 *  free(); 0 when there is no such member; or NACRE_ERROR. */
int zip_read(const zip_file *, const nacre_host *, const char *name,
             const char *place, nacre_fail *, nacre_bytes *out);

/** The source npz, in npz.c; npy.c puts it into the module. */
typedef struct npz_cfg {
  const char *path;
  nacre_string_map x, y;
} npz_cfg;
#define NPZ_PARAMS 3
extern const nacre_param npz_params[NPZ_PARAMS];
extern const nacre_source_ops npz_ops;

#endif
