"""Side by side with runit, s6 and supervisord from Debian: restart latency, memory, idle cost. `make bench` runs it.

Ten services each, the same machine, the same run, interleaved: in every round each supervisor loses one service to
kill -9. The service is a small static C program that writes CLOCK_MONOTONIC as its first act, so what is measured is
kill to exec of the replacement, with nothing of this script in it. runit waits a second when a service lived for less
than one, and Clawhold has five restarts at once as credit for each service: rounds take the services in turn and leave
them time, so every restart is one that the supervisor does at once, by its own rules.

Nothing is installed but s6 (whose paths are compiled in); runit and supervisord are unpacked beside the build.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import figures

SERVICES = 10
NAMES = ["clawhold", "runit", "s6", "supervisord"]
STAMP = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (argc < 2) return 2;
    int file = open(argv[1], O_WRONLY | O_APPEND | O_CLOEXEC);
    char line[64];
    int length = snprintf(line, sizeof line, "%d %lld\n", (int)getpid(), now.tv_sec * 1000000000LL + now.tv_nsec);
    if (file < 0 || write(file, line, (size_t)length) != length) return 1;
    close(file);
    for (;;) pause();
}
"""


class Supervisor:
    """One of the four, with its services in a directory of its own."""

    def __init__(self, name, home, process):
        self.name, self.home, self.process = name, home, process

    def stamp(self, service):
        """Pid and nanoseconds of the newest start of a service, or None."""
        lines = (self.home / f"stamp{service}").read_text(encoding="ascii").splitlines()
        return tuple(map(int, lines[-1].split())) if lines else None

    def wait(self, service, after=None, deadline=20):
        began = time.monotonic()
        while time.monotonic() - began < deadline:
            stamp = self.stamp(service)
            if stamp and stamp != after:
                return stamp
            time.sleep(0.0005)
        raise SystemExit(f"{self.name}: service {service} did not start")

    def restart(self, service):
        """Milliseconds from kill -9 to the replacement's first instruction."""
        before = self.stamp(service)
        killed = time.monotonic_ns()
        os.kill(before[0], signal.SIGKILL)
        return (self.wait(service, before)[1] - killed) / 1e6

    def stop(self):
        """Ends it and its services; runsvdir alone takes HUP for that."""
        self.process.send_signal(signal.SIGHUP if self.name == "runit" else signal.SIGTERM)
        try:
            self.process.wait(timeout=8)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def processes(self):
        """The pids of the supervisor proper: for the process-per-service ones, all of them; never a service."""
        ours = {"clawhold": 1, "runit": SERVICES + 1, "s6": SERVICES + 1, "supervisord": 1}[self.name]
        pids = [self.process.pid]
        if ours > 1:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
                pids += map(int, file.read().split())
        if len(pids) != ours:
            raise SystemExit(f"{self.name}: {len(pids)} processes instead of {ours}")
        return pids


def unpacked(packages, where):
    """Downloads and unpacks Debian packages; no service is started, nothing is installed."""
    root = where / "root"
    if not root.exists():
        where.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", *packages], cwd=where, check=True, stdout=subprocess.DEVNULL)
        root.mkdir()
        for package in where.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    return root


def started(name, home, arguments, environment=None):
    log = open(home / "log", "wb")  # held by the child
    return subprocess.Popen(
        arguments, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        env=environment or {"PATH": os.environ["PATH"], "HOME": str(home)},
    )


def script(path, text):
    path.write_text(text, encoding="ascii")
    path.chmod(0o755)


def start_runit(home, stamp, root):
    for service in range(SERVICES):
        (home / "services" / f"s{service}").mkdir(parents=True)
        script(home / "services" / f"s{service}" / "run", f"#!/bin/sh\nexec {stamp} {home}/stamp{service}\n")
    path = f"{root}/usr/bin:{os.environ['PATH']}"
    return started("runit", home, [f"{root}/usr/bin/runsvdir", home / "services"], {"PATH": path})


def start_s6(home, stamp, _):
    for service in range(SERVICES):
        (home / "services" / f"s{service}").mkdir(parents=True)
        script(home / "services" / f"s{service}" / "run", f"#!/bin/sh\nexec {stamp} {home}/stamp{service}\n")
    return started("s6", home, ["/usr/bin/s6-svscan", home / "services"])


def start_supervisord(home, stamp, root):
    text = f"[supervisord]\nnodaemon=true\nlogfile={home}/log2\npidfile={home}/pid\n"
    for service in range(SERVICES):
        text += f"[program:s{service}]\ncommand={stamp} {home}/stamp{service}\nstartsecs=0\nautorestart=true\n"
    (home / "supervisord.conf").write_text(text, encoding="ascii")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{root}/usr/lib/python3/dist-packages"}
    arguments = ["/usr/bin/python3", f"{root}/usr/bin/supervisord", "-n", "-c", home / "supervisord.conf"]
    return started("supervisord", home, arguments, environment)


