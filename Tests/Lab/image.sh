#!/usr/bin/env bash
# image.sh [CHECK…]: the image, made from the built executable, and run as users run it. Needs root and podman; what is missing is installed
# with apt. CLAWHOLD: the executable (default: the release build). ROUNDS: restarts on one volume (default 100). What it checks is in image.py.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
CLAWHOLD=$(readlink -f "${CLAWHOLD:-.build/clawhold}")
[ -x "$CLAWHOLD" ] || { echo "No executable at $CLAWHOLD: type make release, or set CLAWHOLD." >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "Containers with memory limits need root." >&2; exit 2; }
unset "${!OPENCLAW_@}"
# shellcheck source=Tests/Lab/common.sh
. Tests/Lab/common.sh
mkdir -p "$LAB"
need podman buildah runc python3 gcc libc6-dev
Tests/Lab/base-images.sh
containers_conf
architecture=$(dpkg --print-architecture)
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir -p "$context/dist/$architecture"
cp -r Dockerfile .dockerignore deploy "$context/"
cp "$CLAWHOLD" "$context/dist/$architecture/clawhold"
podman build --pull=never --network host --format docker --layers --build-arg "TARGETARCH=$architecture" --target prebuilt \
  -t clawhold-lab "$context" >"$LAB/image-build.log" 2>&1 || { tail -n 20 "$LAB/image-build.log" >&2; exit 1; }
# A static executable needs none of these; a debug one, good for all checks but the sizes, brings the Swift runtime.
mapfile -t libraries < <(ldd "$CLAWHOLD" | awk '$3 ~ "^/" && $3 !~ "^/(usr/)?lib(64)?/" { print $3 }')
if [ ${#libraries[@]} -gt 0 ]; then
  mkdir "$context/lib"
  cp "${libraries[@]}" "$context/lib/"
  printf 'FROM clawhold-lab AS prebuilt\nCOPY lib /lab/lib\nRUN echo /lab/lib >/etc/ld.so.conf.d/lab.conf && ldconfig\n' >"$context/Dockerfile"
  sed -i '/^lib/d' "$context/.dockerignore"
  podman build --pull=never --format docker --target prebuilt -t clawhold-lab -f "$context/Dockerfile" "$context" >>"$LAB/image-build.log" 2>&1
fi
gcc -O2 -static -o "$LAB/hog" Tests/Lab/hog.c
exec python3 Tests/Lab/image.py clawhold-lab "$LAB/hog" "$@"
