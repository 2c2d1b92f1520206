#!/usr/bin/env bash
# make deb: dist/clawhold_VERSION_ARCH.deb out of the built executable, by dpkg-deb alone. CLAWHOLD=FILE and ARCH=arm64 pack another one,
# DIST=DIRECTORY puts it elsewhere, REVISION=2 makes a newer package of the same version, COMPRESSION=gzip a larger one sooner.
set -euo pipefail
cd "$(dirname "$0")/.."
executable=${CLAWHOLD:-.build/clawhold}
[ -x "$executable" ] || { echo "No executable at $executable: type make release first" >&2; exit 1; }
command -v dpkg-deb >/dev/null || { echo "No dpkg-deb: this needs Debian or Ubuntu (apt-get install dpkg)" >&2; exit 1; }
architecture=${ARCH:-$(dpkg --print-architecture)}
version=$(sed -n 's/.*static let version = "\([0-9.]*\)".*/\1/p' Sources/IPC/Control/*.swift | head -n 1)
[ -n "$version" ] || { echo "deb.sh: no version in Sources/IPC/Control" >&2; exit 1; }
version=$version${REVISION:+-$REVISION}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022
chmod 755 "$stage"
CLAWHOLD=$executable DESTDIR=$stage PREFIX=/usr scripts/install.sh
install -D -m 644 LICENSE "$stage/usr/share/doc/clawhold/copyright"
mkdir -p "$stage/DEBIAN"
for script in postinst prerm postrm; do install -m 755 "deploy/debian/$script" "$stage/DEBIAN/$script"; done
cat >"$stage/DEBIAN/control" <<CONTROL
Package: clawhold
Version: $version
Architecture: $architecture
Maintainer: The Clawhold developers <clawhold@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$stage" | cut -f1)
Depends: libc6 (>= 2.36), libgcc-s1 (>= 12), libstdc++6 (>= 12), zlib1g, ca-certificates, systemd (>= 252)
Recommends: tzdata
Section: net
Priority: optional
Description: OpenClaw gateway in watertight compartments
 A personal AI assistant of your own on Discord, Telegram and WebChat. Every
 channel, every model provider and every agent is a process of its own with
 its own memory budget and its own secrets, under a supervisor that owns the
 port. Takes OpenClaw's configuration, environment and command line.
CONTROL
directory=${DIST:-dist}
mkdir -p "$directory"
package=$directory/clawhold_${version}_$architecture.deb
dpkg-deb --root-owner-group "-Z${COMPRESSION:-xz}" --build "$stage" "$package" >/dev/null
echo "$package ($(du -k "$package" | cut -f1) KB). Install it:  apt-get install $(realpath "$package")"
