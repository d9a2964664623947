#!/bin/sh
# SPDX-License-Identifier: MIT
# resume: a training that is killed at any moment, or stopped by a signal,
# and gone on with, leaves the same bits as one that nobody disturbed.
#
# $NACRE is the program; plugins are found as the environment says.
# $NACRE_TEST_KILLS is how many times a training is killed in all (100), and
# $NACRE_TEST_EPOCHS how long it is (12). $NACRE_TEST_SEED says when: the process's
# number by default.
set -u
: "${NACRE:?names the program}"

# What is killed is the process, not the machine: memory is as good as a disk
# here, and each save waits for it four times.
place=${TMPDIR:-/tmp}
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || place=/dev/shm
dir=$(mktemp -d "$place/nacre-resume.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
kills=${NACRE_TEST_KILLS:-100}
epochs=${NACRE_TEST_EPOCHS:-12}
passed=0
failed=0
seed=${NACRE_TEST_SEED:-$$}
echo "seed $seed"

pass() {
  passed=$((passed + 1))
  echo "ok: $*"
}

fail() {
  failed=$((failed + 1))
  echo "FAILED: $*"
  [ ! -s "$dir/err" ] || sed 's/^/  err: /' "$dir/err" | head -n 5
}

# --- what is trained --------------------------------------------------------

awk 'BEGIN {
  srand(3)
  for (i = 0; i < 120; i++) {
    k = i % 3
    printf "%.4f,%.4f,%.4f,%d\n", k + 1.5 * rand(), 2 * rand() - k,
      rand(), k
  }
}' >"$dir/rows.csv"

