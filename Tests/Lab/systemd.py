#!/usr/bin/env python3
"""The shipped unit under a real systemd. Runs inside the guest as root; prints a line per check, exits 1 if one failed.

Names of steps as arguments run these alone.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import sys
import time

from checks import UNIT, Clients, check, end, get, run, show, wait_for

DROP_IN = pathlib.Path("/etc/systemd/system/clawhold.service.d/lab.conf")
STATE = pathlib.Path("/var/lib/clawhold")


def systemctl(*words, within=90):
    result = run("systemctl", *words, within=within)
    return result.returncode, (result.stdout + result.stderr).strip()


def entries(*matches):
    lines = run("journalctl", "-o", "json", "--no-pager", "-u", UNIT, *matches).stdout.splitlines()
    return [json.loads(line) for line in lines]


def has_entry(text, *matches):
    return any(text in str(entry.get("MESSAGE")) for entry in entries(*matches))


def group():
    """The pids in the unit's control group, the supervisor excepted."""
    path = show("ControlGroup")
    found = set()
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/memory"):
        for file in pathlib.Path(root + path).rglob("cgroup.procs"):
            found.update(int(pid) for pid in file.read_text().split())
    return found - {int(show("MainPID"))}


def configure(text):
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text(text)
    systemctl("daemon-reload")


def unit_file():
    result = run("systemd-analyze", "verify", "--man=no", "/etc/systemd/system/" + UNIT)
    check("systemd-analyze verify has nothing to say", result.returncode == 0 and not result.stderr, result.stderr.strip())
    result = run("systemd-analyze", "security", "--offline=yes", "--threshold=30", "/etc/systemd/system/" + UNIT)
    check("systemd-analyze security is 3.0 at most", result.returncode == 0, result.stdout.strip().splitlines()[-1])


def start():
    begin = time.monotonic()
    code, words = systemctl("start", UNIT)
    took = time.monotonic() - begin
    check("start returns when the gateway is ready", code == 0 and get() == 200, words or f"{took * 1000:.0f} ms")
    if code:
        print(run("journalctl", "--no-pager", "-u", UNIT).stdout)
        sys.exit(1)
    check("the status line names the port", "serving on port 18789" in show("StatusText"), show("StatusText"))
    check("the listening socket is in the store", wait_for(lambda: show("NFileDescriptorStore") == "1", 5))
    owner = {os.stat(f"/proc/{pid}").st_uid for pid in group()}
    check("no worker is root", bool(owner) and 0 not in owner, f"uids {sorted(owner)}")


def environment():
    names = ("NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", "FDSTORE", "JOURNAL_STREAM", "INVOCATION_ID")
    seen = set()
    for pid in group():
        variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        seen.update(v.decode(errors="replace") for v in variables if v.decode(errors="replace").startswith(names))
    check("no worker can speak to systemd", not seen, f"{len(group())} workers")


def reload():
    before = show("MainPID")
    code, words = systemctl("reload", UNIT)
    check("reload", code == 0 and show("MainPID") == before, words)
    check("reload is told", wait_for(lambda: has_entry("reading the configuration again"), 10))
    check("active again after the reload", wait_for(lambda: show("ActiveState") == "active", 10))


def upgrade():
    """The same program in another file is a new program to the supervisor."""
    program = pathlib.Path("/usr/bin/clawhold")
    new = program.with_suffix(".new")
    shutil.copy2(program, new)
    os.replace(new, program)
    before = show("MainPID")
    clients = Clients()
    code, words = systemctl("reload", UNIT)
    done = wait_for(lambda: has_entry("upgrade: executing"), 20)
    settled = wait_for(lambda: show("ActiveState") == "active" and "serving" in show("StatusText"), 20)
    time.sleep(1)
    results = clients.stop()
    said = [str(e.get("MESSAGE")) for e in entries() if "upgrade" in str(e.get("MESSAGE"))]
    check(
        "a reload with a new executable is a live upgrade in the same process",
        code == 0 and done and settled and show("MainPID") == before,
        words or (said[-1] if said else ""),
    )
    check("nobody is refused meanwhile", not any("Refused" in str(key) for key in results), str(results))
    check("the store is as before", show("NFileDescriptorStore") == "1", show("NFileDescriptorStore"))


def journal():
    rows = [entry for entry in entries("SYSLOG_IDENTIFIER=clawhold") if entry.get("WORKER")]
    gateway = [row for row in rows if row["WORKER"] == "gateway"]
    check(
        "the journal has native fields",
        bool(gateway) and all(row.get("PRIORITY") and row.get("_SYSTEMD_UNIT") == UNIT for row in rows)
        and all(row.get("INCARNATION") for row in gateway),
        f"{len(rows)} entries, of {', '.join(sorted({row['WORKER'] for row in rows}))}",
    )
    check("journalctl finds a worker's lines by WORKER=", bool(entries("WORKER=gateway")))


