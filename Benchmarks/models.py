"""What the pass-through endpoint costs beside nginx and LiteLLM as proxies in front of the same provider. `make bench` runs it.

    models.py [--executable PATH] [--rounds 20] [--idle 1000] [--litellm] [--no-tls]

The provider is upstream.c: chat completions on loopback, canned or paced. Everybody relays to it with one key; in every round
each takes its turn, in another order. Counted is the processor time of the proxy's own processes (schedstat, all threads), so
that neither the provider nor this client is in it; a time on the clock is the ratio to "direct" in the same round. Clawhold is
the gateway and the model worker together. Upstream TLS is a table of its own: nginx ends it in front of the same provider.

nginx is unpacked beside the build. --litellm installs LiteLLM (700 MB) into .build/bench-litellm first. TLS needs root: the
certificate's authority is put over the system's for Clawhold alone, in a mount namespace.
"""

import argparse
import datetime
import ipaddress
import json
import os
import pathlib
import random
import re
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import figures
from channels import cpu
from figures import ROOT, free_port, ps, rollup, wait_for
from supervisors import unpacked

KEY, LITELLM = "bench-key-0123456789abcdef", "litellm[proxy]==1.106.2"
BUILD = pathlib.Path(ROOT) / ".build"


class Target:
    """Somebody who relays: where, with what key, and which processes are counted."""

    def __init__(self, name, port, pids=lambda: [], key=KEY, model="t"):
        self.name, self.port, self.pids, self.key, self.model = name, port, pids, key, model

    def cpu(self):
        return sum(cpu(pid) for pid in self.pids())

    def pss(self):
        return sum(rollup(pid)[0] for pid in self.pids())

    def request(self, model, stream):
        body = json.dumps({"model": f"{self.model}-{model}" if model else self.model, "stream": stream, "max_tokens": 100,
                           "messages": [{"role": "user", "content": "Why does a gateway earn trust?"}],
                           **({"stream_options": {"include_usage": True}} if stream else {})}, separators=(",", ":")).encode()
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        return head.encode() + body

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def whole(connection):
    """Reads one answer; its body, and whether the connection stays."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError(f"closed after {data[:200]}")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lower = head.lower()
    length = re.search(rb"content-length: *(\d+)", lower)
    while len(body) < int(length[1]) if length else not body.endswith(b"0\r\n\r\n"):
        more = connection.recv(65536)
        if not more:
            break
        body += more
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise SystemExit(f"answered {head.splitlines()[0]}: {body[:500]}")
    return body, b"connection: close" not in lower


def one_by_one(target, count):
    """Microseconds of each of `count` JSON requests, one client, on one connection if the target keeps it."""
    request, connection, times = target.request("1-0", False), None, []
    for _ in range(count):
        began = time.perf_counter_ns()
        connection = connection or target.connect()
        connection.sendall(request)
        body, stays = whole(connection)
        times.append((time.perf_counter_ns() - began) / 1000)
        assert b"A gateway earns trust" in body, body
        if not stays:
            connection.close()
            connection = None
    if connection:
        connection.close()
    return times


def streams(target, count, tokens, pause):
    """Many streams at once, started over a quarter of a second. Milliseconds to each stream's first token, and of each token from
    its sending to us; and how many tokens came."""
    selector, request = selectors.DefaultSelector(), target.request(f"{tokens}-{pause}", True)
    first, delays, ended, started, began = [], [], 0, 0, time.monotonic()
    while ended < count:
        while started < count and time.monotonic() - began >= started * 0.25 / count:
            connection = target.connect()
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, {"began": time.monotonic_ns(), "rest": b"", "any": False})
            connection.send(request)
            started += 1
        found = selector.select(timeout=30 if started == count else 0.25 / count)
        if not found and started == count:
            raise SystemExit(f"{target.name}: {count - ended} streams say nothing for 30 s")
        for key, _ in found:
            stream, data = key.data, key.fileobj.recv(65536)
            at = time.monotonic_ns()
            text = stream["rest"] + data
            for match in re.finditer(rb'"content": ?"t(\d+) ', text):
                if not stream["any"]:
                    first.append((at - stream["began"]) / 1e6)
                    stream["any"] = True
                delays.append((at - int(match[1])) / 1e6)
            last = text.rfind(b"\n\n")
            stream["rest"] = text[last + 2:] if last >= 0 else text
            if b"data: [DONE]" in text or not data:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                ended += 1
    if len(delays) < count * tokens * 0.99:
        raise SystemExit(f"{target.name}: {len(delays)} events of {count * tokens}")
    return first, delays, len(delays)


def idle(target, count):
    """KiB of PSS of the target's processes for each of so many open streams that say nothing, and of all of it."""
    before, request = target.pss(), target.request("hold-0", True)
    connections = []
    for _ in range(count):
        connections.append(target.connect())
        connections[-1].sendall(request)
    for connection in connections:
        connection.settimeout(30)
        data = b""
        while b"data:" not in data:
            more = connection.recv(65536)
            if not more:
                raise SystemExit(f"{target.name}: a stream was not taken: {data[:300]}")
            data += more
    time.sleep(1)
    during = target.pss()
    for connection in connections:
        connection.close()
    return (during - before) / count, during


