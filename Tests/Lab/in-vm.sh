#!/bin/sh
# Run by the virtual machine's lab-run.service: the places that only a kernel of our own offers.
/in/prepare
echo "kernel $(uname -r), $(stat -fc %T /sys/fs/cgroup)"
LAB_SLOWNESS=8
LAB_ROUNDS=3
export LAB_SLOWNESS LAB_ROUNDS
# shellcheck source=Tests/Lab/suite.sh
. /in/suite
unit() { systemd-run --quiet --wait --pipe --collect --setenv=LAB_ROUNDS=3 --setenv=LAB_SLOWNESS="$LAB_SLOWNESS" "$@"; }

if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
  # The suite itself sits in the unit's group, as an exec'd shell does in a container's.
  unit -p Delegate=yes -p MemoryMax=700M -p OOMPolicy=continue sh -c '. /in/suite; suite "VM: service, Delegate=yes" "cgroup v2"'
  suite "VM: root, no unit of its own" "cgroup v2"
  unit -p Delegate=yes -p User=nobody -p OOMPolicy=continue sh -c '. /in/suite; suite "VM: service of a user, Delegate=yes" "cgroup v2"'
  unit -p Delegate=yes unshare -C -m sh -c 'umount /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
    . /in/suite; suite "VM: cgroup namespace, writable" "cgroup v2"'
  unshare -m sh -c 'mount -o remount,bind,ro /sys/fs/cgroup; . /in/suite; suite "VM: cgroup read-only" rlimit'
  suite "VM: ordinary user" rlimit --user 1000
else
  suite "VM: v1 without v2" "cgroup v1"
fi
if [ -x /in/tests ]; then
  /in/tests --testing-library swift-testing --filter 'MemoryLadder|UnifiedClaim|UnifiedGroup|Descendants|CgroupLayout' >/in/errors 2>&1
  code=$?
  grep -E '✘|error:' /in/errors | head -n 30
  echo "VM: unit tests|-|$(tail -n 1 /in/errors | cut -c 1-80)|$([ $code = 0 ] && echo ok || echo FAILED)|$(uname -r)"
fi
