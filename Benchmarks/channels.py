"""What channels cost: one message's way, many at once, a killed worker, memory. `make bench` runs it.

    channels.py [--executable PATH] [--rounds 30] [--messages 10000] [--directory DIR]

Against the fakes of Tests/peers, so the network is loopback and the other side is Python. The message is a command that the
agent answers without a model ("/whoami"). Times stand beside this disk's own fsync and posix_spawn of /bin/true, measured
in the same run.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import figures
from figures import ROOT, free_port, ps, rollup, row, spawn_true, wait_for

sys.path.insert(0, os.path.join(ROOT, "Tests", "peers"))
from fake_process import FakeProcess  # noqa: E402

TELEGRAM_TOKEN, DISCORD_TOKEN = "123456:bench", "ODAwMDAw.bench.token"
ADA = "842000000000000042"
QUESTION = "/whoami"


class World:
    """A gateway on both networks."""

    def __init__(self, executable, directory=None):
        self.telegram = FakeProcess("botapi_fake.py", "--token", TELEGRAM_TOKEN)
        self.discord = FakeProcess("discord_fake.py", "--token", DISCORD_TOKEN)
        self.state = tempfile.TemporaryDirectory(prefix="clawhold-bench-", dir=directory)
        config = {"channels": {
            "telegram": {"apiRoot": self.telegram.url, "dmPolicy": "open", "allowFrom": ["*"]},
            "discord": {"dm": {"policy": "open", "allowFrom": ["*"]}}},
            "session": {"dmScope": "per-channel-peer"}}
        own = {"channels": {"discord": {"apiRoot": self.discord.url}}}
        for name, value in (("openclaw.json", config), ("clawhold.json", own)):
            with open(os.path.join(self.state.name, name), "w", encoding="utf-8") as file:
                json.dump(value, file)
        self.port = free_port()
        environment = {"PATH": os.environ["PATH"], "HOME": self.state.name, "OPENCLAW_STATE_DIR": self.state.name,
                       "OPENCLAW_GATEWAY_TOKEN": figures.TOKEN, "ANTHROPIC_API_KEY": "sk-ant-bench",
                       "TELEGRAM_BOT_TOKEN": TELEGRAM_TOKEN, "DISCORD_BOT_TOKEN": DISCORD_TOKEN}
        self.process = subprocess.Popen(
            [executable, "gateway", "--allow-unconfigured", "--port", str(self.port), "--bind", "loopback"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port, "/readyz", time.perf_counter())
        with open(os.path.join(self.state.name, "gateway.runtime.json"), encoding="utf-8") as file:
            self.control = json.load(file)["controlSocket"]
        assert self.discord.control("log?what=ready&wait=20"), "Discord did not identify"

    def pid(self, worker):
        return int(ps(self.control)[worker]["PID"])

    def fake(self, network):
        return self.telegram if network == "telegram" else self.discord

    def say(self, network, person=0):
        """Seconds since the epoch at which the message was there."""
        began = time.time()
        if network == "telegram":
            self.telegram.control("message", {"chat_id": 100 + person, "text": QUESTION})
        else:
            self.discord.control("message", {"text": QUESTION, "dm": True, "user": f"person{person}"})
        return began

    def answers(self, network, after, wait=20):
        return self.fake(network).control(f"sent?after={after}&wait={wait}")

    def wait_for(self, network, count, seconds=300):
        """Returns when the bot has sent so many messages."""
        fake, deadline, seen = self.fake(network), time.time() + seconds, 0
        while seen < count:
            more = fake.control(f"sent?after={seen}&wait=5")
            seen += len(more)
            if time.time() > deadline:
                raise SystemExit(f"{network}: {seen} of {count} were answered in {seconds} s")
        return seen

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)
        for fake in (self.telegram, self.discord):
            fake.stop()
        self.state.cleanup()


def fsync_times(directory, rounds):
    """Milliseconds of an fdatasync after one more page, on the disk that the journal is on."""
    times = []
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        for _ in range(rounds):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return times


def cpu(pid):
    """Nanoseconds on a processor of all threads that live."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def way(world, network, rounds):
    """One message at a time: milliseconds, CPU and fsyncs from the event to the request that answers it."""
    sent = len(world.answers(network, 0, 0))
    workers = ["gateway", f"channel:{network}:default", "agent:main"]
    for _ in range(5):  # agent, DM channel, command
        world.say(network)
        sent += len(world.answers(network, sent))
    before = {w: cpu(world.pid(w)) for w in workers}
    times = []
    for _ in range(rounds):
        began = world.say(network)
        rows = world.answers(network, sent)
        sent += len(rows)
        times.append((rows[0]["at"] - began) * 1000)
        time.sleep(0.02)  # what is settled after the answer is not part of the next one's way
    after = {w: cpu(world.pid(w)) for w in workers}
    row(f"{network}: event to answer's request", times, "ms", "")
    for worker in workers:
        spent = (after[worker] - before[worker]) / rounds / 1e6
        print(f"    {'CPU of ' + worker + ' a message':<40} {spent:>9.2f} {'':>19}  ms")
    trace = subprocess.Popen(["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-p", str(world.pid("gateway"))],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    trace.stderr.readline()
    time.sleep(0.3)
    for _ in range(rounds):
        world.say(network)
        sent += len(world.answers(network, sent))
        time.sleep(0.02)
    trace.send_signal(signal.SIGINT)
    said = trace.stderr.read()
    calls = sum(int(m[1]) for m in re.finditer(r"(\d+)\s+(?:\d+\s+)?f(?:data)?sync$", said, re.MULTILINE))
    print(f"    {'fsyncs of the gateway a message':<40} {calls / rounds:>9.2f} {'':>19}       goal 2")
    trace.wait()


def flood(world, count):
    """Messages a second that Telegram's worker and the journal take in for good."""
    worker = world.pid("channel:telegram:default")
    os.kill(worker, signal.SIGSTOP)
    ids = world.telegram.control("messages", {"chat_id": 900, "text": "n {n}", "count": count, "from": {
        "id": 900, "is_bot": True, "first_name": "Robot"}})
    began = time.perf_counter()
    os.kill(worker, signal.SIGCONT)
    assert world.telegram.control(f"wait-confirmed?id={ids[-1]}&wait=25"), "not taken in 25 s"
    seconds = time.perf_counter() - began
    print(f"{'Telegram: journaled and confirmed':<44} {count / seconds:>9.0f} {'':>19}  /s   goal 1000")


def killed(options):
    """kill -9 of the worker to the answer (Telegram) and to RESUMED (Discord); five restarts are immediate, so few a world."""
    telegram, discord = [], []
    while len(telegram) < options.rounds:
        world = World(options.executable, options.directory)
        for network in ("telegram", "discord"):
            world.say(network)
            world.answers(network, 0)
        for _ in range(4):
            sent = len(world.answers("telegram", 0, 0))
            began = time.time()
            os.kill(world.pid("channel:telegram:default"), signal.SIGKILL)
            world.say("telegram")
            telegram.append((world.answers("telegram", sent)[0]["at"] - began) * 1000)
            resumed = len(world.discord.control("log?what=resumed"))
            pid = world.pid("channel:discord:default")
            began = time.time()
            os.kill(pid, signal.SIGKILL)
            discord.append((world.discord.control(f"log?what=resumed&after={resumed}&wait=20")[0]["at"] - began) * 1000)
            time.sleep(0.3)
        world.stop()
    row("Telegram: kill -9 of the worker to answered", telegram, "ms", "goal 200")
    row("Discord: kill -9 of the worker to RESUMED", discord, "ms", "goal 150")


def memory(world, count):
    """PSS of each channel worker idle and after so many answered messages."""
    time.sleep(3)
    idle = {n: rollup(world.pid(f"channel:{n}:default")) for n in ("telegram", "discord")}
    for network in idle:
        sent = len(world.answers(network, 0, 0))
        began = time.perf_counter()
        for first in range(0, count, 50):
            for person in range(50):
                world.say(network, person)
            world.wait_for(network, sent + first + 50)
        seconds = time.perf_counter() - began
        time.sleep(3)
        pss, private = rollup(world.pid(f"channel:{network}:default"))
        print(f"{network + ': PSS idle':<44} {idle[network][0] / 1024:>9.2f} {'':>19}  MiB  goal 6")
        print(f"{network + f': PSS after {count} answered messages':<44} {pss / 1024:>9.2f} {'':>19}  MiB")
        print(f"{network + ': private memory grew by':<44} {(private - idle[network][1]) / 1024:>9.2f} {'':>19}  MiB  goal 1"
              f" ({count / seconds:.0f} messages/s)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--executable", default=figures.EXECUTABLE)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--directory", help="where the state is to be: the disk that is measured")
    options = parser.parse_args()
    if not os.path.exists(options.executable):
        raise SystemExit("No release executable: type make release")
    print(f"{options.rounds} rounds, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; minimum, median, maximum")
    row("reference: posix_spawn of /bin/true", [spawn_true() for _ in range(options.rounds)], "ms", "")
    world = World(options.executable, options.directory)
    row("reference: fdatasync of this disk", fsync_times(world.state.name, options.rounds), "ms", "")
    for network in ("telegram", "discord"):
        way(world, network, options.rounds)
    flood(world, 5000)
    world.stop()
    killed(options)
    world = World(options.executable, options.directory)
    memory(world, options.messages)
    world.stop()


if __name__ == "__main__":
    main()
