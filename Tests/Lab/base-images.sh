#!/usr/bin/env bash
# base-images.sh [swift]: the images that the Dockerfile starts from, for podman. Pulled where a registry answers; where none does, made by
# debootstrap with what Debian's slim images leave out left out, which comes within a few MB of the real one but is not it.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
# shellcheck source=Tests/Lab/common.sh
. Tests/Lab/common.sh
mkdir -p "$LAB"
need podman buildah runc
containers_conf
debian=docker.io/library/debian:bookworm-slim
swift=docker.io/library/swift:6.3-bookworm

have() { podman image exists "$1" || timeout 60 podman pull -q "$1" >/dev/null 2>&1; }

make_debian() {
  need debootstrap
  local small=$LAB/rootfs-min
  [ -e "$small/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$small" >"$LAB/debootstrap.log" 2>&1
  # Whatever this machine's apt needs to reach its mirror, the container's needs too.
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    cp /etc/apt/sources.list.d/debian.sources "$small/etc/apt/sources.list.d/"
    : >"$small/etc/apt/sources.list"
  fi
  mkdir -p "$small/etc/ssl/certs"
  cp /etc/ssl/certs/ca-certificates.crt "$small/etc/ssl/certs/"
  printf 'Acquire::Check-Valid-Until "false";\nAcquire::Check-Date "false";\n' >"$small/etc/apt/apt.conf.d/99lab"
  # As the registry's: what apt downloads is not kept.
  cat >"$small/etc/apt/apt.conf.d/docker-clean" <<'APT'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT
  tar -C "$small" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' --exclude='./var/cache/*' --exclude='./var/lib/apt/lists/*' \
    --exclude='./var/log/*' --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
    --exclude='./usr/share/info/*' --exclude='./usr/share/lintian/*' --exclude='./usr/share/groff/*' --exclude='./usr/share/linda/*' -c . |
    podman import -q --change 'CMD ["bash"]' --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
      --change 'LABEL clawhold.lab=debootstrap' - "$debian"
}

# The toolchain of this machine is mounted where it is (image-build.sh), not copied.
make_swift() {
  local container mounted toolchain program
  container=$(buildah from --pull-never "$debian")
  buildah run --network host "$container" -- sh -c 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy \
    --no-install-recommends binutils git gnupg2 libc6-dev libcurl4-openssl-dev libedit2 libgcc-12-dev libncurses6 libpython3.11 \
    libsqlite3-0 libstdc++-12-dev libxml2-dev libz3-dev pkg-config tzdata zlib1g-dev unzip && rm -rf /var/lib/apt/lists/*' >"$LAB/swift-image.log" 2>&1
  mounted=$(buildah mount "$container")
  toolchain=$(readlink -f "$(dirname "$(readlink -f "$(command -v swift)")")/../..")
  for program in swift swiftc swift-build swift-package clang clang++ lld ld.lld ld.gold; do
    [ -e "$toolchain/usr/bin/$program" ] && ln -sf "$toolchain/usr/bin/$program" "$mounted/usr/bin/$program"
  done
  buildah umount "$container" >/dev/null
  buildah config --cmd bash --label clawhold.lab=debootstrap "$container"
  buildah commit --rm -q "$container" "$swift"
}

have "$debian" || make_debian
[ "${1:-}" != swift ] || have "$swift" || make_swift
