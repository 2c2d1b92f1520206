#!/usr/bin/env bash
# make bench: the figures of the README against the release executable, with references in the same run; what channels cost,
# against fakes of the networks (needs strace for the fsyncs); the pass-through endpoint beside nginx; then the supervisor
# beside runit, s6 and supervisord, which needs Debian's packages and redraws docs/supervisors.svg.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(Tests/peers/setup.sh)
"$python" Benchmarks/figures.py "$@"
"$python" Benchmarks/channels.py
"$python" Benchmarks/models.py
"$python" Benchmarks/tunnel.py
exec "$python" Benchmarks/supervisors.py --plot docs/supervisors.svg
