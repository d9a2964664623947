/* SPDX-License-Identifier: MIT */
/* data: what the words of `nacre data` share. */
#ifndef NACRE_TOOLS_DATA_H
#define NACRE_TOOLS_DATA_H

#include "cli.h"

/** `nacre data info`: fields, ranges, classes. Prints; a status. */
int data_info(const cli_args *, cli_session *);
/** `nacre data preview`: samples as the network sees them. */
int data_preview(const cli_args *, cli_session *);

#endif
