#!/usr/bin/env python3
"""The image as users run it: image.py IMAGE HOG [CHECK…]. A line per check; exits 1 if one failed.

Containers share this machine's network, each with a port of its own, so nothing here depends on a bridge.
"""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from checks import check, end, get

IMAGE, HOG = sys.argv[1], sys.argv[2]
ROUNDS = int(os.environ.get("ROUNDS", "100"))
TOKEN = "lab-token-0123456789"
# Executables from before `health --live` are asked without.
LIVE = []


def podman(*words, within=60):
    result = subprocess.run(("podman",) + words, capture_output=True, text=True, timeout=within)
    # podman wants systemd's timers for health checks; where systemd is not, it says so at every word.
    lines = result.stderr.splitlines(keepends=True)
    result.stderr = "".join(line for line in lines if "healthchecks: dial unix /run/systemd/private" not in line)
    return result


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Box:
    """A running container on a volume."""

    def __init__(self, volume, *options, command=(), user=None, port=None):
        self.port = port or free_port()
        self.volume = volume
        self.name = f"clawhold-lab-{os.getpid()}-{self.port}"
        line = command or (
            "clawhold", "gateway", "--allow-unconfigured", "--port", str(self.port), "--bind", "lan",
        )
        self.began = time.perf_counter()
        self.made = podman(
            "run", "-d", "--name", self.name, "--network", "host", "-e", f"OPENCLAW_GATEWAY_TOKEN={TOKEN}",
            "-v", f"{volume}:/data", "-v", f"{HOG}:/hog:ro", *(("--user", user) if user else ()), *options, IMAGE, *line,
        )

    def healthy(self, within=20, path="/healthz"):
        """Milliseconds from before `podman run` until 200, or None."""
        while time.perf_counter() - self.began < within:
            if get(path, self.port, within=2) == 200:
                return (time.perf_counter() - self.began) * 1000
            time.sleep(0.001)
        return None

    def log(self):
        result = podman("logs", self.name)
        return result.stdout + result.stderr

    def run(self, *words):
        return podman("exec", self.name, *words)

    def stop(self):
        """Seconds and the exit code."""
        began = time.perf_counter()
        podman("stop", "-t", "10", self.name)
        took = time.perf_counter() - began
        code = podman("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout.strip()
        return took, code

    def remove(self):
        podman("rm", "-f", "-t", "0", self.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def volume(uid=1000, mode=0o700):
    path = tempfile.mkdtemp(prefix="clawhold-lab-")
    os.chmod(path, mode)
    os.chown(path, uid, uid)
    return path


def chat(box, text):
    """What the demonstration model answers in WebChat, asked over the CLI inside the container."""
    key = f"lab-{time.time_ns()}"
    sent = box.run(
        "clawhold", "call", "chat.send", "--json", "--params",
        json.dumps({"sessionKey": "main", "message": text, "idempotencyKey": key}),
    )
    end = time.monotonic() + 20
    history = sent
    while sent.returncode == 0 and time.monotonic() < end:
        history = box.run("clawhold", "call", "chat.history", "--json", "--params", '{"sessionKey":"main"}')
        if '"assistant"' in history.stdout and text in history.stdout:
            return True, ""
        time.sleep(0.2)
    return False, (sent.stdout + sent.stderr + history.stdout + history.stderr)[-300:]


def processes(box):
    answer = box.run("clawhold", "ps", "--json")
    return json.loads(answer.stdout) if answer.returncode == 0 else []


def image():
    size = int(podman("image", "inspect", "--format", "{{.Size}}", IMAGE).stdout)
    base = podman("image", "inspect", "--format", "{{.Size}}", "docker.io/library/debian:bookworm-slim").stdout.strip()
    label = podman("image", "inspect", "--format", "{{index .Labels \"clawhold.lab\"}}", "docker.io/library/debian:bookworm-slim")
    kind = "made by debootstrap" if "debootstrap" in label.stdout else "the registry's"
    check("the image is below 120 MB", size < 120e6, f"{size / 1e6:.1f} MB, of which {int(base) / 1e6:.1f} MB are the base, {kind}")
    executable = podman("run", "--rm", IMAGE, "stat", "-Lc", "%s", "/usr/bin/clawhold").stdout.strip()
    check("the executable is below 40 MB", int(executable) < 40e6, f"{int(executable) / 1e6:.1f} MB")
    healthcheck = podman("image", "inspect", "--format", "{{.HealthCheck}}", IMAGE).stdout
    check("it has a health check", "clawhold" in healthcheck or "health" in healthcheck, healthcheck.strip())
    for words in (("openclaw", "--version"), ("node", "dist/index.js", "--version"), ("node", "openclaw.mjs", "--version")):
        answer = podman("run", "--rm", IMAGE, *words)
        check(f"`{' '.join(words)}` is Clawhold", "Clawhold 20" in answer.stdout, answer.stdout.strip() or answer.stderr.strip())
    check("any command is passed through", podman("run", "--rm", IMAGE, "echo", "through").stdout == "through\n")
    answer = podman("run", "--rm", IMAGE, "sh", "-c", "ls /etc/ssl/certs/ca-certificates.crt /usr/share/zoneinfo/Europe/Berlin")
    check("certificates and time zones are there", answer.returncode == 0, answer.stderr.strip())


def unset():
    answer = podman("run", "--rm", "--network", "host", IMAGE, "clawhold", "gateway", "--allow-unconfigured", "--bind", "lan")
    check("without a token it is refused, saying what to set", answer.returncode == 1 and "OPENCLAW_GATEWAY_TOKEN" in answer.stderr,
          answer.stderr.strip()[:120])


def places():
    """Boot, chat, the worker's uids, an out-of-memory death, the stop, in each place that a user might choose."""
    writable = ["--cgroupns=private", "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"]
    if os.path.isdir("/sys/fs/cgroup/memory"):
        prepare = ("sh", "-c", "for c in memory pids unified; do mount -o remount,bind,rw /sys/fs/cgroup/$c; done; exec \"$@\"", "sh")
    else:
        prepare = ("sh", "-c", "mount -o remount,rw /sys/fs/cgroup; exec \"$@\"", "sh")
    for name, options, user, uid, prefix in (
        ("as it is", [], None, 1000, ()),
        ("--memory 256m", ["--memory", "256m"], None, 1000, ()),
        ("--memory 512m", ["--memory", "512m"], None, 1000, ()),
        ("writable cgroup, --memory 512m", writable + ["--memory", "512m"], None, 1000, prepare),
        ("--read-only", ["--read-only"], None, 1000, ()),
        ("--user 1000", [], "1000:1000", 1000, ()),
        ("volume of root", [], None, 0, ()),
    ):
        place = volume(uid, 0o755 if uid == 0 else 0o700)
        port = free_port()
        settings = {"sidecars": {"hog": {"command": ["/hog", "memory", "/trigger/now"], "memory": {"soft": 40, "hard": 48}}}}
        with open(os.path.join(place, "clawhold.json"), "w", encoding="ascii") as file:
            json.dump(settings, file)
        os.chown(file.name, uid, uid)
        line = ("clawhold", "gateway", "--allow-unconfigured", "--port", str(port), "--bind", "lan")
        trigger = volume(0, 0o755)
        with Box(place, "-v", f"{trigger}:/trigger:ro", *options, user=user, port=port, command=prefix + line if prefix else line) as box:
            took = box.healthy()
            check(f"{name}: boots", took is not None, f"{took:.0f} ms with podman's own time" if took else box.made.stderr + box.log()[-300:])
            if took is None:
                continue
            log = box.log()
            check(f"{name}: says where it listens", f"[gateway] listening on ws://0.0.0.0:{port} (PID " in log)
            check(f"{name}: IPv6 answers too", get(port=port, host="::1", within=2) == 200)
            answered, seen = chat(box, "Hello from the lab")
            check(f"{name}: the demonstration model answers", answered, seen)
            rung = re.search(r"memory limits: [^\n]*", log)
            open(os.path.join(trigger, "now"), "w", encoding="ascii").close()
            end = time.monotonic() + 20
            death = {}
            while time.monotonic() < end and not death:
                death = next((p.get("lastDeath") or {} for p in processes(box) if p["id"] == "sidecar:hog"), {})
                time.sleep(0.2)
            inspected = json.loads(podman("inspect", box.name).stdout)[0]
            check(
                f"{name}: a worker dies of its own budget alone",
                death.get("cause") in ("oom-own", "allocation") and get(port=port, within=2) == 200 and inspected["State"]["Running"],
                f"{death.get('text')}; {rung.group(0)[:90] if rung else 'no rung'}",
            )
            health = box.run("clawhold", "health", *LIVE)
            check(f"{name}: the health check holds", health.returncode == 0, health.stdout.strip().replace("\n", " ") + health.stderr.strip())
            if uid == 0:
                check(f"{name}: says what to type", "chown -R 1000:1000" in log)
            seconds, code = box.stop()
            check(f"{name}: stops in 4 s", seconds < 4.5 and code == "0", f"{seconds:.2f} s, exit code {code}")
        shutil.rmtree(place)
        shutil.rmtree(trigger)


def foreign():
    place = volume(0, 0o755)
    with Box(place, user="1000:1000") as box:
        took = box.healthy(within=3)
        said = box.log()
        check("--user 1000 on a volume of root: says what is wrong and what to do", took is None and "/data" in said and
              ("chown" in said or "OPENCLAW_STATE_DIR" in said), said.strip()[-260:])
    shutil.rmtree(place)


def forgetful():
    port = free_port()
    name = f"clawhold-lab-f-{port}"
    podman("run", "-d", "--name", name, "--network", "host", "-e", f"OPENCLAW_GATEWAY_TOKEN={TOKEN}", "-e", "OPENCLAW_STATE_DIR=/home/clawhold/s",
           IMAGE, "clawhold", "gateway", "--allow-unconfigured", "--port", str(port))
    end = time.monotonic() + 10
    while get(port=port, within=2) != 200 and time.monotonic() < end:
        time.sleep(0.01)
    said = podman("logs", name)
    text = said.stdout + said.stderr
    check("a state directory that is no mount point is one warning", text.count("is no mount point") == 1, text[-300:])
    doctor = podman("exec", name, "clawhold", "doctor", "--json")
    found = [f["id"] for f in json.loads(doctor.stdout or '{"findings":[]}')["findings"]]
    check("and a problem to the doctor", doctor.returncode == 1 and "state-not-kept" in found and "loopback-in-container" in found, str(found))
    podman("rm", "-f", "-t", "0", name)


def fly():
    """On Fly the platform's variables give the origin of the page, and an unanswered minute one line."""
    place = volume()
    with Box(place, "-e", "FLY_APP_NAME=my-openclaw", "-e", "FLY_MACHINE_ID=1") as box:
        took = box.healthy()
        end = time.monotonic() + 75
        while "internal_port" not in box.log() and time.monotonic() < end:
            time.sleep(1)
        log = box.log()
        check("a minute without a probe is one line that names internal_port", took is not None and log.count("internal_port") == 1 and
              f"internal_port = {box.port}" in log, next((l for l in log.splitlines() if "internal_port" in l), log[-200:]))
        doctor = box.run("clawhold", "doctor", "--json")
        check("and a problem to the doctor", "no-probe" in doctor.stdout, doctor.stdout[-300:])
    shutil.rmtree(place)


def restarts():
    """Killed and started again on one volume; the lock file of the dead stays, and another one is added."""
    place = volume()
    with open(os.path.join(place, "gateway.0badcafe.lock"), "w", encoding="ascii") as file:
        file.write('{"pid":1,"createdAt":"2026-01-27T10:00:00.000Z","configPath":"/data/openclaw.json"}')
    took = []
    refused = 0
    for _ in range(ROUNDS):
        with Box(place) as box:
            time_to_health = box.healthy()
            if time_to_health is None:
                refused += 1
                print(box.log()[-300:])
            else:
                took.append(time_to_health)
            podman("kill", "-s", "KILL", box.name)
    check(f"{ROUNDS} starts on one volume after kill -9, with lock files left over", refused == 0,
          f"to /healthz min {min(took):.0f}, median {statistics.median(took):.0f}, max {max(took):.0f} ms with podman's own time")
    shutil.rmtree(place)


def times():
    """Cold start and stop, each beside what the container costs without us."""
    rounds = min(ROUNDS, 30)
    place = volume()
    empty, health, ready, stops = [], [], [], []
    for _ in range(rounds):
        began = time.perf_counter()
        podman("run", "--rm", "--network", "host", "-v", f"{place}:/data", IMAGE, "true")
        empty.append((time.perf_counter() - began) * 1000)
        with Box(place) as box:
            health.append(box.healthy() or 1e9)
            ready.append(box.healthy(path="/readyz") or 1e9)
            began = float(podman("inspect", "--format", "{{.State.StartedAt.UnixNano}}", box.name).stdout or 0)
            seconds, _ = box.stop()
            stops.append(seconds)
    show = lambda values, unit, digits=0: f"min {min(values):.{digits}f}, median {statistics.median(values):.{digits}f}, max {max(values):.{digits}f} {unit}"
    print(f"        podman run IMAGE true:           {show(empty, 'ms')}")
    print(f"        podman run to /healthz:          {show(health, 'ms')}")
    print(f"        podman run to /readyz:           {show(ready, 'ms')}")
    print(f"        podman stop:                     {show(stops, 's', 2)}")
    print(f"        load {os.getloadavg()[0]:.1f}, {rounds} rounds")
    check("every stop is below 4.5 s", max(stops) < 4.5, f"max {max(stops):.2f} s")
    shutil.rmtree(place)


if "--live" in podman("run", "--rm", IMAGE, "clawhold", "health", "--help").stdout:
    LIVE.append("--live")
CHECKS = (image, unset, places, foreign, forgetful, fly, restarts, times)
for step in CHECKS:
    if len(sys.argv) == 3 or step.__name__ in sys.argv[3:]:
        step()
end()
