#!/bin/sh
# Makes .build/peers, a Python environment with requirements.txt in it. Does nothing when it is there and up to date.
# --check also proves the fakes against the independent clients. Prints the path of its python.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
peers=$(cd "$here/../.." && pwd)/.build/peers
if ! cmp -s "$here/requirements.txt" "$peers/installed.txt"; then
    rm -rf "$peers"
    mkdir -p "$(dirname "$peers")"
    if ! python3 -m venv "$peers" >&2; then
        echo "setup.sh: cannot make a Python environment: install it with: apt-get install python3-venv" >&2
        exit 1
    fi
    "$peers/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
    cp "$here/requirements.txt" "$peers/installed.txt"
fi
if [ "${1:-}" = --check ]; then
    for check in "$here"/check_*.py; do
        basename "$check" >&2
        "$peers/bin/python" "$check" >&2
    done
fi
echo "$peers/bin/python"
