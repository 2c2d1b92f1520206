#!/usr/bin/env bash
# make image-prebuilt: the image out of the executable that lies at .build/clawhold (CLAWHOLD=FILE for another), by docker or podman.
set -euo pipefail
cd "$(dirname "$0")/.."
executable=${CLAWHOLD:-.build/clawhold}
[ -x "$executable" ] || { echo "No executable at $executable: type make release first" >&2; exit 1; }
tool=$(command -v docker || command -v podman) || { echo "Neither docker nor podman is here: apt-get install podman" >&2; exit 1; }
case $(uname -m) in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *) echo "no image for $(uname -m)" >&2; exit 1 ;; esac
mkdir -p "dist/$architecture"
cp "$executable" "dist/$architecture/clawhold"
exec "$tool" build --target prebuilt --build-arg "TARGETARCH=$architecture" -t clawhold "$@" .
