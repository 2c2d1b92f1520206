# Sourced by run.sh: where the lab keeps its things, and how they are made.
# shellcheck shell=bash

# Everything that is built or downloaded; may be deleted at any time.
LAB=${CLAWHOLD_LAB:-/var/tmp/clawhold-lab}
root=$LAB/rootfs
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

need() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "Installing ${missing[*]} …" >&2
  if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
    apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$LAB/apt.log" 2>&1; then
    tail -n 20 "$LAB/apt.log" >&2
    exit 1
  fi
}

# How podman runs where neither systemd nor a registry is: CONTAINERS_CONF for everything that follows.
containers_conf() {
  # runc, because crun refuses a hybrid layout; cgroupfs, because nothing says that systemd runs here.
  cat >"$LAB/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
CONF
  export CONTAINERS_CONF=$LAB/containers.conf
}

# A Debian with systemd, a kernel and Python: the root of containers, of nspawn and of the virtual machine.
make_rootfs() {
  need debootstrap
  [ -e "$LAB/rootfs.done" ] && return
  echo "Making a Debian in $root …" >&2
  rm -rf "$root"
  debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,udev,kmod,iproute2,procps,util-linux,python3,ca-certificates,libsqlite3-0,initramfs-tools,linux-image-cloud-amd64 \
    bookworm "$root" >"$LAB/debootstrap.log" 2>&1 || { tail -n 20 "$LAB/debootstrap.log" >&2; exit 1; }
  echo lab >"$root/etc/hostname"
  : >"$root/etc/machine-id"
  for unit in systemd-networkd-wait-online.service e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  touch "$LAB/rootfs.done"
}

# The executable under test, the libraries that it needs from outside Debian, the hog and the suite: all that a place gets.
make_input() {
  need gcc libc6-dev
  input=$LAB/input
  rm -rf "$input"
  mkdir -p "$input/lib"
  cp "$CLAWHOLD" "$input/clawhold"
  cp "$here"/memory.py "$here"/in-vm.sh "$input/"
  cp "$here/suite.sh" "$input/suite"
  gcc -O2 -static -o "$input/hog" "$here/hog.c"
  # A static executable has none of these; a debug one has the Swift runtime.
  ldd "$CLAWHOLD" 2>/dev/null | awk '$3 ~ "^/" && $3 !~ "^/(usr/)?lib(64)?/" { print $3 }' | while read -r library; do
    cp "$library" "$input/lib/"
  done
  cat >"$input/prepare" <<'PREPARE'
#!/bin/sh
# Makes the libraries known; for roots that are thrown away afterwards.
[ -z "$(ls -A /in/lib)" ] || { echo /in/lib >/etc/ld.so.conf.d/lab.conf; ldconfig; }
PREPARE
  chmod +x "$input/prepare" "$input/in-vm.sh" "$input/memory.py"
}

# A disk image of the root that runs what is named on the kernel's command line and switches itself off.
make_image() {
  make_rootfs
  need qemu-system-x86 e2fsprogs
  [ "$LAB/vm.img" -nt "$LAB/rootfs.done" ] && [ -e "$LAB/vm.done" ] && return
  echo "Making a disk image …" >&2
  cp "$root"/boot/vmlinuz-* "$LAB/vmlinuz"
  cp "$root"/boot/initrd.img-* "$LAB/initrd.img"
  echo '/dev/vda / ext4 defaults,noatime 0 1' >"$root/etc/fstab"
  cat >"$root/etc/systemd/system/lab-run.service" <<'UNIT'
[Unit]
Description=run the command named on the kernel's command line
After=multi-user.target
ConditionKernelCommandLine=lab.run
[Service]
Type=exec
ExecStart=/usr/local/bin/lab-run
UNIT
  cat >"$root/usr/local/bin/lab-run" <<'RUN'
#!/bin/sh
# ttyS0 is the console's; the lab listens on ttyS1.
exec >/dev/ttyS1 2>&1
mkdir -p /in && tar -C /in -xf /dev/vdb
command=$(tr ' ' '\n' </proc/cmdline | sed -n 's/^lab.run=//p')
"$command"
echo "LAB-END $?"
systemctl poweroff --no-block
RUN
  chmod +x "$root/usr/local/bin/lab-run"
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
  ln -sf ../lab-run.service "$root/etc/systemd/system/multi-user.target.wants/lab-run.service"
  rm -f "$LAB/vm.img"
  truncate -s 3G "$LAB/vm.img"
  mke2fs -q -t ext4 -d "$root" -L root -O ^metadata_csum,^has_journal "$LAB/vm.img"
  touch "$LAB/vm.done"
}

# run_vm INPUT-DIRECTORY COMMAND [KERNEL-OPTION…]: boots the image and prints what COMMAND (a path in /in) prints. Software emulation: slow
# by a factor of about ten, but a kernel of its own with every capability.
run_vm() {
  tar -C "$1" -cf "$LAB/vm-input.tar" .
  timeout "${LAB_TIMEOUT:-900}" qemu-system-x86_64 -M q35 -accel tcg,thread=multi,tb-size=512 -cpu max -m "${LAB_MEMORY:-1024}" -smp 2 \
    -nodefaults -no-reboot -nographic -serial "file:$LAB/vm-console.log" -serial stdio -monitor none \
    -kernel "$LAB/vmlinuz" -initrd "$LAB/initrd.img" \
    -append "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0 panic=1 mitigations=off lab.run=$2 ${3:-}" \
    -drive "file=$LAB/vm.img,if=virtio,format=raw,snapshot=on" -drive "file=$LAB/vm-input.tar,if=virtio,format=raw,readonly=on" \
    -device virtio-rng-pci </dev/null
}
