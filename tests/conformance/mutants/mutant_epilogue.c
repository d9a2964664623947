/* SPDX-License-Identifier: MIT */
/* mutant_epilogue: flagged EPILOGUE, but never applies one. */
#include "scale.h"

MUTANT_LAYER(mutant_epilogue, NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE,
             scale_plan, scale_forward, scale_backward, "epilogue")
