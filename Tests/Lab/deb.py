#!/usr/bin/env python3
"""The Debian package from its installation to its purge. Runs inside the guest as root; prints a line per check, exits 1 if one failed."""

import glob
import os
import pathlib
import time

from checks import Clients, check, end, get, run, show, wait_for

first, second = sorted(glob.glob("/lab/*.deb"))
secrets = pathlib.Path("/etc/clawhold.env")

result = run("dpkg", "-i", first)
check("dpkg -i", result.returncode == 0, result.stderr.strip()[-200:])
check("the service is enabled and runs", show("UnitFileState") == "enabled" and wait_for(lambda: show("ActiveState") == "active"),
      f"{show('UnitFileState')}, {show('ActiveState')}")
check("it answers on loopback", wait_for(lambda: get() == 200), str(get()))
check("a token of its own, for root alone", secrets.stat().st_mode & 0o777 == 0o600 and "OPENCLAW_GATEWAY_TOKEN=" in secrets.read_text())
check("clawhold status, as root", run("clawhold", "status").returncode == 0)
check("openclaw is the same program", "Clawhold 20" in run("openclaw", "--version").stdout)
check("systemd-analyze verify has nothing to say", not run("systemd-analyze", "verify", "--man=no", "clawhold.service").stderr.strip())

run("useradd", "-m", "-G", "clawhold", "friend")
run("useradd", "-m", "stranger")
ask = lambda user, *words: run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "clawhold", *words)
group = ask("friend", "ps", "--state-dir", "/var/lib/clawhold")
check("a member of the group clawhold may ask", group.returncode == 0, (group.stdout + group.stderr).strip()[-160:])
other = ask("stranger", "ps", "--state-dir", "/var/lib/clawhold")
check("somebody else may not", other.returncode != 0, other.stderr.strip()[-160:])
owner = run("setpriv", "--reuid=clawhold", "--regid=clawhold", "--init-groups", "clawhold", "ps")
check("the service's user may", owner.returncode == 0, owner.stderr.strip()[-160:])

doctor = run("clawhold", "doctor", "--json")
check("doctor finds no problem", doctor.returncode == 0, (doctor.stdout + doctor.stderr).strip()[-300:])

before = show("MainPID")
clients = Clients(threads=4)
result = run("dpkg", "-i", second)
upgraded = wait_for(lambda: "upgrade: executing" in run("journalctl", "--no-pager", "-o", "cat", "-u", "clawhold").stdout, 30)
time.sleep(2)
results = clients.stop()
check("an upgrade of the package is a live upgrade: same process", result.returncode == 0 and upgraded and show("MainPID") == before,
      result.stderr.strip()[-200:])
check("nobody is refused meanwhile", set(results) == {200}, str(results))

result = run("dpkg", "-r", "clawhold")
check("remove stops it", result.returncode == 0 and show("ActiveState") in ("inactive", "failed") and get() == "ConnectionRefusedError",
      f"{show('ActiveState')}, {get()}, {result.stderr.strip()}")
check("remove keeps secrets and state", secrets.exists() and os.path.isdir("/var/lib/clawhold"))
result = run("dpkg", "-i", second)
check("installed again it runs again", wait_for(lambda: show("ActiveState") == "active"), f"{show('UnitFileState')}, {show('ActiveState')}")
result = run("dpkg", "-P", "clawhold")
check("purge takes the secrets, and never the state", result.returncode == 0 and not secrets.exists() and os.path.isdir("/var/lib/clawhold"),
      (result.stdout + result.stderr).strip()[-160:])
left = [path for path in glob.glob("/etc/systemd/system/**/*clawhold*", recursive=True)]
check("nothing of it is left with systemd", not left, str(left))
end()
