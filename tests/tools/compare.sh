#!/bin/sh
# SPDX-License-Identifier: MIT
# pushforward explain and compare from outside: every method is explained; a comparison yields a table, JSON and a page,
# takes finished runs as they are, goes on after an interruption, and refuses runs that were trained otherwise.
#   compare.sh PUSHFORWARD WORK_FOLDER
set -u
program=$1
work=$2
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1
export PF_CACHE="$work/cache"
failed=0

fail() {
    echo "compare.sh: $*"
    failed=1
}

# expect CODE ARGUMENTS...: runs, keeps stdout in out and stderr in err, compares the exit code.
expect() {
    want=$1
    shift
    "$program" "$@" >out 2>err
    code=$?
    [ $code = "$want" ] || { fail "pushforward $*: exit code $code, expected $want"; cat err; }
}
has() { # FILE TEXT
    grep -qF -- "$2" "$1" || { fail "$1 lacks \"$2\":"; cat "$1"; }
}
lacks() { # FILE TEXT
    ! grep -qF -- "$2" "$1" || { fail "$1 has \"$2\":"; cat "$1"; }
}

# ---- explain ----
expect 0 explain --list
cut -d' ' -f1 out >methods
for method in flow consistency continuous meanflow pixelmeanflow drifting; do
    grep -qx $method methods || fail "explain --list lacks $method"
done
while read -r method; do
    expect 0 explain "$method"
    for part in "Training needs" "A sample is" Papers "arXiv " Options "method.$(sed -n 's/^  method\.\([a-z_A-Z]*\).*/\1/p' out | head -1)" ", default "; do
        has out "$part"
    done
    cp out explained
    # the options and only they, as the help of the configuration has them
    expect 0 help config "$method"
    sed -n '/^Options/,$p' explained | sed 1d | while read -r line; do grep -qF -- "$line" out || echo "$line"; done >missing
    [ ! -s missing ] || { fail "explain $method says of options what help config does not:"; cat missing; }
done <methods

# ---- a comparison ----
cat >small.ini <<'END'
[compare]
methods = flow, meanflow, distilled
data = 8gaussians
samples = 512
count = 256
slices = 8
evaluations = 2,1,4
[model]
width = 8
depth = 1
[train]
steps = 20
batch = 32
save_every = 10
[sample]
solver = heun
count = 16
[runtime]
selftest = off
[compare.meanflow]
ratio = 0.25
train.steps = 10
train.batch = 64
[compare.distilled]
method = consistency
form = distillation
teacher = flow
END
expect 0 compare small.ini --out c
has err "[1/3] 8gaussians, flow, seed 1: training"
has err "[3/3] 8gaussians, distilled, seed 1: measuring"
has out "W2 at 1"; has out "teacher s"; has out "floor"; has out "page c/compare.html"
has out "8gaussians: sliced W2 (8 directions) between 256 samples"
[ "$(grep -c '^flow \|^meanflow \|^distilled ' out)" = 3 ] || fail "the table has not three rows"
cp out table
for file in compare.html compare.json data/8gaussians.h5 pictures/8gaussians.png pictures/8gaussians-distilled-1-4.png \
    measured/8gaussians-flow-1.json runs/8gaussians/meanflow-1/checkpoints/step_00000010.h5 runs/8gaussians/flow-1/report.html; do
    [ -s c/$file ] || fail "c/$file is missing"
