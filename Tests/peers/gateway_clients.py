"""Clients that we did not write, against a running gateway: openclaw-sdk and the websockets library.

usage: gateway_clients.py WS_URL TOKEN
Prints what was seen; exits 1 with the reason at the first thing that is not as it should be.
"""

import asyncio
import hashlib
import json
import os
import pathlib
import sys
import tempfile
import uuid

import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def require(truth, words):
    if not truth:
        sys.exit(f"gateway_clients.py: {words}")


def identity(home, token):
    """The files that the SDK wants before it says connect; without them it skips the handshake silently."""
    folder = pathlib.Path(home) / ".openclaw" / "identity"
    folder.mkdir(parents=True)
    key = Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    device = {
        "deviceId": hashlib.sha256(raw).hexdigest(),
        "publicKeyPem": pem.decode(),
        "privateKeyPem": private.decode(),
    }
    scopes = ["operator.admin", "operator.read", "operator.write"]
    auth = {"tokens": {"operator": {"token": token, "role": "operator", "scopes": scopes}}}
    (folder / "device.json").write_text(json.dumps(device))
    (folder / "device-auth.json").write_text(json.dumps(auth))


async def sdk(url):
    from openclaw_sdk import OpenClawClient

    async with await OpenClawClient.connect(gateway_ws_url=url + "/gateway") as client:
        health = await client.health()
        require(health.healthy, f"the SDK finds the gateway unhealthy: {health}")
        agent = client.get_agent("main")
        result = await agent.execute("hello from the SDK")
        require(result.success and result.content, f"execute() failed: {result}")
        require(result.token_usage.total_tokens > 0, f"no usage in the final: {result}")
        print(f"openclaw-sdk: execute() answered {len(result.content)} characters, {result.token_usage}")
        count = 0
        async for _ in await agent.execute_stream("stream something"):
            count += 1
        require(count >= 3, f"the stream had {count} events only")
        print(f"openclaw-sdk: execute_stream() gave {count} events and ended")


class Raw:
    """One connection of the websockets library; every frame is checked against what all clients rely on."""

    def __init__(self, socket):
        self.socket = socket
        self.sequence = None
        self.events = []

    async def frame(self):
        text = await asyncio.wait_for(self.socket.recv(), 30)
        require(isinstance(text, str), "the gateway sent a binary frame")
        frame = json.loads(text)
        require(not [k for k, v in frame.items() if v is None], f"a null at the top of a frame: {text[:200]}")
        if frame["type"] == "event" and "seq" in frame:
            require(type(frame["seq"]) is int, f"seq is no integer: {text[:200]}")
            require(self.sequence in (None, frame["seq"] - 1), f"seq jumps from {self.sequence}: {text[:200]}")
            self.sequence = frame["seq"]
        return frame

    async def ask(self, method, params, binary=False):
        name = uuid.uuid4().hex
        text = json.dumps({"type": "req", "id": name, "method": method, "params": params})
        await self.socket.send(text.encode() if binary else text)
        while True:
            frame = await self.frame()
            if frame["type"] == "res":
                require(frame["id"] == name, f"an answer nobody waits for: {frame}")
                return frame
            self.events.append(frame)

    async def hello(self, token, lowest, highest):
        challenge = await self.frame()
        require(challenge["event"] == "connect.challenge", f"no challenge first: {challenge}")
        client = {"id": "test", "version": "1", "platform": "linux", "mode": "test"}
        params = {"minProtocol": lowest, "maxProtocol": highest, "client": client, "auth": {"token": token}}
        return await self.ask("connect", params)


async def raw(url, token):
    for lowest, highest, spoken in [(3, 3, 3), (4, 4, 4), (3, 4, 4)]:
        async with websockets.connect(url, max_size=None) as socket:
            hello = await Raw(socket).hello(token, lowest, highest)
            require(hello["ok"] and hello["payload"]["protocol"] == spoken, f"{lowest}..{highest}: {hello}")

    async with websockets.connect(url, max_size=None) as socket:
        refused = await Raw(socket).hello("wrong", 3, 4)
        require("gateway token mismatch" in refused["error"]["message"], f"a wrong token: {refused}")
        try:
            await asyncio.wait_for(socket.recv(), 10)
            sys.exit("gateway_clients.py: a refused client is not closed")
        except websockets.ConnectionClosed as closed:
            require(closed.rcvd.code == 1008, f"closed with {closed.rcvd}")

    async with websockets.connect(url, max_size=None) as socket:
        client = Raw(socket)
        await client.hello(token, 3, 4)
        key = uuid.uuid4().hex
        params = {"sessionKey": "agent:main:main", "message": "hello there", "idempotencyKey": key, "deliver": False}
        client.events.clear()
        started = await client.ask("chat.send", params, binary=True)
        require(started["payload"] == {"runId": key, "status": "started"}, f"chat.send: {started}")
        early = [e for e in client.events if e["payload"].get("runId") == key]
        require(not early, f"an event before the answer: {early}")
        run = []
        while not run or run[-1]["payload"].get("state") not in ("final", "error", "aborted"):
            frame = await client.frame()
            if frame["type"] == "event" and frame["payload"].get("runId") == key:
                run.append(frame)
        final = run[-1]["payload"]
        require(final["state"] == "final" and final["message"]["content"][0]["text"], f"no answer: {final}")
        require(run[0]["payload"]["data"]["phase"] == "start", f"not begun with start: {run[0]}")
        texts = [e["payload"]["message"]["content"][0]["text"] for e in run if e["event"] == "chat"]
        require(all(b.startswith(a.strip()) for a, b in zip(texts, texts[1:])), f"not cumulative: {texts}")
        history = await client.ask("chat.history", {"sessionKey": "agent:main:main"})
        require(key and history["payload"]["messages"][-1]["role"] == "assistant", f"history at the final: {history}")
        again = await client.ask("chat.send", params)
        require(again["payload"] == {"runId": key, "status": "ok"}, f"the same key again: {again}")
        print(f"websockets: protocols 3 and 4, {len(run)} events in order, final in the history, key remembered")


async def main():
    url, token = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as home:
        identity(home, token)
        os.environ["HOME"] = home
        await raw(url, token)
        await sdk(url.rstrip("/"))


if __name__ == "__main__":
    require(len(sys.argv) == 3, "usage: gateway_clients.py WS_URL TOKEN")
    asyncio.run(main())
