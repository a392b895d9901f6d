# SPDX-License-Identifier: MIT
# What the program is asked to do while its calls fail; sourced by tools/faults and one.sh. Each workload runs in a fresh copy
# of the folder that prepare() makes. "all" tries every call, "new" those from places that no workload before it calls from.
workloads="train:all sample:all import-csv:all import-idx:all import-npy:all import-npz:all import-png:all import-cifar:all
make:all check:all show:all info:new info-json:new devices:all devices-json:all report:all config:all new:new picture:new eval:new distil:new ot:new reflow:new analyze:new compare:new clblast:new cold:new
cache:all clear:all"

# The command line of a workload.
arguments() {
    case $1 in
    train) echo train --resume run --steps 8 --no-eval ;;
    new) echo train examples.ini --data "$work/template/set.h5" --out fresh --steps 2 --no-eval --set train.save_every=1 --set train.keep_last=1 ;;
    distil) echo train examples.ini --data "$work/template/set.h5" --out fresh --steps 1 --no-eval --set method.name=consistency --set method.form=distillation --set method.mu=0.9 --set method.teacher="$work/template/run" ;;
    ot) echo train examples.ini --data "$work/template/law.h5" --out fresh --steps 1 --no-eval --set method.name=flow --set method.pairing=ot ;;
    reflow) echo data reflow run out.h5 -n 4 ;;
    analyze) echo analyze exact -n 4 --steps 8,16 --json ;;
    compare) echo compare compare.ini --out fresh --json ;;
    clblast) echo train examples.ini --data "$work/template/set.h5" --out fresh --steps 1 --no-eval --set runtime.matmul=clblast ;;
    sample) echo sample run -n 4 -o out.npy ;;
    picture) echo sample run -n 4 -o out.png ;;
    cold) echo sample run -n 4 -o out.npy ;;
    eval) echo eval run --data set.h5 ;;
    report) echo report run ;;
    info) echo info run ;;
    devices) echo devices ;;
    devices-json) echo devices --json ;;
    info-json) echo info run --json ;;
    config) echo train examples.ini --print-config ;;
    import-csv) echo data import in.csv out.h5 ;;
    import-idx) echo data import idx out.h5 ;;
    import-npy) echo data import in.npy out.h5 ;;
    import-npz) echo data import in.npz out.h5 ;;
    import-png) echo data import png out.h5 ;;
    import-cifar) echo data import cifar.tar.gz out.h5 ;;
    make) echo data make moons out.h5 -n 8 ;;
    check) echo data check set.h5 ;;
    show) echo data show set.h5 -o out.png ;;
    cache) echo cache show ;;
    clear) echo cache clear ;;
    esac
}

# The folder of compiled programs: warm, shared and not to be written, or one of the run's own.
cache_of() {
    case $1 in
    cold) echo "$PWD/cache" ;;
    cache | clear) echo "$PWD/programs" ;;
    *) echo "$work/programs" ;;
    esac
}

byte() { # NUMBER ...
    for number in "$@"; do printf "\\$(printf %03o "$number")"; done
}

idx() { # COUNT [HEIGHT WIDTH]: an array of bytes in the form of MNIST's files
    byte 0 0 8 $#
    for size in "$@"; do byte 0 0 0 "$size"; done
}

npy() { # SHAPE: a header of 128 bytes
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': $1, }"
}

# Everything the workloads read, in the current folder.
prepare() {
    printf '0.1,0.2\n0.3,0.4\n-0.5,0.6\n0.7,-0.8\n0.9,1\n-1,-2\n0.4,0.3\n0.2,0.9\n' >in.csv
    mkdir idx png png/a png/b cifar
    { idx 6 2 2; printf 'abcdefghijklmnopqrstuvwx'; } >idx/train-images-idx3-ubyte
    { idx 6; printf '\000\001\000\001\000\001'; } >idx/train-labels-idx1-ubyte
    { idx 2 2 2; printf 'ABCDEFGH'; } | gzip >idx/t10k-images-idx3-ubyte.gz
    { idx 2; printf '\001\000'; } >idx/t10k-labels-idx1-ubyte
    { npy '(8, 2)'; printf 'abcdefghijklmnop'; } >in.npy
    { npy '(4, 2)'; printf 'abcdefgh'; } >x.npy
    python3 -m zipfile -c in.npz x.npy
    rm x.npy
    for i in 1 2 3 4 5; do
        { printf '\001'; head -c 3072 /dev/zero | tr '\000' "$i"; } >cifar/data_batch_$i.bin
    done
    { printf '\002'; head -c 3072 /dev/zero; } >cifar/test_batch.bin
    tar -czf cifar.tar.gz cifar
    rm -r cifar
    printf '[model]\nwidth = 4\ndepth = 1\n[train]\nbatch = 4\n' >examples.ini
    "$program" data import in.csv set.h5
    PF_CACHE=$work/programs "$program" train examples.ini --data set.h5 --out run --steps 3
    "$program" data make 8gaussians law.h5 -n 8 -t 8
    PF_CACHE=$work/programs "$program" train examples.ini --data law.h5 --out exact --steps 1 --no-eval --set method.name=consistency
    { printf '[compare]\nmethods = flow\nevaluations = 1,2\nslices = 2\nsamples = 16\ncount = 16\n'; cat examples.ini; } >compare.ini
    echo 'steps = 1' >>compare.ini
    PF_CACHE=$work/programs "$program" sample run -n 4 -o out.npy
    rm out.npy
    "$program" data make strokes strokes.h5 -n 4 -t 1 --size 8
    "$program" data show strokes.h5 -o png/a/1.png
    rm strokes.h5
    cp png/a/1.png png/a/2.png
    cp png/a/1.png png/b/1.png
    cp png/a/1.png png/b/2.png
    mkdir programs
    cp "$(ls "$work"/programs/*.pfcl | head -1)" programs
}
