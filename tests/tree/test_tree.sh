#!/bin/sh
# The rules of the tree: a folder of src/ includes only from folders above it; OpenCL is called in runtime/ alone, CLBlast in
# one file, HDF5 in one file; every public header compiles alone in C and in C++; every source names its licence.
#   test_tree.sh ROOT [C compiler] [C++ compiler]
set -eu
root=$1
cc=${2:-cc}
cxx=${3:-c++}
cd "$root"
failed=0
fail() {
    echo "tree: $*"
    failed=1
}

order="base draw runtime graph ops plan nn methods data run eval bench"
rank() {
    r=0
    for d in $order; do
        [ "$d" != "$1" ] || { echo $r; return; }
        r=$((r + 1))
    done
    echo -1
}

for file in src/*/*.c src/*/*.h; do
    from=$(basename "$(dirname "$file")")
    here=$(rank "$from")
    [ "$here" -ge 0 ] || fail "$file: folder $from is not one of: $order"
    for include in $(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]+)".*/\1/p' "$file"); do
        to=${include%%/*}
        [ "$to" != pushforward ] || continue
        there=$(rank "$to")
        [ "$there" -ge 0 ] || fail "$file includes \"$include\", which is no folder of src/"
        [ "$there" -le "$here" ] || fail "$file looks down: it includes \"$include\""
    done
done

calls() { # pattern, files allowed (a regular expression)
    grep -lE "$1" src/*/*.c | grep -vE "$2" || true
}
for file in $(calls '\bcl[A-Z][A-Za-z]+\(' '^src/runtime/'); do fail "$file calls OpenCL"; done
for file in $(calls 'CLBlast[A-Z][A-Za-z]*\(' '^src/ops/matmul_clblast\.c$'); do fail "$file calls CLBlast"; done
for file in $(calls '\bH5[A-Z][a-z_]+[0-9]*\(' '^src/data/h5[a-z_]*\.c$'); do fail "$file calls HDF5"; done
for file in $(grep -lE '\b(printf|puts|exit|abort)\(|\bfprintf\((stdout|stderr)' src/*/*.c || true); do fail "$file prints or exits"; done
for file in $(grep -lE '#include "([a-z]+)/' tools/*.c | xargs -r grep -lE '#include "(base|draw|runtime|graph|ops|plan|nn|methods|data|run|eval|bench)/' || true); do
    fail "$file includes a private header: the program uses the public ones only"
done

for header in include/pushforward/*.h; do
    name=pushforward/$(basename "$header")
    printf '#include "%s"\n#include "%s"\nint main(void) { return 0; }\n' "$name" "$name" >"${TMPDIR:-/tmp}/pf_header_$$.c"
    $cc -std=c11 -Wall -Wextra -Werror -pedantic -Iinclude -fsyntax-only "${TMPDIR:-/tmp}/pf_header_$$.c" || fail "$header does not compile alone in C"
    $cxx -x c++ -std=c++11 -Wall -Wextra -Werror -Iinclude -fsyntax-only "${TMPDIR:-/tmp}/pf_header_$$.c" || fail "$header does not compile alone in C++"
done
rm -f "${TMPDIR:-/tmp}/pf_header_$$.c"

for file in src/*/*.[ch] include/pushforward/*.h cl/*.cl tests/*/*.[ch] tools/*.[ch]; do
    [ ! -e "$file" ] || head -3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || fail "$file names no licence"
done
[ $failed = 0 ] && echo "tree: good"
exit $failed