# ---- Who relays ------------------------------------------------------------------------------------------------------


class Upstream:
    def __init__(self, directory):
        binary = directory / "upstream"
        subprocess.run(["gcc", "-O2", "-o", binary, pathlib.Path(__file__).with_name("upstream.c")], check=True)
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split("=")[1])


class Nginx:
    """One worker, as a proxy in front of `port`, or of its own TLS end at `tls`; with `certificate` that end itself."""

    def __init__(self, directory, name, port, tls=None, certificate=None):
        self.port, home = free_port(), directory / name
        home.mkdir()
        root = unpacked(["nginx"], BUILD / "bench-nginx")
        listen = f"127.0.0.1:{self.port}" + (" ssl" if certificate else "")
        target = f"https://127.0.0.1:{tls}" if tls else "http://up"
        more = f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};" if certificate else ""
        if tls:
            more += "proxy_ssl_session_reuse on; proxy_ssl_verify off;"
        (home / "conf").write_text(f"""
            worker_processes 1; daemon off; pid {home}/pid; error_log {home}/error;
            events {{ worker_connections 8192; }}
            http {{
              access_log off;
              client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c;
              uwsgi_temp_path {home}/d; scgi_temp_path {home}/e;
              keepalive_requests 1000000;
              upstream up {{ server 127.0.0.1:{tls or port}; keepalive 64; keepalive_requests 1000000; }}
              server {{
                listen {listen} backlog=4096; {more}
                location / {{
                  proxy_pass {target.replace(f"127.0.0.1:{tls}", "up") if tls else target};
                  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
                  proxy_read_timeout 600s;
                }}
              }}
            }}""", encoding="ascii")
        self.process = subprocess.Popen([f"{root}/usr/sbin/nginx", "-c", home / "conf", "-p", home, "-e", home / "error"],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def pids(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return [self.process.pid, *map(int, file.read().split())]


def wait_for_port(port, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens at port {port}")


class Clawhold:
    def __init__(self, executable, directory, upstream, tls, authority):
        self.port, self.home = free_port(), directory / "state"
        self.home.mkdir()
        models = [{"id": "t"}]
        providers = {"bench": {"baseUrl": f"http://127.0.0.1:{upstream}/v1", "api": "openai-completions", "apiKey": KEY,
                               "models": models}}
        if tls:
            providers["benchtls"] = {**providers["bench"], "baseUrl": f"https://localhost:{tls}/v1"}
        own = {"models": {"endpoint": {"enabled": True, "maxConcurrent": 1024}}}
        for name, value in (("openclaw.json", {"models": {"providers": providers}}), ("clawhold.json", own)):
            (self.home / name).write_text(json.dumps(value), encoding="utf-8")
        command = [executable, "gateway", "--allow-unconfigured", "--port", str(self.port), "--bind", "loopback"]
        if tls:
            over = f"mount --bind {authority} /etc/ssl/certs/ca-certificates.crt && exec \"$@\""
            command = ["unshare", "-m", "sh", "-c", over, "sh", *command]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=open(directory / "clawhold.log", "wb"), stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "OPENCLAW_STATE_DIR": str(self.home),
                 "OPENCLAW_GATEWAY_TOKEN": figures.TOKEN})
        wait_for(self.port, "/readyz", time.perf_counter())
        self.control = json.loads((self.home / "gateway.runtime.json").read_text())["controlSocket"]

    def pids(self, provider):
        rows = ps(self.control)
        return [int(rows[name]["PID"]) for name in ("gateway", f"model:{provider}") if int(rows[name]["PID"]) > 0]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)


