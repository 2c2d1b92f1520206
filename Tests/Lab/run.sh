#!/usr/bin/env bash
# run.sh [host|podman|nspawn|vm …]: the memory suite in every place that can be had here, as one table.
#
# CLAWHOLD: the executable under test (default: the release build). CLAWHOLD_LAB: where roots, images and results go. Needs root; what is missing is
# installed with apt. The host part takes a minute, the virtual machine ten: it has no hardware to lean on.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
CLAWHOLD=$(readlink -f "${CLAWHOLD:-.build/clawhold}")
# shellcheck source=Tests/Lab/common.sh
. Tests/Lab/common.sh
[ -x "$CLAWHOLD" ] || { echo "No executable at $CLAWHOLD: type make release, or set CLAWHOLD." >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || { echo "Namespaces, cgroups and containers need root." >&2; exit 1; }
unset "${!OPENCLAW_@}" "${!CLAWHOLD_@}"
mkdir -p "$LAB"
need python3
make_input
rows=$LAB/rows
: >"$rows"

host() {
  local run=(python3 Tests/Lab/memory.py) with=("$CLAWHOLD" "$input/hog")
  "${run[@]}" "host" "${with[@]}" || true
  unshare -m sh -c '[ ! -d /sys/fs/cgroup/unified ] || mount -t tmpfs none /sys/fs/cgroup/unified; exec "$@"' sh \
    "${run[@]}" "host, without the v2 tree" "${with[@]}" || true
  unshare -m sh -c 'mount -t tmpfs none /sys/fs/cgroup; exec "$@"' sh "${run[@]}" "host, without cgroups" "${with[@]}" --expect rlimit || true
  "${run[@]}" "host, ordinary user" "${with[@]}" --expect rlimit --user 4321 || true
}

in_podman() {
  local place=$1 rung=$2
  shift 2
  podman run --rm --network host --rootfs -v "$input:/in:ro" "$@" "$root:O" \
    sh -c '/in/prepare; for c in memory pids unified; do [ -z "$LAB_WRITABLE" ] || mount -o remount,bind,rw /sys/fs/cgroup/$c; done
      . /in/suite; suite "$0" "$1"' "$place" "$rung" || true
}

podman_place() {
  need podman runc
  make_rootfs
  containers_conf
  in_podman "podman" rlimit --env LAB_WRITABLE=
  local best="cgroup v1"
  [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] && best="cgroup v2"
  in_podman "podman, writable cgroup" "$best" --env LAB_WRITABLE=1 --cgroupns=private --cap-add SYS_ADMIN --memory 900m
  in_podman "podman, privileged" "$best" --env LAB_WRITABLE= --privileged
}

nspawn() {
  need systemd-container
  make_rootfs
  local name=clawhold-lab.$$ hierarchies="systemd unified memory pids cpu cpuacct" log=$LAB/nspawn.log boss leader=
  cat >"$root/sbin/lab-init" <<'INIT'
#!/bin/sh
for c in memory pids cpu cpuacct blkio freezer cpuset devices; do [ -d /sys/fs/cgroup/$c ] && mount -o remount,bind,rw /sys/fs/cgroup/$c; done
exec /sbin/init
INIT
  chmod +x "$root/sbin/lab-init"
  (
    for h in $hierarchies; do
      [ -d "/sys/fs/cgroup/$h" ] || continue
      mkdir -p "/sys/fs/cgroup/$h/$name"
      echo "$BASHPID" >"/sys/fs/cgroup/$h/$name/cgroup.procs"
    done
    export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0
    exec systemd-nspawn -q -D "$root" --volatile=overlay --bind-ro="$input:/in" --private-network --register=no --keep-unit --console=pipe \
      --kill-signal=SIGRTMIN+3 /sbin/lab-init </dev/null >"$log" 2>&1
  ) &
  boss=$!
  for _ in $(seq 300); do
    leader=$(pgrep -P "$boss" -f 'lab-init|/sbin/init' | head -n 1 || true)
    [ -n "$leader" ] && nsenter -t "$leader" -a /bin/systemctl is-active -q multi-user.target 2>/dev/null && break
    sleep 0.1
  done
  if [ -z "$leader" ]; then
    tail -n 20 "$log" >&2
    echo "nspawn|-|boot|FAILED|no systemd within 30 s"
    return
  fi
  nsenter -t "$leader" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /in/prepare
  nsenter -t "$leader" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin systemd-run --quiet --wait --pipe --collect -p Delegate=yes -p OOMPolicy=continue \
    sh -c 'ip link set lo up; . /in/suite; suite "nspawn: service, Delegate=yes" "cgroup v1"' || true
  nsenter -t "$leader" -a /bin/systemctl poweroff || true
  wait "$boss" || true
  for h in $hierarchies; do find "/sys/fs/cgroup/$h/$name" -depth -type d -exec rmdir {} \; 2>/dev/null || true; done
}

vm() {
  make_image
  run_vm "$input" /in/in-vm.sh || true
  # The same machine with v1 alone: no cgroup.kill anywhere.
  run_vm "$input" /in/in-vm.sh "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1" || true
}

for place in "${@:-host podman nspawn vm}"; do
  for part in $place; do
    case $part in
      podman) podman_place ;;
      host | nspawn | vm) "$part" ;;
      *) echo "run.sh: no place $part" >&2; exit 2 ;;
    esac | tee -a "$rows"
  done
done

echo
{ echo 'place|rung|check|result|seen'; grep -E '^[^|]*\|[^|]*\|[^|]*\|[^|]*\|' "$rows"; } | tr -d '\r' | column -t -s '|'
! grep -q '|FAILED|' "$rows"
