#!/bin/sh
# SPDX-License-Identifier: MIT
# experiments: every experiment in configs/ is trained, and must come to what
# it promises.
#
# $NACRE is the program, $srcdir the source tree; plugins are found as the
# environment says. Experiments whose data do not come with nacre need
# $NACRE_DATA_DIR, and are skipped without it. The large ones are trained
# shortly, to a bound that a network which learns wrongly does not reach.
set -u

: "${NACRE:?names the program}" "${srcdir:?names the source tree}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/nacre-experiments.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
configs=$(cd "$srcdir/configs" && pwd) || exit 1
passed=0
failed=0
skipped=0

pass() {
  passed=$((passed + 1))
  echo "ok: $*"
}

fail() {
  failed=$((failed + 1))
  echo "FAILED: $*"
}

# train EXPERIMENT [SETTING...]: what it prints is in $dir/out.
train() {
  config=$1
  shift
  if ! timeout 120 "$NACRE" train "$configs/$config.yaml" --runs="$dir/runs" \
    --progress=none "$@" >"$dir/out" 2>"$dir/err" </dev/null; then
    fail "$config $*: training ended with an error"
    sed 's/^/  /' "$dir/err" | head -n 5
    return 1
  fi
}

# value NAME: the number that the last training printed.
value() {
  awk -v name="$1" '$1 == name { print $2 }' "$dir/out"
}

# holds A OP B, for numbers.
holds() {
  awk -v a="$1" -v b="$3" "BEGIN { exit !(a $2 b) }"
}

# bound EXPERIMENT METRIC OP BOUND SEEDS [SETTING...]: the mean over so many
# seeds, each of which also holds out other rows, keeps the bound.
bound() {
  config=$1 metric=$2 op=$3 limit=$4 seeds=$5
  shift 5
  : >"$dir/values"
  seed=1
  while [ "$seed" -le "$seeds" ]; do
    train "$config" seed="$seed" "$@" || return
    value "$metric" >>"$dir/values"
    seed=$((seed + 1))
  done
  check_mean "$config: $metric of $seeds seeds" "$op" "$limit" "$seeds"
}

# check_mean WHAT OP BOUND N: of the N numbers in $dir/values.
check_mean() {
  mean=$(awk '{ sum += $1; n++ } END { if (n > 0) printf "%.6g", sum / n }' \
    "$dir/values")
  if [ "$(grep -c . "$dir/values")" -eq "$4" ] && holds "$mean" "$2" "$3"
  then
    pass "$1: $mean $2 $3"
  else
    fail "$1: '$mean' is not $2 $3"
  fi
}

# as_it_is EXPERIMENT METRIC OP BOUND: with the seed that the file has.
as_it_is() {
  train "$1" || return
  value "$2" >"$dir/values"
  check_mean "$1: $2" "$3" "$4" 1
}

# A table that is cut into five parts, each held out once: no luck with the
# rows is left.
folds() {
  config=$1 metric=$2 op=$3 limit=$4
  : >"$dir/values"
  for fold in 0 1 2 3 4; do
    train "$config" '~data.test.fraction' data.test.folds=5 \
      data.test.fold=$fold || return
    value "$metric" >>"$dir/values"
  done
  check_mean "$config: $metric of 5 folds" "$op" "$limit" 5
}

# All four rows by the run that was trained last.
xor_rows() {
  printf '0,0\n0,1\n1,0\n1,1\n' >"$dir/four.csv"
  run=$(value run)
  rows=$("$NACRE" predict "$run" "$dir/four.csv" 2>"$dir/err" |
    awk -F, 'NR > 1 { printf "%d", ($1 > 0.5) }')
  if [ "$rows" = 0110 ]; then
    pass "$1: predicts all four rows"
  else
    fail "$1: predicts '$rows', not 0110"
    sed 's/^/  /' "$dir/err" | head -n 5
  fi
}

# digests EXPERIMENT [OPTION...]: of its weights, epoch by epoch.
digests() {
  config=$1
  shift
  timeout 120 "$NACRE" train "$configs/$config.yaml" --runs="$dir/runs" \
    --progress=jsonl --digest train.epochs=3 "$@" 2>&1 |
    sed -n 's/.*"digest": "\([0-9a-f]*\)".*/\1/p'
}

