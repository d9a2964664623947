#!/bin/sh
# SPDX-License-Identifier: MIT
# cli: every verb of the command line as people use it, and as they misuse it.
#
# $NACRE is the program, $srcdir the source tree; plugins are found as the
# environment says.
set -u
: "${NACRE:?}" "${srcdir:?}"

dir=$(mktemp -d "${TMPDIR:-/tmp}/nacre-cli.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
configs=$(cd "$srcdir/configs" && pwd) || exit 1
passed=0
failed=0

pass() {
  passed=$((passed + 1))
  echo "ok: $*"
}

fail() {
  failed=$((failed + 1))
  echo "FAILED: $*"
}

# expect CODE COMMAND...: runs it, keeps what it prints, checks how it ends.
expect() {
  code=$1
  shift
  "$@" >"$dir/out" 2>"$dir/err" </dev/null
  got=$?
  name="$(basename "$1") $(echo "$*" | cut -d' ' -f2- | cut -c1-64)"
  if [ $got -eq "$code" ]; then
    pass "$name: exit $code"
  else
    fail "$name: exit $got, not $code"
    sed 's/^/  out: /' "$dir/out" | head -n 5
    sed 's/^/  err: /' "$dir/err" | head -n 5
  fi
}

# says out|err PATTERN: what the last command printed there.
says() {
  if grep -q -e "$2" "$dir/$1"; then
    pass "  $1 says $2"
  else
    fail "  $1 lacks $2"
    sed 's/^/  /' "$dir/$1" | head -n 5
  fi
}

# silent out|err
silent() {
  if [ -s "$dir/$1" ]; then
    fail "  $1 is not empty"
    sed 's/^/  /' "$dir/$1" | head -n 5
  else
    pass "  $1 is empty"
  fi
}

# same WHAT A B
same() {
  if [ "$2" = "$3" ]; then
    pass "  $1"
  else
    fail "  $1: '$2' and '$3'"
  fi
}

# json: the last command printed JSON. YAML has all of JSON, but not the
# other way round; without Python only the braces are looked at.
json() {
  if ! command -v python3 >/dev/null 2>&1; then
    says out '^[[{]'
  elif python3 -m json.tool <"$dir/out" >/dev/null 2>"$dir/err"; then
    pass "  out is JSON"
  else
    fail "  out is no JSON: $(cat "$dir/err")"
  fi
}

# the_run NAME: the only run directory of an experiment.
the_run() {
  echo "$dir/runs/$1"/*
}

cat >"$dir/kinds.csv" <<'END'
a,b,kind
1,2,"red, dark"
2,1,blue
1.5,2.5,"red, dark"
2.5,1,blue
1,3,"red, dark"
3,1,blue
1.25,2.75,"red, dark"
2.75,1.5,blue
END
cut -d, -f1,2 "$dir/kinds.csv" >"$dir/inputs.csv"

# The shape of the input is left to the data.
cat >"$dir/kinds.yaml" <<'END'
nacre: 1
seed: 3
model:
  layers:
    - {name: hidden, type: dense, units: 4, activation: tanh}
    - {name: kind, type: dense, units: 2, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer: {type: adam, learning_rate: 0.05}
metrics: [accuracy, confusion_matrix]
data:
  train: {type: csv, path: kinds.csv, target: [kind]}
  test: {from: train, fraction: 0.25, stratify: true}
  transform: [standardize]
train: {epochs: 80, batch_size: 2}
END

cat >"$dir/price.yaml" <<'END'
nacre: 1
seed: 3
model: {input: [1], layers: [{type: dense, units: 1}]}
loss: mean_squared_error
optimizer: {type: adam, learning_rate: 0.1}
data:
  train: {type: inline, x: [[1], [2], [3], [4]], y: [[1000], [2000], [3000], [4000]]}
  transform: [standardize, {type: standardize, field: y}]
train: {epochs: 200, batch_size: 4}
END

cat >"$dir/pair.yaml" <<'END'
nacre: 1
model:
  input: [2]
  layers:
    - {name: trunk, type: dense, units: 3, activation: relu}
    - {name: left, type: dense, units: 1, inputs: trunk}
    - {name: right, type: dense, units: 2, inputs: trunk}
  outputs: [left, right]
loss: {left: mean_squared_error, right: mean_squared_error}
optimizer: sgd
data:
  train: {type: inline, x: [[0, 1], [1, 0]], y: {left: [[0], [1]], right: [[0, 1], [1, 0]]}}
train: {epochs: 2, batch_size: 2}
END

sed 's/units: 2, act/unit: 2, act/; s/adam,/adm,/' "$dir/kinds.yaml" \
  >"$dir/wrong.yaml"

# --- the program ------------------------------------------------------------

expect 0 "$NACRE" --help
cp "$dir/out" "$dir/overview"
for verb in train resume evaluate predict plan bench check config data plugins inspect \
  check-plugin; do
  same "the overview lists $verb" "$(grep -c "^  $verb " "$dir/overview")" 1
  expect 0 "$NACRE" "$verb" --help
  says out "^usage: nacre $verb "
  silent err
done
expect 0 "$NACRE" --version
says out '^nacre [0-9]'
expect 2 "$NACRE"
says err '^usage: nacre VERB'
silent out
expect 2 "$NACRE" chekc
says err "did you mean 'check'"
expect 2 "$NACRE" frobnicate
expect 2 "$NACRE" train
expect 2 "$NACRE" train --thread=2 "$configs/xor.yaml"
says err "did you mean '--threads'"
expect 2 "$NACRE" train --threads=many "$configs/xor.yaml"
expect 2 "$NACRE" train "$configs/xor.yaml" --threads
expect 2 "$NACRE" plugins --json=yes
expect 2 "$NACRE" plugins layer loss

# --- check ------------------------------------------------------------------

expect 0 "$NACRE" check "$configs/xor.yaml"
says out '/xor.yaml: ok$'
silent err
for config in "$configs"/*.yaml; do
  expect 0 "$NACRE" check "$config"
done
expect 3 "$NACRE" check "$dir/wrong.yaml"
says err "wrong.yaml:6:.*'unit'"
says err "did you mean 'units'"
says err "'adm'"
says err '^[2-9] errors$'
silent out
expect 3 "$NACRE" check "$dir/wrong.yaml" --json
says out '"ok": false'
says out '"line": 6'
json
expect 0 "$NACRE" check "$dir/kinds.yaml" --json
says out '"ok": true'
json
expect 3 "$NACRE" check "$dir/kinds.yaml" optimizer.learning_rate=fast
says err 'command line:1:'
expect 0 "$NACRE" check --data "$dir/kinds.yaml"
expect 5 "$NACRE" check --data "$dir/kinds.yaml" \
  data.train.path="$dir/none.csv"
says err 'none.csv'
expect 3 "$NACRE" check "$dir/none.yaml"
says err 'none.yaml'

# --- config -----------------------------------------------------------------

expect 0 "$NACRE" config show "$dir/kinds.yaml" model.layers.hidden.units=7
says out 'units: 7'
cp "$dir/out" "$dir/shown.yaml"
expect 0 "$NACRE" config show "$dir/shown.yaml"
same 'what is shown is shown alike' "$(cat "$dir/shown.yaml")" \
  "$(cat "$dir/out")"
expect 0 "$NACRE" config show "$dir/kinds.yaml" --json
says out '"units": 4'
json
expect 3 "$NACRE" config show "$dir/wrong.yaml"
expect 2 "$NACRE" config edit "$dir/kinds.yaml"
expect 2 "$NACRE" config show

# --- plan -------------------------------------------------------------------

expect 0 "$NACRE" plan "$configs/xor.yaml"
says out 'dense + relu'
says out '\[None, 2\]'
says out 'parameters: 9 (9 trained, 0 not)'
says out 'on the logits'
says out 'optimizer state'
expect 0 "$NACRE" plan "$dir/kinds.yaml"
says out '\[None, 4\]'
expect 0 "$NACRE" plan "$dir/pair.yaml"
says out '^output right: '
expect 0 "$NACRE" plan "$configs/xor.yaml" --json
says out '"parameters": 9'
json
# Nothing of it is allocated: 400 TB of weights are only counted.
expect 0 "$NACRE" plan "$configs/xor.yaml" 'model.layers=[{type: dense, units: 10000000}, {type: dense, units: 10000000}, {type: dense, units: 1}]'
says out 'TiB'
expect 3 "$NACRE" plan "$dir/wrong.yaml"

# What is computed again saves memory, and changes no bit.
awk 'BEGIN {
  print "nacre: 1\nmodel:\n  layers:"
  for (i = 0; i < 12; i++) {
    print "    - {type: dense, units: 64, activation: gelu}"
    print "    - {type: batch_normalization}"
    print "    - {type: dropout, rate: 0.2}"
  }
  print "    - {type: dense, units: 1}"
  print "loss: mean_squared_error\noptimizer: sgd\ndata:\n  train:"
  print "    type: inline"
  printf "    x: ["
  for (i = 0; i < 300; i++) { printf "[%d, %d], ", i % 7, i % 5 }
  printf "]\n    y: ["
  for (i = 0; i < 300; i++) { printf "%d, ", i % 3 }
  print "]\ntrain: {epochs: 2, batch_size: 128}"
}' >"$dir/deep.yaml"
total() {
  "$NACRE" plan --json "$dir/deep.yaml" "$@" 2>/dev/null |
    sed -n 's/.*"total": \([0-9]*\).*/\1/p'
}
digest() {
  "$NACRE" train --digest --runs "$dir/deep" "$dir/deep.yaml" "$@" 2>&1 \
    >/dev/null | sed -n 's/.*digest //p'
}
whole=$(total)
least=$(total memory.recompute=always)
if [ "$least" -lt $((whole * 2 / 3)) ]; then
  pass "computing again takes $least bytes instead of $whole"
else
  fail "computing again takes $least bytes instead of $whole"
fi
same=$(digest)
[ -n "$same" ] || fail 'no digest is printed'
for memory in recompute=always "limit=$least, recompute=auto" \
  "limit=$(((whole + least) / 2)), recompute=auto" \
  "limit=$whole, recompute=auto" "limit=${whole}B"; do
  memory=$(echo "memory={$memory}" | sed 's/=\([^{]\)/: \1/g')
  if [ "$(digest "$memory")" = "$same" ]; then
    pass "the same bits with $memory"
  else
    fail "other bits with $memory"
  fi
done
expect 0 "$NACRE" plan "$dir/deep.yaml" memory.recompute=always
says out 'made again for the backward pass'
expect 0 "$NACRE" plan "$dir/deep.yaml" \
  "memory={recompute: auto, limit: $whole}"
says out 'total'
grep -q 'made again' "$dir/out" && fail '  nothing needs to be made again'
for verb in plan train; do
  expect 8 "$NACRE" $verb "$dir/deep.yaml" memory.limit=$((whole - 1))
  says err 'may take'
  says err 'memory.recompute=auto'
  expect 8 "$NACRE" $verb "$dir/deep.yaml" \
    "memory={recompute: auto, limit: 40kB}"
  says err 'even where it computes activations again'
done
[ ! -e runs ] || fail 'a training that does not fit left a directory'

# --- bench ------------------------------------------------------------------

expect 0 "$NACRE" bench "$configs/xor.yaml" --seconds 0.05
says out 'training, batches of 1$'
says out '^  step .* ns, 90 % within'
says out 'GFLOP/s'
silent err
expect 0 "$NACRE" bench "$configs/digits.yaml" --seconds 0.05 --profile \
  --trace "$dir/trace.json" train.batch_size=16
says out 'batches of 16$'
says out '^(step) *update'
says out '^dense *backward'
cp "$dir/trace.json" "$dir/out"
says out '"cat": "forward", "ph": "X"'
json
expect 0 "$NACRE" bench "$configs/digits.yaml" --seconds 0.05 --inference \
  --json
says out '"mode": "inference", "batch": 32'
json
cat >"$dir/words.yaml" <<'EOF'
nacre: 1
model:
  input: [4]
  layers:
    - {type: embedding, input_dim: 9, output_dim: 3}
    - flatten
    - {type: dense, units: 8, activation: tanh}
    - {type: dense, units: 1}
loss: mean_squared_error
optimizer: sgd
data:
  train:
    type: inline
    x: [[1, 2, 3, 8], [4, 5, 6, 7]]
    y: [[0], [1]]
train: {epochs: 1}
EOF
expect 0 "$NACRE" bench "$dir/words.yaml" --seconds 0.05 --inference
says out 'inference, batches of 2$'
expect 2 "$NACRE" bench "$configs/xor.yaml" --seconds soon
expect 3 "$NACRE" bench "$dir/wrong.yaml"
expect 7 "$NACRE" bench "$configs/xor.yaml" --seconds 0.05 \
  --trace "$dir/none/trace.json"

# --- plugins, inspect -------------------------------------------------------

expect 0 "$NACRE" plugins
says out '^layer  *dense '
silent err
expect 0 "$NACRE" plugins layers
says out '^layer  *dense '
same 'no other kind is listed' "$(grep -c '^loss' "$dir/out")" 0
expect 0 "$NACRE" plugins --json
json
expect 2 "$NACRE" plugins layes
says err "did you mean 'layer'"
mkdir "$dir/plugins"
echo 'no plugin' >"$dir/plugins/odd.so"
expect 0 "$NACRE" plugins --plugin-path "$dir/plugins" --rescan
says out '^refused$'
says out 'odd.so: '
expect 0 "$NACRE" plugins --plugin-path "$dir/plugins" --ship "$dir/plugins"
same 'a cache was written' "$(ls "$dir/plugins")" \
  "$(printf 'odd.so\nregistry-cache')"

expect 0 "$NACRE" inspect
says out '^optimizer  *[0-9]'
expect 0 "$NACRE" inspect layers
says out '^dense  *Fully'
expect 0 "$NACRE" inspect layer/dense
cp "$dir/out" "$dir/dense"
says out 'units (int >= 1, required)'
says out 'kernel (starts as glorot_uniform)'
says out 'WEIGHT_regularizer'
expect 0 "$NACRE" inspect dense
same 'a name alone is enough' "$(cat "$dir/dense")" "$(cat "$dir/out")"
expect 0 "$NACRE" inspect dense/dense
same 'as is that of its module' "$(cat "$dir/dense")" "$(cat "$dir/out")"
expect 0 "$NACRE" inspect optimizer/sgd
says out 'clip_global_norm'
expect 0 "$NACRE" inspect optimizer/sgd --json
json
expect 0 "$NACRE" inspect --why layer/dense
says out '^1\.  *dense '
expect 4 "$NACRE" inspect layer/desne
says err "did you mean 'layer/dense'"
expect 4 "$NACRE" inspect no_such_component
expect 2 "$NACRE" inspect identity
says err 'initializer/identity'
expect 4 "$NACRE" inspect --plugin-path "$dir/plugins" layer/odd
says err 'refused'
expect 0 "$NACRE" inspect --markdown
says out '^## Layers$'
says out '^### dense$'
cp "$dir/out" "$dir/markdown"
expect 0 "$NACRE" inspect --markdown
same 'the reference does not change' "$(cksum <"$dir/markdown")" \
  "$(cksum <"$dir/out")"
for kind in layer loss optimizer metric source transform callback; do
  "$NACRE" inspect $kind --json >"$dir/out" 2>"$dir/err"
  json
done

# --- train ------------------------------------------------------------------

expect 0 "$NACRE" train --runs "$dir/runs" "$dir/kinds.yaml"
says out '^test/accuracy '
says out "^run $dir/runs/kinds/"
says err '^epoch 80/80 '
trained=$(grep '^test/' "$dir/out")
kinds=$(the_run kinds)
for file in config.yaml env.json history.csv metrics.json metrics.jsonl \
  weights.safetensors; do
  same "$file is there" "$(ls "$kinds/$file")" "$kinds/$file"
done
expect 0 "$NACRE" train --runs "$dir/runs" --json --progress=none \
  "$dir/price.yaml"
json
silent err
expect 0 "$NACRE" train --runs "$dir/runs" --progress=none "$dir/pair.yaml"
expect 0 "$NACRE" train --runs "$dir/runs" --progress=jsonl \
  "$configs/digits.yaml" train.epochs=2
says out '"epoch": 2'
expect 0 "$NACRE" train --runs "$dir/runs" --progress=plain --digest \
  --threads=1 "$configs/xor.yaml" train.epochs=3
says err 'digest [0-9a-f]\{32\}$'
expect 2 "$NACRE" train --progress=loud "$configs/xor.yaml"
expect 3 "$NACRE" train --runs "$dir/runs" "$dir/wrong.yaml"
expect 5 "$NACRE" train --runs "$dir/runs" "$dir/kinds.yaml" \
  data.train.path="$dir/none.csv"
expect 7 "$NACRE" train --runs /dev/null/runs --progress=none \
  "$configs/xor.yaml"

# A training that is asked to stop saves what it has. A shell lets the
# programs in its background ignore SIGINT; nacre hears it all the same, once
# it has begun. One that did not hear it would end after some seconds.
for signal in TERM:75 INT:130; do
  rm -rf "$dir/stopped"
  : >"$dir/err"
  "$NACRE" train --runs "$dir/stopped" "$configs/xor.yaml" \
    train.epochs=2000000 >"$dir/out" 2>>"$dir/err" </dev/null &
  pid=$!
  n=0
  while [ ! -s "$dir/err" ] && [ $n -lt 100 ]; do
    sleep 0.1
    n=$((n + 1))
  done
  kill -s "${signal%:*}" $pid
  wait $pid
  same "SIG${signal%:*} ends a training" $? "${signal#*:}"
  expect 0 "$NACRE" evaluate "$dir/stopped/xor"/*
done

# --- data -------------------------------------------------------------------

expect 0 "$NACRE" data info "$configs/iris.yaml"
says out '^train  *120  x  *input '
says out '^  2  *40 '
expect 0 "$NACRE" data info "$configs/iris.yaml" --json
expect 0 "$NACRE" data preview "$configs/iris.yaml" --samples 3
[ "$(wc -l <"$dir/out")" -eq 3 ] && pass "three rows" || fail "three rows"
cat >"$dir/images.yaml" <<EOF
nacre: 1
model: {input: [5, 4, 1], layers: [flatten, {type: dense, units: 1}]}
loss: mean_squared_error
optimizer: sgd
data:
  augment: {type: random_flip}
  train:
    type: inline
    x: [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1], [2, 3, 4, 5], [6, 7, 8, 9]]]
    y: [1]
EOF
expect 2 "$NACRE" data preview "$dir/images.yaml"
expect 2 "$NACRE" data preview "$dir/images.yaml" --output "$dir/sheet.gif"
expect 2 "$NACRE" data view "$dir/images.yaml"
expect 7 "$NACRE" data preview "$dir/images.yaml" --output "$dir/no/sheet.png"
if "$NACRE" plugins image | grep -q png; then
  expect 0 "$NACRE" data preview "$dir/images.yaml" --output "$dir/sheet.png"
  head -c 4 "$dir/sheet.png" | grep -q PNG && pass "a sheet" || fail "a sheet"
else
  echo "SKIPPED: images/png was not built"
fi

# --- evaluate ---------------------------------------------------------------

expect 0 "$NACRE" evaluate "$kinds"
same 'what training said is found again' "$trained" \
  "$(grep '^test/' "$dir/out")"
says out '^confusion_matrix'
says out 'red, dark'
expect 0 "$NACRE" evaluate "$kinds" --on train --json
says out '"on": "train", "samples": 6'
says out '"confusion_matrix": \[\['
json
expect 0 "$NACRE" evaluate "$kinds" 'metrics=[recall]'
says out '^test/recall '
expect 5 "$NACRE" evaluate "$kinds" --on validation
expect 2 "$NACRE" evaluate "$kinds" --on moon
expect 3 "$NACRE" evaluate "$kinds" metrics=recal
expect 6 "$NACRE" evaluate "$dir/nowhere"
says err 'nowhere'
expect 6 "$NACRE" evaluate "$dir/kinds.yaml"
expect 6 "$NACRE" evaluate "$dir"
says err 'config.yaml'
expect 6 "$NACRE" evaluate "$kinds" model.layers.hidden.units=5
says err 'hidden.kernel'

mkdir "$dir/damaged"
cp "$kinds/config.yaml" "$dir/damaged"
expect 6 "$NACRE" evaluate "$dir/damaged"
says err 'weights.safetensors'
head -c 100 "$kinds/weights.safetensors" >"$dir/damaged/weights.safetensors"
expect 6 "$NACRE" evaluate "$dir/damaged"
says err 'weights.safetensors'
cp "$(the_run price)/weights.safetensors" "$dir/damaged"
expect 6 "$NACRE" predict "$dir/damaged" "$dir/kinds.csv"
says err 'weights.safetensors: error: tensor'

# --- predict ----------------------------------------------------------------

expect 0 "$NACRE" predict "$kinds" "$dir/kinds.csv"
says out '^prediction_0,prediction_1,class$'
says out ',"red, dark"$'
same 'a row for each sample' "$(wc -l <"$dir/out" | tr -d ' ')" 9
cp "$dir/out" "$dir/predicted"
expect 0 "$NACRE" predict "$kinds" "$dir/inputs.csv"
same 'targets are not needed' "$(cat "$dir/predicted")" "$(cat "$dir/out")"
"$NACRE" predict "$kinds" - <"$dir/inputs.csv" >"$dir/out" 2>"$dir/err"
same 'standard input is read' "$(cat "$dir/predicted")" "$(cat "$dir/out")"
expect 0 "$NACRE" predict "$kinds" "$dir/inputs.csv" --output "$dir/p.csv"
silent out
same 'a file has the same' "$(cat "$dir/predicted")" "$(cat "$dir/p.csv")"
expect 0 "$NACRE" predict "$kinds" "$dir/inputs.csv" --to jsonl
says out '^{"prediction": \[.*\], "class": "blue"}$'
if command -v gzip >/dev/null 2>&1; then
  gzip -c "$dir/inputs.csv" >"$dir/inputs.csv.gz"
  expect 0 "$NACRE" predict "$kinds" "$dir/inputs.csv.gz"
  same 'compressed files are read' "$(cat "$dir/predicted")" \
    "$(cat "$dir/out")"
fi
# Predictions of two classes have the shape of its inputs.
expect 0 "$NACRE" predict "$kinds" "$dir/inputs.csv" --output "$dir/p.npy"
same 'npy: 128 bytes, 8 samples of 2 floats' \
  "$(wc -c <"$dir/p.npy" | tr -d ' ')" 192
expect 0 "$NACRE" predict "$kinds" "$dir/p.npy"
same 'npy is read' "$(wc -l <"$dir/out" | tr -d ' ')" 9
expect 0 "$NACRE" predict "$(the_run digits)" "$configs/data/digits.csv.gz"
says out 'prediction_9,class$'

printf 'x\n2.5\n' >"$dir/x.csv"
expect 0 "$NACRE" predict "$(the_run price)" "$dir/x.csv"
says out '^prediction$'
same 'what was done to the target is undone' \
  "$(sed -n '2s/^2[45][0-9][0-9].*/2500/p' "$dir/out")" 2500
expect 0 "$NACRE" predict "$(the_run pair)" "$dir/inputs.csv"
says out '^left,right_0,right_1$'
expect 2 "$NACRE" predict "$(the_run pair)" "$dir/inputs.csv" --to npy
says err 'jsonl'
expect 2 "$NACRE" predict "$kinds" "$dir/inputs.csv" --to parquet
expect 2 "$NACRE" predict "$kinds"
expect 5 "$NACRE" predict "$kinds" "$dir/none.csv"
expect 5 "$NACRE" predict "$kinds" "$dir/wrong.yaml"
printf 'a,b\n1,two\n' >"$dir/bad.csv"
expect 5 "$NACRE" predict "$kinds" "$dir/bad.csv"
says err 'bad.csv'
expect 7 "$NACRE" predict "$kinds" "$dir/inputs.csv" --output /dev/null/p.csv
expect 6 "$NACRE" predict "$dir/nowhere" "$dir/inputs.csv"

# Pictures, in folders for training; any of them, and a folder of any.
for at in dark/1 dark/2 light/1 light/2; do
  mkdir -p "$dir/pictures/${at%/*}"
  case $at in dark/*) grey=20 ;; *) grey=230 ;; esac
  echo "P2 2 2 255 $grey $grey $grey $grey" >"$dir/pictures/$at.pgm"
done
cat >"$dir/pictures.yaml" <<'END'
nacre: 1
name: pictures
model:
  layers:
    - flatten
    - {type: dense, units: 2, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer: {type: adam, learning_rate: 0.05}
data:
  train: {type: image_directory, path: pictures, image_size: 2,
          color_mode: grayscale}
  transform: [{type: rescale, scale: 1/255, offset: -0.5}]
train: {epochs: 200, batch_size: 4}
END
expect 0 "$NACRE" train --runs "$dir/runs" --progress=none \
  "$dir/pictures.yaml"
cp "$dir/pictures/light/1.pgm" "$dir/one.PGM"
expect 0 "$NACRE" predict "$(the_run pictures)" "$dir/one.PGM"
says out '^prediction_0,prediction_1,class$'
same 'a picture is recognized' "$(sed -n '2s/.*,//p' "$dir/out")" light
(cd "$dir/pictures" && cp dark/2.pgm loose.pgm)
expect 0 "$NACRE" predict "$(the_run pictures)" "$dir/pictures"
same 'so are those of a folder' \
  "$(sed '1d; s/.*,//' "$dir/out" | tr '\n' ' ')" 'dark dark light light dark '
echo "P5 2 2 255 1" >"$dir/pictures/loose.pgm"
expect 5 "$NACRE" predict "$(the_run pictures)" "$dir/pictures"
says err 'pictures/loose.pgm: error: cut short: 2 x 2 pixels take 4 bytes'

# --- check-plugin -----------------------------------------------------------

plugin=$("$NACRE" plugins schedule |
  awk '$2 == "constant" { print $NF; exit }')
expect 0 "$NACRE" check-plugin "$plugin"
says out ' 0 failed$'
expect 4 "$NACRE" check-plugin "$dir/plugins/odd.so"
expect 4 "$NACRE" check-plugin "$dir/none.so"
expect 2 "$NACRE" check-plugin

# --- standard output that cannot be written ---------------------------------

if [ -c /dev/full ]; then
  full() {
    "$NACRE" "$@" >/dev/full 2>"$dir/err" </dev/null
    same "$1 on a full disk" $? 7
    says err 'cannot write to standard output'
  }
  full --help
  full --version
  full check "$configs/xor.yaml"
  full config show "$configs/xor.yaml"
  full plan "$configs/xor.yaml"
  full plugins
  full inspect layer/dense
  full evaluate "$kinds"
  full predict "$kinds" "$dir/inputs.csv"
  full check-plugin "$plugin"
  full train --runs "$dir/runs" --progress=none "$configs/xor.yaml" \
    train.epochs=1
fi
"$NACRE" plugins >&- 2>"$dir/err" </dev/null
same 'a closed standard output is no error' $? 0
"$NACRE" inspect --markdown 2>"$dir/err" | head -n 1 >"$dir/out"
says out '^# Components$'
silent err

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
