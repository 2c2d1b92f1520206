#!/usr/bin/env bash
# make bench: the figures of the README against the release executable, with references in the same run.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(Tests/peers/setup.sh)
exec "$python" Benchmarks/figures.py "$@"
