#!/bin/sh
# SPDX-License-Identifier: MIT
# headers.sh: every public header compiles alone and twice, in C11 and in the
# C++ that programs are written in, without a warning; the internal ones in
# C11. Needs CC, NACRE_CXX, srcdir.
set -u
: "${CC:=cc}" "${NACRE_CXX:=false}" "${srcdir:=.}"
warnings='-Wall -Wextra -Wpedantic -Wshadow -Werror'
passed=0 failed=0
unit=headers-$$
trap 'rm -f "$unit.c" "$unit.cc"' EXIT

# try HEADER COMPILER FLAGS...: HEADER as seen from the include roots.
try() {
  header=$1
  shift
  if "$@" $warnings -fsyntax-only; then
    passed=$((passed + 1))
  else
    echo "FAIL: <$header> alone: $*" >&2
    failed=$((failed + 1))
  fi
}

if $NACRE_CXX --version >/dev/null 2>&1; then
  cxx=yes
else
  cxx=no
  echo "no C++ compiler: headers are tried in C only" >&2
fi

cd_src=$(cd "$srcdir" && pwd)
for path in "$cd_src"/core/include/nacre/*.h "$cd_src"/core/include/nacre/*/*.h
do
  header=${path#"$cd_src/core/include/"}
  # Twice, so that a missing guard shows; and a use, so that C is not empty.
  printf '#include <%s>\n#include <%s>\nextern int nacre_used;\n' \
    "$header" "$header" | tee "$unit.c" >"$unit.cc"
  for double in '' -DNACRE_DOUBLE; do
    try "$header" $CC -std=c11 $double -I "$cd_src/core/include" "$unit.c"
  done
  if [ $cxx = yes ]; then
    for std in c++11 c++17; do
      try "$header" $NACRE_CXX -std=$std -I "$cd_src/core/include" "$unit.cc"
    done
  fi
done
for path in "$cd_src"/core/*/*.h "$cd_src"/core/*.h; do
  [ -f "$path" ] || continue
  header=${path#"$cd_src/core/"}
  printf '#include "%s"\n#include "%s"\nextern int nacre_used;\n' \
    "$header" "$header" >"$unit.c"
  try "$header" $CC -std=c11 -D_GNU_SOURCE -I "$cd_src/core/include" \
    -I "$cd_src/core" "$unit.c"
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
