#!/bin/sh
# SPDX-License-Identifier: MIT
# lint.sh: what a compiler does not say. Run by `make lint`; the argument is
# the source tree. A missing tool is reported as skipped.
set -u
cd "${1:-.}" || exit 1
bad=0

complain() {
  echo "lint: $*" >&2
  bad=$((bad + 1))
}

sources=$(find core plugins tools tests -name '*.[ch]' -type f | sort)

for file in $sources; do
  lines=$(wc -l <"$file")
  [ "$lines" -le 500 ] || complain "$file has $lines lines, more than 500"
  first=$(head -n 1 "$file")
  [ "$first" = '/* SPDX-License-Identifier: MIT */' ] ||
    complain "$file does not begin with its licence"
  if grep -n "$(printf '\t')" "$file" >&2; then
    complain "$file has tabs"
  fi
  if LC_ALL=C.UTF-8 grep -nE '^.{81}' "$file" >&2; then
    complain "$file has lines longer than 80 columns"
  fi
done

# The contract of the floors: a folder of the core includes those below it.
floors='base yaml plugin graph run experiment train'
below=
for floor in $floors; do
  below="$below $floor"
  for file in core/"$floor"/*.[ch]; do
    [ -f "$file" ] || continue
    for other in $(sed -n 's|^#include "\([a-z]*\)/.*|\1|p' "$file"); do
      case " $below " in
        *" $other "*) ;;
        *) complain "$file includes upwards, from $other/" ;;
      esac
    done
  done
done

# Plugins include the contract, the C library, and their neighbours.
for file in plugins/*/*.[ch]; do
  if grep -nE '#include ("\.\.|"[a-z]+/|<nacre/abi)' "$file" >&2; then
    complain "$file includes more of nacre than <nacre/plugin.h>"
  fi
done

# No struct of the contract has padding that a compiler chose.
if ${CC:-cc} -Wpadded -fsyntax-only -x c /dev/null 2>/dev/null; then
  echo '#include <nacre/plugin.h>' |
    ${CC:-cc} -std=c11 -Wpadded -Werror -fsyntax-only -I core/include \
      -x c - || complain "a struct of plugin.h has implicit padding"
else
  echo "lint: skipped -Wpadded: ${CC:-cc} does not know it" >&2
fi

if command -v shellcheck >/dev/null 2>&1; then
  # Word splitting of lists of flags and packages is meant.
  shellcheck -S warning -e SC2046 autogen.sh tools/bootstrap \
    $(find tests -name '*.sh') || complain "shellcheck"
  shellcheck -S warning .ci/run || complain "shellcheck"
else
  echo "lint: skipped shellcheck: not installed" >&2
fi

if [ -d .git ] && git ls-files |
  grep -E '(^|/)(configure|Makefile\.in|aclocal\.m4)$|\.(o|lo|la|so)$' >&2
then
  complain "a generated file is in git"
fi

echo "lint: $bad complaints"
[ $bad -eq 0 ]
