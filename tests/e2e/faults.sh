#!/bin/sh
# SPDX-License-Identifier: MIT
# faults: what a machine, its owner and its other programs may do to a
# training. Whatever happens, earlier runs stay as they are, what has its
# final name is whole, and the message says what could not be done.
#
# $NACRE is the program, $srcdir the source tree; plugins are found as the
# environment says. $NACRE_TEST_BAD_PLUGINS holds plugins that are wrong on
# purpose. What this machine cannot do is skipped.
set -u
: "${NACRE:?}" "${srcdir:?}" "${NACRE_PLUGIN_PATH:?}"

# Faults are made, not waited for: memory is as good as a disk.
place=${TMPDIR:-/tmp}
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || place=/dev/shm
dir=$(mktemp -d "$place/nacre-faults.XXXXXX") || exit 1
trap 'chmod -R u+rwX "$dir"; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
configs=$(cd "$srcdir/configs" && pwd) || exit 1
xor=$configs/xor.yaml
digits=$configs/data/digits.csv.gz
fixtures=${NACRE_TEST_BAD_PLUGINS:-$dir/none}
passed=0
failed=0

pass() {
  passed=$((passed + 1))
  echo "ok: $*"
}

fail() {
  failed=$((failed + 1))
  echo "FAILED: $*"
  sed 's/^/  err: /' "$dir/err" | head -n 5
}

skip() {
  echo "SKIPPED: $*"
}

# run COMMAND...: what it prints is in out and err, how it ends in $got.
run() {
  timeout 30 "$@" >"$dir/out" 2>"$dir/err" </dev/null
  got=$?
}

# among WHAT CODE...: the last command ended with one of these codes.
among() {
  what=$1
  shift
  for code in "$@"; do
    if [ "$got" -eq "$code" ]; then
      pass "$what: exit $got"
      return
    fi
  done
  fail "$what: exit $got, not $*"
}

# says WHAT PATTERN: the last command gave this reason.
says() {
  if grep -q -e "$2" "$dir/err"; then
    pass "  $1: says $2"
  else
    fail "  $1: does not say $2"
  fi
}

# train RUNS [SETTING...]: trains XOR shortly.
train() {
  runs=$1
  shift
  run "$NACRE" train --runs "$runs" --threads=1 --progress=none "$xor" \
    train.epochs=3 "$@"
}

state() {
  (cd "$1" && find . -type f -exec cksum {} + | sort)
}

# whole WHAT RUNS: in every run below, a file of a final name can be used.
whole() {
  broken=
  for made in "$2"/*/*/; do
    if [ -e "$made/config.yaml" ] &&
      ! "$NACRE" config show "$made/config.yaml" >"$dir/out" 2>"$dir/err"
    then
      broken=$made/config.yaml
    elif [ -e "$made/weights.safetensors" ] &&
      ! "$NACRE" evaluate --on train "$made" >"$dir/out" 2>"$dir/err"; then
      broken=$made/weights.safetensors
    fi
  done
  if [ -n "$broken" ]; then
    fail "  $1: $broken is broken"
  elif [ "$(state "$dir/first")" != "$first" ]; then
    fail "  $1: an earlier run was changed"
  else
    pass "  $1: what is there is whole, earlier runs are as they were"
  fi
}

# tidy WHAT RUNS: no temporary file is left.
tidy() {
  left=$(find "$2" -name '*.tmp' 2>/dev/null)
  if [ -n "$left" ]; then
    fail "  $1: leaves $left"
  else
    pass "  $1: no temporary file is left"
  fi
}

