/* SPDX-License-Identifier: MIT */
/* plugin.h: the one header that a nacre plugin includes.
 *
 * A plugin is a shared object that exports one function, which returns a
 * static description of the components in it. It links against nothing of
 * nacre's:
 *
 *   cc $(pkg-config --cflags nacre) -O2 -shared -fPIC my.c -o my.so
 *
 * docs/plugins.md writes a complete layer in ten minutes. */
#ifndef NACRE_PLUGIN_H
#define NACRE_PLUGIN_H

/* Before what follows: a header of the C library defines __GLIBC__. */
#include <stdint.h>

#if !defined(NACRE_KERNEL) && defined(__x86_64__) && defined(__linux__) && \
  defined(__GLIBC__) && defined(__GNUC__) && __GNUC__ >= 11 &&             \
  !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&                 \
  !defined(__SANITIZE_THREAD__)
#define NACRE_KERNEL                                                     \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

#include "abi/types.h"
#include "abi/params.h"
#include "abi/random.h"
#include "abi/math.h"
#include "abi/layer.h"
#include "abi/objective.h"
#include "abi/optimizer.h"
#include "abi/data.h"
#include "abi/media.h"
#include "abi/callback.h"
#include "abi/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of components. A kind names the ops struct that a component has. */
#define NACRE_KIND_LAYER 1u       /* nacre_layer_ops */
#define NACRE_KIND_ACTIVATION 2u  /* nacre_activation_ops */
#define NACRE_KIND_LOSS 3u        /* nacre_loss_ops */
#define NACRE_KIND_OPTIMIZER 4u   /* nacre_optimizer_ops */
#define NACRE_KIND_METRIC 5u      /* nacre_metric_ops */
#define NACRE_KIND_INITIALIZER 6u /* nacre_initializer_ops */
#define NACRE_KIND_REGULARIZER 7u /* nacre_regularizer_ops */
#define NACRE_KIND_CONSTRAINT 8u  /* nacre_constraint_ops */
#define NACRE_KIND_SCHEDULE 9u    /* nacre_schedule_ops */
#define NACRE_KIND_SOURCE 10u     /* nacre_source_ops */
#define NACRE_KIND_TRANSFORM 11u  /* nacre_transform_ops */
#define NACRE_KIND_CALLBACK 12u   /* nacre_callback_ops */
#define NACRE_KIND_DEVICE 13u     /* nacre_device_ops */
#define NACRE_KIND_CODEC 14u      /* nacre_codec_ops */
#define NACRE_KIND_ARCHIVE 15u    /* nacre_archive_ops */
#define NACRE_KIND_IMAGE 16u      /* nacre_image_ops */
#define NACRE_KIND_SOUND 17u      /* nacre_sound_ops */
#define NACRE_KIND_COUNT 18u

/** One component. Everything is static and constant. */
typedef struct nacre_component {
  uint32_t size, kind;
  uint32_t contract;   /* version of the parameter table, shared by all
                          providers of one name; 1 at first */
  uint32_t flags;      /* 0 */
  const char *name;    /* [a-z][a-z0-9_]*, what the YAML says */
  const char *aliases; /* other names, comma-separated; or NULL */
  const char *device;  /* the device it computes on; NULL: any */
  const char *summary; /* one line without a full stop */
  const char *doc;     /* paragraphs: formula, shapes, source; or NULL */
  nacre_span params;   /* of nacre_param */
  size_t cfg_size;     /* bytes of the config struct; 0 without params */
  const void *ops;     /* the kind's table */
  int32_t rank, pad;   /* of several providers the highest is asked first;
                          0 for an ordinary one */
} nacre_component;

/** A module: one shared object. */
typedef struct nacre_module {
  uint32_t size;
  uint16_t abi_major;  /* NACRE_ABI_MAJOR */
  uint16_t abi_need;   /* the least minor it can live with, usually 0 */
  uint32_t real_size;  /* sizeof(real) */
  uint32_t pad;
  const char *name, *version, *license, *author, *url;
  nacre_span components; /* of nacre_component */
  /** [main] Optional, after all checks passed; NACRE_OK or the module is
   *  refused with what was given to fail. */
  int (*init)(const nacre_host *, nacre_fail *);
} nacre_module;

/** Name of the exported entry: the ABI's major is part of it. */
#define NACRE_ENTRY_NAME "nacre_module_0"

#ifdef __cplusplus
#define NACRE_EXTERN extern "C"
#else
#define NACRE_EXTERN
#endif
#if defined(__GNUC__)
#define NACRE_EXPORT NACRE_EXTERN __attribute__((visibility("default")))
#else
#define NACRE_EXPORT NACRE_EXTERN
#endif

/* Linked into one program, modules are told apart by their names: such a
 * build defines NACRE_STATIC_MODULE as the kind's folder. */
#ifdef NACRE_STATIC_MODULE
#define NACRE_ENTRY_PASTE(kind, name) nacre_module_0_##kind##_##name
#define NACRE_ENTRY_EXPAND(kind, name) NACRE_ENTRY_PASTE(kind, name)
#define NACRE_ENTRY(name) NACRE_ENTRY_EXPAND(NACRE_STATIC_MODULE, name)
#else
#define NACRE_ENTRY(name) nacre_module_0
#endif

/** Begins the entry function: NACRE_MODULE(dense) { return &module; } */
#define NACRE_MODULE(name)                                  \
  NACRE_EXPORT const nacre_module *NACRE_ENTRY(name)(void); \
  NACRE_EXTERN const nacre_module *NACRE_ENTRY(name)(void)

#ifndef NACRE_MODULE_VERSION
#define NACRE_MODULE_VERSION "0.1.0"
#endif

/** Closes a file that holds the component `component` of the module `name`
 *  under the MIT licence; others write their own nacre_module. */
#define NACRE_COMPONENT_MODULE(name, component)                             \
  static const nacre_module nacre_this_module = {                           \
    sizeof(nacre_module), NACRE_ABI_MAJOR, 0, sizeof(real), 0, #name,       \
    NACRE_MODULE_VERSION, "MIT", "the nacre authors", NULL,                 \
    { &(component), 1, (uint32_t)sizeof(nacre_component) }, NULL            \
  };                                                                        \
  NACRE_MODULE(name) { return &nacre_this_module; }

#ifdef __cplusplus
}
#endif

#endif
