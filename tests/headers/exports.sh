#!/bin/sh
# SPDX-License-Identifier: MIT
# exports.sh: libnacre.so exports the functions of <nacre/nacre.h>, all of
# them and no others. Needs srcdir, NM; runs in the build directory.
set -u
: "${NM:=nm}" "${srcdir:=.}"
library=.libs/libnacre.so
if [ ! -f "$library" ]; then
  echo "no $library: a build without shared libraries"
  exit 77
fi
work=exports-$$
trap 'rm -f "$work".*' EXIT

grep -oE '\bnacre_[a-z0-9_]+\(' "$srcdir/core/include/nacre/nacre.h" |
  tr -d '(' | sort -u >"$work.said"
$NM -D --defined-only "$library" | sed -n 's/.* T \([^@]*\).*/\1/p' |
  sort -u >"$work.exported"
if ! diff "$work.said" "$work.exported"; then
  echo "nacre.h (<) and the exports of libnacre.so (>) differ:" \
    "see core/nacre.sym" >&2
  exit 1
fi
echo "$(wc -l <"$work.said" | tr -d ' ') functions, all exported"
