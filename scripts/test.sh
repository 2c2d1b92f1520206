#!/usr/bin/env bash
# make test: installs what the tests need, then runs all of them. Arguments go to `swift test` (--filter NAME).
set -euo pipefail
cd "$(dirname "$0")/.."
command -v swift >/dev/null || { echo "No Swift toolchain on PATH: get 6.3 for Debian 12 from swift.org/install" >&2; exit 1; }
scripts/install-packages.sh build test
# The fakes are trusted only after independent clients have worked against them.
Tests/peers/setup.sh --check >/dev/null
swift build --build-tests
if [ $# -gt 0 ]; then exec swift test --skip-build "$@"; fi
# One after another, and the real processes last and by themselves: hundreds of tests at once on two cores would stretch
# every time limit that is part of what is tested.
swift test --skip-build --no-parallel --skip SystemTests
swift test --skip-build --no-parallel --filter SystemTests
