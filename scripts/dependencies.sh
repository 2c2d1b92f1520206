#!/usr/bin/env bash
# Builds the packages that Package.swift names, and nothing of ours: the layer of the image that a change of our sources leaves alone.
# Works in the directory that the real build uses afterwards, which finds its modules there. Only for a fresh directory (Dockerfile).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/release-flags.sh
. scripts/release-flags.sh
[ ! -e Sources ] || { echo "dependencies.sh is for a directory without sources: it would replace Package.swift" >&2; exit 2; }
real=$(mktemp)
mv Package.swift "$real"
trap 'mv "$real" Package.swift; rm -rf Sources' EXIT
mkdir -p Sources/clawhold
echo 'print()' >Sources/clawhold/main.swift
{
  head -n 1 "$real"
  echo 'import PackageDescription'
  echo 'let package = Package(name: "clawhold", dependencies: ['
  grep -oE '\.package\(url: .*\),$' "$real"
  echo '], targets: [.executableTarget(name: "clawhold", dependencies: ['
  # Those of the tests are not part of the executable.
  grep -oE '\.product\(name: "[^"]+", package: "[^"]+"\)' "$real" | grep -v NIOEmbedded | sort -u | sed 's/$/,/'
  echo '])])'
} >Package.swift
swift build "${release_flags[@]}" --product clawhold
# What has our names in it is made anew.
rm -rf .build/*/release/clawhold .build/*/release/clawhold.build .build/*/release/clawhold.product \
  .build/*/release/Modules/clawhold.*