train "$dir/first"
among 'a training without faults' 0
first=$(state "$dir/first")
for kept in "$dir"/first/xor/*; do :; done
run "$NACRE" evaluate --on train "$kept"
among 'its evaluation' 0
expected=$(cat "$dir/out")
printf '0,1\n1,1\n' >"$dir/x.csv"

# --- a fault in each system call of a training ------------------------------

# Every fault is one of its own run. The runs go to directories that are not
# there yet, so that each call that makes something is met.
faulted() {
  call=$1
  fault=$2
  n=$3
  rm -rf "$dir/faulted"
  ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-} \
    run strace -f -q -o "$dir/trace" -e trace="$call" \
    -e inject="$call:$fault:when=$n" "$NACRE" train --threads=1 \
    --progress=none --runs "$dir/faulted/runs" "$xor" train.epochs=3
  # One that was meant for a call that never came ends the loop.
  grep -q -e INJECTED -e '^[0-9]* *--- SIG' -e 'killed by' "$dir/trace"
}

if ! strace -o "$dir/trace" -e trace=fsync \
  -e inject=fsync:error=EIO:when=1 true 2>"$dir/err"; then
  skip 'faults in system calls: strace cannot be used'
else
  for call in mkdir write fsync rename; do
    for error in ENOSPC EIO; do
      n=1
      spared=0
      while faulted $call error=$error $n; do
        what="$error at $call $n"
        if [ $call = mkdir ] && [ $got -eq 0 ]; then
          # A directory that was there, or that of the cache.
          spared=$((spared + 1))
        else
          among "$what" 7
          says "$what" "$dir/faulted[/:]\|standard output"
        fi
        tidy "$what" "$dir/faulted"
        whole "$what" "$dir/faulted/runs"
        n=$((n + 1))
      done
      [ $((n - spared)) -gt 1 ] || fail "$error at $call: there was none"
    done
  done
  for call in write fsync; do
    n=1
    while faulted $call error=EINTR $n; do
      # What is printed is not tried again, and said to be lost.
      if ! grep -q 'standard output: Interr' "$dir/err"; then
        among "EINTR at $call $n" 0
      fi
      whole "EINTR at $call $n" "$dir/faulted/runs"
      n=$((n + 1))
    done
  done
  for call in mkdir write fsync rename; do
    n=1
    while faulted $call signal=KILL $n; do
      among "SIGKILL at $call $n" 137
      whole "SIGKILL at $call $n" "$dir/faulted/runs"
      n=$((n + 1))
    done
    for signal in TERM:75 INT:130; do
      n=1
      while faulted $call signal=${signal%:*} $n; do
        # One that comes after the last step finds nothing left to stop.
        what="SIG${signal%:*} at $call $n"
        among "$what" "${signal#*:}" 0
        tidy "$what" "$dir/faulted"
        whole "$what" "$dir/faulted/runs"
        if [ ! -e "$(echo "$dir"/faulted/runs/xor/*/weights.safetensors)" ]
        then
          fail "  $what: no weights were saved"
        fi
        n=$((n + 1))
      done
    done
  done
  rm -rf "$dir/faulted"
  ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-} \
    run strace -f -q -o "$dir/trace" -P "$digits" -e trace=read \
    -e inject=read:error=EIO:when=1 "$NACRE" train --progress=none \
    --runs "$dir/faulted" "$configs/digits.yaml" train.epochs=1
  among 'EIO while reading data' 5 7
  says 'EIO while reading data' 'digits.csv.gz'
  ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-} \
    run strace -f -q -o "$dir/trace" -P "$digits" -e trace=read \
    -e inject=read:signal=TERM:when=1 "$NACRE" train --progress=none \
    --runs "$dir/faulted" "$configs/digits.yaml" train.epochs=40
  among 'SIGTERM while reading data' 75
  whole 'SIGTERM while reading data' "$dir/faulted"
fi

# --- faults while a training goes on ----------------------------------------

