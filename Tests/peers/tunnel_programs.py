#!/usr/bin/python3
"""Fake ngrok, cloudflared and tailscale in one file: which one it is, and where its edge listens, its own name says.

A test copies it to `ngrok-<port>` and the like, where <port> is tunnel_edge.py's. One file and the standard library alone,
because our worker lets its child read the program itself and the system's, and nothing else.

ngrok: accepted by pyngrok (check_ngrok_fake.py). cloudflared and tailscale print what their issues and documentation show;
no library drives them, so they prove the shape of our reading and nothing of theirs.
"""

import json
import os
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME, PORT = re.fullmatch(r"(ngrok|cloudflared|tailscale)-(\d+)", os.path.basename(sys.argv[0])).groups()
EDGE = "http://127.0.0.1:" + PORT
LOCK = threading.Lock()


def edge(path, body, wait=60):
    request = urllib.request.Request(EDGE + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=wait) as answer:
        return json.load(answer)


def say(text, stream=sys.stdout):
    with LOCK:
        stream.write(text + "\n")
        stream.flush()


def stamp():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


# ---- ngrok -----------------------------------------------------------------------------------------------------------

def option(arguments, name):
    """The value of `--name value` or `--name=value`."""
    for index, word in enumerate(arguments):
        if word == name and index + 1 < len(arguments):
            return arguments[index + 1]
        if word.startswith(name + "="):
            return word[len(name) + 1:]
    return None


class Log:
    def __init__(self, arguments):
        self.is_json = option(arguments, "--log-format") == "json"

    def __call__(self, level, message, **fields):
        if self.is_json:
            return say(json.dumps({"lvl": level, "msg": message, "t": stamp(), **fields}))

        def quoted(value):
            text = str(value)
            if re.fullmatch(r"[\w:/.+-]+", text):
                return text
            for raw, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\r", "\\r"), ("\n", "\\n")):
                text = text.replace(raw, escaped)
            return f'"{text}"'
        say(" ".join(f"{k}={quoted(v)}" for k, v in {"t": stamp(), "lvl": level, "msg": message, **fields}.items()))


class Agent:
    """A running `ngrok`: sessions at the edge by name, and the API on the first free port from 4040."""

    def __init__(self, log, orders):
        self.log = log
        self.orders = orders
        self.tunnels = {}

    def open(self, name, target, url=None):
        session = edge("/agent/open", {"target": target, "url": url, "pid": os.getpid()})
        self.tunnels[name] = {"name": name, "url": session["url"], "target": target, "id": session["id"]}
        return self.tunnels[name]

    def close(self, name):
        tunnel = self.tunnels.pop(name, None)
        if tunnel:
            edge("/agent/close", {"id": tunnel["id"]})
        return tunnel

    def as_tunnel(self, t):
        return {"ID": t["id"], "name": t["name"], "uri": "/api/tunnels/" + t["name"], "public_url": t["url"],
                "proto": t["url"].split(":")[0], "config": {"addr": t["target"], "inspect": True},
                "metrics": {"conns": {"count": 0}, "http": {"count": 0}}}

    def as_endpoint(self, t):
        return {"id": t["id"], "name": t["name"], "uri": "/api/endpoints/" + t["name"], "url": t["url"],
                "upstream": {"url": t["target"]}, "metrics": {}}

    def serve(self):
        agent = self

        class API(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, body=None):
                data = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def shape(self):
                kind = self.path.strip("/").split("/")[1:2]
                known = {"tunnels": agent.as_tunnel, "endpoints": agent.as_endpoint}
                return (kind[0], known[kind[0]]) if kind and kind[0] in known and kind[0] in agent.orders["api"] else (None, None)

            def do_GET(self):
                kind, shape = self.shape()
                if not kind:
                    return self.answer(404, {"error_code": 100, "msg": "no such page"})
                name = urllib.request.unquote("/".join(self.path.strip("/").split("/")[2:]))
                if name:
                    found = agent.tunnels.get(name)
                    return self.answer(200, shape(found)) if found else self.answer(404, {"msg": "tunnel not found"})
                self.answer(200, {kind: [shape(t) for t in agent.tunnels.values()], "uri": self.path})

            def do_POST(self):
                kind, shape = self.shape()
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                if not kind:
                    return self.answer(404, {"msg": "no such page"})
                target = (body.get("upstream") or {}).get("url") or body.get("addr") or "80"
                target = target if "://" in str(target) else "http://localhost:" + str(target).split(":")[-1]
                tunnel = agent.open(body.get("name") or "command_line", target)
                agent.log("info", "started tunnel", obj="tunnels", name=tunnel["name"], addr=target, url=tunnel["url"])
                self.answer(201, shape(tunnel))

            def do_DELETE(self):
                kind, _ = self.shape()
                name = urllib.request.unquote("/".join(self.path.strip("/").split("/")[2:]))
                self.answer(204 if kind and agent.close(name) else 404)

        for port in range(int(self.orders["firstPort"]), int(self.orders["firstPort"]) + 50):
            try:
                server = ThreadingHTTPServer(("127.0.0.1", port), API)
                break
            except OSError:
                continue
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.log("info", "starting web service", obj="web", addr=f"127.0.0.1:{server.server_port}", allow_hosts="[]")