done
has c/runs/8gaussians/meanflow-1/config.ini "ratio = 0.25"
has c/runs/8gaussians/distilled-1/config.ini "teacher = $work/c/runs/8gaussians/flow-1"
for part in '"schema_version":1' '"solver":"euler"' '"solver":"heun"' '"teacher":"flow"' '"floor_pairs":5' '"sliced_w2":'; do has c/compare.json "$part"; done
[ "$(grep -o '<img ' c/compare.html | wc -l)" = 13 ] || fail "the page has not 13 pictures: real ones, 3 of 1 evaluation, 3 times 3"
has c/compare.html "data:image/png;base64,"; has c/compare.html "<svg"
[ "$(grep -cE '(src|href)="?(https?:)?//' c/compare.html)" = 0 ] || fail "the page loads something"

# ---- finished runs are taken, and what is missing is measured again ----
cp c/compare.json first.json
sums=$(cksum c/runs/*/*/checkpoints/*.h5)
rm c/pictures/8gaussians-meanflow-1-2.png
expect 0 compare small.ini --out c --json
has err "flow, seed 1: trained already"; has err "meanflow, seed 1: measuring"; lacks err "distilled, seed 1: measuring"
[ "$sums" = "$(cksum c/runs/*/*/checkpoints/*.h5)" ] || fail "a finished run was touched"
cmp -s out c/compare.json || fail "--json prints another thing than it writes"
sed 's/"seconds":[^}]*//g' first.json >first; sed 's/"seconds":[^}]*//g' out >second
cmp -s first second || fail "the same runs came to other numbers"

# ---- runs that were trained otherwise ----
expect 2 compare small.ini --out c --set compare.meanflow.ratio=0.5
has err "c/runs/8gaussians/meanflow-1: trained otherwise: method.ratio = 0.25 there, 0.5 here"; has err "--force"
[ "$sums" = "$(cksum c/runs/*/*/checkpoints/*.h5)" ] || fail "a refused comparison changed something"
expect 0 compare small.ini --out c --set compare.meanflow.ratio=0.5 --force
has err "flow, seed 1: trained already"; has err "meanflow, seed 1: training"; has err "distilled, seed 1: trained already"
expect 2 compare small.ini --out c --set compare.samples=600
has err "data/8gaussians.h5: made with other options"

# ---- another teacher is another student; a part of the methods ----
expect 0 compare small.ini --out c --set compare.flow.time=logit-normal --set compare.methods=flow --force
has err "[1/1] 8gaussians, flow, seed 1: training"
expect 2 compare small.ini --out c --set compare.flow.time=logit-normal --set compare.meanflow.ratio=0.5
has err "c/runs/8gaussians/distilled-1: trained otherwise: another teacher"

# ---- seeds, and a method that draws with one evaluation only ----
printf '[compare]\nmethods = drifting\nseeds = 1,2\nsamples = 256\ncount = 128\nevaluations = 1,2\ndraws = plain\n[model]\nwidth = 8\ndepth = 1\n[train]\nsteps = 4\nbatch = 16\n[sample]\ncount = 4\n[runtime]\nselftest = off\n' >seeds.ini
expect 0 compare seeds.ini --out s -q
[ ! -s err ] || { fail "-q says something:"; cat err; }
has out "±"
grep -q '^drifting .* - ' out || fail "two evaluations of drifting are no dash"

# ---- Ctrl-C, and on ----
"$program" compare small.ini --out i --set train.steps=40000 --set compare.meanflow.train.steps=20000 >out 2>err &
pid=$!
for i in $(seq 3000); do [ -s i/runs/8gaussians/flow-1/metrics.jsonl ] && break; sleep 0.02; done
kill -INT $pid
wait $pid
code=$?
[ $code = 130 ] || { fail "interrupted: exit code $code"; cat err; }
has err "the same command goes on"
[ "$(ls i/runs/8gaussians)" = flow-1 ] || fail "something began after the interruption"
at=$(ls i/runs/8gaussians/flow-1/checkpoints | tail -1)
"$program" compare small.ini --out i --set train.steps=40000 --set compare.meanflow.train.steps=20000 >out 2>err &
pid=$!
for i in $(seq 3000); do grep -q "training goes on" err && break; sleep 0.02; done
kill -INT $pid
wait $pid
has err "flow, seed 1: training goes on"

[ $failed = 0 ] && echo "compare: good"
exit $failed
