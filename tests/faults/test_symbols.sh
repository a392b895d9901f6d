#!/bin/sh
# SPDX-License-Identifier: MIT
# No call can be forgotten: what our objects import is wrapped (wrap_*.c) or excluded with a reason (excluded.txt).
#   test_symbols.sh LIBRARY.a PROGRAM_OBJECT_FOLDER WRAPPED.ld
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{ nm "$1"; find "$2" -name '*.o' -path '*/tools/*' -exec nm {} +; } 2>/dev/null >"$work/all"
awk 'NF == 2 && $1 == "U" { print $2 }' "$work/all" | sort -u >"$work/imported"
awk 'NF == 3 && $2 ~ /[A-TV-Z]/ { print $3 }' "$work/all" | sort -u >"$work/ours"
sed 's/^--wrap=//' "$3" | sort -u >"$work/wrapped"
grep -v '^#' "$here/excluded.txt" | grep . >"$work/excluded"
[ "$(wc -l <"$work/imported")" -gt 100 ] || { echo "symbols: nm found nothing in $1"; exit 1; }
missed=$(comm -23 "$work/imported" "$work/ours" | comm -23 - "$work/wrapped" | grep -vxEf "$work/excluded" || true)
both=$(grep -xEf "$work/excluded" "$work/wrapped" || true)
for name in $missed; do echo "symbols: $name is called and neither wrapped in tests/faults/wrap_*.c nor excluded in excluded.txt"; done
for name in $both; do echo "symbols: $name is wrapped and excluded"; done
[ -z "$missed$both" ] || exit 1
echo "symbols: $(comm -12 "$work/imported" "$work/wrapped" | wc -l) calls are wrapped"
