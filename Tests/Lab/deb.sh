#!/usr/bin/env bash
# deb.sh: the Debian package under a real systemd, booted by systemd-nspawn on a throw-away copy of a Debian: install, upgrade under connecting
# clients, remove, purge. Needs root. What it checks is in deb.py.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
CLAWHOLD=$(realpath "${1:-${CLAWHOLD:-$here/../../.build/clawhold}}")
[ -x "$CLAWHOLD" ] || { echo "No executable at $CLAWHOLD: type make release" >&2; exit 2; }
cd "$here/../.."
export CLAWHOLD
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
COMPRESSION=gzip DIST=$packages REVISION=1 scripts/deb.sh >/dev/null
COMPRESSION=gzip DIST=$packages REVISION=2 scripts/deb.sh >/dev/null
LAB_DEB=$packages Tests/Lab/systemd.sh "$CLAWHOLD"