# same_bits EXPERIMENT [SETTING...]: the same weights with any number of
# threads, and in a second run with the first number.
same_bits() {
  name=$1
  first=$(digests "$@" --threads=1)
  if [ "$(echo "$first" | grep -c '^[0-9a-f]\{32\}$')" -ne 3 ]; then
    fail "$name: --digest printed '$first'"
    return
  fi
  for threads in 1 2 3 4 7; do
    if [ "$(digests "$@" --threads=$threads)" = "$first" ]; then
      pass "$name: the same weights with --threads=$threads"
    else
      fail "$name: other weights with --threads=$threads"
    fi
  done
  if [ "$(digests "$@" --threads=1 seed=4711)" != "$first" ]; then
    pass "$name: other weights with another seed"
  else
    fail "$name: the same weights with another seed"
  fi
}

# What transforms do to a target is undone in metrics and predictions, not in
# the loss. A network that always answers 0 answers the mean of the targets,
# which are one standard deviation of 2236.07 off.
undone() {
  cat >"$dir/undone.yaml" <<'EOF'
nacre: 1
model:
  input: [1]
  layers: [{type: dense, units: 1, kernel_initializer: zeros}]
loss: mean_squared_error
optimizer: {type: sgd, learning_rate: 0}
metrics: [root_mean_squared_error, mean_absolute_error]
data:
  train: {type: inline, x: [[0], [1], [2], [3]], y: [1000, 3000, 5000, 7000]}
  transform:
    - {type: rescale, scale: 0.01, offset: 3, field: y}
    - {type: standardize, field: y}
EOF
  configs_were=$configs
  configs=$dir
  train undone
  configs=$configs_were
  printf '0\n1\n' >"$dir/two.csv"
  got="$(value loss) $(value root_mean_squared_error) $(
    value mean_absolute_error) $("$NACRE" predict "$(value run)" \
      "$dir/two.csv" 2>"$dir/err" | awk 'NR > 1 { printf "%.6g ", $1 }')"
  if [ "$got" = '1 2236.07 2000 4000 4000 ' ]; then
    pass "transforms of targets are undone"
  else
    fail "transforms of targets are not undone: $got"
  fi
}

# The mean price of the districts, as the run trained last predicts them.
prices() {
  mean=$("$NACRE" predict "$(value run)" \
    "$NACRE_DATA_DIR/tabular/california_housing.csv" 2>"$dir/err" |
    awk 'NR > 1 { sum += $1; n++ } END { printf "%.0f", sum / n }')
  if holds "$mean" '>' 196000 && holds "$mean" '<' 218000; then
    pass "housing: predicts dollars, $mean on average"
  else
    fail "housing: predicts '$mean' on average, not about 206856"
  fi
}

as_it_is xor accuracy '>=' 1
xor_rows xor
bound xor-robust accuracy '>=' 1 20
xor_rows xor-robust
bound two-towers same_accuracy '>=' 1 3
bound two-towers brightness_mean_absolute_error '<=' 0.2 3
as_it_is digits test/accuracy '>=' 0.97
bound digits test/accuracy '>=' 0.975 3
as_it_is iris test/accuracy '>=' 0.95
folds iris test/accuracy '>=' 0.95
same_bits digits
undone

if [ -n "${NACRE_DATA_DIR:-}" ]; then
  as_it_is wine test/accuracy '>=' 0.97
  folds wine test/accuracy '>=' 0.97
  as_it_is titanic test/accuracy '>=' 0.79
  bound titanic test/accuracy '>=' 0.785 10
  as_it_is adult test/accuracy '>=' 0.853
  as_it_is housing test/root_mean_squared_error '<=' 53000
  prices
  bound mnist-mlp test/accuracy '>=' 0.95 1 train.epochs=1
  same_bits mnist-mlp train.steps_per_epoch=30
  bound fashion-mnist-mlp test/accuracy '>=' 0.82 1 train.epochs=1
else
  skipped=6
  echo "SKIPPED: wine titanic adult housing mnist-mlp fashion-mnist-mlp:" \
    "NACRE_DATA_DIR does not say where their data are"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
