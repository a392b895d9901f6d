#!/bin/sh
# SPDX-License-Identifier: MIT
# Ctrl-C at a random step, then --resume: the checkpoint at the end equals that of a run that nobody stopped.
#   interrupt.sh PUSHFORWARD WORK_FOLDER [TRIALS]
set -u
program=$1
work=$2
trials=${3:-5}
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1
export PF_CACHE="$work/cache"
last=checkpoints/step_00008000.h5
options="--data moons.h5 --set model.width=48 --set model.depth=3 --batch 64 --steps 8000 --set train.save_every=700 --no-eval"

"$program" data make moons moons.h5 -n 1000 -t 100 >/dev/null || exit 1
"$program" train $options --out whole -q >/dev/null || exit 1
interrupted=0
trial=0
while [ $trial -lt "$trials" ]; do
    trial=$((trial + 1))
    rm -rf parts
    "$program" train $options --out parts >log 2>&1 &
    pid=$!
    while [ ! -s parts/metrics.jsonl ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
    sleep "$(awk -v s="$trial$$" 'BEGIN { srand(s); printf "%.2f", rand() * 1.2 }')"
    kill -INT $pid 2>/dev/null
    wait $pid
    code=$?
    [ $code = 130 ] && interrupted=$((interrupted + 1))
    [ $code = 130 ] || [ $code = 0 ] || { echo "trial $trial: exit code $code"; cat log; exit 1; }
    at=$(ls parts/checkpoints | tail -1)
    if [ $code = 130 ]; then
        "$program" train --resume parts --no-eval -q >/dev/null || { echo "trial $trial: resuming failed"; exit 1; }
    fi
    h5diff --exclude-path /provenance whole/$last parts/$last || { echo "trial $trial: stopped at $at, the results differ"; exit 1; }
    echo "trial $trial: stopped at $at, equal"
done
[ "$interrupted" -gt 0 ] || { echo "no trial was interrupted in time"; exit 1; }