def start_clawhold(home, stamp, _):
    sidecars = {f"s{service}": {"command": [stamp, f"{home}/stamp{service}"]} for service in range(SERVICES)}
    (home / "state").mkdir()
    (home / "state" / "clawhold.json").write_text(json.dumps({"sidecars": sidecars}), encoding="ascii")
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "OPENCLAW_STATE_DIR": str(home / "state"),
        "OPENCLAW_GATEWAY_TOKEN": figures.TOKEN,
    }
    arguments = [figures.EXECUTABLE, "gateway", "--allow-unconfigured", "--port", str(figures.free_port())]
    return started("clawhold", home, arguments + ["--bind", "loopback"], environment)


def memory(pids):
    """KiB: written by these processes alone, all that only they have (pages of their programs included), and their PSS."""
    dirty = private = proportional = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            sizes = {line.split(":")[0]: int(line.split()[1]) for line in file if line.endswith("kB\n")}
        dirty += sizes["Private_Dirty"]
        private += sizes["Private_Clean"] + sizes["Private_Dirty"]
        proportional += sizes["Pss"]
    return dirty, private, proportional


def activity(pids):
    """CPU ticks and context switches since each began."""
    ticks = switches = 0
    for pid in pids:
        ticks += figures.cpu_ticks(pid)
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            switches += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return ticks, switches


def measure(supervisors, rounds):
    latencies = {supervisor.name: [] for supervisor in supervisors}
    reference = []
    for number in range(rounds):
        began = time.monotonic()
        reference.append(figures.spawn_true())
        for supervisor in supervisors:
            latencies[supervisor.name].append(supervisor.restart(number % SERVICES))
        # Ten services in turn: each has lived for ten rounds when its turn comes again.
        time.sleep(max(0.0, 1.2 - (time.monotonic() - began)))
    return reference, latencies


def growth(clawhold, count):
    """Dirty private KiB before and after so many restarts of a service by command, which has no back-off."""
    with open(clawhold.home / "state" / "gateway.runtime.json", encoding="utf-8") as file:
        control = figures.Control(json.load(file)["controlSocket"])
    sizes = []
    for number in range(count + 200):
        if number == 200:
            sizes.append(memory(clawhold.processes())[0])
        control.ask(TYPE="COMMAND", CMD="restart", ID=f"sidecar:s{number % SERVICES}")
        while "END" not in (block := control.block() or {"END": "error"}):
            pass
        if block["END"] != "ok":
            raise SystemExit(f"restart {number}: {block}")
    time.sleep(1)
    sizes.append(memory(clawhold.processes())[0])
    return sizes


