/* SPDX-License-Identifier: MIT */
/* listing: what is in a folder or an archive, for plugins. */
#ifndef NACRE_PLUGIN_LISTING_H
#define NACRE_PLUGIN_LISTING_H

#include "host.h"

/** Puts list(), unlist(), fetch() and listed() into the table. */
void nacre_listing_init(nacre_host *);

#endif
