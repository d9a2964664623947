#!/bin/sh
# SPDX-License-Identifier: MIT
# sequences: running text, texts and series from outside: what is learned of
# them is put to use on others.
#
# $NACRE is the program; plugins are found as the environment says.
set -u

: "${NACRE:?names the program}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/nacre-sequences.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
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

# same WHAT A B
same() {
  if [ "$2" = "$3" ]; then
    pass "$1"
  else
    fail "$1: '$2' is not '$3'"
  fi
}

# train NAME [SETTING...]: prints where the run is.
train() {
  config=$1
  shift
  "$NACRE" train "$dir/$config.yaml" --runs="$dir/runs" --progress=none \
    "$@" >"$dir/$config.out" 2>"$dir/err" </dev/null || {
    fail "$config: training ended with an error" >&2
    sed 's/^/  /' "$dir/err" >&2
  }
  sed -n 's/^run //p' "$dir/$config.out"
}

# refused CODE TEXT COMMAND...
refused() {
  code=$1 text=$2
  shift 2
  "$@" >"$dir/out" 2>"$dir/err" </dev/null
  got=$?
  if [ $got -eq "$code" ] && grep -q -e "$text" "$dir/err"; then
    pass "refused: $text"
  else
    fail "exit $got, not $code with '$text': $(cat "$dir/err")"
  fi
}

write() {
  "$NACRE" predict "$@" 2>"$dir/err" </dev/null
}

# --- a language model --------------------------------------------------------

# A song without an end, which a window of four shows how to go on.
awk 'BEGIN { for (i = 0; i < 200; i++) print "do re mi fa sol la ti" }' \
  >"$dir/song.txt"
cat >"$dir/song.yaml" <<'EOF'
nacre: 1
seed: 1
model:
  layers:
    - {type: embedding, input_dim: 13, output_dim: 8}
    - flatten
    - {type: dense, units: 32, activation: tanh}
    - {type: dense, units: 13, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer: {type: adam, learning_rate: 0.01}
metrics: [accuracy]
data:
  train:
    {type: text, path: song.txt, context: 4, targets: last, part: train,
     parts: [0.9, 0.1]}
  validation: {type: text, path: song.txt, part: validation}
train: {epochs: 3}
EOF
song=$(train song)
same 'it knows the song' 'val/accuracy 1' \
  "$(grep '^val/accuracy' "$dir/song.out")"
line='do re mi fa sol la ti'
same 'it goes on with it' "$line
$line" "$(write "$song" --prompt='do re' --length=38 --temperature=0)"
rm "$dir/song.txt" # the vocabulary is the run's
same 'a long prompt, too' "$line
$line
do r" "$(write "$song" --prompt="$line
do re mi" --length=18 --top-k=1)"
one=$(write "$song" --prompt=do --length=50 --temperature=9 --seed=4)
same 'a seed gives its text' "$one" "$(write "$song" --prompt=do \
  --length=50 --temperature=9 --seed=4 --threads=1)"
other=$(write "$song" --prompt=do --length=50 --temperature=9 --seed=5)
if [ "$one" != "$other" ]; then
  pass 'another seed another'
else
  fail 'another seed gives the same text'
fi
same 'its length is that asked for' 12 "$(write "$song" --prompt=do \
  --length=10 --top-k=1 | tr -d '\n' | wc -c | tr -d ' ')"
refused 2 "the character 'x' is not in the vocabulary" \
  "$NACRE" predict "$song" --prompt='do x'
refused 2 'there must be something that text can follow' \
  "$NACRE" predict "$song" --prompt=
refused 2 'not both' "$NACRE" predict "$song" "$dir/song.txt" --prompt=do
refused 2 '.--temperature is a number from 0' \
  "$NACRE" predict "$song" --prompt=do --temperature=-1
refused 2 '.--seed is a whole number' \
  "$NACRE" predict "$song" --prompt=do --seed=x

# Batches in which letters come much more often than there are letters, and a
# last one of other size: the same weights for any number of threads.
awk 'BEGIN { srand(7); for (i = 0; i < 3700; i++)
  printf "%c", 97 + int(rand() * 11) }' >"$dir/letters.txt"
cat >"$dir/letters.yaml" <<'EOF'
nacre: 1
seed: 2
model:
  layers:
    - {type: embedding, input_dim: 11, output_dim: 136}
    - {type: lstm, units: 72, return_sequences: true}
    - {type: gru, units: 40, return_sequences: true}
    - {type: dense, units: 11, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer: {type: adam, learning_rate: 0.01}
data:
  batch_size: 70
  train: {type: text, path: letters.txt, context: 24, stride: 24}
train: {epochs: 2}
EOF
digests() {
  "$NACRE" train "$dir/letters.yaml" --runs="$dir/runs" --progress=jsonl \
    --digest "$@" 2>&1 | sed -n 's/.*"digest": "\([0-9a-f]*\)".*/\1/p'
}
first=$(digests --threads=1)
same 'two epochs have digests' 2 \
  "$(echo "$first" | grep -c '^[0-9a-f]\{32\}$')"
for threads in 2 3 4 7; do
  same "letters: the same weights with --threads=$threads" "$first" \
    "$(digests --threads=$threads)"
done

# Letters at random: what is drawn comes as often as what was learned.
awk 'BEGIN { srand(3); for (i = 0; i < 20000; i++) {
  u = rand(); printf "%s", u < 0.6 ? "a" : u < 0.9 ? "b" : "c" } }' \
  >"$dir/dice.txt"