class LiteLLM:
    def __init__(self, directory, upstream):
        venv = BUILD / "bench-litellm"
        if not (venv / "installed").exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            subprocess.run([venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", LITELLM], check=True)
            (venv / "installed").touch()
        self.port = free_port()
        config = {"model_list": [{"model_name": "t", "litellm_params": {
            "model": "openai/t", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": KEY}}],
            "litellm_settings": {"num_retries": 0, "telemetry": False, "drop_params": True}}
        for name in ("t-1-0", "t-100-10", "t-30-100", "t-hold-0"):
            config["model_list"].append({"model_name": name, "litellm_params": {
                "model": f"openai/{name}", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": KEY}})
        (directory / "litellm.json").write_text(json.dumps(config), encoding="utf-8")
        self.key = "sk-" + "b3nch" * 8
        self.process = subprocess.Popen(
            [venv / "bin" / "litellm", "--config", directory / "litellm.json", "--port", str(self.port), "--num_workers", "1",
             "--host", "127.0.0.1"], stdin=subprocess.DEVNULL, stdout=open(directory / "litellm.log", "wb"),
            stderr=subprocess.STDOUT, start_new_session=True,
            env={"PATH": f"{venv}/bin:{os.environ['PATH']}", "HOME": str(directory), "LITELLM_MASTER_KEY": self.key,
                 "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "*"})
        wait_for_port(self.port, 120)

    def pids(self):
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                    todo += map(int, file.read().split())
        return found


def certificates(directory):
    """An authority and a certificate of localhost: (authority, (certificate, key))."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
    today = datetime.datetime.now(datetime.timezone.utc)

    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def made(subject, issuer, key, signer, extension):
        return (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(today - datetime.timedelta(days=1))
                .not_valid_after(today + datetime.timedelta(days=2)).add_extension(*extension).sign(signer, hashes.SHA256()))
    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = made("bench authority", "bench authority", root, root, (x509.BasicConstraints(ca=True, path_length=None), True))
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    own = made("localhost", "bench authority", key, root, (x509.SubjectAlternativeName(names), False))
    pem = serialization.Encoding.PEM
    files = {"authority.pem": authority.public_bytes(pem), "cert.pem": own.public_bytes(pem),
             "key.pem": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())}
    for file, data in files.items():
        (directory / file).write_bytes(data)
    return directory / "authority.pem", (directory / "cert.pem", directory / "key.pem")


# ---- Rounds ----------------------------------------------------------------------------------------------------------


def rounds(targets, options):
    """{measure: {target: [one figure a round]}}"""
    found = {}

    def note(measure, target, value):
        found.setdefault(measure, {}).setdefault(target.name, []).append(value)
    for target in targets:  # connections, caches, first uses
        one_by_one(target, 20)
        streams(target, 5, 100, 10)
    for number in range(options.rounds):
        order = targets[:]
        random.Random(number).shuffle(order)
        for target in order:
            count = 30 if target.name == "LiteLLM" else 200
            before = target.cpu()
            times = one_by_one(target, count)
            note("CPU of a JSON request, µs", target, (target.cpu() - before) / count / 1e3)
            note("JSON request, one client, p50, µs", target, statistics.median(times))
        for target in order:
            if target.name == "LiteLLM" and number % 5:
                continue
            before = target.cpu()
            _, delays, events = streams(target, 50, 100, 10)
            note("CPU of a relayed event, 50 streams x 100/s, µs", target, (target.cpu() - before) / events / 1e3)
            before = target.cpu()
            first, delays, events = streams(target, 100, 30, 100)
            note("CPU of a relayed event, 100 streams x 10/s, µs", target, (target.cpu() - before) / events / 1e3)
            note("first token, 100 streams, p50, ms", target, statistics.median(first))
            note("a token on its way, 100 streams, p50, ms", target, statistics.median(delays))
            note("a token on its way, 100 streams, p99, ms", target, statistics.quantiles(delays, n=100)[98])
    return found


def show(title, found):
    print(f"\n{title}\n    {'':<52} {'minimum':>9} {'median':>9} {'beside nginx':>13} {'added':>9}")
    for measure, by in found.items():
        direct, nginx = by.get("direct"), by.get("nginx")
        for name, values in by.items():
            if name == "direct" and measure.startswith("CPU"):
                continue
            median = statistics.median(values)
            ratio = f"{statistics.median([a / b for a, b in zip(values, nginx)]):.1f}x" if nginx and name != "direct" and all(
                nginx) and len(nginx) == len(values) else ""
            added = ""
            if direct and not measure.startswith("CPU") and name != "direct" and len(direct) == len(values):
                added = f"{statistics.median([a - b for a, b in zip(values, direct)]):.2f}"
            print(f"    {measure + ' ' + name:<60} {min(values):>9.2f} {median:>9.2f} {ratio:>9} {added:>9}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--executable", default=figures.EXECUTABLE)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--litellm", action="store_true")
    parser.add_argument("--no-tls", action="store_true")
    options = parser.parse_args()
    if not os.path.exists(options.executable):
        raise SystemExit("No release executable: type make release")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with_tls = not options.no_tls and os.geteuid() == 0
    with tempfile.TemporaryDirectory(prefix="clawhold-models-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        running = []
        try:
            upstream = Upstream(directory)
            running.append(upstream.process)
            tls, authority = None, None
            if with_tls:
                authority, certificate = certificates(directory)
                tls = Nginx(directory, "tls", upstream.port, certificate=certificate)
                running.append(tls.process)
            nginx = Nginx(directory, "nginx", upstream.port)
            running.append(nginx.process)
            ours = Clawhold(options.executable, directory, upstream.port, tls.port if tls else None, authority)
            running.append(ours.process)
            plain = [Target("direct", upstream.port), Target("nginx", nginx.port, nginx.pids),
                     Target("Clawhold", ours.port, lambda: ours.pids("bench"), figures.TOKEN, "bench/t")]
            if options.litellm:
                lite = LiteLLM(directory, upstream.port)
                running.append(lite.process)
                plain.append(Target("LiteLLM", lite.port, lite.pids, lite.key))
            print(f"{options.rounds} rounds, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
            show("Plain upstream", rounds(plain, options))
            worker = ours.pids("bench")[-1]
            time.sleep(5)
            print(f"\nMemory, PSS\n    {'model worker, idle after that':<60} {rollup(worker)[0] / 1024:>9.2f} MiB  goal 10")
            for target in plain[1:3]:
                each, whole_pss = idle(target, options.idle)
                print(f"    {f'{target.name}: for each of {options.idle} idle streams':<60} {each:>9.1f} KiB"
                      f"  ({whole_pss / 1024:.1f} MiB in all)")
                time.sleep(1)
            if tls:
                over = Nginx(directory, "nginx-tls", None, tls=tls.port)
                running.append(over.process)
                secure = [Target("direct", upstream.port), Target("nginx", over.port, over.pids),
                          Target("Clawhold", ours.port, lambda: ours.pids("benchtls"), figures.TOKEN, "benchtls/t")]
                show("TLS upstream (direct: plain, as above)", rounds(secure, options))
            print(f"load {os.getloadavg()[0]:.1f} at the end")
        finally:
            for process in reversed(running):
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)


if __name__ == "__main__":
    main()
