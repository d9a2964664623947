/* SPDX-License-Identifier: MIT */
/* predict_text: nacre predict RUN --prompt TEXT */
#ifndef NACRE_TOOLS_PREDICT_TEXT_H
#define NACRE_TOOLS_PREDICT_TEXT_H

#include "cli.h"

/** Writes the prompt and what a language model makes of it to standard
 *  output. The exit code. */
int predict_text(const cli_args *);

#endif