# A run that was stopped after two of three epochs.
train "$dir/stopped" train.epochs=2 'train.checkpoint={every: 1 epochs}'
for stopped in "$dir"/stopped/xor/*; do :; done
rm "$stopped/weights.safetensors" "$stopped/metrics.json"

# resume [PROGRAM...]: goes on with a copy of it, run by strace or another.
resume() {
  rm -rf "$dir/going"
  mkdir "$dir/going" "$dir/going/xor"
  cp -R "$stopped" "$dir/going/xor/on"
  ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-} \
    run "$@" "$NACRE" resume --threads=1 --progress=none \
    "$dir/going/xor/on" train.epochs=3
}

# goes_on WHAT: after that it can still be gone on with, to the same weights.
goes_on() {
  run "$NACRE" resume --threads=1 --progress=none "$dir/going/xor/on" \
    train.epochs=3
  if [ $got -eq 0 ] && cmp -s "$dir/going/xor/on/weights.safetensors" \
    "$kept/weights.safetensors" &&
    [ "$(grep -c . "$dir/going/xor/on/history.csv")" -eq 4 ]; then
    pass "  $1: goes on to the same weights"
  else
    fail "  $1: going on ends with $got, or other weights"
  fi
  tidy "$1" "$dir/going"
}

resume env
among 'a training that goes on' 0
goes_on 'a training that goes on'
limit_going() {
  resume sh -c "ulimit -f $1 2>/dev/null || exit 99; exec \"\$@\"" sh
}
for blocks in 1 4; do
  limit_going $blocks
  [ $got -eq 99 ] || among "going on with files of $blocks blocks" 7
  goes_on "going on with files of $blocks blocks"
done
if strace -o "$dir/trace" -e trace=fsync \
  -e inject=fsync:error=EIO:when=1 true 2>"$dir/err"; then
  for call in write:ENOSPC fsync:EIO rename:EIO ftruncate:EIO; do
    error=${call#*:}
    call=${call%:*}
    n=1
    while :; do
      resume strace -f -q -o "$dir/trace" -e trace=$call \
        -e inject=$call:error=$error:when=$n
      grep -q INJECTED "$dir/trace" || break
      among "going on, $error at $call $n" 7
      says "going on, $error at $call $n" "$dir/going\|standard output"
      goes_on "going on, $error at $call $n"
      n=$((n + 1))
    done
    [ $n -gt 1 ] || fail "going on, $error at $call: there was none"
  done
fi
rm -rf "$dir/going"

# --- signals at any time ----------------------------------------------------

# A training that never ends by itself; $pid, once it has begun.
begin() {
  rm -rf "$dir/long"
  : >"$dir/err"
  "$NACRE" train --runs "$dir/long" --progress=plain "$xor" \
    train.epochs=1000000000 >"$dir/out" 2>"$dir/err" </dev/null &
  pid=$!
  n=0
  while [ ! -s "$dir/err" ] && [ $n -lt 100 ]; do
    sleep 0.05
    n=$((n + 1))
  done
}

for pause in 0.001 0.004 0.007 0.01 0.013 0.02 0.03 0.05; do
  rm -rf "$dir/long"
  "$NACRE" train --runs "$dir/long" --progress=none "$xor" \
    >"$dir/out" 2>"$dir/err" </dev/null &
  pid=$!
  sleep $pause
  kill -s KILL $pid 2>/dev/null
  wait $pid 2>/dev/null
  [ ! -d "$dir/long" ] || whole "SIGKILL after $pause s" "$dir/long"
done

for signal in TERM:75 INT:130; do
  begin
  kill -s "${signal%:*}" $pid
  wait $pid
  got=$?
  among "SIG${signal%:*} in a training" "${signal#*:}"
  whole "SIG${signal%:*} in a training" "$dir/long"
  for made in "$dir"/long/xor/*; do :; done
  run "$NACRE" evaluate --on train "$made"
  among 'its weights are used' 0
done

# The second signal does not wait for the step, here one of a second or more.
rm -rf "$dir/long"
"$NACRE" train --runs "$dir/long" --threads=1 --cpu=baseline \
  --progress=none "$configs/digits.yaml" train.batch_size=1437 \
  'model.layers=[{type: dense, units: 2048}, {type: dense, units: 2048},
  {type: dense, units: 2048}, {type: dense, units: 10,
  activation: softmax}]' >"$dir/out" 2>"$dir/err" </dev/null &
pid=$!
n=0
while [ ! -e "$(echo "$dir"/long/digits/*/env.json)" ] && [ $n -lt 200 ]; do
  sleep 0.05
  n=$((n + 1))
done
sleep 0.05
kill -s INT $pid
sleep 0.05
kill -s INT $pid
wait $pid
got=$?
among 'a second SIGINT' 130
if grep -q 'has been saved' "$dir/err"; then
  skip 'a second SIGINT: the step was over before'
else
  pass '  a second SIGINT waits for nothing'
fi
tidy 'a second SIGINT' "$dir/long"

# --- limits -----------------------------------------------------------------

limit() {
  option=$1
  shift
  # A shell function's ulimit would stay; that of a child does not. What is
  # asked of ulimit differs among shells, which is why it may be refused.
  timeout 30 sh -c "ulimit $option 2>/dev/null || exit 99; exec \"\$@\"" \
    sh "$@" >"$dir/out" 2>"$dir/err" </dev/null
  got=$?
}

