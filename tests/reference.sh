#!/bin/sh
# SPDX-License-Identifier: MIT
# reference.sh: docs/components.md is what the plugins say of themselves.
#
# After a change of a plugin's texts or parameters:
#   nacre inspect --markdown >docs/components.md
#
# Its last sections are of plugins that need libraries; a build that lacks
# one is compared without them. Needs srcdir, NACRE.
set -u
: "${srcdir:=.}" "${NACRE:?}"
work=$(mktemp -d "${TMPDIR:-/tmp}/nacre-reference.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

"$NACRE" inspect --markdown >"$work/now" || {
  echo "FAIL: nacre inspect --markdown"
  echo "0 passed, 1 failed"
  exit 1
}
"$NACRE" plugins >"$work/plugins" 2>&1
cp "$srcdir/docs/components.md" "$work/committed" || exit 1
lacks=
for plugin in device/cblas codec/xz codec/zlib image/jpeg image/png \
  sound/sndfile
do
  grep -q "^${plugin%/*} .*/${plugin#*/}\.so" "$work/plugins" ||
    lacks="$lacks $plugin"
done
if [ -n "$lacks" ]; then
  echo "this build lacks$lacks: devices and what follows are not compared"
  for file in now committed; do
    sed '/^## Devices$/,$d' "$work/$file" >"$work/part"
    mv -f "$work/part" "$work/$file"
  done
fi
if [ ! -s "$work/now" ] || ! diff "$work/committed" "$work/now"; then
  echo "FAIL: docs/components.md (<) is stale, the plugins say otherwise (>):"
  echo "      nacre inspect --markdown >docs/components.md"
  echo "0 passed, 1 failed"
  exit 1
fi
echo "1 passed, 0 failed"
