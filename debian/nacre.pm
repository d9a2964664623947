# SPDX-License-Identifier: MIT
# nacre.pm: runs dh_nacre for those who build-depend on dh-sequence-nacre.
use warnings;
use strict;
use Debian::Debhelper::Dh_Lib;

insert_before("dh_gencontrol", "dh_nacre");

1;