# Files end after 1 or 2 blocks: a write is cut short, the next one fails.
for blocks in 1 2 4; do
  rm -rf "$dir/cut"
  limit "-f $blocks" "$NACRE" train --runs "$dir/cut" --threads=1 \
    --progress=none "$xor" train.epochs=3 'model.layers=[{type: dense,
    units: 999}, {type: dense, units: 1, activation: sigmoid}]'
  if [ $got -eq 99 ]; then
    skip "files of $blocks blocks"
    continue
  fi
  among "files of $blocks blocks" 7
  says "files of $blocks blocks" "$dir/cut/.*: "
  tidy "files of $blocks blocks" "$dir/cut"
  whole "files of $blocks blocks" "$dir/cut"
done

# No file may grow: what is said of it goes through a pipe.
rm -rf "$dir/cut"
(timeout 30 sh -c 'ulimit -f 0 2>/dev/null || exit 99; exec "$@"' sh \
    "$NACRE" train --runs "$dir/cut" --threads=1 --progress=none "$xor" \
    train.epochs=3 2>&1 </dev/null
  echo "exit $?") | cat >"$dir/err"
if grep -q '^exit 99$' "$dir/err"; then
  skip 'files of no blocks'
else
  says 'files of no blocks' '^exit 7$'
  says 'files of no blocks' "$dir/cut/.*/config.yaml: error: cannot write"
  tidy 'files of no blocks' "$dir/cut"
fi

if [ -n "${NACRE_SANITIZE:-}" ]; then
  skip 'small memory: a sanitizer needs more'
else
  for size in 9000 12000 16000 20000 30000 50000 100000 200000; do
    rm -rf "$dir/small"
    limit "-v $size" "$NACRE" train --runs "$dir/small" --threads=2 \
      --progress=none "$configs/digits.yaml" train.epochs=1
    # 127: too little for the dynamic linker; 4: for a plugin.
    among "$size KiB of memory" 0 4 8 99 127
    if [ $got -ne 0 ] && [ ! -s "$dir/err" ]; then
      fail "  $size KiB of memory: no reason is given"
    fi
    [ ! -d "$dir/small" ] || whole "$size KiB of memory" "$dir/small"
  done
  limit '-s 256' "$NACRE" train --runs "$dir/small" --progress=none \
    "$configs/digits.yaml" train.epochs=1
  among 'a stack of 256 KiB' 0 99
fi
limit '-n 16' "$NACRE" train --runs "$dir/small" --progress=none "$xor" \
  train.epochs=1
among '16 open files' 0 4 5 7 8 99

for huge in model.layers.0.units=4000000000 \
  'model.layers=[{type: dense, units: 3000000}, {type: dense,
  units: 3000000}, {type: dense, units: 1}]' \
  train.batch_size=9000000000000000000; do
  rm -rf "$dir/huge"
  run "$NACRE" train --runs "$dir/huge" --progress=none "$xor" \
    train.epochs=1 "$huge"
  what=$(echo "$huge" | tr -d '\n' | cut -c1-40)
  # A batch of more than there are samples is one of all of them.
  case $huge in
    train*) among "$what" 0 3 8 ;;
    *) among "$what" 3 8 ;;
  esac
done

# --- where output goes ------------------------------------------------------

rm -rf "$dir/two"
"$NACRE" train --runs "$dir/two" --progress=none "$xor" >"$dir/out" &
pid=$!
"$NACRE" train --runs "$dir/two" --progress=none "$xor" >"$dir/out2"
got=$?
among 'one of two trainings at once' 0
wait $pid
got=$?
among 'the other one' 0
got=$(find "$dir/two/xor" -name weights.safetensors | wc -l)
[ "$got" -eq 2 ] && pass 'both have a directory' ||
  fail "both have a directory: $got"
whole 'two trainings at once' "$dir/two"

: >"$dir/file"
train "$dir/file"
among 'a file in place of the runs' 7
says 'a file in place of the runs' "$dir/file"
mkdir "$dir/locked"
chmod 555 "$dir/locked"
if touch "$dir/locked/x" 2>/dev/null; then
  skip 'a read-only directory: this user may write everywhere'
else
  train "$dir/locked"
  among 'a read-only directory' 7
  says 'a read-only directory' "$dir/locked"
