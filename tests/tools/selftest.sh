#!/bin/sh
# SPDX-License-Identifier: MIT
# The self-test before the first training: asked for once per device and kernels; with a kernel made wrong on purpose
# (PF_KERNEL_DIR) training does without it, or refuses.
#   selftest.sh PUSHFORWARD SOURCE_FOLDER WORK_FOLDER
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
    echo "selftest.sh: $*"
    failed=1
}
expect() { # CODE ARGUMENTS...
    want=$1
    shift
    "$program" "$@" >out 2>err
    code=$?
    [ $code = "$want" ] || { fail "pushforward $*: exit code $code, expected $want"; cat err; }
}
has() { # FILE TEXT
    grep -qF -- "$2" "$1" || { fail "$1 lacks \"$2\":"; cat "$1"; }
}
lacks() {
    if grep -qF -- "$2" "$1"; then fail "$1 has \"$2\":"; cat "$1"; fi
}
broken() { # FOLDER FILE FROM TO
    rm -rf "$1"
    cp -r "$source/cl" "$1"
    sed -i "s/$3/$4/" "$1/$2"
    cmp -s "$source/cl/$2" "$1/$2" && fail "$2 has no \"$3\" to be made wrong"
}
losses() { # RUN
    grep -o '"loss":[^,}]*' "$1/metrics.jsonl"
}
train() {
    want=$1
    shift
    expect "$want" train --data moons.h5 --set model.width=16 --set model.depth=2 --batch 32 --steps 20 \
        --set train.log_every=5 --no-eval "$@"
}

"$program" data make moons moons.h5 -n 256 -t 64 >/dev/null || exit 1

# ---- once, and no more; not where nothing is remembered, and not where it is off ----
expect 4 train --data missing.h5 --out none
lacks err "self-test"
train 0 --out off --set runtime.selftest=off
lacks err "self-test"
train 0 --out dry --dry-run
lacks err "self-test"
PF_CACHE=off
train 0 --out unkept
has err "pushforward selftest does"
PF_CACHE="$work/cache"
train 0 --out first
has err "first training on"; has err "self-test ... good"
[ "$(ls cache/selftest-*.txt | wc -l)" = 1 ] || fail "the verdict is not kept"
has "$(ls cache/selftest-*.txt)" "driver: "
train 0 --out second
lacks err "self-test"
expect 0 cache show
has out "1 self-test"
echo damaged >>"$(ls cache/selftest-*.txt)"
train 0 --out third -q
[ ! -s err ] || { fail "quiet, and yet:"; cat err; }
train 0 --out fourth
lacks err "self-test"

# ---- an optional kernel is wrong: training goes on by the other one ----
if "$program" devices --json | grep -q '"type":	"cpu"'; then
    broken optional matmul.cl 'c##r##_##v += a##r \* b##v;' 'c##r##_##v -= a##r * b##v;'
    export PF_KERNEL_DIR="$work/optional"
    train 0 --out without
    has err "self-test ... good"; has err "without cpu here"; has err "by cpu ("
    train 0 --out again
    lacks err "first training"; has err "without cpu here"
    expect 0 sample without -n 4 -o without.npy
    has err "without cpu here"
    unset PF_KERNEL_DIR
    train 0 --out generic --set runtime.matmul=generic
    losses without >losses1
    losses generic >losses2
    [ -s losses1 ] || fail "no losses"
    cmp -s losses1 losses2 || fail "without the wrong kernel the losses are not those of the other one"
    expect 0 sample generic -n 4 -o generic.npy
    cmp -s without.npy generic.npy || fail "the samples are not those of the other kernel"
fi

# ---- a basic kernel is wrong: nothing is trained or written ----
broken basic random.cl 'c3 = l0;' 'c3 = l1;'
export PF_KERNEL_DIR="$work/basic"
train 6 --out refused
has err "self-test ... bad"; has err "computes wrongly: random leaves ("; has err "hint: "; has err "runtime.selftest = off"
train 6 --out refused
lacks err "first training"; has err "computes wrongly"
[ ! -e refused ] || fail "a refused training wrote something"
expect 0 sample first -n 4 -o x.npy
has err "warning: this device failed its self-test"
train 0 --out forced --set runtime.selftest=off
unset PF_KERNEL_DIR

exit $failed
