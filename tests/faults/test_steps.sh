#!/bin/sh
# SPDX-License-Identifier: MIT
# A training step allocates nothing and waits for nothing: STEPS more of them, with the same logging and saving, add to the
# record of the program's calls the commands of STEPS steps and nothing else.
#   test_steps.sh PROGRAM_FAULTS WORK
# What a run calls once depends on the lengths of texts now and then; a call that every fourth step made is seen.
set -eu
program=$(realpath "$1")
work=$2
steps=48
export OCL_ICD_VENDORS="${PF_ICD:-/etc/OpenCL/vendors/pocl.icd}"
export LSAN_OPTIONS="suppressions=$(realpath "$(dirname "$0")/..")/lsan.supp:print_suppressions=0" ASAN_OPTIONS=intercept_tls_get_addr=0
export PF_CACHE=off
unset PF_FAULT PF_FAULT_COUNT PF_DEVICE PF_KERNEL_DIR
rm -rf "$work"
mkdir -p "$work"
cd "$work"
failed=0
fail() {
    echo "steps: $*"
    failed=1
}

# KIND SYMBOL COUNT of every call of a training of that many steps.
calls() { # RECORD STEPS [OPTION ...]
    record=$1 n=$2
    shift 2
    for pass in warm real; do # a driver's first run may call otherwise
        rm -rf run "$record"
        PF_FAULT_COUNT=$([ $pass = warm ] || echo "$record") "$program" train --data set.h5 --out run --steps "$n" --no-eval --quiet \
            --set model.width=16 --set model.depth=2 --batch 32 --set train.log_every=100000 --set train.save_every=0 --set runtime.selftest=off "$@" >out 2>err ||
            { cat err; exit 1; }
    done
    awk '{ n[$1 " " $2]++ } END { for (k in n) print k, n[k] }' "$record" >"$record.n"
}

# What every step may call, and how often: exactly (=), or at most (<).
allowed() { # LAUNCHES TRANSFERS
    cat <<END
opencl clEnqueueNDRangeKernel = $1
opencl clEnqueueWriteBuffer = $2
opencl clEnqueueCopyBuffer = 1
opencl clEnqueueMarkerWithWaitList = 1
opencl clFlush = 3
opencl clGetEventInfo = 1
opencl clWaitForEvents < 1
END
}

check() { # NAME WRITES [OPTION ...]
    name=$1 writes=$2
    shift 2
    "$program" train --data set.h5 --dry-run --set model.width=16 --set model.depth=2 --batch 32 --set runtime.selftest=off "$@" >dry
    launches=$(sed -n 's/^launches per step:.* \([0-9]*\) after;.*/\1/p' dry)
    calls "$name-1" $steps "$@"
    calls "$name-2" $((2 * steps)) "$@"
    allowed "$launches" "$writes" >allowed
    awk -v steps=$steps '
        FILENAME == "allowed" { how[$1 " " $2] = $3; most[$1 " " $2] = $4 * steps; next }
        { n[$1 " " $2] += FILENAME ~ /-1\.n$/ ? -$3 : $3 }
        END {
            for (k in most) if (!(k in n)) n[k] = 0
            for (k in n)
                if (!(k in most) ? n[k] >= steps / 4 : how[k] == "=" ? n[k] != most[k] : n[k] > most[k])
                    print k " is called " n[k] " times more in " steps " more steps, expected " (k in most ? how[k] " " most[k] : "none")
        }' allowed "$name-1.n" "$name-2.n" >wrong
    while read -r line; do fail "$name: $line"; done <wrong
    echo "steps: $name: $launches launches a step, $(wc -l <"$name-2") calls in $((2 * steps)) steps"
}

"$program" data make moons set.h5 -n 512 -t 16 >/dev/null
check flow 2 --set method.name=flow
check meanflow 2 --set method.name=meanflow --set train.ema=0.9,0.99
check pixelmeanflow 2 --set method.name=pixelmeanflow
check skip 2 --set train.on_nan=skip --set train.clip=0
check labels 3 --set data.labels=true --set model.residual=true
[ $failed = 0 ] && echo "steps: good"
exit $failed
