#!/usr/bin/env python3
"""pyngrok works against the fake ngrok: only then is it good enough to test our worker against.

What it judges: the log lines that an agent starts with (logfmt), the API's moved port, tunnels opened, listed, measured and
closed over `/api/tunnels` and over `/api/endpoints`, each by an agent that knows no other, and an error code at the start.
Its reader knows no JSON: that form of the log is held against the other one, line by line, after pyngrok has read that.
What it cannot judge: `ngrok http` and its flags, which are compared with ngrok's documentation alone.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request

from pyngrok import conf, ngrok
from pyngrok.exception import PyngrokNgrokError
from pyngrok.log import NgrokLog

from fake_process import FakeProcess

HERE = os.path.dirname(os.path.abspath(__file__))


def settings(directory, port, version, name="ngrok"):
    path = os.path.join(directory, f"{name}-{port}")
    shutil.copy(os.path.join(HERE, "tunnel_programs.py"), path)
    os.chmod(path, 0o755)
    config = os.path.join(directory, "ngrok.yml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"version: '{version}'\n")
    return conf.PyngrokConfig(ngrok_path=path, config_path=config, monitor_thread=False, startup_timeout=10,
                              config_version=version, auth_token="2fake-token-of-nobody")


def open_list_close(config, first):
    tunnel = ngrok.connect("3334", pyngrok_config=config)
    assert tunnel.public_url.startswith("http://127.0.0.1:"), tunnel
    assert tunnel.upstream["url"] == "http://localhost:3334", tunnel.upstream
    tunnel.refresh_metrics()
    process = ngrok.get_ngrok_process(config)
    assert not process.api_url.endswith(f":{first}"), "the API moves on when its port is taken"
    listed = ngrok.get_tunnels(config)
    assert [t.public_url for t in listed] == [tunnel.public_url], listed
    try:
        urllib.request.urlopen(tunnel.public_url + "/x", timeout=10)
        raise AssertionError("nobody listens on 3334")
    except urllib.error.HTTPError as error:
        assert error.code == 502, error
    ngrok.disconnect(tunnel.public_url, config)
    assert ngrok.get_tunnels(config) == []
    ngrok.kill(config)


def lines(program, form):
    """The log of an agent with one tunnel, up to that tunnel's address."""
    arguments = [program, "http", "127.0.0.1:3334", "--log", "stdout", "--log-format", form]
    with subprocess.Popen(arguments, env=dict(os.environ, NGROK_AUTHTOKEN="2fake"), stdout=subprocess.PIPE, text=True) as agent:
        found = []
        for line in agent.stdout:
            found.append(line)
            if "started tunnel" in line:
                break
        agent.kill()
    return found


def compare_forms(program):
    """Every line says in JSON what it says in logfmt; what differs from run to run is left out."""
    def stable(fields):
        return {k: v for k, v in fields.items() if k not in ("t", "url") and "127.0.0.1:" not in v}
    logfmt = [vars(NgrokLog(line)) for line in lines(program, "logfmt")]
    for fields in logfmt:
        fields["lvl"] = {"INFO": "info", "DEBUG": "dbug", "WARNING": "warn", "ERROR": "eror"}[fields["lvl"]]
    logfmt = [stable({k: v for k, v in fields.items() if k != "line" and v is not None}) for fields in logfmt]
    as_json = [stable(json.loads(line)) for line in lines(program, "json")]
    assert logfmt == as_json and len(logfmt) >= 4, (logfmt, as_json)


def main():
    fake = FakeProcess("tunnel_edge.py")
    directory = tempfile.mkdtemp()
    taken = socket.socket()
    try:
        port = fake.url.rsplit(":", 1)[1]
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = taken.getsockname()[1]
        for version, api in (("2", "tunnels"), ("3", "endpoints")):
            fake.control("behave", {"api": [api], "firstPort": first})
            config = settings(directory, port, version)
            open_list_close(config, first)
        compare_forms(config.ngrok_path)
        fake.control("behave", {"error": 108})
        try:
            ngrok.connect("3334", pyngrok_config=config)
            raise AssertionError("an agent that may not start is an error")
        except PyngrokNgrokError as error:
            assert "ERR_NGROK_108" in str(error), error
        print("pyngrok accepts the fake ngrok, over /api/tunnels and over /api/endpoints")
    finally:
        taken.close()
        shutil.rmtree(directory)
        fake.stop()


if __name__ == "__main__":
    main()
