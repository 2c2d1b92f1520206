#!/usr/bin/env bash
# ssh.sh: the forced command over a real sshd on loopback, with throw-away keys. Needs root and openssh-server. CLAWHOLD: the executable.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
CLAWHOLD=$(readlink -f "${CLAWHOLD:-.build/clawhold}")
[ -x "$CLAWHOLD" ] || { echo "No executable at $CLAWHOLD: type make release, or set CLAWHOLD." >&2; exit 2; }
# shellcheck source=Tests/Lab/common.sh
. Tests/Lab/common.sh
mkdir -p "$LAB"
need openssh-server openssh-client
unset "${!OPENCLAW_@}"
place=$(mktemp -d /tmp/clawhold-ssh.XXXXXX)
chmod 755 "$place"
pids=()
# shellcheck disable=SC2317  # the trap calls it
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$place"
}
trap finish EXIT
failed=0
check() {
  if [ "$2" = "$3" ]; then echo "ok      $1${4:+ ($4)}"; else failed=1; echo "FAILED  $1: $2 instead of $3 ${4:-}"; fi
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

port=$(free_port)
mkdir "$place/state"
cat >"$place/state/clawhold.json" <<'JSON'
{ sidecars: { nap: { command: ["/bin/sleep", "1000"] } } }
JSON
OPENCLAW_GATEWAY_TOKEN=lab OPENCLAW_STATE_DIR=$place/state "$CLAWHOLD" gateway --allow-unconfigured --port "$port" >"$place/log" 2>&1 &
pids+=($!)
for _ in $(seq 100); do grep -q 'sidecar:nap.*ready\|ready.*sidecar:nap' "$place/log" && break; sleep 0.1; done

ssh-keygen -q -t ed25519 -N '' -f "$place/host"
ssh-keygen -q -t ed25519 -N '' -f "$place/key"
install -m 755 deploy/ssh/clawhold-ssh "$place/clawhold-ssh"
# The script as it ships; only which gateway and executable are meant is said in front of it.
printf '#!/bin/sh\nCLAWHOLD=%s OPENCLAW_STATE_DIR=%s exec %s/clawhold-ssh\n' "$CLAWHOLD" "$place/state" "$place" >"$place/command"
chmod 755 "$place/command"
echo "restrict,command=\"$place/command\" $(cat "$place/key.pub")" >"$place/authorized_keys"
chmod 600 "$place/authorized_keys"
sshd_port=$(free_port)
cat >"$place/sshd_config" <<CONFIG
ListenAddress 127.0.0.1
Port $sshd_port
HostKey $place/host
PidFile none
AuthorizedKeysFile $place/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin forced-commands-only
CONFIG
mkdir -p /run/sshd
/usr/sbin/sshd -D -f "$place/sshd_config" 2>"$place/sshd.log" &
pids+=($!)
remote() {
  ssh -q -i "$place/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -p "$sshd_port" root@127.0.0.1 "$@"
}
for _ in $(seq 50); do remote version >/dev/null 2>&1 && break; sleep 0.1; done

run() { code=0; said=$(remote "$@" 2>&1) || code=$?; }
run; check "without a command it shows the status" "$code" 0 "$(head -n 1 <<<"$said")"
run ps --json; check "ps --json" "$code" 0
run restart nap; check "restart of a worker" "$code" 0 "$said"
run clawhold restart sidecar:nap; check "the program's name in front is understood" "$code" 0
run restart nobody; check "a worker that does not exist is exit code 2" "$code" 2 "$said"
run doctor; if [ "$code" = 0 ] || [ "$code" = 1 ]; then held=yes; else held=no; fi; check "doctor answers" "$held" yes "$code"
# shellcheck disable=SC2016  # it is to arrive unexpanded
for words in "stop nap" "gateway stop" "upgrade --from /tmp/x" "config get gateway.auth" "call health" "pairing approve telegram X" "queue drop 1" \
  "status --state-dir /elsewhere" "restart" "sh" "logs; id" 'logs $(id)' "logs > /tmp/x" "logs | sh" "status
id"; do
  run "$words"
  check "refused: ${words//$'\n'/ and a line break, }" "$code" 126
done
times=()
for _ in $(seq 10); do
  begin=$(date +%s%N)
  remote restart nap >/dev/null
  times+=($((($(date +%s%N) - begin) / 1000000)))
done
mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
echo "        ssh … restart WORKER: min ${times[0]}, median ${times[5]}, max ${times[9]} ms, load $(cut -d' ' -f1 /proc/loadavg)"
exit "$failed"