cat >"$dir/dice.yaml" <<'EOF'
nacre: 1
model:
  layers:
    - {type: embedding, input_dim: 3, output_dim: 4}
    - {type: dense, units: 3, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer: {type: adam, learning_rate: 0.02}
data:
  train: {type: text, path: dice.txt, context: 8}
train: {epochs: 4}
EOF
dice=$(train dice)
# shares [OPTION...]: of a, b and c among 4000 draws, in percent.
shares() {
  write "$dice" --prompt=a --length=4000 "$@" | tr -d '\n' | fold -w1 |
    sort | uniq -c | awk '{ printf "%s%.0f ", $2, $1 / 40.01 }'
}
# near "WORDS" "WORDS": the same letters, numbers within 3.
near() {
  if printf '%s\n%s\n' "$2" "$3" | sed 's/[abc]/& /g' | awk '
      NR == 1 { n = split($0, want) } NR == 2 { m = split($0, got) }
      END {
        if (n != m || n == 0) exit 1
        for (i = 1; i <= n; i += 2) {
          off = want[i + 1] - got[i + 1]
          if (want[i] != got[i] || off > 3 || off < -3) exit 1
        }
      }'; then
    pass "$1: $3"
  else
    fail "$1: $3, not $2"
  fi
}
near 'draws as they were learned' 'a60 b30 c10' "$(shares)"
# Squares: 36, 9 and 1 of 46.
near 'temperature 0.5' 'a78 b20 c2' "$(shares --temperature=0.5)"
near 'top-k 2' 'a67 b33' "$(shares --top-k=2)"
near 'temperature 0' 'a100' "$(shares --temperature=0)"

# What goes through a transform goes through it here.
cat >"$dir/hot.yaml" <<'EOF'
extends: dice.yaml
model:
  layers:
    - {type: dense, units: 3, activation: softmax}
data:
  transform: [{type: one_hot, classes: 3}]
EOF
dice=$(train hot)
near 'a transform' 'a60 b30 c10' "$(shares)"

# A network of the right shapes is not yet a language model.
cat >"$dir/flat.yaml" <<'EOF'
extends: dice.yaml
model:
  layers:
    - {type: embedding, input_dim: 3, output_dim: 4}
    - {type: dense, units: 3, kernel_initializer: zeros, bias_initializer: ones}
optimizer: {learning_rate: 0}
train: {epochs: 1}
EOF
flat=$(train flat)
refused 6 'its outputs are no probabilities' \
  "$NACRE" predict "$flat" --prompt=a
cat >"$dir/narrow.yaml" <<'EOF'
extends: dice.yaml
model:
  layers: [flatten, {type: dense, units: 2}]
loss: mean_squared_error
data:
  train: {type: inline, x: [[0, 1]], y: [[0, 1]]}
EOF
narrow=$(train narrow)
refused 6 'its training data are not running text' \
  "$NACRE" predict "$narrow" --prompt=a

# Windows that overlap are not mixed.
refused 3 'samples of data source .text. overlap' "$NACRE" check --data \
  "$dir/dice.yaml" data.train.stride=1 \
  'data.validation={from: train, fraction: 0.1}'
if "$NACRE" check --data "$dir/dice.yaml" data.train.stride=1 \
  'data.validation={from: train, fraction: 0.1, shuffle: false}' \
  >"$dir/out" 2>"$dir/err"; then
  pass 'but held out in one piece'
else
  fail "in one piece: $(cat "$dir/err")"
fi

# --- texts -------------------------------------------------------------------

awk 'BEGIN {
  print "kind\ttext"
  for (i = 0; i < 60; i++) {
    print "good\tWhat a \"fine\" film, number " i "!"
    print "bad\tA dull film; number " i "..."
  } }' >"$dir/films.tsv"
