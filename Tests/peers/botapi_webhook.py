"""Telegram's delivery of updates to a webhook: one after another, again until the answer is 2xx."""

import asyncio
import json
import time
import urllib.parse


class Webhook:
    """Delivers `api.updates` to the URL that setWebhook named.

    The URL is a public one; `target` says where it leads to, as a tunnel does ("http://127.0.0.1:8787").
    """

    def __init__(self, api):
        self.api, self.url, self.secret, self.target = api, "", None, None
        self.deliveries, self.last_error, self.task, self.pause = [], None, None, 0.2

    def set(self, url, secret):
        self.url, self.secret, self.last_error = url, secret, None
        if self.task is not None:
            self.task.cancel()
        self.task = asyncio.ensure_future(self.run()) if url else None

    def info(self):
        found = {"url": self.url, "has_custom_certificate": False, "pending_update_count": len(self.api.updates)}
        if self.url:
            found |= {"max_connections": 40, "ip_address": "127.0.0.1"}
        if self.api.allowed:
            found["allowed_updates"] = self.api.allowed
        if self.last_error:
            found |= {"last_error_date": int(self.last_error[0]), "last_error_message": self.last_error[1]}
        return found

    async def run(self):
        while True:
            await self.api.until(lambda: self.api.updates and self.target, 3600)
            if not self.api.updates or not self.target:
                continue
            update = self.api.updates[0]
            status, words = await self.deliver(update)
            self.deliveries.append({"update_id": update["update_id"], "status": status, "at": time.time()})
            if 200 <= status < 300:
                if self.api.updates and self.api.updates[0] is update:
                    self.api.updates.pop(0)
                self.api.confirmed = max(self.api.confirmed, update["update_id"])
                self.api.notify()
                continue
            self.last_error = (time.time(), words)
            self.api.notify()
            await asyncio.sleep(self.pause)

    async def deliver(self, update):
        """The status of one delivery, 0 without an answer, and the words for getWebhookInfo."""
        public, target = urllib.parse.urlsplit(self.url), urllib.parse.urlsplit(self.target)
        body = json.dumps(update).encode()
        secret = f"X-Telegram-Bot-Api-Secret-Token: {self.secret}\r\n" if self.secret else ""
        head = (f"POST {public.path or '/'} HTTP/1.1\r\nHost: {public.netloc}\r\nContent-Type: application/json\r\n{secret}"
                f"Content-Length: {len(body)}\r\nConnection: close\r\nAccept-Encoding: gzip, deflate\r\n\r\n")
        writer = None
        try:
            async with asyncio.timeout(10):
                reader, writer = await asyncio.open_connection(target.hostname, target.port)
                writer.write(head.encode() + body)
                first = (await reader.readline()).decode("latin-1").split(" ", 2)
                status = int(first[1])
                answer = await reader.read(1 << 20)
            await self.call(answer.partition(b"\r\n\r\n")[2])
            return status, f"Wrong response from the webhook: {status} {first[2].strip() if len(first) > 2 else ''}"
        except (OSError, ValueError, IndexError, asyncio.TimeoutError) as error:
            return 0, f"Connection failed: {type(error).__name__}"
        finally:
            if writer is not None:
                writer.close()

    async def call(self, body):
        """An answer may be a method call."""
        try:
            value = json.loads(body)
        except ValueError:
            return
        if isinstance(value, dict) and isinstance(value.get("method"), str):
            await self.api.call(value.pop("method"), value)
