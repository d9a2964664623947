#!/bin/sh
# SPDX-License-Identifier: MIT
# examples.sh: what the documents tell people to type works as written.
#
# docs/examples/scaled_tanh.c builds with the flags of pkg-config, is found
# and passes the checks of a plugin; docs/examples/embed.c builds and runs;
# docs/plugins.md shows the former exactly. Runs in the build directory; needs
# srcdir, NACRE, CC, PKG_CONFIG.
set -u
: "${CC:=cc}" "${PKG_CONFIG:=pkg-config}" "${srcdir:?}" "${NACRE:?}"
: "${NACRE_SANITIZE:=}"
top=$PWD
passed=0 failed=0
work=$(mktemp -d "$top/tests/examples.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
PKG_CONFIG_PATH=$top${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
cflags=$($PKG_CONFIG --cflags nacre) || exit 99

# check WHAT COMMAND...
check() {
  what=$1
  shift
  if "$@" >"$work/said" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL: $what: $*"
    cat "$work/said"
  fi
}

# The first C block of a document that begins with the licence.
shown() {
  awk '/^```c$/ { on = 1; text = ""; next }
       /^```$/ && on { if (text ~ /^\/\* SPDX/) { printf "%s", text; exit }
                       on = 0 }
       on { text = text $0 "\n" }' "$1"
}

mkdir -p "$work/plugins/layers"
for flags in '-O2' '-std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror'; do
  check "scaled_tanh builds" $CC $flags $cflags $NACRE_SANITIZE -shared \
    -fPIC "$srcdir/docs/examples/scaled_tanh.c" \
    -o "$work/plugins/layers/scaled_tanh.so"
done
check "scaled_tanh is found" "$NACRE" inspect layer/scaled_tanh \
  --plugin-path "$work/plugins"
check "scaled_tanh keeps the contract" "$NACRE" check-plugin \
  "$work/plugins/layers/scaled_tanh.so"
shown "$srcdir/docs/plugins.md" >"$work/shown.c"
check "docs/plugins.md shows it" cmp "$work/shown.c" \
  "$srcdir/docs/examples/scaled_tanh.c"

check "embed builds" $CC -std=c11 -Wall -Wextra -Wpedantic -Werror $cflags \
  $NACRE_SANITIZE "$srcdir/docs/examples/embed.c" -L"$top/.libs" -lnacre \
  -Wl,-rpath,"$top/.libs" -o "$work/embed"
check "embed runs" sh -c "cd '$work' && ./embed '$srcdir/configs/xor.yaml'"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
