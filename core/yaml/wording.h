/* SPDX-License-Identifier: MIT */
/* wording: the messages of libyaml in the words of this program. */
#ifndef NACRE_YAML_WORDING_H
#define NACRE_YAML_WORDING_H

/** Our text for one of libyaml's, or its own. */
const char *nacre_yaml_wording(const char *text);
/** A hint for a syntax error at a column of a line, or NULL. */
const char *nacre_yaml_advice(const char *line, int column);

#endif