def out_of_memory():
    hog = "x = bytearray(1); import time\nwhile True: x.extend(b'x' * (1 << 20)); time.sleep(0.001)"
    settings = {
        "sidecars": {"hog": {"command": ["/usr/bin/python3", "-c", hog], "memory": {"soft": 48, "hard": 64}}},
    }
    (STATE / "clawhold.json").write_text(json.dumps(settings))
    before = show("MainPID")
    systemctl("reload", UNIT)
    died = wait_for(lambda: has_entry("sidecar:hog died"), 60)
    words = [e["MESSAGE"] for e in entries() if "sidecar:hog died" in str(e.get("MESSAGE"))]
    check("a worker dies of its own budget", died and "budget" in words[0], words[0] if words else "")
    time.sleep(1)
    check(
        "the service outlives it",
        show("ActiveState") == "active" and show("MainPID") == before and get() == 200,
        f"Result={show('Result')}",
    )
    check("the status line names who is degraded", wait_for(lambda: "sidecar:hog" in show("StatusText")), show("StatusText"))
    (STATE / "clawhold.json").unlink()
    systemctl("reload", UNIT)


def restart():
    for number in range(3):
        clients = Clients()
        time.sleep(0.5)
        before = show("MainPID")
        code, words = systemctl("restart", UNIT)
        time.sleep(1)
        results = clients.stop()
        check(
            f"restart {number + 1} under connecting clients loses none",
            code == 0 and show("MainPID") != before and set(results) == {200},
            f"{words}{results}, slowest {clients.slowest * 1000:.0f} ms",
        )
    check("the store does not grow", show("NFileDescriptorStore") == "1", show("NFileDescriptorStore"))


def watchdog():
    configure("[Service]\nWatchdogSec=2s\n")
    systemctl("restart", UNIT)
    main = show("MainPID")
    time.sleep(5)
    check("a healthy service is not restarted by its watchdog", show("MainPID") == main)
    clients = Clients(2)
    os.kill(int(main), signal.SIGSTOP)
    begin = time.monotonic()
    is_back = wait_for(lambda: show("MainPID") not in ("0", main) and show("ActiveState") == "active", 40)
    took = time.monotonic() - begin
    time.sleep(1)
    results = clients.stop()
    check("a blocked supervisor is restarted", is_back and get() == 200, f"{took:.1f} s, WatchdogSec=2s")
    check("systemd says why", "Watchdog timeout" in run("journalctl", "--no-pager", "-u", UNIT).stdout)
    check("nobody is refused meanwhile", not any("Refused" in str(key) for key in results), str(results))
    configure("")


def stop():
    leader = group()
    begin = time.monotonic()
    code, words = systemctl("stop", UNIT)
    took = time.monotonic() - begin
    check("stop", code == 0 and took < 5 and show("Result") == "success", f"{words}{took:.1f} s, Result={show('Result')}")
    check("no process is left", not any(pathlib.Path(f"/proc/{pid}").exists() for pid in leader))
    check("the port is closed", get() == "ConnectionRefusedError", str(get()))


def socket_unit():
    path = pathlib.Path("/etc/systemd/system/clawhold.socket")
    path.write_text(f"[Socket]\nListenStream=127.0.0.1:{PORT}\nFileDescriptorName=http\n")
    systemctl("daemon-reload")
    systemctl("start", "clawhold.socket")
    answer = get()
    check("a connection starts the service through a socket unit", answer == 200, str(answer))
    check("its socket is taken over, not bound anew", has_entry('took over the socket "http"'))
    check("and not stored", show("NFileDescriptorStore") == "0", show("NFileDescriptorStore"))
    systemctl("stop", UNIT, "clawhold.socket")
    path.unlink()
    systemctl("daemon-reload")


def formats():
    configure("[Service]\nExecStart=\nExecStart=/usr/bin/clawhold gateway --allow-unconfigured --log-format json\n")
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    time.sleep(1.1)
    systemctl("start", UNIT)
    lines = run("journalctl", "--no-pager", "-o", "cat", "-t", "clawhold", "--since", since).stdout.splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    keys = {"time", "level", "worker", "incarnation", "subsystem", "message"}
    check("--log-format json writes objects", bool(rows) and all(keys <= set(row) for row in rows), f"{len(rows)} lines")
    systemctl("stop", UNIT)
    configure("")


def refusal():
    (STATE / "openclaw.json").write_text('{"gateway": {"bind": "lan", "auth": {"mode": "none"}}}')
    configure("[Service]\nExecStart=\nExecStart=/usr/bin/clawhold gateway --strict-config --bind lan\nRestart=no\n")
    code, _ = systemctl("start", UNIT)
    said = run("journalctl", "--no-pager", "-o", "cat", "-u", UNIT, "-n", "20").stdout
    check("a refusal fails the start at once and says why", code != 0, re.sub(r"\s+", " ", said)[-160:])
    (STATE / "openclaw.json").unlink()
    configure("")


pathlib.Path("/etc/clawhold.env").write_text("OPENCLAW_GATEWAY_TOKEN=lab-token\n")
STATE_OWNER = os.stat(STATE).st_uid if STATE.exists() else None
check("the state directory belongs to clawhold", STATE_OWNER not in (None, 0), f"uid {STATE_OWNER}")
STEPS = (
    unit_file, start, environment, reload, journal, restart, upgrade, out_of_memory, watchdog, stop, socket_unit, formats,
    refusal,
)
for step in STEPS:
    if len(sys.argv) == 1 or step.__name__ in sys.argv[1:]:
        step()
end()
