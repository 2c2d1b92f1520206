#!/usr/bin/env bash
# Regenerates the hub's messages after a change of hub.proto; the result is committed. Needs Debian's protobuf-compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build --product protoc-gen-swift
protoc --plugin="$(swift build --show-bin-path)/protoc-gen-swift" \
  --swift_opt=Visibility=Package --swift_opt=UseAccessLevelOnImports=true --swift_opt=FileNaming=DropPath \
  --swift_out=Sources/IPC/Hub/Messages -I Sources/IPC/Hub/Messages hub.proto