def plot(path, latencies, memories):
    """An SVG by hand: every restart as a dot on a logarithmic axis, and private memory as bars."""
    import math

    colours = {"clawhold": "#d9480f", "runit": "#1971c2", "s6": "#2f9e44", "supervisord": "#6741d9"}
    low, high, left, width = 0.3, 3000.0, 120, 560

    def x(milliseconds):
        return left + width * (math.log10(milliseconds / low) / math.log10(high / low))

    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 470" font-family="sans-serif" font-size="13">',
        '<rect width="760" height="470" fill="white"/>',
        '<text x="16" y="28" font-size="16" font-weight="bold">kill -9 to exec of the replacement</text>',
        '<text x="744" y="28" text-anchor="end" fill="#555">ms, logarithmic; one dot a restart, bar: median</text>',
    ]
    for power in (1, 10, 100, 1000):
        out.append(f'<line x1="{x(power):.1f}" x2="{x(power):.1f}" y1="44" y2="212" stroke="#ddd"/>')
        out.append(f'<text x="{x(power):.1f}" y="228" text-anchor="middle" fill="#555">{power}</text>')
    for index, name in enumerate(NAMES):
        y = 66 + 40 * index
        out.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{name}</text>')
        for number, value in enumerate(sorted(latencies[name])):
            shift = (number % 5 - 2) * 4
            out.append(
                f'<circle cx="{x(max(value, low)):.1f}" cy="{y + shift}" r="3" fill="{colours[name]}" '
                'fill-opacity="0.45"/>'
            )
        middle = statistics.median(latencies[name])
        out.append(
            f'<line x1="{x(middle):.1f}" x2="{x(middle):.1f}" y1="{y - 15}" y2="{y + 15}" stroke="black" '
            'stroke-width="2"/>'
        )
        anchor, at = ("end", x(middle) - 10) if middle > 300 else ("start", x(max(latencies[name])) + 10)
        out.append(f'<text x="{at:.1f}" y="{y + 4}" text-anchor="{anchor}">{middle:.1f}</text>')
    out.append(
        '<text x="16" y="272" font-size="16" font-weight="bold">private dirty memory of the supervisor, ten services</text>'
    )
    out.append('<text x="744" y="272" text-anchor="end" fill="#555">MiB</text>')
    largest = max(memories.values())
    for index, name in enumerate(NAMES):
        y = 290 + 40 * index
        bar = width * 0.9 * memories[name] / largest
        out.append(f'<text x="{left - 12}" y="{y + 18}" text-anchor="end">{name}</text>')
        out.append(f'<rect x="{left}" y="{y}" width="{bar:.1f}" height="26" fill="{colours[name]}"/>')
        out.append(f'<text x="{left + bar + 8:.1f}" y="{y + 18}">{memories[name] / 1024:.2f}</text>')
    out.append("</svg>")
    pathlib.Path(path).write_text("\n".join(out) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--restarts", type=int, default=5000, help="for the growth of Clawhold's memory")
    parser.add_argument("--plot", help="where the SVG goes")
    options = parser.parse_args()
    if not os.path.exists(figures.EXECUTABLE):
        raise SystemExit("No release executable: type make release")
    if not os.path.exists("/usr/bin/s6-svscan"):
        subprocess.run(
            ["apt-get", "install", "-qqy", "--no-install-recommends", "s6"], check=True, stdout=subprocess.DEVNULL
        )
    debian = unpacked(
        ["runit", "supervisor", "python3-pkg-resources"], pathlib.Path(figures.ROOT) / ".build" / "bench-debian"
    )
    # Not below a directory that only root can walk: sidecars have users of their own.
    base = pathlib.Path(tempfile.mkdtemp(prefix="clawhold-supervisors-"))
    base.chmod(0o755)
    source, stamp = base / "stamp.c", base / "stamp"
    source.write_text(STAMP, encoding="ascii")
    subprocess.run(["gcc", "-O2", "-static", "-o", stamp, source], check=True)
    starters = {
        "clawhold": start_clawhold, "runit": start_runit, "s6": start_s6, "supervisord": start_supervisord
    }
    supervisors = []
    try:
        for name in NAMES:
            home = base / name
            home.mkdir(mode=0o755)
            home.chmod(0o755)
            for service in range(SERVICES):
                (home / f"stamp{service}").touch()
                (home / f"stamp{service}").chmod(0o666)
            process = starters[name](home, str(stamp), debian)
            supervisors.append(Supervisor(name, home, process))
            for service in range(SERVICES):
                supervisors[-1].wait(service)
        print(
            f"{options.rounds} rounds, {SERVICES} services each, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        )
        time.sleep(5)
        before = {supervisor.name: activity(supervisor.processes()) for supervisor in supervisors}
        time.sleep(20)
        idle = {}
        for supervisor in supervisors:
            now, then = activity(supervisor.processes()), before[supervisor.name]
            idle[supervisor.name] = (now[0] - then[0], now[1] - then[1])
        memories = {supervisor.name: memory(supervisor.processes()) for supervisor in supervisors}
        reference, latencies = measure(supervisors, options.rounds)
        print(f"{'kill -9 to exec of the replacement, ms':<42} {'min':>9} {'median':>9} {'max':>9}")
        for name in NAMES:
            values = latencies[name]
            print(f"  {name:<40} {min(values):>9.2f} {statistics.median(values):>9.2f} {max(values):>9.2f}")
        print(
            f"  {'reference: posix_spawn of /bin/true':<40} {min(reference):>9.2f} "
            f"{statistics.median(reference):>9.2f} {max(reference):>9.2f}"
        )
        ours, theirs = statistics.median(latencies["clawhold"]), statistics.median(latencies["runit"])
        print(f"  ratio to runit: {ours / theirs:.2f} (goal 0.50)")
        print(f"{'supervisor with ten services, KiB':<36} {'dirty':>7} {'private':>9} {'PSS':>7}  20 s idle: ticks, switches")
        for name in NAMES:
            dirty, private, proportional = memories[name]
            print(f"  {name:<34} {dirty:>7} {private:>9} {proportional:>7} {idle[name][0]:>17} {idle[name][1]:>9}")
        first, last = growth(supervisors[0], options.restarts)
        print(f"clawhold, dirty KiB before and after {options.restarts} restarts: {first}, {last}")
        if options.plot:
            plot(options.plot, latencies, {name: memories[name][0] for name in NAMES})
    finally:
        for supervisor in supervisors:
            supervisor.stop()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
