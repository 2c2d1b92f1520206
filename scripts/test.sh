#!/usr/bin/env bash
# make test: installs what the tests need, then runs all of them. Arguments go to `swift test` (--filter NAME).
set -euo pipefail
cd "$(dirname "$0")/.."
command -v swift >/dev/null || { echo "No Swift toolchain on PATH: get 6.3 for Debian 12 from swift.org/install" >&2; exit 1; }
scripts/install-packages.sh build test
# The fakes are trusted only after independent clients have worked against them.
Tests/peers/setup.sh --check >/dev/null
swift build --build-tests
# What failed is said again at the end: it stands somewhere in thousands of lines otherwise.
tests() {
  local log=.build/tests.log
  swift test --skip-build --no-parallel "$@" 2>&1 | tee "$log" && return
  echo "Failed (all of it is in $PWD/$log):" >&2
  grep -E -A 2 '^✘ .* (recorded|failed)|[Ff]atal error|^error:|Crash' "$log" | tail -n 60 >&2
  return 1
}
if [ $# -gt 0 ]; then
  tests "$@"
  exit
fi
# One after another, and the real processes last and by themselves: hundreds of tests at once on two cores would stretch
# every time limit that is part of what is tested.
tests --skip SystemTests
tests --filter SystemTests
