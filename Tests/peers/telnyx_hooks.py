"""Telnyx's events: signed with an ed25519 key, sent again until the answer is 2xx, now and then twice or in another order."""

import asyncio
import base64
import datetime
import json
import time
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fake_webhooks import Lost, post

ATTEMPTS = 3


class Hooks:
    def __init__(self, rows, scale):
        self.rows, self.scale, self.key, self.target, self.manner = rows, scale, Ed25519PrivateKey.generate(), None, {}
        self.held = None

    @property
    def public_key(self):
        """As the portal shows it."""
        return base64.b64encode(self.key.public_key().public_bytes_raw()).decode()

    def headers(self, body, at=None, key=None):
        stamp = str(int(time.time() if at is None else at))
        signature = (key or self.key).sign(stamp.encode() + b"|" + body)
        return {"Content-Type": "application/json", "User-Agent": "telnyx-webhooks",
                "telnyx-signature-ed25519": base64.b64encode(signature).decode(), "telnyx-timestamp": stamp}

    def event(self, kind, payload):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
        return {"record_type": "event", "event_type": kind, "id": str(uuid.uuid4()), "occurred_at": now, "payload": payload}

    def tell(self, url, kind, payload):
        """`manner`: duplicate {n} sends each so many times more at once; reorder holds each event until the next one went."""
        event = self.event(kind, payload)
        if self.manner.get("reorder") and kind not in ("call.initiated", "call.hangup"):
            if self.held is None:
                self.held = (url, event)
                asyncio.ensure_future(self.release(url, event))
                return
            held, self.held = self.held, None
            asyncio.ensure_future(self.in_order([(url, event), held]))
            return
        asyncio.ensure_future(self.in_order([(url, event)]))

    async def release(self, url, event):
        """Nothing came behind it: it goes by itself."""
        await asyncio.sleep(0.3)
        if self.held is not None and self.held[1] is event:
            self.held = None
            await self.in_order([(url, event)])

    async def in_order(self, events):
        for url, event in events:
            await asyncio.gather(*(self.deliver(url, event) for _ in range(1 + self.manner.get("duplicate", 0))))

    async def deliver(self, url, event):
        for attempt in range(1, ATTEMPTS + 1):
            body = json.dumps({"data": event, "meta": {"attempt": attempt, "delivered_to": url}}).encode()
            if 200 <= await self.send(url, self.headers(body), body, event["event_type"], event["payload"]) < 300:
                return
            await asyncio.sleep(max(0.1, 5 * self.scale))

    async def send(self, url, headers, body, kind, payload=None):
        """The status, 0 without an answer."""
        began, call = time.perf_counter(), (payload or {}).get("call_control_id")
        row = {"kind": kind, "call": call, "url": url, "headers": headers, "body": body.decode("latin-1")}
        try:
            status, _, text = await post(url, self.target, headers, body)
        except Lost as lost:
            self.rows.add(**row, status=0, answer=str(lost), ms=(time.perf_counter() - began) * 1000)
            return 0
        self.rows.add(**row, status=status, answer=text.decode("utf-8", "replace"), ms=(time.perf_counter() - began) * 1000)
        return status
