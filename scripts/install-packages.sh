#!/usr/bin/env bash
# install-packages.sh GROUP…: installs the Debian packages of the groups that are missing here. Asks for nothing.
set -euo pipefail

packages() {
  case "$1" in
    build) echo binutils libsqlite3-dev zlib1g-dev ;;
    test) echo chromium gcc iproute2 libc6-dev procps python3-venv shellcheck strace systemd util-linux ;;
    *) echo "install-packages.sh: no group $1" >&2; exit 2 ;;
  esac
}

missing=()
for group in "$@"; do
  for package in $(packages "$group"); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Missing: ${missing[*]}. Type as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${missing[*]} …"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "Could not install ${missing[*]}." >&2
  exit 1
fi
rm -f "$log"
