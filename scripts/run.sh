#!/usr/bin/env bash
# make run: from nothing to a gateway that answers. PORT=… chooses another port than 18789.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/release.sh
state=$PWD/state
port=${PORT:-18789}
mkdir -p "$state" && chmod 700 "$state"
if [ -z "${OPENCLAW_GATEWAY_TOKEN:-}" ]; then
  [ -s "$state/make-run.token" ] || (umask 077 && head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$state/make-run.token")
  OPENCLAW_GATEWAY_TOKEN=$(cat "$state/make-run.token")
fi
export OPENCLAW_GATEWAY_TOKEN OPENCLAW_STATE_DIR="$state"
echo
echo "  Control UI:   http://127.0.0.1:$port/#token=$OPENCLAW_GATEWAY_TOKEN"
if [ -n "${SSH_CONNECTION:-}" ]; then
  read -r _ _ server _ <<<"$SSH_CONNECTION"
  echo "  From your own machine first:   ssh -L $port:127.0.0.1:$port $(id -un)@$server"
fi
echo "  Second shell: OPENCLAW_STATE_DIR=$state $PWD/.build/clawhold ps"
echo "  Stop:         Ctrl-C"
echo
exec .build/clawhold gateway --allow-unconfigured --port "$port" --bind loopback
