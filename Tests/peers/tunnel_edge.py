#!/usr/bin/env python3
"""The edge that tunnel_programs.py reaches: public addresses on ports of this machine, each leading to an agent's target,
a tailscaled with its serve configuration, and a way for tests to make all of it fail.

    tunnel_edge.py [--names DIRECTORY]

Prints READY port=N; ends with its standard input. An address is http://127.0.0.1:<port of its own>, so that only ngrok, whose
agent prints what it is told, can be followed to the proof. With --names (root; needs openssl) addresses are the providers' own
https names, served with a certificate on port 443 of a loopback address; DIRECTORY gets `hosts` and `ca.pem`, which whoever
is to find and trust them mounts over /etc/hosts and the system's certificates.

Control (POST, JSON):
  /control/behave   {error, isOld, noAddress, api, firstPort, target}: what the next agent is told
  /control/order    {order: "lose" | "renew" | "exit 1"}: to every running agent
  /control/edge     {state: "up" | "dead" | "404"}: what public addresses answer
  /control/tailscale {backend, name, serve, consent, denied}: sets what tailscaled says
  /control/visit    {url, body}: {status, text}, asked for at the edge by that address; --names alone
  /control/state    {}: everything that was seen
"""

import json
import os
import queue
import random
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "host"}


def lives(pid):
    """Whether the process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class World:
    def __init__(self):
        self.lock = threading.RLock()
        self.behave = {"error": 0, "isOld": False, "noAddress": False, "api": ["tunnels"], "firstPort": 4040, "target": ""}
        self.address = ""
        self.starts = []
        self.orders = {}
        self.sessions = {}
        self.number = 0
        self.edge = "up"
        self.requests = []
        self.tailscale = {"backend": "Running", "name": "box.tail1.ts.net.", "consent": "", "denied": False, "key": ""}
        self.serve = {}
        self.calls = []

    # ---- agents

    def start(self, hello):
        with self.lock:
            self.starts.append(hello)
            self.orders[hello["pid"]] = queue.Queue()
            return dict(self.behave)

    def open(self, body):
        with self.lock:
            self.number += 1
            number = self.number
        if self.address:
            server = None
            url = "https://" + {"quick": f"fake-words-{number}.trycloudflare.com", "named": NAMED}.get(
                body.get("url"), f"fake-{number}.ngrok-free.app")
            name = url
        else:
            server = Server(("127.0.0.1", 0), public(self, number))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            name = {"quick": f"https://fake-words-{number}.trycloudflare.com", "named": ""}.get(body.get("url"), url)
        with self.lock:
            self.sessions[number] = {"id": str(number), "target": body["target"], "url": url, "wanted": body.get("url"),
                                     "pid": body["pid"], "server": server}
        return {"id": str(number), "url": url, "name": name}

    def close(self, body):
        with self.lock:
            session = self.sessions.pop(int(body["id"]), None)
        if session and session["server"]:
            session["server"].shutdown()
            session["server"].server_close()
        return {}

    def wait(self, body):
        """The next order; the agent's death is seen by its connection, not by us."""
        try:
            return {"order": self.orders[body["pid"]].get(timeout=30)}
        except (queue.Empty, KeyError):
            return {"order": ""}

    # ---- the way in

    def target(self, number, host, path):
        """Where a request for this address leads to; None: nobody is there. Called with the lock."""
        sessions = [s for s in self.sessions.values() if s["id"] == str(number) or (number is None and s["url"] == "https://" + host)]
        alive = [s for s in sessions if lives(s["pid"])]
        if alive:
            return alive[-1]["target"].rstrip("/") + path
        # tailscaled: the longest mount; its prefix is cut off, and nothing is added to what was asked for exactly.
        bare = path.split("?")[0]
        mounts = self.serve.get("Web", {}).get(host + ":443", {}).get("Handlers", {})
        found = [m for m in mounts if m == "/" or bare == m or bare.startswith(m + "/")]
        if number is not None or not found:
            return None
        mount = max(found, key=len)
        return mounts[mount].get("Proxy", "").rstrip("/") + (path if mount == "/" else path[len(mount):])

    def visit(self, body):
        _, _, host, path = body["url"].split("/", 3)
        data = json.dumps(body["body"]).encode() if "body" in body else None
        request = urllib.request.Request(f"http://{self.address}/{path}", data,
                                         {"Host": host, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return {"status": answer.status, "text": answer.read().decode("utf-8", "replace")}
        except urllib.error.HTTPError as error:
            return {"status": error.code, "text": error.read().decode("utf-8", "replace")}

    # ---- tailscaled

    def call(self, body):
        with self.lock:
            self.calls.append(body["arguments"])
            verb, rest = body["arguments"][0], body["arguments"][1:]
            state = self.tailscale
            if verb == "status":
                status = {"BackendState": state["backend"], "Self": {"DNSName": state["name"], "ID": "n1"}, "AuthURL": ""}
                return {"output": "# Health check:\n" + json.dumps(status, indent=2), "code": 0}
            if verb == "up":
                state["key"] = body["secret"]
                if "bad" in body["secret"]:
                    return {"output": "backend error: invalid key: API key does not exist", "code": 1}
                state["backend"] = "Running"
                return {"output": "", "code": 0}
            if rest[:1] == ["reset"]:
                raise AssertionError("reset wipes what is not ours: nobody may call it")
            if rest[:1] == ["status"]:
                return {"output": json.dumps(self.serve, indent=2) if self.serve else "null", "code": 0}
            return self.mount(verb, rest)

    def mount(self, verb, rest):
        state = self.tailscale
        if state["denied"]:
            return {"output": "sending serve config: Access denied: serve config denied", "code": 1}
        if state["consent"] and verb == "funnel":
            return {"output": "\nFunnel is not enabled on your tailnet.\nTo enable, visit:\n\n         " + state["consent"],
                    "code": 0, "waits": True}
        port = next(w.split("=")[1] for w in rest if w.startswith("--https="))
        path = rest[rest.index("--set-path") + 1]
        site = state["name"].rstrip(".") + ":" + port
        handlers = self.serve.setdefault("Web", {}).setdefault(site, {"Handlers": {}})["Handlers"]
        if rest[-1] == "off":
            if path not in handlers:
                return {"output": "error: failed to remove web serve: handler does not exist", "code": 1}
            del handlers[path]
        else:
            assert "--bg" in rest and "--yes" in rest, rest
            handlers[path] = {"Proxy": rest[-1]}
            self.serve.setdefault("TCP", {})[port] = {"HTTPS": True}
            # One switch for the whole port, as the real one has it.
            funnels = self.serve.setdefault("AllowFunnel", {})
            if verb == "funnel":
                funnels[site] = True
            else:
                funnels.pop(site, None)
        if not handlers:
            # With its last mount goes all that there is of a port.
            self.serve["Web"].pop(site)
            self.serve.get("TCP", {}).pop(port, None)
            self.serve.get("AllowFunnel", {}).pop(site, None)
            if not self.serve["Web"]:
                self.serve = {}
        return {"output": "Available on the internet:\n\nhttps://" + site, "code": 0}

    # ---- tests

    def control(self, what, body):
        with self.lock:
            if what == "behave":
                self.behave.update(body)
            elif what == "order":
                for orders in self.orders.values():
                    orders.put(body["order"])
            elif what == "edge":
                self.edge = body["state"]
            elif what == "tailscale":
                self.serve = body.pop("serve", self.serve)
                self.tailscale.update(body)
            return {"starts": self.starts, "requests": self.requests[-1000:], "calls": self.calls, "serve": self.serve,
                    "tailscale": self.tailscale, "edge": self.edge, "address": self.address,
                    "sessions": [{k: v for k, v in s.items() if k != "server"} for s in self.sessions.values()]}


class Server(ThreadingHTTPServer):
    daemon_threads = True


NAMED = "bot.example.org"


def serve_names(world, directory):
    """Names and a certificate for them, on ports 443 and 80 of a loopback address of our own."""
    names = ["box.tail1.ts.net", NAMED]
    names += [f"fake-{n}.ngrok-free.app" for n in range(1, 40)] + [f"fake-words-{n}.trycloudflare.com" for n in range(1, 40)]
    certificate, key = os.path.join(directory, "ca.pem"), os.path.join(directory, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=fake edge", "-addext", "subjectAltName=" + ",".join("DNS:" + name for name in names),
         "-keyout", key, "-out", certificate], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    for _ in range(20):
        address = f"127.{random.randint(1, 250)}.{random.randint(0, 250)}.{random.randint(1, 250)}"
        try:
            secure, plain = Server((address, 443), public(world, None)), Server((address, 80), public(world, None))
            break
        except OSError:
            continue
    secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
    for server in (secure, plain):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(os.path.join(directory, "hosts"), "w", encoding="utf-8") as file:
        file.write("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name in names))
    world.address = address


def public(world, number):
    """Whoever calls a public address; `number` None: which one, its Host says."""
    class Public(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            host = self.headers.get("Host", "").split(":")[0]
            with world.lock:
                state, target = world.edge, world.target(number, host, self.path)
                world.requests.append({"method": self.command, "path": self.path, "session": str(number), "host": host})
            if state == "dead":
                return self.close_connection_now()
            if state == "404" or target is None:
                return self.answer(404, {}, b"The endpoint is offline. ERR_NGROK_3200")
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
            headers.update({"Host": self.headers.get("Host", ""), "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
            request = urllib.request.Request(target, body or None, headers, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    self.answer(answer.status, answer.headers, answer.read())
            except urllib.error.HTTPError as error:
                self.answer(error.code, error.headers, error.read())
            except OSError:
                self.answer(502, {}, b"ERR_NGROK_8012")

        def close_connection_now(self):
            self.close_connection = True

        def answer(self, status, headers, body):
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in HOP and name.lower() not in ("server", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any
    return Public


def main():
    world = World()
    if sys.argv[1:2] == ["--names"]:
        serve_names(world, sys.argv[2])

    class Edge(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            own = {"/agent/start": world.start, "/agent/open": world.open, "/agent/close": world.close,
                   "/agent/wait": world.wait, "/tailscaled": world.call, "/control/visit": world.visit}
            try:
                result = own[self.path](body) if self.path in own else world.control(self.path.split("/")[-1], body)
                status = 200
            except AssertionError as error:
                result, status = {"output": str(error), "code": 1}, 500
            data = json.dumps(result).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST

    server = Server(("127.0.0.1", 0), Edge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"READY port={server.server_port}", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
