/* SPDX-License-Identifier: MIT */
/* inspect: what components say of themselves, as text, JSON and Markdown. */
#ifndef NACRE_TOOLS_INSPECT_H
#define NACRE_TOOLS_INSPECT_H

#include "base/text.h"
#include "plugin/params.h"

/** One component and whence it came. */
typedef struct inspect_subject {
  const nacre_component *component;
  const nacre_provider *provider;
  const nacre_module *module;
} inspect_subject;

void inspect_text(const inspect_subject *);
void inspect_json(const inspect_subject *);
/** The reference of all components, by kind and name; the same on every
 *  machine that has the same components. Returns NACRE_OK or NACRE_ERROR. */
int inspect_markdown(nacre_registry *, nacre_error *);

/** Finds and loads one; `name` as for nacre_registry_find(). */
int inspect_load(nacre_registry *, uint32_t kind, const char *name, int nth,
                 inspect_subject *, nacre_error *);

/** A key that the core takes for every component of a kind. */
typedef struct inspect_key {
  const char *name, *type, *doc;
} inspect_key;
/** Key `i` of a kind; NULL past the end. */
const inspect_key *inspect_universal(uint32_t kind, int i);
/** Whether the component has a parameter of that name instead. */
bool inspect_replaces(const nacre_component *, const inspect_key *);
/** Parameters that every component of a kind takes. */
nacre_span inspect_universal_params(uint32_t kind);
const nacre_param *inspect_param(nacre_span, uint32_t i);
/** Weight `i` of a layer; NULL past the end, and of other kinds. */
const nacre_weight *inspect_weight(const nacre_component *, uint32_t i);

/** Facts that follow from a component's table of operations, one line each:
 *  "inputs: 1", "works on the logits of sigmoid". */
void inspect_properties(const nacre_component *, nacre_text *);
/** "a schedule may drive it, a path" and the like; "" for none. */
void inspect_flags(const nacre_param *, nacre_text *);

#endif
