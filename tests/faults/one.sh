#!/bin/sh
# SPDX-License-Identifier: MIT
# One run with one fault, and what must be true after it. Prints one line: WORKLOAD KIND N SYMBOL PLACE EXIT VERDICT...
#   one.sh WORKLOAD KIND N SYMBOL PLACE
# Environment: program, work (tools/faults made it), source (the tree), mode (empty, or :on: all later calls fail too).
# Started many thousand times: as few processes as can be.
set -u
workload=$1 kind=$2 n=$3 symbol=$4 place=$5
. "$source/tests/faults/workloads.sh"
good=$work/good/$workload
here=$work/run/$workload-$kind-$n$mode
cp -r "$work/template" "$here"
cd "$here" || exit 1
PF_CACHE=$(cache_of "$workload")
export PF_CACHE
verdict=

bad() {
    verdict="$verdict${verdict:+; }$*"
}

# Equal, HDF5 but for dates and what names the machine.
same() {
    cmp -s "$1" "$2" && return
    case $1 in
    *.h5) h5diff -q --exclude-path /provenance "$1" "$2" >/dev/null 2>&1 || { content "$1" >.a && content "$2" >.b && cmp -s .a .b; } ;;
    */measured/*.json | */compare.json | */config.ini) bare "$1" >.a && bare "$2" >.b && cmp -s .a .b ;;
    *) return 1 ;;
    esac
}
# Without times and places.
bare() {
    sed -e "s|$good||g" -e "s|$here||g" -e 's/"[a-z_]*seconds":[^,}]*//g' "$1"
}
content() {
    h5dump "$1" 2>&1 | sed -e 1d -e '/20[0-9][0-9]-[0-9-]*T[0-9:]*Z/d'
}

# As the good run wrote it; or a checkpoint that a failed run saved at another step, or a clean-up failed to delete.
is_whole() {
    if [ -e "$good/$1" ]; then
        same "$1" "$good/$1"
    else
        case $1 in
        */checkpoints/step_*.h5) "$program" info "$1" >/dev/null 2>&1 ;;
        *) false ;;
        esac
    fi
}

# Every file is the old one or the whole new one; none that nobody asked for is left, none is lost. Not looked at: histories,
# which name dates and seconds and are shorter after a failure, and compiled programs, which are verified at every start.
check_files() {
    LC_ALL=C diff -rq "$work/template" . >.files 2>&1
    while read -r a b c d e; do
        case "$a $b" in
        "Only in")
            path=${c%:}/$d name=
            case $path in ./*) name=${path#./} ;; "$work"/*) [ "$workload" = clear ] || bad "lost: ${path#"$work"/template/}" ;; esac
            ;;
        Files*) name=${d#./} ;;
        *) bad "diff: $a $b $c $d $e" ;;
        esac
        case $name in
        '' | .out | .err | .hit | .files | .list | .a | .b | */log.txt | */metrics.jsonl | */report.html | */compare.html | cache | *.pfcl) continue ;;
        *.tmp | *.tmp.*) [ "$mode:$kind" = :on:file ] && [ $code != 0 ] && continue ;; # what cannot be deleted stays; the next start does
        */.lock) continue ;; # the lock itself ends with its process; the next start takes the file
        esac
        if [ -d "$name" ]; then
            (cd "$name" && find . -type f) | while read -r f; do
                case ${f##*/} in log.txt | metrics.jsonl | report.html | compare.html | .lock) continue ;; esac
                is_whole "$name/${f#./}" || echo "$name/$f"
            done >.list
            while read -r f; do bad "left behind or torn: $f"; done <.list
        elif ! is_whole "$name"; then
            bad "left behind or torn: $name"
        fi
    done <.files
}

# What was printed, but for times, places and how much memory the machine has.
stable() {
    sed -e "s|$2||g" -e 's/[0-9.]* [mun]*s\b.*//' -e 's/[0-9.]* GiB.*//' -e 's/"[a-z_]*\(seconds\|bytes\|clock[a-z_]*\)":[^,}]*//g' "$1"
}

# The exit codes that a fault may have. Reading: 4, the data cannot be read, or 1; writing: 1; memory: 1. 0: the program did
# without, and what it made is then compared.
may_exit() {
    case $kind:$symbol in
    opencl:clGetPlatform* | opencl:clGetDevice* | opencl:clCreateContext | opencl:clCreateCommandQueue) allowed='0 1 3' ;;
    opencl:* | memory:*) allowed='0 1' ;;
    hdf5:H5[DAF]write | hdf5:H5Fcreate | hdf5:H5Dcreate2 | hdf5:H5Acreate_by_name) allowed='0 1' ;;
    file:write | file:fwrite | file:fput? | file:put* | file:*printf | file:fflush) allowed='0 1' ;;
    file:fsync | file:rename | file:mkdir | file:unlink | file:ftruncate) allowed='0 1' ;;
    file:stat) allowed='0 1 2 4' ;; # 2: what may be there is not overwritten
    hdf5:* | file:*) allowed='0 1 4' ;;
    esac
    [ "$mode:$kind" = :on:file ] && allowed='0 1 2 4' # what fails after the first decides
    case " $allowed " in *" $code "*) ;; *) bad "exit code $code, expected $allowed" ;; esac
}

# One message where it failed, none where it did not, and nothing of a sanitizer or of what was not given back.
check_messages() {
    errors=0
    while read -r line; do
        case $line in
        *'(null)'*) bad "an empty message" ;;
        'pushforward: error: '?*) errors=$((errors + 1)) ;;
        *Sanitizer* | *'runtime error:'* | *Assertion* | *outlive* | faults:*) bad "$line" ;;
        esac
    done <.err
    case $code:$errors in 0:0 | [1-9]*:1) ;; *) bad "$errors error messages" ;; esac
}

# The leak sanitizer stops threads and hangs when something else stops them too: a hang must happen twice.
for attempt in 1 2; do
    PF_FAULT=$n:$kind$mode PF_FAULT_COUNT=.hit timeout -k 5 60 "$program" $(arguments "$workload") >.out 2>.err </dev/null
    code=$?
    [ $code:$attempt = 124:1 ] || break
    cd "$work" && rm -rf "$here" && cp -r "$work/template" "$here" && cd "$here" || exit 1
done
if [ -s .hit ]; then
    read -r kind symbol place <.hit
    may_exit
else
    symbol=not-reached
fi
check_messages
check_files
if [ $code = 0 ]; then # then it did all it should
    diff -rq "$good" . 2>&1 | grep "^Only in $good" | grep -v '\.pfcl$' >.a && bad "exit 0 without $(cat .a)"
    stable .out "$here" >.a
    case $workload:$kind in devices*:opencl) cp .a .b ;; *) stable "$good/.out" "$good" >.b ;; esac # it lists what drivers tell
    cmp -s .a .b || bad "exit 0 with another output"
elif [ "$workload" = train ] && grep -qv 'Only in .: \.' .files; then # something was begun: the next start goes on
    mv .err .err1
    "$program" $(arguments "$workload") >.out2 2>.err </dev/null || bad "the next start fails: $(tail -2 .err)"
    mv .err1 .err
    rm -f .out2
    first=$code code=0
    check_files
    code=$first
    same run/checkpoints/step_00000008.h5 "$good/run/checkpoints/step_00000008.h5" || bad "the next start ends elsewhere"
fi

echo "$workload $kind $n $symbol $place $code ${verdict:-good}"
if [ -n "$verdict" ]; then
    mkdir -p "$work/findings/$workload-$kind-$n$mode"
    cp .out .err "$work/findings/$workload-$kind-$n$mode"
fi
cd "$work" && rm -rf "$here"
