#!/bin/sh
# SPDX-License-Identifier: MIT
# The program from outside: what it prints where, what it writes, how it refuses, its exit codes.
#   program.sh PUSHFORWARD SOURCE_FOLDER WORK_FOLDER
set -u
program=$1
source=$2
work=$3
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1
export PF_CACHE="$work/cache"
failed=0

fail() {
    echo "program.sh: $*"
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
empty() {
    [ ! -s "$1" ] || { fail "$1 is not empty:"; cat "$1"; }
}

# ---- help and mistakes ----
expect 0 --help
has out "pushforward COMMAND"; empty err
expect 0 --version
has out "pushforward "
for command in devices data train sample info eval analyze compare explain report cache selftest; do
    expect 0 help $command
    has out "Examples:"; empty err
    expect 0 $command --help
    has out "Usage: pushforward $command"
done
for command in make import reflow check show; do
    expect 0 data $command --help
    has out "Usage: pushforward data $command"
done
expect 0 help config
has out "train.ema"
expect 2 trian
has err "error: unknown command 'trian'"; has err "hint: did you mean 'pushforward train'?"; empty out
expect 2 data maek
has err "did you mean 'pushforward data make'?"
expect 2 train --stepps 3
has err "unknown option --stepps"; has err "did you mean --steps?"
expect 2 train --steps
has err "needs a value"
export PF_FAULT=1 # a test that asks for faults must not run without them
expect 2 devices
has err "error: PF_FAULT is set"; has err "hint: "; empty out
unset PF_FAULT
expect 2 sample
has err "an argument is missing"
expect 2 sample a b
has err "too many arguments"
expect 2 sample run --nfe many
has err "--nfe many"
expect 2 train --set train.stepz=3 --data x.h5
has err "--set: unknown key train.stepz"; has err "hint: did you mean 'train.steps'?"
expect 2 train --set train.lr
has err "is not section.key=value"
printf '[train]\nsteps = 5\nbacth = 3\n' >wrong.ini
expect 2 train wrong.ini --data x.h5
has err "wrong.ini:3: unknown key train.bacth"; has err "train.batch"
expect 4 train missing.ini
has err "missing.ini"
expect 2 train
has err "no data set is given"; has err "hint:"

# ---- devices ----
expect 0 devices
has out "0:0"
expect 0 devices --json
has out '"name"'
expect 3 train --data moons.h5 --device name=nothing-has-this-name
has err "hint:"

# ---- the program cache ----
expect 0 cache show
expect 0 cache --help
has out "Usage: pushforward cache"

# ---- data ----
expect 0 data make moons moons.h5 -n 512 -t 128
has out "512 training and 128 test samples of 2 f32"; empty err
expect 2 data make moons moons.h5
has err "moons.h5 exists"; has err "--force"
expect 0 data make moons moons.h5 -n 512 -t 128 --force
expect 0 data make moons again.h5 -n 512 -t 128
h5diff moons.h5 again.h5 /train || fail "the same options made another set"
expect 2 data make moon x.h5
has err "hint:"
expect 2 data make gaussian x.h5 --mean 1,2 --covariance 1,2,3
has err "--covariance"
expect 0 data check moons.h5
expect 0 data show moons.h5 -o moons.png
has out "moons.png"
[ -s moons.png ] || fail "no picture"
expect 0 data make strokes strokes.h5 -n 64 -t 16 --size 8
expect 0 data show strokes.h5 -o strokes.png
expect 0 info moons.h5
has out "data set"
expect 0 info moons.h5 --json
has out '"train_count":	512'
expect 4 train --data missing.h5 --out run0
has err "missing.h5"
echo "text" >text.h5
expect 4 train --data text.h5 --out run0
has err "text.h5"
expect 4 info text.h5
expect 4 data check text.h5
[ ! -e run0 ] || fail "a run that could not begin left a folder"

# ---- train ----
small="--set model.width=16 --set model.depth=2 --batch 32 --steps 40 --set train.save_every=15 --set train.log_every=10"
expect 0 train --data moons.h5 $small --print-config
has out "[train]"; has out "; --steps"; has out "$work/moons.h5"
expect 0 train --data moons.h5 $small --dry-run --out run0
has out "launches per step"; has out "before fusion"; has out "alive at one launch"; has out "parameters:"; has out "total"
[ ! -e run0 ] || fail "a dry run wrote something"
expect 0 train --data moons.h5 $small --out run
has out "step 40 of 40"; has out "checkpoint run/checkpoints/step_00000040.h5"; has out "best affine predictor"
for file in config.ini metrics.jsonl log.txt report.html checkpoints/step_00000030.h5 samples/step_00000040.png; do
    [ -s run/$file ] || fail "run/$file is missing"
done
[ "$(wc -l <run/metrics.jsonl)" = 4 ] || fail "metrics.jsonl has not 4 lines"
has run/metrics.jsonl '"loss":'
expect 2 train --data moons.h5 --out run
has err "not empty"; has err "--resume run"
expect 0 train --data moons.h5 $small --out run -q --force --no-eval
empty err
expect 0 train --data moons.h5 $small --out profiled --no-eval --profile
has out "profile of 38 steps"; has out "products nn"; has out "gaps between launches"; has out "inside kernels"
expect 4 train --resume nowhere
has err "nowhere"; has err "hint:"
expect 2 train --resume run --out other
expect 0 train --resume run
has out "nothing left to do"
expect 5 train --data moons.h5 $small --lr 1e30 --set train.clip=0 --out bad
has err "not finite"; has err "hint:"
[ -s bad/debug_step.h5 ] || fail "debug_step.h5 is missing"

# ---- sample ----
expect 0 sample run -n 16 -o a.h5 --keep-noise
has out "weights ema 0.999, 1 evaluation, seed 1"
expect 0 sample run -n 16 -o b.h5 --noise a.h5 --batch 5
h5diff -d 1e-5 a.h5 b.h5 /x || fail "the stored noise gave other samples"
expect 0 sample run/checkpoints/step_00000030.h5 -n 16 -o c.npy --weights none --nfe 4
mkdir torn
cp run/checkpoints/step_00000030.h5 torn
head -c 5000 run/checkpoints/step_00000040.h5 >torn/step_00000040.h5
expect 0 sample torn -n 16 -o torn.npy --weights none --nfe 4
has err "torn/step_00000040.h5"; has err "taking torn/step_00000030.h5 in its place"
cmp -s c.npy torn.npy || fail "the older checkpoint was not the one sampled"
has out "step 30, weights none, 4 evaluations"
expect 0 sample run -n 16 -o d.png --json
has out '"nfe":	1'
expect 2 sample run -o d.jpg
has err "hint:"
expect 2 sample run --weights 0.5
has err "hint: this checkpoint has: none, initial, 0.999"
expect 2 sample run --keep-noise -o x.png
expect 4 sample moons.h5
has err "not a checkpoint"
expect 4 sample bad -n 4
has err "no checkpoint"
expect 0 info run
has out "40 steps"
expect 0 info run --config
has out "[model]"

# ---- the program cache has filled, and empties ----
expect 0 cache show
has out "programs"
[ -n "$(ls cache)" ] || fail "training left no program in the cache"
expect 0 cache clear
[ -z "$(ls cache)" ] || fail "the cache is not empty after cache clear"

# ---- eval ----
expect 0 eval run --data moons.h5 --untrained
has out "sliced W2 to held-out data"; has out "untrained"
expect 0 eval a.h5 --data moons.h5 --nearest --json
has out '"nearest_ratio"'; has out '"nearest_class_share"'
expect 0 eval a.h5 --data moons.h5 --metrics all
for measure in "sliced W2" "exact W2" "energy distance" "squared MMD"; do
    has out "$measure to held-out data"; has out "$measure of training data to it (floor)"
done
has out "that the samples reach"; has out "divergence of the classes' shares"
expect 0 eval a.h5 --data moons.h5 --metrics exact,modes
if grep -q sliced out; then fail "--metrics exact,modes measured something else too"; fi
expect 2 eval a.h5 --data moons.h5 --metrics exact,fid
has err "exact,fid"; has err "hint:"
expect 2 eval run
has err "--data"

# ---- analyze ----
expect 0 data make 8gaussians 8g.h5 -n 512 -t 64
expect 0 train --data 8g.h5 $small --method consistency --set method.form=distillation --set method.teacher=analytic --out taught --no-eval -q
expect 0 train --resume taught --steps 50 --no-eval -q
expect 0 analyze taught -n 100 --steps 1,2,4,8,16 -o errors.png
has out "error |g(x_1,1) - x_0|: mean"; has out "order of the discretisation: Euler"
has out "continuous: error <= eps2 + eps3 + smoothness"
[ -s errors.png ] || fail "no plot"
expect 0 analyze taught/checkpoints/step_00000050.h5 --data 8g.h5 -n 100 --steps 1,2,4,8,16 --json -o errors.svg
has out '"smoothness"'; has out '"solver":	"heun"'; has errors.svg "<svg"
awk -F'[:,]' '/"error"/ { e = $2 } /"bound"/ { b = $2 } /"within"/ { if (b == "" || e > b) exit 1; n++ } END { exit n != 15 }' out || fail "a bound of analyze does not hold"

# ---- Ctrl-C: saves, says how to go on, and going on gives what an uninterrupted run gives ----
long="--set model.width=16 --set model.depth=2 --batch 32 --steps 6000 --set train.save_every=0 --no-eval"
expect 0 train --data moons.h5 $long --out whole
"$program" train --data moons.h5 $long --out parts >out 2>err &
pid=$!
while [ ! -s parts/metrics.jsonl ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
"$program" train --resume parts >out2 2>err2
[ $? = 2 ] || fail "a folder in use was resumed"
has err2 "is training in this folder"
kill -INT $pid
wait $pid
code=$?
[ $code = 130 ] || fail "interrupted: exit code $code, expected 130"
has err "continue with: pushforward train --resume parts"
"$program" train --resume parts --no-eval >out 2>err &
pid=$!
while ! grep -q resumed parts/log.txt && kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -TERM $pid
wait $pid
code=$?
[ $code = 143 ] || fail "terminated: exit code $code, expected 143"
"$program" train --resume parts --no-eval >out 2>err &
pid=$!
while [ "$(grep -c resumed parts/log.txt)" -lt 2 ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -HUP $pid
wait $pid
code=$?
[ $code = 129 ] || fail "the terminal went: exit code $code, expected 129"
expect 0 train --resume parts --no-eval
h5diff --exclude-path /provenance whole/checkpoints/step_00006000.h5 parts/checkpoints/step_00006000.h5 || fail "resumed and uninterrupted runs differ"

# ---- NumPy reads what we wrote ----
for python in /usr/bin/python3 python3; do
    $python -c 'import h5py, numpy' 2>/dev/null || continue
    $python "$source/examples/read_checkpoint.py" run/checkpoints/step_00000040.h5 a.h5 >out || fail "read_checkpoint.py failed"
    awk '{ exit !($NF < 1e-5) }' out || fail "read_checkpoint.py: $(cat out)"
    break
done
for file in "$source"/examples/*.ini; do
    case $file in */compare-*) continue ;; esac # of `pushforward compare`: compare.sh
    expect 0 train "$file" --data moons.h5 --print-config
done

exit $failed