fi
long=$(printf '%300s' '' | tr ' ' x)
train "$dir/$long"
among 'a name of 300 bytes' 7
says 'a name of 300 bytes' 'too long'
long=$(printf '%2100s' '' | sed 's: :x/:g')
train "$dir/$long"
among 'a path of 4200 bytes' 7
run "$NACRE" check "$dir/$long/config.yaml"
among 'a config of such a path' 3
run "$NACRE" predict "$kept" "$dir/$long/x.csv"
among 'data of such a path' 5
train "$dir/named" name="$(printf '%300s' '' | tr ' ' n)"
among 'an experiment of a long name' 3 7
train "$dir/named" name=../../escape
among 'an experiment outside of its place' 3
[ ! -e "$dir/escape" ] || fail 'an experiment was put elsewhere'

for closed in '<&-' '>&-' '2>&-' '<&- >&-' '<&- >&- 2>&-'; do
  rm -rf "$dir/closed"
  timeout 30 sh -c "exec \"\$@\" $closed" sh "$NACRE" train \
    --runs "$dir/closed" --progress=plain "$xor" train.epochs=3 \
    >"$dir/out" 2>"$dir/err" </dev/null
  got=$?
  among "closed: $closed" 0 7
  whole "closed: $closed" "$dir/closed"
  for made in "$dir"/closed/xor/*; do :; done
  got=$(grep -c '^[{]' "$made/metrics.jsonl")
  [ "$got" -eq 3 ] && pass "  closed: $closed: nothing else is in the log" ||
    fail "  closed: $closed: the log is spoilt"
done

if [ -c /dev/full ]; then
  for verb in 'plan --json' 'check --json' 'config show --json'; do
    # shellcheck disable=SC2086 # the words of a verb are split on purpose
    timeout 30 "$NACRE" $verb "$xor" >/dev/full 2>"$dir/err" </dev/null
    got=$?
    among "$verb on a full disk" 7
  done
  for verb in 'plugins --json' 'inspect --json' 'inspect --markdown'; do
    # shellcheck disable=SC2086
    timeout 30 "$NACRE" $verb >/dev/full 2>"$dir/err" </dev/null
    got=$?
    among "$verb on a full disk" 7
  done
  timeout 30 "$NACRE" predict "$kept" "$dir/x.csv" --to jsonl >/dev/full \
    2>"$dir/err" </dev/null
  got=$?
  among 'predict --to jsonl on a full disk' 7
  # Messages that cannot be told do not change what happens.
  timeout 30 "$NACRE" train --runs "$dir/mute" "$xor" train.epochs=3 \
    >"$dir/out" 2>/dev/full </dev/null
  got=$?
  among 'standard error on a full disk' 0
fi

# --- where it runs ----------------------------------------------------------

mkdir "$dir/gone"
(cd "$dir/gone" && rmdir "$dir/gone" && exec timeout 30 "$NACRE" evaluate \
  --on train "$kept") >"$dir/out" 2>"$dir/err" </dev/null
got=$?
among 'a working directory that is gone' 0
(mkdir "$dir/gone" && cd "$dir/gone" && rmdir "$dir/gone" &&
  exec timeout 30 "$NACRE" train "$xor") >"$dir/out" 2>"$dir/err" </dev/null
got=$?
among 'a training in it' 7
(cd / && exec timeout 30 "$NACRE" evaluate --on train "$kept") \
  >"$dir/out" 2>"$dir/err" </dev/null
[ "$(cat "$dir/out")" = "$expected" ] && pass 'another working directory' ||
  fail 'another working directory'

for settings in 'HOME= XDG_CACHE_HOME=' '-u HOME -u XDG_CACHE_HOME' \
  "XDG_CACHE_HOME=$dir/file" 'XDG_CACHE_HOME=relative' \
  'HOME=/nonexistent XDG_CACHE_HOME=/proc/none' 'TZ=Nowhere/Land' 'TZ=:' \
  'LC_ALL=de_DE.UTF-8' 'LANG=xx_YY LC_NUMERIC=de_DE.utf8' 'COLUMNS=-1' \
  'TERM=dumb' 'PATH='; do
  # shellcheck disable=SC2086
  (cd "$dir" && run env $settings "$NACRE" evaluate --on train "$kept"
    exit $got)
  got=$?
  among "$settings" 0
  [ "$(cat "$dir/out")" = "$expected" ] || fail "  $settings: other numbers"
done
[ ! -e "$dir/relative" ] && pass 'no cache is put relative to a directory' ||
  fail 'a cache was put relative to a directory'

# --- plugins ----------------------------------------------------------------

# listed WHAT PATTERN: `nacre plugins` refuses it for this reason, and has
# all others.
listed() {
  run env NACRE_PLUGIN_PATH="$place:$NACRE_PLUGIN_PATH" "$NACRE" plugins \
    --rescan
  among "plugins with $1" 0
  cat "$dir/out" >>"$dir/err"
  says "$1" "$2"
  grep -q '^layer  *dense ' "$dir/out" || fail "  $1: dense is missing"
}

place=relative/plugins
listed 'a relative directory' 'not an absolute path'
place=$dir/missing
listed 'a missing directory' "$dir/missing"
place=$dir/open
mkdir "$place"
chmod 777 "$place"
listed 'a directory that all may write' 'writ'
place=$dir/plugins
mkdir "$place"
library=$("$NACRE" plugins schedule |
  awk '$2 == "constant" { print $NF; exit }')
for cut in 0 1 63 512 4096 9000; do
  head -c $cut "$library" >"$place/cut.so"
  listed "a plugin of $cut bytes" 'cut.so'
done
rm "$place/cut.so"
for fixture in crash leave hang; do
  if [ ! -e "$fixtures/$fixture.so" ]; then
    skip "a plugin that does $fixture: is not built"
    continue
  fi
  cp "$fixtures/$fixture.so" "$place"
  listed "a plugin that does $fixture" "$fixture.so"
done
# The scan is kept: what hangs is not waited for again.
run env NACRE_PLUGIN_PATH="$place:$NACRE_PLUGIN_PATH" timeout 2 "$NACRE" \
  train --runs "$dir/beside" --progress=none "$xor" train.epochs=3
among 'a training beside them' 0

cache=$dir/cache
export XDG_CACHE_HOME="$cache"
train "$dir/cached"
among 'a cache is made' 0
for file in "$cache"/nacre/*; do :; done
if [ -f "$file" ]; then
  cp "$file" "$dir/cache.whole"
  size=$(wc -c <"$file")
  at=0
  while [ $at -lt "$size" ]; do
    cp "$dir/cache.whole" "$file"
    printf '\377' | dd of="$file" bs=1 seek=$at conv=notrunc 2>/dev/null
    run "$NACRE" plugins layers
    if [ $got -ne 0 ] || ! grep -q '^layer  *dense ' "$dir/out"; then
      among "a cache that is wrong at byte $at" 0
      fail '  dense is missing'
    fi
    at=$((at + size / 9))
  done
  pass 'a cache with wrong bytes is made anew'
  rm -f "$file"
  mkdir "$file"
  train "$dir/cached"
  among 'a directory in place of the cache' 0
else
  fail 'no cache was made'
fi

# A plugin that is replaced while it is used: the old file lives on.
mkdir "$dir/own"
cp "$library" "$dir/own/constant.so"
NACRE_PLUGIN_PATH="$dir/own:$NACRE_PLUGIN_PATH"
export NACRE_PLUGIN_PATH
begin
cp "$library" "$dir/own/next" && mv "$dir/own/next" "$dir/own/constant.so"
kill -s TERM $pid
wait $pid
got=$?
among 'a plugin replaced in a training' 75

# --- data -------------------------------------------------------------------

csv='data={train: {type: csv, header: false, target: [2], path: PATH}}'
data() {
  train "$dir/fed" "$(echo "$csv" | sed "s|PATH|$2|")" \
    loss=mean_squared_error 'metrics=[]'
  among "data are $1" 5 8
  says "data are $1" "$2"
}
mkfifo "$dir/fifo"
data 'a directory' "$dir"
data 'a pipe' "$dir/fifo"
data 'endless' /dev/zero
data 'nothing' /dev/null
data 'an empty file' "$dir/file"
ln -s "$dir/loop" "$dir/loop"
data 'a link to itself' "$dir/loop"
if command -v python3 >/dev/null 2>&1; then
  python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/socket"
  data 'a socket' "$dir/socket"
else
  skip 'data are a socket: without Python'
fi
size=$(wc -c <"$digits")
for cut in 1 9 10 11 100 $((size / 2)) $((size - 8)) $((size - 1)); do
  head -c $cut "$digits" >"$dir/cut.csv.gz"
  run "$NACRE" train --runs "$dir/fed" --progress=none \
    "$configs/digits.yaml" train.epochs=1 data.train.path="$dir/cut.csv.gz"
  among "compressed data cut at $cut" 5
  says "compressed data cut at $cut" 'cut.csv.gz'
done
# Rows vanish while they are read, or between two looks at the file.
seq 1 200000 | sed 's/.*/&,1,0/' >"$dir/shrinking.csv"
timeout 30 "$NACRE" train --runs "$dir/fed" --progress=none "$xor" \
  train.epochs=1 train.batch_size=1000 loss=mean_squared_error 'metrics=[]' \
  "$(echo "$csv" | sed "s|PATH|$dir/shrinking.csv|")" \
  >"$dir/out" 2>"$dir/err" </dev/null &
