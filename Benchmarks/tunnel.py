"""What a tunnel costs: its program or its worker killed to the public address answering again, one hop more, memory.

    tunnel.py [--executable PATH] [--rounds 30] [--directory DIR]

Against the fake ngrok and its edge in Tests/peers: starting that Python program is part of the time, and stands beside it as a
reference. Every round is a gateway of its own, so that no back-off of the round before is measured.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import figures
from figures import ROOT, free_port, ps, rollup, row, spawn_true, wait_for

sys.path.insert(0, os.path.join(ROOT, "Tests", "peers"))
from fake_process import FakeProcess  # noqa: E402

WORKER = "tunnel:ngrok"


class World:
    """A gateway whose tunnel exposes the edge's own /control/state."""

    def __init__(self, options):
        self.edge = FakeProcess("tunnel_edge.py")
        self.edge_port = int(self.edge.url.rsplit(":", 1)[1])
        self.state = tempfile.TemporaryDirectory(prefix="clawhold-bench-", dir=options.directory)
        self.programs = tempfile.mkdtemp(prefix="clawhold-bench-")
        os.chmod(self.programs, 0o755)
        self.program = os.path.join(self.programs, f"ngrok-{self.edge_port}")
        shutil.copy(os.path.join(ROOT, "Tests", "peers", "tunnel_programs.py"), self.program)
        os.chmod(self.program, 0o755)
        own = {"tunnel": {"provider": "ngrok", "authToken": "2bench", "command": self.program,
                          "expose": [{"path": "/control/state", "port": self.edge_port}]}}
        with open(os.path.join(self.state.name, "clawhold.json"), "w", encoding="utf-8") as file:
            json.dump(own, file)
        self.port = free_port()
        environment = {"PATH": os.environ["PATH"], "HOME": self.state.name, "OPENCLAW_STATE_DIR": self.state.name,
                       "OPENCLAW_GATEWAY_TOKEN": figures.TOKEN}
        self.process = subprocess.Popen(
            [options.executable, "gateway", "--allow-unconfigured", "--port", str(self.port), "--bind", "loopback"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port, "/readyz", time.perf_counter())
        with open(os.path.join(self.state.name, "gateway.runtime.json"), encoding="utf-8") as file:
            self.control = json.load(file)["controlSocket"]

    def seen(self):
        return self.edge.control("state", {})

    def wait_until_up(self, others=()):
        """The public address, once the tunnel is up under one that is not among `others`."""
        deadline = time.time() + 30
        while time.time() < deadline:
            text = ps(self.control).get(WORKER, {}).get("TEXT", "")
            if text.startswith("http") and text not in others:
                return text
            time.sleep(0.005)
        raise SystemExit("the tunnel did not come up in 30 s")

    def wait_until_answered(self, dead):
        """Returns when any address that is not `dead` answers from the outside."""
        deadline = time.time() + 30
        while time.time() < deadline:
            for session in self.seen()["sessions"]:
                if session["url"] not in dead and ask(session["url"]) == 200:
                    return
            time.sleep(0.005)
        raise SystemExit("nothing answered in 30 s")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)
        self.edge.stop()
        self.state.cleanup()
        shutil.rmtree(self.programs)


def ask(url):
    request = urllib.request.Request(url + "/control/state", b"{}", {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def killed(options, what):
    times = []
    for _ in range(options.rounds):
        world = World(options)
        url = world.wait_until_up()
        pid = world.seen()["starts"][-1]["pid"] if what == "program" else int(ps(world.control)[WORKER]["PID"])
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        world.wait_until_answered({url})
        times.append((time.perf_counter() - began) * 1000)
        world.stop()
    row(f"tunnel: its {what} killed to answering again", times, "ms", "")


def hop(options):
    """A request straight to the target and through edge and door; the edge's own part is Python's."""
    world = World(options)
    url = world.wait_until_up()
    straight, through = [], []
    for _ in range(max(options.rounds, 30) * 10):
        for times, address in ((straight, world.edge.url), (through, url)):
            began = time.perf_counter()
            assert ask(address) == 200
            times.append((time.perf_counter() - began) * 1000)
    row("reference: a request to the target itself", straight, "ms", "")
    row("the same through the edge and the door", through, "ms", "")
    time.sleep(3)
    pss, private = rollup(int(ps(world.control)[WORKER]["PID"]))
    print(f"{'tunnel: PSS of the worker without its child':<44} {pss / 1024:>9.2f} {'':>19}  MiB")
    print(f"{'tunnel: private memory of it':<44} {private / 1024:>9.2f} {'':>19}  MiB")
    world.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--executable", default=figures.EXECUTABLE)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--directory", help="where the state is to be")
    options = parser.parse_args()
    if not os.path.exists(options.executable):
        raise SystemExit("No release executable: type make release")
    print(f"{options.rounds} rounds, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; minimum, median, maximum")
    row("reference: posix_spawn of /bin/true", [spawn_true() for _ in range(options.rounds)], "ms", "")
    python = []
    for _ in range(options.rounds):
        began = time.perf_counter()
        subprocess.run(["/usr/bin/python3", "-c", "import http.server, json, urllib.request"], check=True)
        python.append((time.perf_counter() - began) * 1000)
    row("reference: the fake's Python starting", python, "ms", "")
    killed(options, "program")
    killed(options, "worker")
    hop(options)


if __name__ == "__main__":
    main()
