#!/usr/bin/env python3
"""pyngrok works against the fake ngrok: only then is it good enough to test our worker against.

What it judges: the log lines that an agent starts with (logfmt), the API's moved port, tunnels opened, listed and closed over
`/api/tunnels`, and an error code at the start. What it cannot judge: the JSON form of the log, `ngrok http` with its flags and
`/api/endpoints` where this version does not ask it; those are compared with ngrok's documentation alone.
"""

import os
import shutil
import socket
import tempfile
import urllib.error
import urllib.request

from pyngrok import conf, ngrok
from pyngrok.exception import PyngrokNgrokError

from fake_process import FakeProcess

HERE = os.path.dirname(os.path.abspath(__file__))


def settings(directory, port, name="ngrok"):
    path = os.path.join(directory, f"{name}-{port}")
    shutil.copy(os.path.join(HERE, "tunnel_programs.py"), path)
    os.chmod(path, 0o755)
    config = os.path.join(directory, "ngrok.yml")
    with open(config, "w", encoding="utf-8") as file:
        file.write("version: '2'\n")
    return conf.PyngrokConfig(ngrok_path=path, config_path=config, monitor_thread=False, startup_timeout=10,
                              auth_token="2fake-token-of-nobody")


def main():
    fake = FakeProcess("tunnel_edge.py")
    directory = tempfile.mkdtemp()
    taken = socket.socket()
    try:
        port = fake.url.rsplit(":", 1)[1]
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = taken.getsockname()[1]
        fake.control("behave", {"api": ["tunnels", "endpoints"], "firstPort": first})
        config = settings(directory, port)
        tunnel = ngrok.connect("3334", pyngrok_config=config)
        assert tunnel.public_url.startswith("http://127.0.0.1:"), tunnel
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
        fake.control("behave", {"error": 108})
        try:
            ngrok.connect("3334", pyngrok_config=config)
            raise AssertionError("an agent that may not start is an error")
        except PyngrokNgrokError as error:
            assert "ERR_NGROK_108" in str(error), error
        print("pyngrok accepts the fake ngrok")
    finally:
        taken.close()
        shutil.rmtree(directory)
        fake.stop()


if __name__ == "__main__":
    main()
