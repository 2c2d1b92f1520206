#!/usr/bin/env bash
# What a compiler does not say: format, import directions, no Foundation, no traps, generated code up to date.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
failed=0
fail() { failed=1; printf '%s\n' "$1" >&2; [ -n "${2:-}" ] && printf '%s\n' "$2" | sed 's/^/    /' >&2; }
sources() { git ls-files "$@" | grep '\.swift$' | grep -v '\.pb\.swift$'; }

mapfile -t swift_files < <(sources Package.swift Sources Tests Benchmarks)
swift format lint --strict -p "${swift_files[@]}" || fail "Not formatted: type make format"

hits=$(sources Sources | xargs grep -nE '^[[:space:]]*(@[a-z_]+ )?(public |internal |package |private |fileprivate )?import (Foundation|FoundationNetworking|FoundationInternationalization)$')
[ -n "$hits" ] && fail "Foundation in our own targets (FoundationEssentials where JSON or dates need it):" "$hits"

# forbid FOLDER MODULES: what must not be imported there (docs/modules.md).
forbid() {
  local hits
  hits=$(sources "$1" | xargs -r grep -nE "^[[:space:]]*(@[a-z_]+ )?(public |internal |package |private |fileprivate )?import ($2)\$")
  [ -n "$hits" ] && fail "$1 must not import these (docs/modules.md):" "$hits"
}
light='FoundationEssentials|Foundation|Dispatch|NIO[A-Za-z0-9]*|Logging|SwiftProtobuf|AsyncHTTPClient'
workers='Agent|CLI|Discord|Failover|Gateway|Journal|Model[A-Z][A-Za-z]+|OAuth|Plan|Provider|Runtime|Telegram|Tunnel|Voice'
forbid Sources/IPC/Control "$light|Config|IPCHub|Supervisor|$workers"
forbid Sources/Supervisor "$light|Config|IPCHub|$workers"
forbid Sources/IPC/Hub "Config|Supervisor|NIOPosix|$workers"
forbid Sources/Config "NIO[A-Za-z0-9]*|IPCHub|Supervisor|$workers"
forbid Sources/Workers/Runtime "Config|Supervisor|Agent|CLI|Gateway|Journal|Model[A-Z][a-z]+|Plan|Discord|Telegram|AsyncHTTPClient"
forbid Sources/Workers/Agent "Supervisor|CLI|Gateway|Journal|Model[A-Z][a-z]+|Plan|Discord|Telegram|AsyncHTTPClient"
forbid Sources/Workers/Channels "Supervisor|Agent|CLI|Gateway|Journal|Model[A-Z][a-z]+|Plan"
forbid Sources/Workers/Channels/Discord 'Telegram|Voice'
forbid Sources/Workers/Channels/Telegram 'Discord|Voice'
forbid Sources/Workers/Channels/Voice 'Discord|Telegram'
forbid Sources/Workers/Models "Supervisor|Agent|CLI|Gateway|Journal|Plan|Discord|Telegram"
forbid Sources/Workers/Gateway "Supervisor|Agent|CLI|Model[A-Z][a-z]+|Plan|Discord|Telegram|AsyncHTTPClient"
forbid Sources/Workers/Tunnel "Supervisor|Agent|CLI|Gateway|Journal|Model[A-Z][a-z]+|Plan|Discord|Telegram"
forbid Sources/Workers/Plan "NIO[A-Za-z0-9]*|Runtime|Supervisor|Gateway|Agent"
hits=$(sources Sources | grep -v '^Sources/Workers/Gateway/Journal/' | xargs grep -nE 'import CSQLite')
[ -n "$hits" ] && fail "Only the journal knows SQLite:" "$hits"

hits=$(sources Sources | xargs grep -nE 'try!|fatalError\(|\.unsafelyUnwrapped')
[ -n "$hits" ] && fail "Traps:" "$hits"
hits=$(git ls-files | xargs -r grep -nIE '(^|[^A-Za-z0-9_/.-])/(work|farm)/' -- 2>/dev/null)
[ -n "$hits" ] && fail "Paths of a build machine:" "$hits"
while read -r file; do
  lines=$(wc -l <"$file")
  [ "$lines" -gt 600 ] && fail "$file has $lines lines: is it still one room?"
done < <(sources Sources)
if command -v shellcheck >/dev/null; then
  mapfile -t scripts < <(git ls-files | grep -E '(\.sh|^\.ci/run|^deploy/(debian|image|ssh)/[^.]*)$')
  shellcheck -x "${scripts[@]}" || fail "shellcheck"
fi
scripts/check-deploy.py || fail "deploy/, fly.toml, Dockerfile"
[ "$failed" -eq 0 ] && echo "Source rules: all kept."
exit "$failed"
