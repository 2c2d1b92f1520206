#!/usr/bin/env bash
# Builds the static release executable and puts it, stripped, at .build/clawhold.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/release-flags.sh
. scripts/release-flags.sh
command -v swift >/dev/null || { echo "No Swift toolchain on PATH: get 6.3 for Debian 12 from swift.org/install" >&2; exit 1; }
scripts/install-packages.sh build
if [ -x .build/clawhold ]; then
  echo "Building the release executable: seconds, or minutes where much has changed …"
else
  echo "Building the release executable: 4 to 10 minutes the first time on two cores …"
fi
SECONDS=0
log=.build/release.log
mkdir -p .build
if ! swift build "${release_flags[@]}" --product clawhold >"$log" 2>&1; then
  grep -E 'error:' "$log" | head -n 20 >&2 || tail -n 20 "$log" >&2
  echo "The build failed; all of it is in $log" >&2
  exit 1
fi
strip -o .build/clawhold.new "$(swift build "${release_flags[@]}" --show-bin-path)/clawhold"
mv .build/clawhold.new .build/clawhold
ln -sf clawhold .build/openclaw
echo "Built in ${SECONDS} s: $PWD/.build/clawhold ($(du -m .build/clawhold | cut -f1) MB)"