pid=$!
sleep 0.03
: >"$dir/shrinking.csv"
wait $pid
got=$?
among 'data that shrink while being read' 0 5 10

# --- runs that were damaged -------------------------------------------------

mkdir "$dir/damaged"
cp "$kept"/* "$dir/damaged" 2>/dev/null
weights=$dir/damaged/weights.safetensors
size=$(wc -c <"$weights")
at=0
bad=0
while [ $at -lt "$size" ]; do
  head -c $at "$kept/weights.safetensors" >"$weights"
  run "$NACRE" evaluate --on train "$dir/damaged"
  [ $got -eq 6 ] || bad=$((bad + 1))
  cp "$kept/weights.safetensors" "$weights"
  printf '\377' | dd of="$weights" bs=1 seek=$at conv=notrunc 2>/dev/null
  run "$NACRE" evaluate --on train "$dir/damaged"
  # A number that is another number cannot be told from the right one.
  [ $got -eq 6 ] || { [ $got -eq 0 ] && [ $at -ge $((size - 64)) ]; } ||
    bad=$((bad + 1))
  at=$((at + 13))
done
got=$bad
among 'weights cut or altered: those that were accepted' 0
cp "$kept/weights.safetensors" "$weights"
for text in '' '[' 'nacre: 1' '- a' "$(printf 'nacre: \001')"; do
  printf '%s' "$text" >"$dir/damaged/config.yaml"
  run "$NACRE" evaluate "$dir/damaged"
  among "a run whose config is '$text'" 3 6
  says 'it' 'config.yaml'
done
rm "$dir/damaged/config.yaml"
run "$NACRE" predict "$dir/damaged" "$dir/x.csv"
among 'a run without a config' 6
says 'it' 'config.yaml'

# --- what is predicted from -------------------------------------------------

predict() {
  printf "$2" | timeout 30 "$NACRE" predict "$kept" - --format csv \
    >"$dir/out" \
    2>"$dir/err"
  got=$?
  among "predict from $1" 5
  says "predict from $1" "$3"
}
predict 'nothing' '' 'standard input: error: no samples'
predict 'an empty line' '\n' 'standard input: error: no samples'
predict 'ragged rows' '1,2\n1\n' 'standard input:2: error: '
predict 'too many columns' '1,2,3\n' 'wants'
predict 'too few columns' '1\n' 'wants'
predict 'text' 'a,b\n1,two\n' 'standard input:2:2: error: .two'
predict 'an open quote' 'a,b\n1,"2\n' 'standard input:2:2: error: '
predict 'bytes' 'a,b\n1,\000\n' 'standard input:2: error: '
run "$NACRE" predict "$kept" -
among 'predict from what has no kind' 5
says 'it' 'standard input: error: its name'
run "$NACRE" predict "$kept" "$dir/x.csv" --format inline
among 'predict from a kind that is no file' 5
run "$NACRE" predict "$kept" "$dir/fifo" --format csv
among 'predict from a pipe with a name' 5
cp "$dir/x.csv" "$dir/old.csv"
printf 'a,b\n1,2\n3,x\n' >"$dir/bad.csv"
run "$NACRE" predict "$kept" "$dir/bad.csv" --output "$dir/old.csv"
among 'predict from bad rows into a file' 5
cmp -s "$dir/x.csv" "$dir/old.csv" && pass '  the old file is untouched' ||
  fail '  the old file was changed'

[ "$(state "$dir/first")" = "$first" ] && pass 'the first run is unchanged' ||
  fail 'the first run was changed'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