cat >"$dir/films.yaml" <<'EOF'
nacre: 1
model:
  layers:
    - {type: embedding, input_dim: 20, output_dim: 4}
    - flatten
    - {type: dense, units: 2, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer: {type: adam, learning_rate: 0.02}
metrics: [accuracy]
data:
  train:
    {type: labeled_text, path: films.tsv, y: kind, max_tokens: 20,
     output_sequence_length: 8}
  test: {from: train, fraction: 0.25, stratify: true}
train: {epochs: 20}
EOF
films=$(train films)
same 'films are told apart' 'test/accuracy 1' \
  "$(grep '^test/accuracy' "$dir/films.out")"
rm "$dir/films.tsv"
printf 'a dull thing\n\nWHAT A FINE THING\n' >"$dir/new.txt"
answers() {
  awk -F, 'NR > 1 { printf "%s%s", sep, $NF; sep = " " }'
}
got=$(write "$films" "$dir/new.txt" | answers)
same 'each line has its answer' 'bad good' \
  "$(echo "$got" | awk '{ print $1, $3 }')"
same 'standard input, too' "$got" \
  "$("$NACRE" predict "$films" - <"$dir/new.txt" 2>"$dir/err" | answers)"
printf 'text,id\n"A dull, dull film",1\nwhat a fine film,2\n' >"$dir/new.csv"
same 'a table by its column' 'bad good' \
  "$(write "$films" "$dir/new.csv" | answers)"
refused 6 'this run is no language model' \
  "$NACRE" predict "$films" --prompt=a

# A folder for each class, and an archive of them.
for i in 1 2 3 4 5 6 7 8 9; do
  mkdir -p "$dir/films/good" "$dir/films/bad/old"
  printf 'What a fine\nfilm, number %s!' $i >"$dir/films/good/$i.txt"
  printf 'A dull film\nnumber %s...' $i >"$dir/films/bad/old/$i.txt"
done
echo 'of no class' >"$dir/films/README.txt"
echo 'no text' >"$dir/films/good/notes.md"
folders=$(train films data.train.path=null data.train.y=null \
  data.train.directory="$dir/films" data.test=null train.epochs=60)
same 'folders of classes' 'accuracy 1' \
  "$(grep '^accuracy' "$dir/films.out")"
same 'which a file of lines is told into' 'bad good' \
  "$(write "$folders" "$dir/new.txt" | answers | awk '{ print $1, $3 }')"
loss=$(grep '^loss' "$dir/films.out")
if (cd "$dir/films" && tar cf ../films.tar bad good) 2>"$dir/err"; then
  train films data.train.path=null data.train.y=null data.test=null \
    data.train.directory="$dir/films.tar" train.epochs=60 >"$dir/out"
  same 'an archive of them' "${loss:-none}" \
    "$(grep '^loss' "$dir/films.out")"
fi
printf 'a\377' >"$dir/films/bad/z.txt"
refused 5 'films/bad/z.txt@1: error: byte 0xFF is not UTF-8' "$NACRE" check \
  --data "$dir/films.yaml" data.train.path=null data.train.y=null \
  data.train.directory="$dir/films" data.test=null

# --- series ------------------------------------------------------------------

# A line goes on as a line.
awk 'BEGIN { print "hour,level"; for (i = 0; i < 200; i++)
  print i ":00," 1000 + 10 * i }' >"$dir/level.csv"
cat >"$dir/level.yaml" <<'EOF'
nacre: 1
model:
  layers: [flatten, {type: dense, units: 3}]
loss: mean_squared_error
optimizer: {type: adam, learning_rate: 0.02}
metrics: [mean_absolute_error]
data:
  train:
    {type: windows, path: level.csv, x: level, history: 4, horizon: 3,
     standardize: true, parts: [120, 40, 40], part: train}
  validation: {type: windows, path: level.csv, part: validation}
  test: {type: windows, path: level.csv, part: test}
train: {epochs: 300}
EOF
level=$(train level)
if awk '$1 == "test/mean_absolute_error" { exit !($2 < 0.05) }' \
  "$dir/level.out"; then
  pass 'a line is forecast'
else
  fail "a line is not forecast: $(cat "$dir/level.out")"
fi
printf 'level\n1500\n1510\n1520\n1530\n1540\n' >"$dir/new.csv"
got=$(write "$level" "$dir/new.csv" | tail -n 1)
if echo "$got" | awk -F, '{ exit !($1 > 1540 && $1 < 1560 && $2 > 1550 &&
    $2 < 1570 && $3 > 1560 && $3 < 1580) }'; then
  pass "what follows the last row, in its units: $got"
else
  fail "after 1540 follows $got"
fi
same 'a forecast for each piece of history' 3 \
  "$(write "$level" "$dir/new.csv" | wc -l | tr -d ' ')"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
