#!/bin/sh
# SPDX-License-Identifier: MIT
# docs.sh: the experiments that the documents show are accepted as written,
# the mistakes that they show get the messages that they show, and the files
# that they point to are there.
#
# A comment before a block of YAML says what it is:
#   <!-- check: FILE -->    a whole experiment: `nacre check` accepts it
#   <!-- onto: FILE -->     a part: accepted when it extends an earlier FILE
#   <!-- refused: FILE -->  refused; the next block, marked <!-- says -->, is
#                           what `nacre check` then writes
#   <!-- same: FILE -->     FILE of the source tree, less its first comment
#   <!-- runs -->           "$ nacre ..." and what it prints; sizes of memory,
#                           which differ with the precision, are not compared
# docs/experiments.md may hold no YAML without such a mark. Needs srcdir,
# NACRE.
set -u
: "${srcdir:=.}" "${NACRE:?}"
passed=0 failed=0
documents='README.md docs/experiments.md docs/architecture.md'
work=$(mktemp -d "${TMPDIR:-/tmp}/nacre-docs.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

pass() {
  passed=$((passed + 1))
}

fail() {
  failed=$((failed + 1))
  echo "FAIL: $1"
  [ ! -s "$work/said" ] || sed 's/^/  /' "$work/said"
}

# Cuts a document into DIR/N.block, and lists them in DIR/list as lines
# "N MARK FILE LINE"; MARK is "none" for unmarked YAML.
cut_blocks() {
  awk -v dir="$2" '
    /^<!-- (check|onto|refused): .* -->$/ { mark = $2; file = $3; next }
    /^<!-- same: .* -->$/ { mark = $2; file = $3; next }
    /^<!-- (says|runs) -->$/ { mark = $2 ":"; file = "-"; next }
    /^```/ && inside { inside = 0; close(out); next }
    /^```/ {
      inside = 1
      if (mark == "" && $0 == "```yaml") { mark = "none:"; file = "-" }
      out = "/dev/null"
      if (mark != "") {
        out = dir "/" ++n ".block"
        sub(/:$/, "", mark)
        print n, mark, file, NR > (dir "/list")
      }
      mark = ""
      next
    }
    inside { print > out }' "$1"
}

# Takes the sizes of memory out of a text.
without_sizes() {
  sed -E 's/ +[0-9.]+ (B|[KMG]iB)$//'
}

# Runs the command of a block's first line, which begins with "$ nacre".
run_block() {
  sed -n '1s/^\$ nacre //p' "$1" >"$work/words"
  (cd "$work/run" && xargs "$NACRE" <"$work/words" 2>&1) |
    without_sizes >"$work/got"
  sed 1d "$1" | without_sizes | diff - "$work/got"
}

check_block() {
  number=$1 mark=$2 file=$3 place=$4
  : >"$work/said"
  case $mark in
  check | refused)
    cp "$work/$number.block" "$work/run/$file"
    (cd "$work/run" && "$NACRE" check "$file") >/dev/null 2>"$work/said"
    code=$?
    cp "$work/said" "$work/message"
    if [ $mark = check ]; then
      if [ $code -eq 0 ]; then pass; else fail "$place: exit $code"; fi
    elif [ $code -ne 3 ]; then
      fail "$place: exit $code, not 3"
    fi
    ;;
  onto)
    { echo "extends: $file"; cat "$work/$number.block"; } \
      >"$work/run/part.yaml"
    if (cd "$work/run" && "$NACRE" check part.yaml) >/dev/null \
      2>"$work/said"
    then pass; else fail "$place: refused"; fi
    ;;
  same)
    if sed '1,/^[^#]/{/^#/d;}' "$srcdir/$file" |
      diff "$work/$number.block" - >"$work/said"
    then pass; else fail "$place: not what $file says"; fi
    ;;
  runs)
    if run_block "$work/$number.block" >"$work/said"
    then pass; else fail "$place: prints something else"; fi
    ;;
  says)
    if diff "$work/$number.block" "$work/message" >"$work/said"
    then pass; else fail "$place: another message"; fi
    ;;
  none)
    case $place in
    docs/experiments.md:*) fail "$place: this YAML has no mark" ;;
    esac
    ;;
  esac
}

for document in $documents; do
  if [ ! -f "$srcdir/$document" ]; then
    fail "$document is missing"
    continue
  fi
  rm -rf "$work/run" "$work"/*.block "$work/list"
  mkdir "$work/run"
  cp -R "$srcdir/configs" "$work/run/configs"
  chmod -R u+w "$work/run/configs" # the source tree may be read-only
  : >"$work/list"
  cut_blocks "$srcdir/$document" "$work"
  while read -r number mark file line; do
    check_block "$number" "$mark" "$file" "$document:$line"
  done <"$work/list"
done

# Links to other files of the tree.
for file in "$srcdir"/*.md "$srcdir"/docs/*.md; do
  grep -oE '\]\([^)#:]+[)#]' "$file" | sed 's/^](//; s/.$//' >"$work/links"
  : >"$work/said"
  while read -r link; do
    if [ -e "$(dirname "$file")/$link" ]; then
      pass
    else
      fail "$file points to $link, which is not there"
    fi
  done <"$work/links"
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