def ngrok(arguments):
    if arguments[:1] == ["version"]:
        return say("ngrok version 3.30.0")
    if arguments[:2] == ["config", "add-authtoken"] or arguments[:1] == ["authtoken"]:
        sys.exit("ERROR:  this would rewrite the user's file: nobody may call it")
    log = Log(arguments)
    url = option(arguments, "--url") or option(arguments, "--domain")
    token = option(arguments, "--authtoken") or os.environ.get("NGROK_AUTHTOKEN", "")
    hello = {"program": "ngrok", "arguments": arguments, "token": token, "pid": os.getpid(), "environment": sorted(os.environ)}
    orders = edge("/agent/start", hello)
    if orders["isOld"] and option(arguments, "--url"):
        say("ERROR:  unknown flag: --url", sys.stderr)
        sys.exit(1)
    log("info", "no configuration paths supplied")
    agent = Agent(log, orders)
    agent.serve()
    if orders["error"]:
        words = f"failed to start tunnel: it may not.\r\n\r\nERR_NGROK_{orders['error']}\r\n"
        log("eror", "failed to reconnect session", obj="csess", err=words)
        say("ERROR:  " + words.strip(), sys.stderr)
        # pyngrok reads no further line of an agent that has ended.
        time.sleep(0.3)
        sys.exit(1)
    log("info", "client session established", obj="csess")
    log("info", "tunnel session started", obj="tunnels.session")
    if arguments[0] == "http" and not orders["noAddress"]:
        tunnel = agent.open("command_line", "http://" + arguments[1], url)
        log("info", "started tunnel", obj="tunnels", name="command_line", addr=tunnel["target"], url=tunnel["url"])
    follow(agent, log)


def follow(agent, log):
    """What the edge says to a running agent: its address is gone, is another, the program shall end."""
    while True:
        order = edge("/agent/wait", {"pid": os.getpid()})["order"]
        if order == "lose":
            for name in list(agent.tunnels):
                agent.close(name)
            log("warn", "failed to send heartbeat", obj="csess", err="session closed")
        elif order == "renew":
            for name, tunnel in list(agent.tunnels.items()):
                agent.close(name)
                agent.open(name, tunnel["target"])
        elif order.startswith("exit"):
            sys.exit(int(order.split()[1]))


# ---- cloudflared -------------------------------------------------------------------------------------------------------

def cloudflared(arguments):
    def out(level, text):
        say(f"{stamp()} {level} {text}", sys.stderr)
    token = os.environ.get("TUNNEL_TOKEN", "")
    hello = {"program": "cloudflared", "arguments": arguments, "token": token, "pid": os.getpid(),
             "environment": sorted(os.environ)}
    orders = edge("/agent/start", hello)
    target = option(arguments, "--url")
    if target is None and "run" in arguments:
        if orders["error"]:
            say("Provided Tunnel token is not valid.", sys.stderr)
            sys.exit(1)
        edge("/agent/open", {"target": orders["target"], "url": "named", "pid": os.getpid()})
    else:
        out("INF", "Requesting new quick Tunnel on trycloudflare.com...")
        if orders["error"]:
            out("ERR", 'Error unmarshaling QuickTunnel response: error code: 1015 error="invalid character \'e\' looking for '
                       'beginning of value" status_code="429 Too Many Requests"')
            sys.exit(1)
        session = edge("/agent/open", {"target": target, "url": "quick", "pid": os.getpid()})
        name = session["name"]
        width = len(name) + 4
        out("INF", "+" + "-" * width + "+")
        out("INF", "|  " + "Your quick Tunnel has been created! Visit it at (it may take some time to be reachable):".ljust(width) + "|")
        out("INF", "|  " + name.ljust(width - 2) + "|")
        out("INF", "+" + "-" * width + "+")

    class Metrics(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            is_known = self.path == "/quicktunnel" and target is not None and orders["api"] != []
            body = json.dumps({"hostname": session["name"].split("://")[1]}).encode() if is_known else b"404"
            self.send_response(200 if is_known or self.path == "/ready" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    out("INF", f"Starting metrics server on 127.0.0.1:{server.server_port}/metrics")
    out("INF", "Registered tunnel connection connIndex=0 connection=0 event=0 ip=198.51.100.7 location=fake01 protocol=quic")
    while True:
        order = edge("/agent/wait", {"pid": os.getpid()})["order"]
        if order.startswith("exit"):
            out("INF", "Initiating graceful shutdown due to signal terminated ...")
            sys.exit(int(order.split()[1]))


# ---- tailscale -----------------------------------------------------------------------------------------------------------

def tailscale(arguments):
    """Every call goes to the edge, which is the tailscaled of this fake: what is served outlives the command."""
    arguments = [word for word in arguments if not word.startswith("--socket=")]
    secret = ""
    key = option(arguments, "--auth-key")
    if key and key.startswith("file:"):
        with open(key[5:], encoding="utf-8") as file:
            secret = file.read()
    answer = edge("/tailscaled", {"arguments": arguments, "secret": secret})
    if answer["output"]:
        say(answer["output"])
    if answer.get("waits"):
        time.sleep(3600)
    sys.exit(answer["code"])


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
try:
    {"ngrok": ngrok, "cloudflared": cloudflared, "tailscale": tailscale}[NAME](sys.argv[1:])
except urllib.error.URLError:
    # The edge is gone: so is the test.
    sys.exit(9)
