"""The figures of the README: start, replacement, memory, size. `make bench` runs it; --rounds N for fewer rounds.

Times are wall times on a machine that others share, so each stands beside a reference measured in the same round: the
posix_spawn of /bin/true. Memory is private memory and PSS from /proc/PID/smaps_rollup.
"""

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXECUTABLE = os.path.join(ROOT, ".build", "clawhold")
TOKEN = "bench-token-0123456789"
BOT_TOKEN = "123456:bench"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn_true():
    began = time.perf_counter()
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    return (time.perf_counter() - began) * 1000


def status(port, path):
    """The HTTP status of a path, or None while nobody answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            answer = connection.recv(64)
    except OSError:
        return None
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else None


def wait_for(port, path, began, deadline=20):
    """Milliseconds from `began` until the path answers 200."""
    while time.perf_counter() - began < deadline:
        if status(port, path) == 200:
            return (time.perf_counter() - began) * 1000
        time.sleep(0.0005)
    raise SystemExit(f"{path} did not answer 200 in {deadline} s")


def rollup(pid):
    """PSS and private dirty memory (what one more copy costs; clean pages are the file's) of a process in KiB."""
    figures = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            match = re.match(r"(\w+):\s+(\d+) kB", line)
            if match:
                figures[match[1]] = int(match[2])
    return figures["Pss"], figures["Private_Dirty"]


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


class Gateway:
    def __init__(self, api_root):
        self.state = tempfile.TemporaryDirectory(prefix="clawhold-bench-")
        self.port = free_port()
        config = {
            "gateway": {"mode": "local"},
            "channels": {"telegram": {"enabled": True, "allowFrom": ["1"], "apiRoot": api_root}},
        }
        with open(os.path.join(self.state.name, "openclaw.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": self.state.name,
            "OPENCLAW_STATE_DIR": self.state.name,
            "OPENCLAW_GATEWAY_TOKEN": TOKEN,
            "ANTHROPIC_API_KEY": "sk-ant-bench",
            "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
        }
        self.process = None

    def start(self):
        """Starts it; milliseconds to /healthz 200 and to /readyz 200."""
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [EXECUTABLE, "gateway", "--allow-unconfigured", "--port", str(self.port), "--bind", "loopback"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return wait_for(self.port, "/healthz", began), wait_for(self.port, "/readyz", began)

    def command(self, *words):
        return subprocess.run(
            [EXECUTABLE, *words], env=self.environment, capture_output=True, text=True, check=True, timeout=30
        ).stdout

    def workers(self):
        rows = json.loads(self.command("ps", "--json"))
        return rows["workers"] if isinstance(rows, dict) else rows

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        began = time.perf_counter()
        self.process.wait(timeout=10)
        return (time.perf_counter() - began) * 1000


class Control:
    """The supervisor's control socket, as docs/ipc.md describes it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def ask(self, **fields):
        self.socket.sendall(("".join(f"{key}={value}\n" for key, value in fields.items()) + "\n").encode())

    def block(self):
        fields = {}
        for line in iter(self.file.readline, b"\n"):
            if not line:
                return None
            key, _, value = line.decode().rstrip("\n").partition("=")
            fields[key] = value
        return fields


def ps(path):
    control = Control(path)
    control.ask(TYPE="COMMAND", CMD="ps")
    rows = {}
    while True:
        block = control.block()
        if block is None:
            return rows
        if block.get("TYPE") == "WORKER":
            rows[block["ID"]] = block
        if "END" in block:
            return rows


def replacement(path, worker):
    """Milliseconds from kill -9 of a worker to its next incarnation being ready."""
    before = ps(path)[worker]
    began = time.perf_counter()
    os.kill(int(before["PID"]), signal.SIGKILL)
    while time.perf_counter() - began < 20:
        row = ps(path).get(worker)
        if row and row["STATE"] == "ready" and row["INCARNATION"] != before["INCARNATION"]:
            return (time.perf_counter() - began) * 1000
        time.sleep(0.0005)
    raise SystemExit(f"{worker} did not come back")


def row(name, values, unit, goal):
    print(f"{name:<44} {min(values):>9.1f} {statistics.median(values):>9.1f} {max(values):>9.1f}  {unit:<4} {goal}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    if not os.path.exists(EXECUTABLE):
        raise SystemExit("No release executable: type make release")
    fake = subprocess.Popen(
        [sys.executable, os.path.join(ROOT, "Tests", "peers", "botapi_fake.py"), "--token", BOT_TOKEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        api_root = "http://127.0.0.1:" + re.search(r"port=(\d+)", fake.stdout.readline())[1]
        load = os.getloadavg()[0]
        print(f"{rounds} rounds, {os.cpu_count()} cores, load {load:.1f}; minimum, median, maximum")
        reference, healthy, ready, stopped = [], [], [], []
        for _ in range(rounds):
            reference.append(spawn_true())
            gateway = Gateway(api_root)
            to_healthy, to_ready = gateway.start()
            healthy.append(to_healthy)
            ready.append(to_ready)
            stopped.append(gateway.stop())
        row("reference: posix_spawn of /bin/true", reference, "ms", "")
        row("start to /healthz 200", healthy, "ms", "goal 50")
        row("start to all workers ready", ready, "ms", "goal 300")
        row("TERM to gone, idle", stopped, "ms", "")

        gateway = Gateway(api_root)
        gateway.start()
        with open(os.path.join(gateway.state.name, "gateway.runtime.json"), encoding="utf-8") as file:
            control = json.load(file)["controlSocket"]
        for worker in sorted(ps(control)):
            if ps(control)[worker]["STATE"] != "ready":
                continue
            times = []
            for _ in range(rounds):
                times.append(replacement(control, worker))
                time.sleep(10.5)  # one restart is credited back every 10 s: what is measured is the immediate restart
                if len(times) >= 6:
                    break
            row(f"kill -9 of {worker} to ready", times, "ms", "goal 50")
        time.sleep(5)
        supervisor = gateway.process.pid
        total, private = rollup(supervisor)
        print(f"{'supervisor: private memory':<44} {private / 1024:>9.2f} {'':>19}  MiB  goal 1.6")
        ticks = cpu_ticks(supervisor)
        time.sleep(20)
        print(f"{'supervisor: CPU ticks in 20 s idle':<44} {cpu_ticks(supervisor) - ticks:>9d} {'':>19}       goal 0")
        pids = {"supervisor": supervisor}
        pids.update({key: int(value["PID"]) for key, value in ps(control).items() if int(value["PID"]) > 0})
        total = 0
        for name, pid in pids.items():
            pss, private = rollup(pid)
            total += pss
            print(f"    {name:<40} PSS {pss / 1024:>7.2f} MiB, private {private / 1024:>7.2f} MiB")
        print(f"{'whole tree: PSS, idle, Telegram and a provider':<44} {total / 1024:>7.1f} {'':>19}  MiB  goal 40")
        gateway.stop()
        print(f"{'executable, stripped':<44} {os.path.getsize(EXECUTABLE) / 1e6:>9.1f} {'':>19}  MB   goal 40")
    finally:
        fake.kill()


if __name__ == "__main__":
    main()
