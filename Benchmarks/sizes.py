#!/usr/bin/env python3
"""What a machine of each size is enough for: docs/sizes.md, from containers with --memory. Needs root, podman and an image.

    Tests/Lab/image.sh image && Benchmarks/sizes.py --image clawhold-lab --minutes 10 > docs/sizes.md

For each size a container on a volume of its own: time to /healthz and to /readyz; then in all of them at once one conversation after another
with the demonstration model for the given minutes, and the memory of the container's processes every second.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import threading
import time

from figures import free_port, rollup, wait_for

TOKEN = "sizes-token-0123456789"
# How the lab's podman runs where there is no systemd (Tests/Lab/common.sh).
CONTAINERS = os.path.join(os.environ.get("CLAWHOLD_LAB", "/var/tmp/clawhold-lab"), "containers.conf")
if os.path.exists(CONTAINERS):
    os.environ.setdefault("CONTAINERS_CONF", CONTAINERS)


def podman(*words, within=60):
    return subprocess.run(("podman",) + words, capture_output=True, text=True, timeout=within, check=False)


def memory(pids):
    """MiB of private memory, and of PSS, of processes; one that ended meanwhile counts nothing."""
    private, shares = 0, 0
    for pid in pids:
        try:
            pss, dirty = rollup(pid)
        except (OSError, KeyError):
            continue
        private, shares = private + dirty, shares + pss
    return private / 1024, shares / 1024


class Box:
    """A container with so much memory, on a volume of its own."""

    def __init__(self, image, size):
        self.size = size
        self.name = f"clawhold-sizes-{os.getpid()}-{size}"
        self.place = tempfile.mkdtemp(prefix="clawhold-sizes-")
        os.chown(self.place, 1000, 1000)
        self.image, self.answers, self.failures = image, 0, 0

    def start(self):
        size, image = self.size, self.image
        began = time.perf_counter()
        empty = podman("run", "--rm", "--network", "host", "--memory", f"{size}m", image, "true")
        self.overhead = (time.perf_counter() - began) * 1000
        if empty.returncode != 0:
            raise SystemExit(empty.stderr)
        port = free_port()
        # Pages of an image that is not on the disk yet count as somebody's own.
        os.sync()
        began = time.perf_counter()
        podman("run", "-d", "--name", self.name, "--network", "host", "--memory", f"{size}m", "-v", f"{self.place}:/data", "-e",
               f"OPENCLAW_GATEWAY_TOKEN={TOKEN}", image, "clawhold", "gateway", "--allow-unconfigured", "--port", str(port), "--bind", "lan")
        self.health = wait_for(port, "/healthz", began)
        self.ready = wait_for(port, "/readyz", began)
        time.sleep(2)
        self.idle = self.memory()
        self.peak = self.idle[0]

    def memory(self):
        # A process that ended meanwhile is a question mark.
        return memory([int(line) for line in podman("top", self.name, "hpid").stdout.split()[1:] if line.isdigit()])

    def converse(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sent = podman("exec", self.name, "clawhold", "call", "chat.send", "--json", "--params", json.dumps(
                {"sessionKey": "main", "message": "What can you do? " * 20, "idempotencyKey": f"s{time.time_ns()}"}))
            if sent.returncode == 0:
                self.answers += 1
            else:
                self.failures += 1
            self.peak = max(self.peak, self.memory()[0])
            time.sleep(1)

    def finish(self):
        log = podman("logs", self.name)
        self.deaths = len(re.findall(r" died: ", log.stdout + log.stderr))
        status = json.loads(podman("exec", self.name, "clawhold", "status", "--json").stdout)
        self.rung = status.get("memoryRung")
        self.budgets = {worker["id"]: worker["hardKb"] // 1024 for worker in status["workers"]}
        began = time.perf_counter()
        podman("stop", "-t", "10", self.name)
        self.stop = time.perf_counter() - began

    def remove(self):
        podman("rm", "-f", "-t", "0", self.name)
        shutil.rmtree(self.place)


parser = argparse.ArgumentParser()
parser.add_argument("--image", default="clawhold-lab")
parser.add_argument("--minutes", type=float, default=10)
parser.add_argument("--sizes", default="256,512,1024")
options = parser.parse_args()
found = []
try:
    # Started one after another; the conversations are light enough to go on beside each other.
    for size in options.sizes.split(","):
        found.append(Box(options.image, int(size)))
        found[-1].start()
    talks = [threading.Thread(target=box.converse, args=(options.minutes * 60,)) for box in found]
    for talk in talks:
        talk.start()
    for talk in talks:
        talk.join()
    for box in found:
        box.finish()
finally:
    for box in found:
        box.remove()
print(f"""# Machine sizes

Made by `Benchmarks/sizes.py --minutes {options.minutes:g}` on {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores of a shared machine (load {os.getloadavg()[0]:.1f}, Linux {platform.release().split('-')[0]}), podman with `--memory`,
the demonstration model under one conversation. Memory is that of all processes of the container; the pages of the executable that they share come on top, and can be
dropped by the kernel: with them the first, idle and alone, had {found[0].idle[1]:.1f} MiB (PSS).
Times contain podman's own, which a container that runs `true` took in the same run.

| | {' | '.join(f"{f.size} MB" for f in found)} |
|---|{'---|' * len(found)}
| a container that runs `true` | {' | '.join(f"{f.overhead:.0f} ms" for f in found)} |
| `podman run` to `/healthz` | {' | '.join(f"{f.health:.0f} ms" for f in found)} |
| `podman run` to all workers ready | {' | '.join(f"{f.ready:.0f} ms" for f in found)} |
| private memory, idle | {' | '.join(f"{f.idle[0]:.1f} MiB" for f in found)} |
| private memory, peak | {' | '.join(f"{f.peak:.1f} MiB" for f in found)} |
| messages sent, refused | {' | '.join(f"{f.answers}, {f.failures}" for f in found)} |
| workers that died | {' | '.join(str(f.deaths) for f in found)} |
| `podman stop` | {' | '.join(f"{f.stop:.2f} s" for f in found)} |
| hard limit: agent | {' | '.join(f"{f.budgets.get('agent:main', 0)} MB" for f in found)} |

Memory limits here: {found[0].rung}. What each kind of worker is given by size: [config.md](config.md).

No channel and no real provider took part: what those may take is their budget, not a figure of this page. By these budgets a sidecar on 256 MB finds little room,
which is why `fly.toml` asks for 512 MB.""")
