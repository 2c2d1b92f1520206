# shellcheck shell=bash
# Sourced: how everything of the release executable is compiled, other people's packages included.
# A section for each function, and public ones no exception to what the linker may drop: whatever nobody calls goes, and equal
# functions become one.
# shellcheck disable=SC2034
release_flags=(
  -c release --static-swift-stdlib --disable-local-rpath
  -Xswiftc -Xfrontend -Xswiftc -function-sections
  -Xswiftc -Xfrontend -Xswiftc -internalize-at-link
  -Xcc -ffunction-sections -Xcc -fdata-sections
)
