#!/usr/bin/env python3
"""What a machine of each size is enough for: docs/sizes.md, from containers with --memory. Needs root, podman and an image.

    Tests/Lab/image.sh image && Benchmarks/sizes.py --image clawhold-lab --minutes 10 > docs/sizes.md

For each size a container on a volume of its own: time to /healthz, to /readyz, then one conversation after another with the demonstration
model for the given minutes, and the memory of the container's group (v1: usage without the page cache's clean part, and RSS) every second.
"""

import argparse
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

TOKEN = "sizes-token-0123456789"


def podman(*words, within=60):
    return subprocess.run(("podman",) + words, capture_output=True, text=True, timeout=within, check=False)


def status(port, path):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = client.recv(64)
    except OSError:
        return None
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else None


def until(port, path, began):
    while time.perf_counter() - began < 20:
        if status(port, path) == 200:
            return (time.perf_counter() - began) * 1000
        time.sleep(0.001)
    raise SystemExit(f"{path} did not answer within 20 s")


def anonymous(pids):
    """MiB of private memory, and of PSS, of processes."""
    total = {"Pss": 0, "Private_Dirty": 0}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                for line in file:
                    key = line.split(":")[0]
                    if key in total:
                        total[key] += int(line.split()[1])
        except OSError:
            pass
    return total["Private_Dirty"] / 1024, total["Pss"] / 1024


def processes(name):
    # A process that ended meanwhile is a question mark.
    return [int(line) for line in podman("top", name, "hpid").stdout.split()[1:] if line.isdigit()]


def measure(image, size, minutes):
    place = tempfile.mkdtemp(prefix="clawhold-sizes-")
    os.chown(place, 1000, 1000)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    name = f"clawhold-sizes-{os.getpid()}-{size}"
    began = time.perf_counter()
    empty = podman("run", "--rm", "--network", "host", "--memory", f"{size}m", image, "true")
    overhead = (time.perf_counter() - began) * 1000
    if empty.returncode != 0:
        raise SystemExit(empty.stderr)
    try:
        began = time.perf_counter()
        podman("run", "-d", "--name", name, "--network", "host", "--memory", f"{size}m", "-v", f"{place}:/data", "-e",
               f"OPENCLAW_GATEWAY_TOKEN={TOKEN}", image, "clawhold", "gateway", "--allow-unconfigured", "--port", str(port), "--bind", "lan")
        health = until(port, "/healthz", began)
        ready = until(port, "/readyz", began)
        time.sleep(2)
        idle = anonymous(processes(name))
        peaks, answers, failures = [idle], 0, 0
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            sent = podman("exec", name, "clawhold", "call", "chat.send", "--json", "--params", json.dumps(
                {"sessionKey": "main", "message": "What can you do? " * 20, "idempotencyKey": f"s{time.time_ns()}"}))
            if sent.returncode == 0:
                answers += 1
            else:
                failures += 1
            peaks.append(anonymous(processes(name)))
            time.sleep(1)
        log = podman("logs", name)
        deaths = len(re.findall(r" died: ", log.stdout + log.stderr))
        rows = json.loads(podman("exec", name, "clawhold", "status", "--json").stdout)
        began = time.perf_counter()
        podman("stop", "-t", "10", name)
        return {
            "size": size, "health": health, "ready": ready, "overhead": overhead, "idle": idle, "peak": (max(p[0] for p in peaks), max(p[1] for p in peaks)),
            "answers": answers, "failures": failures, "deaths": deaths, "stop": time.perf_counter() - began,
            "rung": rows.get("memoryRung"), "budgets": {w["id"]: w["hardKb"] // 1024 for w in rows["workers"]},
        }
    finally:
        podman("rm", "-f", "-t", "0", name)
        shutil.rmtree(place)


parser = argparse.ArgumentParser()
parser.add_argument("--image", default="clawhold-lab")
parser.add_argument("--minutes", type=float, default=10)
parser.add_argument("--sizes", default="256,512,1024")
options = parser.parse_args()
found = [measure(options.image, int(size), options.minutes) for size in options.sizes.split(",")]
print(f"""# Machine sizes

Made by `Benchmarks/sizes.py --minutes {options.minutes:g}` on {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores of a shared machine (load {os.getloadavg()[0]:.1f}, Linux {platform.release().split('-')[0]}), podman with `--memory`,
the demonstration model under one conversation. Memory is that of all processes of the container: private memory, and PSS, which counts shared pages by share.
Times contain podman's own, which a container that runs `true` took in the same run.

| | {' | '.join(f"{f['size']} MB" for f in found)} |
|---|{'---|' * len(found)}
| a container that runs `true` | {' | '.join(f"{f['overhead']:.0f} ms" for f in found)} |
| `podman run` to `/healthz` | {' | '.join(f"{f['health']:.0f} ms" for f in found)} |
| `podman run` to all workers ready | {' | '.join(f"{f['ready']:.0f} ms" for f in found)} |
| idle: private, PSS | {' | '.join(f"{f['idle'][0]:.1f}, {f['idle'][1]:.1f} MiB" for f in found)} |
| peak: private, PSS | {' | '.join(f"{f['peak'][0]:.1f}, {f['peak'][1]:.1f} MiB" for f in found)} |
| messages sent, refused | {' | '.join(f"{f['answers']}, {f['failures']}" for f in found)} |
| workers that died | {' | '.join(str(f['deaths']) for f in found)} |
| `podman stop` | {' | '.join(f"{f['stop']:.2f} s" for f in found)} |
| hard limit: agent | {' | '.join(f"{f['budgets'].get('agent:main', 0)} MB" for f in found)} |

Memory limits here: {found[0]['rung']}. What each kind of worker is given by size: [config.md](config.md).

No channel and no real provider took part: what those may take is their budget, not a figure of this page. By these budgets a sidecar on 256 MB finds little room,
which is why `fly.toml` asks for 512 MB.""")
