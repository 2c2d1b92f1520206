#!/usr/bin/env bash
# make install: puts the built executable and the service in place. DESTDIR and PREFIX (default /usr) as everywhere; without
# DESTDIR it also makes the user and the state directory, and says what to type next. Starts nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
executable=${CLAWHOLD:-.build/clawhold}
prefix=${PREFIX:-/usr}
root=${DESTDIR:-}
[ -x "$executable" ] || { echo "No executable at $executable: type make release first" >&2; exit 1; }
if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
  echo "Installing into $prefix needs root: sudo make install" >&2
  exit 1
fi
install -d "$root$prefix/bin"
# Renamed into place: a running gateway keeps the old file until it is told to upgrade.
install -m 755 "$executable" "$root$prefix/bin/clawhold.new"
mv "$root$prefix/bin/clawhold.new" "$root$prefix/bin/clawhold"
ln -sf clawhold "$root$prefix/bin/openclaw"
# OpenClaw's own command of the same name, elsewhere on PATH, stays what it is.
for unit in clawhold.service clawhold.socket user/clawhold.service; do
  case $unit in user/*) directory=$prefix/lib/systemd/user ;; *) directory=$prefix/lib/systemd/system ;; esac
  install -d "$root$directory"
  sed "s|/usr/bin/clawhold|$prefix/bin/clawhold|" "deploy/systemd/$unit" >"$root$directory/${unit##*/}"
  chmod 644 "$root$directory/${unit##*/}"
done
install -D -m 644 deploy/systemd/clawhold.sysusers "$root$prefix/lib/sysusers.d/clawhold.conf"
install -D -m 644 deploy/systemd/clawhold.tmpfiles "$root$prefix/lib/tmpfiles.d/clawhold.conf"
install -D -m 755 deploy/ssh/clawhold-ssh "$root$prefix/lib/clawhold/clawhold-ssh"
[ -z "$root" ] || exit 0
systemd-sysusers "$prefix/lib/sysusers.d/clawhold.conf"
systemd-tmpfiles --create "$prefix/lib/tmpfiles.d/clawhold.conf"
[ ! -d /run/systemd/system ] || systemctl daemon-reload
[ -e /etc/clawhold.env ] || (umask 077 && echo "OPENCLAW_GATEWAY_TOKEN=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')" >/etc/clawhold.env)
echo "Installed. The gateway's token is in /etc/clawhold.env; keys and bot tokens go there too."
echo "Start it:                 systemctl enable --now clawhold"
echo "After a new make install: systemctl reload clawhold   (live upgrade, no connection is lost)"
