#!/bin/sh
# SPDX-License-Identifier: MIT
# Wrong things, each answered with one line, a hint and the documented exit code; nothing is lost or left behind.
#   wrong.sh PUSHFORWARD WORK_FOLDER [-v] [ROW ...]      -v: print every answer; ROW: only these
#
# The rows are in wrong.tsv, separated by tabs: a name; a command to prepare ("-": none); the command; its exit code; a part of
# the message ("-" where it succeeds); a part of the hint ("-": any, but there must be one); what it may change ("-": not one byte of the
# work folder; else a regular expression of paths).
set -u
table=$(cd "$(dirname "$0")" && pwd)/wrong.tsv
P=$1
work=$2
shift 2
verbose=no
[ "${1:-}" != -v ] || { verbose=yes; shift; }
only=" $* "
case $P in /*) ;; *) P=$PWD/$P ;; esac
umount "$work/set/full" 2>/dev/null # of a run that was killed
rm -rf "$work/set"
mkdir -p "$work/set"
cd "$work/set" || exit 1
work=$(dirname "$PWD")
export PF_CACHE="$work/cache"
unset PF_DEVICE
small="--set model.width=8 --set model.depth=1 --batch 16 --no-eval -q --set sample.count=4"
train="train --data moons.h5 $small --steps 6"
distil="$train --method consistency --set method.form=distillation"
failed=0 done=0 skipped=0

# ---- what rows use ----

finish() {
    umount full 2>/dev/null
    [ -z "${holder:-}" ] || kill "$holder" 2>/dev/null
}
trap finish EXIT
trap 'exit 1' INT TERM

# Root's right to write everywhere, given up.
plain() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --bounding-set=-dac_override,-dac_read_search,-fowner "$@"
    else
        "$@"
    fi
}
# A file system of 800 KiB in full/, filled but for KIB.
fill() {
    rm -rf full/*
    head -c $(((800 - $1) * 1024)) /dev/zero >full/fill
}
# Trains long in a folder until it has written metrics.
hold() {
    rm -rf "$1"
    $P train --data moons.h5 $small --steps 10000000 --out "$1" >/dev/null 2>&1 &
    holder=$!
    for i in $(seq 500); do [ -s "$1/metrics.jsonl" ] && break; sleep 0.02; done
}
release() {
    kill -9 "$holder"
    wait "$holder" 2>/dev/null
    holder=
}
# The command while another process trains in the folder `busy`.
beside() {
    hold busy
    "$@"
    code=$?
    release
    return $code
}
# A training (run by WHO: env, or plain) to whose folder a command does something in the middle.
midway() { # WHO COMMAND...
    rm -rf gone
    "$1" $P train --data moons.h5 $small --steps 10000000 --set train.save_every=2000 --set train.sample_every=2000 --out gone &
    pid=$!
    shift
    for i in $(seq 500); do ls gone/checkpoints/*.h5 >/dev/null 2>&1 && break; sleep 0.02; done
    "$@" gone
    wait $pid
    code=$?
    [ ! -d gone ] || chmod -R u+w gone
    return $code
}
metrics_full() {
    fill 0
    ln -sf ../full/metrics.jsonl "$1/metrics.jsonl"
}
away() {
    mv "$1" elsewhere
    rm -rf elsewhere
}
no_samples() { rm -rf "$1/samples"; }
# The length of a file less N bytes, copied.
cut_file() {
    head -c "$2" "$1" >"$3"
}
# The command with FILE cut at 40 places as its last argument: 4 when it ends so every time.
all_cuts() { # FILE COMMAND...
    file=$1
    shift
    length=$(wc -c <"$file")
    for i in $(seq 0 39); do
        cut_file "$file" $((length * i / 40)) x.h5
        "$@" x.h5
        code=$?
        [ $code = 4 ] || return $code
        [ $i = 39 ] || : >err
    done
    rm x.h5
    return 4
}
half() { echo $(($(wc -c <"$1") / 2)); }

# ---- what can be had here ----

pocl=/etc/OpenCL/vendors/pocl.icd
python=
for p in /usr/bin/python3 python3; do
    [ -n "$python" ] || { $p -c 'import h5py, numpy' 2>/dev/null && python=$p; }
done
mkdir -p full
tmpfs=no
mount -t tmpfs -o size=800k none full 2>/dev/null && tmpfs=yes
mkdir read_only
chmod 555 read_only
guarded=no
plain true 2>/dev/null && ! plain touch read_only/x 2>/dev/null && guarded=yes

# Why a row cannot be run here, or nothing.
obstacle() {
    case $1 in *'$pocl'*) [ -e $pocl ] || { echo "no $pocl"; return; } ;; esac
    case $1 in *py/*) [ -n "$python" ] || { echo "no python3 with h5py"; return; } ;; esac
    case $1 in *full*) [ $tmpfs = yes ] || { echo "no right to mount a tmpfs"; return; } ;; esac
    case $1 in *plain*) [ $guarded = yes ] || { echo "nothing is read-only for this user"; return; } ;; esac
}

# ---- good files, and bad ones ----

{
    $P data make moons moons.h5 -n 256 -t 64
    $P data make moons other.h5 -n 256 -t 64 --seed 9
    $P data make strokes strokes.h5 -n 64 -t 16 --size 8
    $P $train --out run --set train.save_every=3
    $P $train --out flow --method flow --set train.ema=0.5
    $P train --data strokes.h5 $small --steps 2 --out digits --set data.labels=true
    $P sample run -n 4 -o s.png
    $P data show strokes.h5 -n 4 -o four.png
    $P data show strokes.h5 -n 9 -o nine.png
} >prepared 2>&1 || { cat prepared; exit 1; }
rm -f prepared
[ -z "$python" ] || "$python" "$(dirname "$table")/wrong_files.py" || exit 1
echo "this is text" >text.h5
: >empty.h5
printf '1,2\n3\n' >ragged.csv
printf '1,2\n3,x\n' >word.csv
printf '1,2\nnan,4\n' >nan.csv
printf 'a,b\n' >header.csv
printf '1,2\n' >one.csv
: >empty.csv
mkdir -p pictures/a pictures/b no_pictures with_space/"ä ö"
cp four.png pictures/a/1.png
cp nine.png pictures/b/1.png
mkdir -p torn_pictures/a
cut_file four.png 60 torn_pictures/a/1.png
mkdir cifar
head -c 3073000 /dev/zero >cifar/data_batch_1.bin
for i in 2 3 4 5; do cp cifar/data_batch_1.bin cifar/data_batch_$i.bin; done
head -c 5000 /dev/zero >cifar/test_batch.bin
tar czf cifar.tar.gz cifar
cut_file cifar.tar.gz "$(half cifar.tar.gz)" torn.tar.gz
printf '\0\0\010\003\0\0\0\012\0\0\0\010\0\0\0\010short' >images-idx3-ubyte

# ---- the rows ----

snapshot() {
    find . \( -type f -o -type d \) ! -path './out' ! -path './err' ! -path './before' ! -path './after' -printf '%y %p %s\n' | sort
    find . -type f ! -path './out' ! -path './err' ! -path './before' ! -path './after' -exec cksum {} + | sort
}
wrong() {
    echo "wrong.sh: $name: $*"
    sed 's/^/    /' err
    bad=yes
}

tab=$(printf '\t')
while IFS="$tab" read -r name prepare command code message hint change; do
    case $name in '#'* | '') continue ;; esac
    [ "$only" = "  " ] || case $only in *" $name "*) ;; *) continue ;; esac
    why=$(obstacle "$prepare $command")
    if [ -n "$why" ]; then
        echo "SKIPPED $name: $why"
        skipped=$((skipped + 1))
        continue
    fi
    bad=no
    [ "$prepare" = - ] || eval "$prepare" >/dev/null 2>&1 || echo "wrong.sh: $name: preparing failed"
    [ "$change" = any ] || snapshot >before
    : >err
    eval "$command" >out 2>>err </dev/null
    got=$?
    [ $got = "$code" ] || wrong "exit code $got, expected $code"
    if [ "$code" = 0 ]; then
        [ "$message" = - ] || grep -qF -- "$message" out err || wrong "no \"$message\""
    else
        lines=$(grep -ac '^pushforward: error: ' err)
        [ "$lines" = 1 ] || wrong "$lines lines of error"
        extra=$(grep -acv -e '^pushforward: ' -e '^hint: ' err)
        [ "$extra" = 0 ] || wrong "$extra lines beside message and hint"
        grep -a '^pushforward: error: ' err | grep -aqF -- "$message" || wrong "the message lacks \"$message\""
        [ "$(grep -ac '^hint: ' err)" = 1 ] || wrong "no hint"
        [ "$hint" = - ] || grep -a '^hint: ' err | grep -aqF -- "$hint" || wrong "the hint lacks \"$hint\""
    fi
    if [ "$change" != any ]; then
        snapshot >after
        touched=$(diff before after | sed -n 's/^[<>] //p' | sed -E 's/^(f|d|[0-9]+) ([0-9]+ )?//; s/ [0-9]+$//' | sort -u)
        [ "$change" = - ] || touched=$(printf '%s\n' "$touched" | grep -vE -- "^\\./($change)(/|\$)" | grep -vx '\.')
        [ -z "$touched" ] || [ "$touched" = . ] || wrong "changed: $touched"
    fi
    [ $verbose = no ] || { echo "== $name [$got]"; cat err; }
    rm -rf x x.* gone # where it should not have been
    [ $bad = no ] || failed=$((failed + 1))
    done=$((done + 1))
done <"$table"
echo "wrong things: $done answered, $failed of them badly, $skipped skipped"
[ $failed = 0 ]
