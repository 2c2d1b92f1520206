"""What the lab's suites have in common: a line per check, and asking the gateway and systemd. Lies beside them in every guest."""

import socket
import subprocess
import sys
import threading
import time

PORT = 18789
UNIT = "clawhold.service"
_failures = []


def check(name, held, detail=""):
    print(("ok      " if held else "FAILED  ") + name + (f" ({detail})" if detail else ""), flush=True)
    if not held:
        _failures.append(name)


def end():
    """Says how many failed; the exit code is 1 if one did."""
    print(f"{len(_failures)} failed" if _failures else "all held")
    sys.exit(1 if _failures else 0)


def run(*command, within=90):
    return subprocess.run(command, capture_output=True, text=True, timeout=within)


def show(key):
    return run("systemctl", "show", "--value", "-p", key, UNIT).stdout.strip()


def wait_for(what, within=30):
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        if what():
            return True
        time.sleep(0.05)
    return False


def get(path="/healthz", port=PORT, host="127.0.0.1", within=20):
    """The status code, or in a word what became of it: one connection, one request."""
    try:
        with socket.create_connection((host, port), timeout=within) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while piece := client.recv(65536):
                answer += piece
    except OSError as error:
        return type(error).__name__
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else "closed without an answer"


class Clients:
    """Connect without pause, and count what becomes of it."""

    def __init__(self, threads=8):
        self.results = {}
        self.slowest = 0.0
        self.lock = threading.Lock()
        self.is_running = True
        self.threads = [threading.Thread(target=self.work) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def work(self):
        while self.is_running:
            begin = time.monotonic()
            result = get()
            with self.lock:
                self.results[result] = self.results.get(result, 0) + 1
                self.slowest = max(self.slowest, time.monotonic() - begin)

    def stop(self):
        self.is_running = False
        for thread in self.threads:
            thread.join()
        return self.results
