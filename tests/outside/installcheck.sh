#!/bin/sh
# SPDX-License-Identifier: MIT
# installcheck.sh: an installed nacre, seen from outside its tree: a plugin is
# built with the flags of pkg-config alone, found, and described. Called by
# `make installcheck`, which sets CC, PKG_CONFIG, PKG_CONFIG_PATH, bindir and
# srcdir.
set -eu
: "${PKG_CONFIG:=pkg-config}" "${CC:=cc}" "${bindir:?}" "${srcdir:?}"
unset NACRE_PLUGIN_PATH NACRE_PLUGIN_SYSTEM_PATH || :
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME="$work/cache" XDG_DATA_HOME="$work/data"

fail() {
  echo "installcheck: $1" >&2
  exit 1
}

abi=$($PKG_CONFIG --variable=plugin_abi nacre)
plugindir=$($PKG_CONFIG --variable=plugindir nacre)
[ -n "$abi" ] || fail "nacre.pc has no plugin_abi"
[ -d "$plugindir/layers" ] || fail "no layers in plugindir '$plugindir'"

mkdir -p "$work/plugins/activations"
# shellcheck disable=SC2046,SC2086 # flags are words
$CC ${NACRE_SANITIZE-} $($PKG_CONFIG --cflags nacre) -shared -fPIC \
  "$srcdir/tests/outside/swish_beta.c" \
  -o "$work/plugins/activations/swish_beta.so"
NACRE_PLUGIN_PATH="$work/plugins" \
  "$bindir/nacre" inspect activation/swish_beta >"$work/said" ||
  fail "nacre inspect does not know the plugin"
grep -q beta "$work/said" || fail "nacre inspect shows no parameter 'beta'"

# The plugins that came with it are found where they were installed, with
# nothing set, and none of them was refused.
"$bindir/nacre" plugins >"$work/list" 2>&1 || fail "nacre plugins failed"
grep -qw dense "$work/list" || fail "nacre plugins does not list dense"
if grep -i refused "$work/list"; then
  fail "an installed plugin was refused"
fi

echo "installcheck: plugin ABI $abi, plugins in $plugindir: passed"