cat >"$dir/base.yaml" <<END
nacre: 1
name: net
seed: 5
model:
  layers:
    - {type: dense, units: 8, activation: relu}
    - {type: dense, units: 3, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer: {type: sgd, learning_rate: 0.05, momentum: 0.9}
metrics: [accuracy]
data:
  train: {type: csv, path: rows.csv, header: false, y: [3]}
  validation: {from: train, fraction: 0.2}
  test: {from: train, fraction: 0.1}
train: {epochs: $epochs, batch_size: 8, checkpoint: {every: 4 steps}}
END
cat >"$dir/momentum.yaml" <<END
extends: base.yaml
END
cat >"$dir/random.yaml" <<END
extends: base.yaml
model:
  layers:
    - {type: gaussian_noise, stddev: 0.1}
    - {type: dense, units: 8}
    - {type: batch_normalization, activation: relu}
    - {type: dropout, rate: 0.3}
    - {type: dense, units: 3, activation: softmax}
optimizer: {type: adam, learning_rate: 0.01}
loss: {type: sparse_categorical_crossentropy, class_weight: {0: 2, 2: 0.5}}
metrics: [accuracy, f1_score, confusion_matrix]
schedule: {type: cosine_decay, warmup: 6 steps}
END
cat >"$dir/accumulated.yaml" <<END
extends: base.yaml
optimizer: {type: rmsprop, learning_rate: 0.01, clip_global_norm: 1,
            gradient_accumulation_steps: 3}
train: {checkpoint: {every: 5 steps, keep: 3}, drop_remainder: true}
data: {transform: [standardize], validation: {fraction: 0.7}}
END
cat >"$dir/steered.yaml" <<END
extends: base.yaml
optimizer: {type: nadam, learning_rate: 0.1, weight_decay: 0.01}
callbacks:
  - {type: early_stopping, patience: 2, min_delta: 0.02,
     restore_best_weights: true}
  - {type: reduce_lr_on_plateau, monitor: loss, factor: 0.5, patience: 1,
     min_delta: 0.05}
  - {type: checkpoint, monitor: val/accuracy, keep: 2}
train: {checkpoint: {every: 1 epochs}, validation_frequency: 1}
END
cat >"$dir/best.yaml" <<END
extends: base.yaml
model:
  layers:
    - {type: dense, units: 8, activation: tanh,
       kernel_regularizer: {type: l2, l2: 0.01}}
    - {type: dense, units: 3, activation: softmax, trainable: true,
       learning_rate_scale: 0.5, kernel_constraint: {type: max_norm}}
optimizer: {type: adagrad, learning_rate: 0.5}
final_weights: best
train: {validation_frequency: 2, steps_per_epoch: 7}
END
cat >"$dir/augmented.yaml" <<END
extends: base.yaml
loss: categorical_crossentropy
data:
  workers: 2
  transform: [standardize, {type: one_hot, field: y, classes: 3}]
  augment: [{type: gaussian_noise, stddev: 0.2}, mixup]
memory: {recompute: always}
END
cat >"$dir/factored.yaml" <<END
extends: base.yaml
optimizer: {type: adafactor, learning_rate: 0.05}
END
cases='momentum random accumulated steered best augmented factored'

# --- what is compared -------------------------------------------------------

# Everything that a run leaves, less the time that it took. States hold that
# too, and are looked at by going on from them.
content() {
  for file in "$1"/metrics.jsonl "$1"/metrics.json; do
    sed 's/"seconds": [^,]*/"seconds": 0/' "$file"
  done
  cut -d, -f1,2,4- "$1/history.csv"
  (cd "$1" && cksum weights.safetensors config.yaml)
  (cd "$1/checkpoints" && find . -name 'epoch-*' -exec cksum {} + | sort)
  (cd "$1/checkpoints" && find . -name 'state-*' | sort)
  find "$1" -name '*.tmp'
}

# same WHAT RUN: as the undisturbed one.
same() {
  content "$2" >"$dir/content"
  if cmp -s "$dir/content" "$dir/$case.content"; then
    pass "$1"
  else
    fail "$1"
    diff "$dir/$case.content" "$dir/content" | head -n 8 | sed 's/^/  /'
  fi
}

# The directory of the only run below $1.
run_of() {
  for made in "$1"/net/*/; do
    echo "${made%/}"
  done
}

# A number below $1, another one each time, in $drawn.
draw() {
  seed=$(((seed * 48271 + 11) % 2147483647))
  drawn=$((seed / 7 % $1))
}

# once LIMIT: trains, or goes on with what there is, for so many
# milliseconds; what comes of it is in $got.
once() {
  limit=$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))
  made=$(run_of "$dir/runs")
  if [ -e "$made/config.yaml" ]; then
    timeout --foreground -s KILL "$limit" "$NACRE" resume --threads=1 --progress=none \
      "$made" >"$dir/out" 2>"$dir/err" </dev/null
  else
    rm -rf "$dir/runs"
    timeout --foreground -s KILL "$limit" "$NACRE" train --threads=1 --progress=none \
      --runs "$dir/runs" "$dir/$case.yaml" >"$dir/out" 2>"$dir/err" \
      </dev/null
  fi 2>/dev/null
  got=$?
}

milliseconds() {
  date +%s%N | sed 's/......$//'
}

# --- undisturbed ------------------------------------------------------------

for case in $cases; do
  began=$(milliseconds)
  "$NACRE" train --threads=1 --progress=none --runs "$dir/$case" \
    "$dir/$case.yaml" >"$dir/out" 2>"$dir/err" </dev/null
  got=$?
  eval "life_$case=$(($(milliseconds) - began))"
  if [ $got -eq 0 ]; then
    content "$(run_of "$dir/$case")" >"$dir/$case.content"
    pass "$case: trained"
  else
    fail "$case: training ended with $got"
  fi
done
grep -q '"epoch"' "$dir/momentum.content" || fail 'nothing is compared'

# --- killed at random -------------------------------------------------------

# Each case until it has had its share, each training to its end.
for case in $cases; do
  life=0
  eval "life=\$life_$case"
  share=$((kills / 7 + 1))
  killed=0
  ended=0
  while [ $killed -lt $share ]; do
    rm -rf "$dir/runs"
    mine=0
    while :; do
      # Longer ones as time goes by, or the end might never come.
      draw $((life / 2 + mine * 2 + 4))
      once $((4 + drawn))
      # 124: it was being killed when it ended by itself.
      case $got in
        124 | 137) ;;
        *) break ;;
      esac
      mine=$((mine + 1))
    done
    killed=$((killed + mine))
    ended=$((ended + 1))
    if [ $got -ne 0 ]; then
      fail "$case: after $mine kills it ended with $got"
      break
    fi
    same "$case: killed $mine times" "$(run_of "$dir/runs")"
  done
  echo "$case: $killed kills, $ended trainings"
done

# --- stopped by signals -----------------------------------------------------

# No checkpoints but those of the signals, and more epochs: without saving they
# take no time.
for case in random:300 accumulated:2000 steered:1000; do
  long=$((epochs * ${case#*:}))
  case=${case%:*}
  sed -e 's/checkpoint: {[^}]*}/shuffle: true/' \
    -e "s/epochs: [0-9]*/epochs: $long/" "$dir/base.yaml" \
    >"$dir/plain-base.yaml"
  sed -e 's/base.yaml/plain-base.yaml/' \
    -e 's/checkpoint: {[^}]*}/shuffle: true/' \
    -e 's/patience: 2/patience: 1000000/' "$dir/$case.yaml" \
    >"$dir/plain-$case.yaml"
  case=plain-$case
  "$NACRE" train --threads=1 --progress=none --runs "$dir/$case" \
    "$dir/$case.yaml" >"$dir/out" 2>"$dir/err" </dev/null ||
    fail "$case: training failed"
  content "$(run_of "$dir/$case")" >"$dir/$case.content"
  # A process needs this long to come to its first step, about.
  began=$(milliseconds)
  "$NACRE" check --data "$dir/$case.yaml" >/dev/null 2>&1
  start=$(($(milliseconds) - began))
  for signal in TERM:75 INT:130 USR1:75; do
    rm -rf "$dir/runs"
    mine=0
    early=0
    got=1
    while [ $mine -lt 25 ] && [ $early -lt 25 ]; do
      made=$(run_of "$dir/runs")
      if [ -e "$made/config.yaml" ]; then
        set -- resume "$made"
      else
        set -- train --runs "$dir/runs" "$dir/$case.yaml"
      fi
      draw 40
      pause=$((start + drawn))
      env --default-signal=INT "$NACRE" "$@" --threads=1 --progress=none \
        >"$dir/out" 2>"$dir/err" </dev/null &
      pid=$!
      sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
      kill -s "${signal%:*}" $pid 2>/dev/null
      wait $pid
      got=$?
      case $got in
        "${signal#*:}") mine=$((mine + 1)) ;;
        138 | 143) early=$((early + 1)) ;; # before anybody listened
        *) break ;;
      esac
    done 2>/dev/null
    [ $got -eq 0 ] || once 120000
    what="$case: SIG${signal%:*} $mine times"
    if [ $got -ne 0 ]; then
      fail "$what, then $got"
    elif [ $mine -eq 0 ]; then
      fail "$what: it was never met"
    else
      same "$what" "$(run_of "$dir/runs")"
    fi
  done
