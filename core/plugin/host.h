/* SPDX-License-Identifier: MIT */
/* host: the services that plugins get. */
#ifndef NACRE_PLUGIN_HOST_H
#define NACRE_PLUGIN_HOST_H

#include "registry.h"

/** Sets up the table; codecs are looked up in the registry, which must live
 *  at the same address as long as the host is used. */
void nacre_host_init(nacre_host *, nacre_registry *);

#endif
