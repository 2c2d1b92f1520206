"""What a telephone call costs: a webhook request to the TwiML that answers it, and the memory of the voice worker.

    voice.py [--executable PATH] [--rounds 30] [--directory DIR]

Against the fakes of Twilio and of a model in Tests/peers. What the model takes is measured as the gateway sees it, a turn at a
time, and stands beside the answer; so does a request that leads to no turn, which is the webhook by itself.
"""

import argparse
import json
import os
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

WORKER = "channel:voice-call:default"
ACCOUNT, TOKEN, KEY = "AC" + "0" * 32, "bench-token", "sk-ant-bench"
OURS, ADA = "+15550001234", "+4915123456789"
URL = "https://voice.example/voice/webhook"
#: Turns of one call.
TURNS = 10


class World:
    """A gateway with a telephone number and a model that answers at once."""

    def __init__(self, options):
        # People take no time here: what is measured is ours.
        self.twilio = FakeProcess("twilio_fake.py", "--account", ACCOUNT, "--token", TOKEN, "--scale", "0")
        self.model = FakeProcess("model_fake.py", "--key", KEY)
        self.state = tempfile.TemporaryDirectory(prefix="clawhold-bench-", dir=options.directory)
        self.voice_port = free_port()
        config = {
            "models": {"providers": {"anthropic": {"baseUrl": self.model.url}}},
            "agents": {"defaults": {"model": {"primary": "anthropic/claude-test"}}},
            "plugins": {"entries": {"voice-call": {"enabled": True, "config": {
                "provider": "twilio", "fromNumber": OURS, "publicUrl": URL, "twilio": {"accountSid": ACCOUNT},
                "serve": {"port": self.voice_port}, "inboundPolicy": "allowlist", "allowFrom": [ADA],
                "inboundGreeting": "Hello."}}}}}
        for name, value in (("openclaw.json", config), ("clawhold.json", {"voice": {"apiRoot": self.twilio.url}})):
            with open(os.path.join(self.state.name, name), "w", encoding="utf-8") as file:
                json.dump(value, file)
        self.port = free_port()
        environment = {"PATH": os.environ["PATH"], "HOME": self.state.name, "OPENCLAW_STATE_DIR": self.state.name,
                       "OPENCLAW_GATEWAY_TOKEN": figures.TOKEN, "ANTHROPIC_API_KEY": KEY, "TWILIO_AUTH_TOKEN": TOKEN}
        self.process = subprocess.Popen(
            [options.executable, "gateway", "--allow-unconfigured", "--port", str(self.port), "--bind", "loopback"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port, "/readyz", time.perf_counter())
        with open(os.path.join(self.state.name, "gateway.runtime.json"), encoding="utf-8") as file:
            self.control = json.load(file)["controlSocket"]
        self.twilio.control("target", {"url": f"http://127.0.0.1:{self.voice_port}"})
        self.twilio.control("number", {"url": URL, "status": URL})
        deadline = time.time() + 20
        while ps(self.control).get(WORKER, {}).get("STATE") != "ready":
            if time.time() > deadline:
                raise SystemExit("the voice worker did not become ready in 20 s")
            time.sleep(0.05)

    @property
    def pid(self):
        return int(ps(self.control)[WORKER]["PID"])

    def call(self, says):
        """One call from its beginning to its end; its webhook requests."""
        sid = self.twilio.control("call", {"from": ADA, "says": says, "hangup": True})["sid"]
        ended = self.twilio.control(f"ended?call={sid}&wait=60")
        # The next caller waits until this one's end is told.
        self.twilio.control(f"webhooks?call={sid}&kind=status&wait=10")
        if ended["status"] != "completed" or ended["error"]:
            raise SystemExit(f"a call went wrong: {ended}")
        return self.twilio.control(f"webhooks?call={sid}")

    def stop(self):
        """Its journal can be read then, and only then."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)
        for fake in (self.twilio, self.model):
            fake.stop()


def percentile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def spread(name, times):
    print(f"{name:<58} p50 {statistics.median(times):8.2f}  p99 {percentile(times, 0.99):8.2f}  ms   n {len(times)}")


def turns(world, rounds):
    """A turn is from what was said to the TwiML that says the answer, over the redirects that may be between."""
    first, answers, refused = [], [], []
    for number in range(rounds):
        rows = world.call([f"turn {number} {turn}" for turn in range(TURNS)])
        first.append(rows[0]["ms"])
        waited = None
        for one in rows[1:]:
            if one["kind"] == "gather":
                waited = 0
            if waited is None:
                continue
            waited += one["ms"]
            if "<Say" in one["answer"]:
                answers.append(waited)
                waited = None
        # Unsigned: refused before its body is read.
        began = time.perf_counter()
        figures.status(world.voice_port, "/voice/webhook")
        refused.append((time.perf_counter() - began) * 1000)
    return first, answers, refused


def model_part(world):
    """Milliseconds of the model's attempts as the ledger has them: what of a turn is not ours."""
    rows = subprocess.run([sys.executable, os.path.join(ROOT, "Tests", "peers", "journal_rows.py"), journal(world)],
                          capture_output=True, text=True, check=True).stdout
    ledger = json.loads(rows)["ledger"]
    return [r["duration_ms"] for r in ledger]


def journal(world):
    for directory, _, names in os.walk(world.state.name):
        if "journal.sqlite" in names:
            return os.path.join(directory, "journal.sqlite")
    raise SystemExit("no journal")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--executable", default=figures.EXECUTABLE)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--directory", help="where the state is to be")
    options = parser.parse_args()
    if not os.path.exists(options.executable):
        raise SystemExit("No release executable: type make release")
    print(f"{options.rounds} calls of {TURNS} turns, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    row("reference: posix_spawn of /bin/true", [spawn_true() for _ in range(options.rounds)], "ms", "")
    world = World(options)
    idle, _ = rollup(world.pid)
    world.call(["warm up"])
    first, answers, refused = turns(world, options.rounds)
    spread("a request without a signature to its refusal", refused)
    spread("a call comes in to its first TwiML", first)
    spread("what was said to the TwiML that answers, model included", answers)
    pss, private = rollup(world.pid)
    print(f"{'voice: PSS of the worker before the first call':<58}     {idle / 1024:8.2f}  MiB")
    print(f"{'voice: PSS after ' + str(options.rounds * TURNS) + ' turns':<58}     {pss / 1024:8.2f}  MiB")
    print(f"{'voice: private memory of it':<58}     {private / 1024:8.2f}  MiB")
    world.stop()
    model = model_part(world)
    if model:
        spread("of that the model's attempt, by the ledger", model)
        share = statistics.median(answers) - statistics.median(model)
        print(f"{'what was said to TwiML without the model, of the medians':<58}     {share:8.2f}  ms")
    world.state.cleanup()


if __name__ == "__main__":
    main()