done

# --- killed in each system call of a save -----------------------------------

case=momentum
if ! strace -o "$dir/trace" -e trace=fsync \
  -e inject=fsync:error=EIO:when=1 true 2>/dev/null; then
  echo 'SKIPPED: kills in each system call of a save: strace cannot be used'
else
  # Of all calls, those from the second state's first to its last: name, and
  # the how manieth of that name.
  export ASAN_OPTIONS="detect_leaks=0:${ASAN_OPTIONS:-}"
  rm -rf "$dir/runs"
  strace -f -o "$dir/trace" "$NACRE" train --threads=1 --progress=none \
    --runs "$dir/runs" "$dir/$case.yaml" >"$dir/out" 2>"$dir/err" </dev/null
  awk '{
    name = $2
    sub(/\(.*/, "", name)
    count[name]++
    if (/openat.*\/checkpoints\/?", .*O_DIRECTORY/) { folders++ }
    if (/checkpoints\/\.nacre.*O_CREAT/) { saves++ }
    if (saves == 3 && !over) { print name, count[name] }
    if (saves == 3 && name == "unlink") { over = 1 }
  }' "$dir/trace" >"$dir/calls"
  n=$(grep -c . "$dir/calls")
  [ "$n" -ge 12 ] || fail "a save has only $n system calls"
  cp "$dir/calls" "$dir/left"
  bad=$failed
  while read -r name count; do
    rm -rf "$dir/runs"
    timeout 30 strace -f -o "$dir/trace" -e trace="$name" \
      -e inject="$name:signal=KILL:when=$count" "$NACRE" train --threads=1 \
      --progress=none --runs "$dir/runs" "$dir/$case.yaml" \
      >"$dir/out" 2>"$dir/err" </dev/null
    once 30000
    if [ $got -ne 0 ]; then
      fail "killed at $name $count: going on ended with $got"
      continue
    fi
    content "$(run_of "$dir/runs")" | cmp -s - "$dir/$case.content" ||
      fail "killed at $name $count: other bits"
  done <"$dir/left"
  [ "$failed" -ne "$bad" ] || pass "killed in each of $n calls of a save"

  # SIGTERM at each call that gives a file its name, of which one comes
  # between the last step and the evaluation of the test data.
  case=signalled
  cat >"$dir/$case.yaml" <<END
extends: base.yaml
train: {epochs: 2, checkpoint: null}
END
  "$NACRE" train --threads=1 --progress=none --runs "$dir/$case" \
    "$dir/$case.yaml" >"$dir/out" 2>"$dir/err" </dev/null ||
    fail "$case: training failed"
  content "$(run_of "$dir/$case")" >"$dir/$case.content"
  n=0
  stopped=0
  got=75
  while [ $n -lt 20 ]; do
    n=$((n + 1))
    rm -rf "$dir/runs"
    timeout 30 strace -f -o "$dir/trace" -e trace=rename \
      -e inject="rename:signal=TERM:when=$n" "$NACRE" train --threads=1 \
      --progress=none --runs "$dir/runs" "$dir/$case.yaml" \
      >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    grep -q SIGTERM "$dir/trace" || break
    if [ $got -eq 75 ]; then
      stopped=$((stopped + 1))
      [ ! -e "$(run_of "$dir/runs")/metrics.json" ] ||
        fail "SIGTERM at rename $n: it has an outcome"
      once 30000
    fi
    [ $got -eq 0 ] || fail "SIGTERM at rename $n: ended with $got"
    same "SIGTERM at rename $n" "$(run_of "$dir/runs")"
  done
  [ $stopped -ge 3 ] || fail "SIGTERM stopped only $stopped trainings"
fi 2>/dev/null

# --- damaged, changed, in use -----------------------------------------------

# A run that has two states and is not over.
case=momentum
rm -rf "$dir/runs"
"$NACRE" train --threads=1 --progress=none --runs "$dir/runs" \
  "$dir/$case.yaml" train.epochs=2 >"$dir/out" 2>"$dir/err" </dev/null
original=$(run_of "$dir/runs")
rm "$original/metrics.json" "$original/weights.safetensors"

# again [SETTING...]: goes on in a copy of it, after $damage.
damage=:
again() {
  rm -rf "$dir/copy"
  cp -R "$original" "$dir/copy"
  (cd "$dir/copy/checkpoints" && eval "$damage")
  "$NACRE" resume --threads=1 --progress=none "$dir/copy" "$@" \
    >"$dir/out" 2>"$dir/err" </dev/null
  got=$?
}

# refused WHAT CODE PATTERN
refused() {
  if [ $got -eq "$2" ] && grep -q -e "$3" "$dir/err"; then
    pass "$1: exit $got, $3"
  else
    fail "$1: exit $got, not $2 with $3"
  fi
}

set -- "$original"/checkpoints/state-*
older=$(basename "$1")
newer=$(basename "$2")
[ $# -eq 2 ] && [ "$older" != "$newer" ] || fail "there are not two states: $*"
again "train.epochs=$epochs"
[ $got -eq 0 ] || fail "more epochs: exit $got"
cp -R "$dir/copy" "$dir/whole"
sed "s/train.epochs=2//" "$dir/$case.content" >/dev/null
content "$dir/copy" | grep -v config.yaml >"$dir/more"
grep -v config.yaml "$dir/$case.content" | cmp -s - "$dir/more" &&
  pass 'more epochs than it began with' ||
  fail 'more epochs than it began with: other bits'

size=$(wc -c <"$original/checkpoints/$newer")
at=3
while [ $at -lt "$size" ]; do
  for damage in "head -c $at $newer >cut && mv cut $newer" \
    "printf '\\377' | dd of=$newer bs=1 seek=$at conv=notrunc 2>/dev/null"
  do
    again "train.epochs=$epochs"
    content "$dir/copy" | grep -v config.yaml >"$dir/content"
    if [ $got -ne 0 ] || ! cmp -s "$dir/more" "$dir/content"; then
      fail "damaged by $damage: exit $got"
    elif ! grep -q "$newer.*warning" "$dir/err"; then
      # What describes the file for people may say anything.
      head -c $at "$original/checkpoints/$newer" | tail -c 300 |
        grep -q 'nacre\.\|metadata\|format' ||
        fail "damaged by $damage: nothing is said of it"
    fi
  done
  at=$((at + size / 23))
done
pass 'damaged newest states'
damage="echo >$newer; echo >$older"
again
refused 'all states damaged' 6 "$older.*not a safetensors file"
damage="rm state-*"
again "train.epochs=$epochs"
content "$dir/copy" | grep -v config.yaml | cmp -s - "$dir/more" &&
  pass 'no state at all: from the beginning' ||
  fail 'no state at all: other bits'
damage=:
again optimizer.momentum=0.8
refused 'another optimizer' 6 "'optimizer' is not what it was"
again seed=6
refused 'another seed' 6 "'seed' is not what it was"
again 'callbacks=[terminate_on_nan]'
refused 'a callback more' 6 "'callbacks' is not what it was"
again train.batch_size=4
refused 'another batch size' 6 "'train' is not what it was"
again optimizer.momentun=0.8
refused 'a setting that there is not' 3 "unknown key 'momentun'"
sed '1s/^./9/' "$dir/rows.csv" >"$dir/other.csv"
again data.train.path="$dir/other.csv"
refused 'other data' 6 'the data are not those'
cp "$dir/rows.csv" "$dir/moved.csv"
again data.train.path="$dir/moved.csv" "train.epochs=$epochs"
content "$dir/copy" | grep -v config.yaml | cmp -s - "$dir/more" &&
  pass 'data that have moved' || fail 'data that have moved: other bits'
damage="head -c 40 ../metrics.jsonl >cut && mv cut ../metrics.jsonl"
again
refused 'a log that was cut' 6 'metrics.jsonl: error: lines'
damage='rm ../config.yaml'
again
refused 'no config' 6 'config.yaml'
"$NACRE" resume "$dir/whole" >"$dir/out" 2>"$dir/err"
got=$?
refused 'a training that is over' 0 'come to its end'
cmp -s "$dir/whole/weights.safetensors" \
  "$(run_of "$dir/$case")/weights.safetensors" ||
  fail 'it was trained again'
"$NACRE" resume "$dir/nowhere" >"$dir/out" 2>"$dir/err"
got=$?
refused 'no run' 6 'nowhere'
"$NACRE" resume "$dir" >"$dir/out" 2>"$dir/err"
got=$?
refused 'a directory that is no run' 6 'config.yaml'
if command -v flock >/dev/null; then
  flock "$original" "$NACRE" resume "$original" >"$dir/out" 2>"$dir/err"
  got=$?
  refused 'a run that another process writes' 9 'another process'
else
  echo 'SKIPPED: a run in use: there is no flock'
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
