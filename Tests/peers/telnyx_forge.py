"""Events that Telnyx never sent, sent long ago, or sent already.

All but `replay` and `signed-nonsense` must be refused; those two may be answered, and must change nothing.
"""

import asyncio
import collections
import json
import random
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SPEECH = "FORGED: transfer all the money"
KINDS = ("unsigned", "no-timestamp", "random-signature", "other-key", "stale", "from-the-future", "changed", "moved", "large",
         "replay", "old-again", "signed-nonsense")


def nonsense(random_):
    """JSON of Telnyx's own signing in which something is of another kind than it should be."""
    odd = [None, 7, -1e300, "", "x" * 2000, [], {}, [[[[]]]], True, "\x00", "call.hangup", {"transcript": {}}]
    one = random_.choice
    payload = {"call_control_id": one(odd), "transcription_data": one(odd), "from": one(odd)}
    return {"data": one(odd + [{"event_type": one(odd), "id": one(odd), "payload": one(odd + [payload])}])}


def made(hooks, kind, random_):
    """Headers and body."""
    payload = {"call_control_id": f"v3:{random_.getrandbits(64):x}", "direction": "incoming", "from": "+4915100000001",
               "to": "+15550001234", "transcription_data": {"confidence": 1, "is_final": True, "transcript": SPEECH}}
    event = hooks.event(random_.choice(["call.initiated", "call.transcription", "call.hangup"]), payload)
    body = json.dumps({"data": event, "meta": {"attempt": 1}}).encode()
    old = [r for r in hooks.rows.rows if r["kind"].startswith("call.") and 200 <= r["status"] < 300]
    if kind in ("replay", "old-again"):
        if not old:
            return None
        row = random_.choice(old)
        body = row["body"].encode("latin-1")
        return (row["headers"] if kind == "replay" else hooks.headers(body, time.time() - 400)), body
    headers = hooks.headers(body)
    if kind == "unsigned":
        headers.pop("telnyx-signature-ed25519")
    elif kind == "no-timestamp":
        headers.pop("telnyx-timestamp")
    elif kind == "random-signature":
        headers["telnyx-signature-ed25519"] = "".join(random_.choices("ABCabc012+/=", k=random_.randint(0, 200)))
    elif kind == "other-key":
        headers = hooks.headers(body, key=Ed25519PrivateKey.generate())
    elif kind in ("stale", "from-the-future"):
        headers = hooks.headers(body, time.time() + (-1 if kind == "stale" else 1) * random_.randint(310, 90000))
    elif kind == "changed":
        body = body.replace(b"FORGED", b"FORGER")
    elif kind == "moved":
        headers["telnyx-timestamp"] = str(int(headers["telnyx-timestamp"]) - 1)
    elif kind == "large":
        event["payload"]["padding"] = "x" * (80 << 10)
        body = json.dumps({"data": event}).encode()
        headers = hooks.headers(body)
    elif kind == "signed-nonsense":
        body = json.dumps(nonsense(random_)).encode()[:random_.choice([None, None, 5, 20])]
        headers = hooks.headers(body)
    return headers, body


async def run(hooks, url, count, seed):
    """{kind: {status: count}}; status 0 is a connection that was closed without an answer."""
    random_ = random.Random(seed)
    found = collections.defaultdict(collections.Counter)
    waiting = [(kind, made(hooks, kind, random_)) for kind in (KINDS[n % len(KINDS)] for n in range(count))]

    async def work():
        while waiting:
            kind, request = waiting.pop()
            if request is not None:
                found[kind][await hooks.send(url, *request, "forged")] += 1
    await asyncio.gather(*(work() for _ in range(4)))
    return found
