/* SPDX-License-Identifier: MIT */
/* kinds: the checks of each kind of component but layers (layer.h). Each
 * runs on suite->component and scores what it finds. */
#ifndef NACRE_CONFORM_KINDS_H
#define NACRE_CONFORM_KINDS_H

#include "candidates.h"

/** Name, texts, parameter table, defaults, ranges: of any kind. False when
 *  the table is too broken to go on. */
bool nacre_describe_check(nacre_suite *);

void nacre_activation_check(nacre_suite *);
void nacre_loss_check(nacre_suite *);
void nacre_optimizer_check(nacre_suite *);
void nacre_metric_check(nacre_suite *);
void nacre_initializer_check(nacre_suite *);
void nacre_regularizer_check(nacre_suite *);
void nacre_constraint_check(nacre_suite *);
void nacre_schedule_check(nacre_suite *);
void nacre_source_check(nacre_suite *);
void nacre_transform_check(nacre_suite *);
/** The part of it for those that mix samples, with each configuration;
 *  returns how many can be planned. */
int nacre_mix_check(nacre_suite *, const nacre_candidate *, int n);
void nacre_callback_check(nacre_suite *);
void nacre_device_check(nacre_suite *);
void nacre_codec_check(nacre_suite *);
void nacre_archive_check(nacre_suite *);
void nacre_image_check(nacre_suite *);
void nacre_sound_check(nacre_suite *);

#endif
