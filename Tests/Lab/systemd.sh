#!/usr/bin/env bash
# systemd.sh [EXECUTABLE [STEP…]]: the service as deploy/ ships it under a real systemd, booted by systemd-nspawn on a throw-away
# copy of a Debian. Needs root. What it checks is in systemd.py.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
CLAWHOLD=$(realpath "${1:-${CLAWHOLD:-$here/../../.build/clawhold}}")
[ -x "$CLAWHOLD" ] || { echo "No executable at $CLAWHOLD: type make release" >&2; exit 2; }
cd "$here"
LAB=${CLAWHOLD_LAB:-/var/tmp/clawhold-lab}
mkdir -p "$LAB"
for tool in debootstrap systemd-nspawn; do
  command -v $tool >/dev/null || { echo "No $tool: apt-get install debootstrap systemd-container" >&2; exit 2; }
done
if [ ! -e "$LAB/rootfs.done" ]; then
  echo "Making a Debian in $LAB/rootfs …" >&2
  rm -rf "$LAB/rootfs"
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,procps,python3,ca-certificates \
    bookworm "$LAB/rootfs" >"$LAB/debootstrap.log" 2>&1 || { tail -n 20 "$LAB/debootstrap.log" >&2; exit 1; }
  touch "$LAB/rootfs.done"
fi

place=$LAB/systemd.$$
name=clawhold-lab-systemd.$$
groups="systemd unified memory pids cpu cpuacct"
guest=$place/root
boss=
# shellcheck disable=SC2317  # the trap calls it
finish() {
  [ -n "$boss" ] && { kill -KILL "$boss" 2>/dev/null || true; wait "$boss" 2>/dev/null || true; }
  umount -R "$guest" 2>/dev/null || true
  umount "$place" 2>/dev/null || true
  rmdir "$place" 2>/dev/null || true
  for group in $groups; do
    find "/sys/fs/cgroup/$group/$name" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}
trap finish EXIT

mkdir -p "$place"
mount -t tmpfs lab "$place"
mkdir -p "$place/upper" "$place/work" "$guest"
mount -t overlay overlay -o "lowerdir=$LAB/rootfs,upperdir=$place/upper,workdir=$place/work" "$guest"
mkdir -p "$guest/lab"
if [ -n "${LAB_DEB:-}" ]; then
  # The package brings everything (deb.sh).
  suite=deb.py
  cp "$LAB_DEB"/*.deb "$guest/lab/"
else
  suite=systemd.py
  install -m 755 "$CLAWHOLD" "$guest/usr/bin/clawhold"
  install -D -m 644 ../../deploy/systemd/clawhold.service "$guest/etc/systemd/system/clawhold.service"
  install -D -m 644 ../../deploy/systemd/clawhold.sysusers "$guest/etc/sysusers.d/clawhold.conf"
  install -D -m 644 ../../deploy/systemd/clawhold.tmpfiles "$guest/etc/tmpfiles.d/clawhold.conf"
fi
install -m 755 $suite checks.py "$guest/lab/"
# A static executable has none of these; a debug one has the Swift runtime.
mkdir -p "$guest/lab/lib"
ldd "$CLAWHOLD" | awk '$3 ~ "^/" && $3 !~ "^/(usr/)?lib(64)?/" { print $3 }' | xargs -r cp -t "$guest/lab/lib"
echo /lab/lib >"$guest/etc/ld.so.conf.d/lab.conf"
chroot "$guest" ldconfig
cat >"$guest/sbin/lab-init" <<'INIT'
#!/bin/sh
# nspawn mounts the v1 controllers read-only; the manager in here is to have them.
for controller in memory pids cpu cpuacct; do
  [ -d /sys/fs/cgroup/$controller ] && mount -o remount,bind,rw /sys/fs/cgroup/$controller
done
exec /sbin/init
INIT
chmod +x "$guest/sbin/lab-init"

# A group of its own in every hierarchy, so that nothing of it touches this machine's.
(
  for group in $groups; do
    [ -d "/sys/fs/cgroup/$group" ] || continue
    mkdir -p "/sys/fs/cgroup/$group/$name"
    echo "$BASHPID" >"/sys/fs/cgroup/$group/$name/cgroup.procs"
  done
  unified=1
  [ -d /sys/fs/cgroup/unified ] && unified=0
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=$unified exec systemd-nspawn -q -D "$guest" --private-network --register=no --keep-unit \
    --console=pipe --kill-signal=SIGRTMIN+3 /sbin/lab-init
) </dev/null >"$place/console" 2>&1 &
boss=$!
leader=
for _ in $(seq 300); do
  leader=$(pgrep -P "$boss" | head -n 1 || true)
  [ -n "$leader" ] && nsenter -t "$leader" -a systemctl is-active -q multi-user.target 2>/dev/null && break
  kill -0 "$boss" 2>/dev/null || break
  sleep 0.1
done
[ -n "$leader" ] || { cat "$place/console" >&2; echo "systemd did not boot" >&2; exit 1; }
status=0
nsenter -t "$leader" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin python3 "/lab/$suite" "${@:2}" || status=$?
nsenter -t "$leader" -a systemctl poweroff || true
wait "$boss" || true
boss=
exit "$status"
