#!/usr/bin/env bash
# What the release executable may not become: larger than 40 MB, linked with ICU or anything a slim image lacks, without
# address randomisation, or looking for libraries in its own directory, which root would then load.
set -euo pipefail
cd "$(dirname "$0")/.."
executable=.build/clawhold
limit=$((40 * 1000 * 1000))
size=$(stat -c %s "$executable")
[ "$size" -le "$limit" ] || { echo "$executable has $size bytes; the limit is $limit" >&2; exit 1; }
needed=$(objdump -p "$executable" | awk '/NEEDED/ {print $2}')
extra=$(grep -vE '^(libc|libm|libgcc_s|libstdc\+\+|libz|ld-linux-x86-64|ld-linux-aarch64)\.so' <<<"$needed" || true)
[ -z "$extra" ] || { echo "$executable needs libraries that are not in every Debian: $extra" >&2; exit 1; }
objdump -p "$executable" | grep -qE 'RUNPATH|RPATH' && { echo "$executable has a run path" >&2; exit 1; }
readelf -h "$executable" | grep -q 'DYN (' || { echo "$executable is not position independent" >&2; exit 1; }
readelf -lW "$executable" | grep -q GNU_RELRO || { echo "$executable has writable relocations" >&2; exit 1; }
if strings -n 12 "$executable" | grep -q 'icudt[0-9]'; then
  echo "$executable contains ICU: some formatter, calendar or locale call crept in" >&2
  exit 1
fi
echo "Executable: $size bytes stripped, needs $(tr '\n' ' ' <<<"$needed")"
