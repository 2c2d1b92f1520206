#!/usr/bin/env bash
# image-build.sh: the image built from the sources, as `make image` does: from nothing, then after a change of one line in the supervisor,
# the target that most others stand on. Prints both times and the image's size, and runs what was built. Needs root and podman.
# The base images are base-images.sh's; where no registry answers, this machine's Swift toolchain is mounted instead of pulled, and so
# are the repositories that git is told to find on this machine instead of on the network.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
[ "$(id -u)" -eq 0 ] || { echo "Building as here needs root." >&2; exit 2; }
# shellcheck source=Tests/Lab/common.sh
. Tests/Lab/common.sh
mkdir -p "$LAB"
need podman buildah runc
Tests/Lab/base-images.sh swift
containers_conf
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
git archive HEAD | tar -C "$context" -x

mounts=()
if [ "$(podman image inspect --format '{{index .Labels "clawhold.lab"}}' docker.io/library/swift:6.3-bookworm)" = debootstrap ]; then
  toolchain=$(readlink -f "$(dirname "$(readlink -f "$(command -v swift)")")/../..")
  mounts+=(-v "$toolchain:$toolchain:ro")
fi
while read -r key _; do
  place=${key#url.}
  place=${place%.insteadof}
  [ -d "$place" ] && mounts+=(-v "$place:$place:ro" -v /etc/gitconfig:/etc/gitconfig:ro)
done < <(git config --system --get-regexp '^url\..*\.insteadof$' | sort -u -k1,1)
[ ! -f /etc/gitignore ] || mounts+=(-v /etc/gitignore:/etc/gitignore:ro)

# build TAG [OPTION…]: prints the seconds
build() {
  local tag=$1 began=$SECONDS
  shift
  podman build --pull=never --network host --format docker --layers "${mounts[@]}" "$@" -t "$tag" "$context" >"$LAB/$tag.log" 2>&1 ||
    { tail -n 30 "$LAB/$tag.log" >&2; exit 1; }
  echo $((SECONDS - began))
}

load() { cut -d' ' -f1 /proc/loadavg; }

rm -rf "${TMPDIR:-/var/tmp}"/buildah-cache*/clawhold-build
seconds=$(build clawhold-sources --no-cache)
echo "from nothing: $seconds s (load $(load))"
echo '// One line more.' >>"$context/Sources/Supervisor/$(cd Sources/Supervisor && git ls-files '*.swift' | head -n 1)"
seconds=$(build clawhold-sources)
echo "after one line: $seconds s (load $(load))"
podman run --rm --pull=never --network none clawhold-sources clawhold --version
podman image inspect --format '{{.Size}}' clawhold-sources | awk '{ printf "image: %.1f MB\n", $1 / 1e6 }'
