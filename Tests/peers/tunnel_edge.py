#!/usr/bin/env python3
"""The edge that tunnel_programs.py reaches: public addresses on ports of this machine, each leading to an agent's target,
a tailscaled with its serve configuration, and a way for tests to make all of it fail.

Prints READY port=N; ends with its standard input. An address is http://127.0.0.1:<port of its own>. Cloudflare's and
Tailscale's names cannot be had on this machine: their agents get such an address too, and the name that they print is told
apart from it (`name`), so a test of the worker can only follow ngrok to the proof; see docs/tunnel.md.

Control (POST, JSON):
  /control/behave   {error, isOld, noAddress, api, firstPort, target}: what the next agent is told
  /control/order    {order: "lose" | "renew" | "exit 1"}: to every running agent
  /control/edge     {state: "up" | "dead" | "404"}: what public addresses answer
  /control/tailscale {backend, name, serve, consent, denied}: sets what tailscaled says
  /control/state    {}: everything that was seen
"""

import json
import os
import queue
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
        if session:
            session["server"].shutdown()
            session["server"].server_close()
        return {}

    def wait(self, body):
        """The next order; the agent's death is seen by its connection, not by us."""
        try:
            return {"order": self.orders[body["pid"]].get(timeout=30)}
        except (queue.Empty, KeyError):
            return {"order": ""}

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
                    "tailscale": self.tailscale, "edge": self.edge,
                    "sessions": [{k: v for k, v in s.items() if k != "server"} for s in self.sessions.values()]}


class Server(ThreadingHTTPServer):
    daemon_threads = True


def public(world, number):
    """Whoever calls a public address."""
    class Public(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with world.lock:
                session, state = world.sessions.get(number), world.edge
                world.requests.append({"method": self.command, "path": self.path, "session": str(number)})
            if state == "dead":
                return self.close_connection_now()
            if state == "404" or session is None or not lives(session["pid"]):
                return self.answer(404, {}, b"The endpoint is offline. ERR_NGROK_3200")
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
            headers.update({"Host": self.headers.get("Host", ""), "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
            request = urllib.request.Request(session["target"].rstrip("/") + self.path, body or None, headers, method=self.command)
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

    class Edge(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            own = {"/agent/start": world.start, "/agent/open": world.open, "/agent/close": world.close,
                   "/agent/wait": world.wait, "/tailscaled": world.call}
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
