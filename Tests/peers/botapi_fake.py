#!/usr/bin/env python3
"""A Telegram Bot API server for tests: standard library only, one process, loopback.

Trusted because an independent client works against it: see check_botapi_fake.py (python-telegram-bot).

    botapi_fake.py --token 123456:TEST [--port 0] [--username clawhold_bot]

prints "READY port=N" and runs until its standard input is closed. The bot's side is /bot<token>/<method>, with query,
form, multipart and JSON bodies. The test's side is under /control/ and speaks JSON:

    POST message {chat_id, text, ...}    queues a message; answers the update
    POST update  {...}                   queues an update as given (update_id is added when absent)
    POST raw     {body, count}           the next getUpdates answers with these bytes
    POST fault   {method, ...}           the next calls of a method fail, see Fault
    POST webhook {url}                   as if somebody had called setWebhook
    GET  sent?after=N&wait=S             accepted sendMessage calls from N on; waits until there is one
    GET  calls?method=M&after=N&wait=S   all calls of a method from N on, with their parameters; waits likewise
    GET  state                           pending updates, confirmed offset, conflicts, violations
"""

import argparse
import asyncio
import html.parser
import json
import time
from dataclasses import dataclass, field

import fake_http
from fake_http import Dropped


class Refused(Exception):
    """An answer with ok=false."""

    def __init__(self, code, description, parameters=None):
        self.code, self.description, self.parameters = code, description, parameters


@dataclass
class Fault:
    """What befalls the next `count` calls of `method`.

    mode: error (status, description, retry_after, migrate_to_chat_id), drop (closed before it counts),
    close-after-accept (takes effect, connection closed), hang-after-accept (takes effect, never answered),
    hang (never answered), delay (seconds, then normal), garbage (200 with a body that is not JSON).
    """

    method: str
    mode: str = "error"
    count: int = 1
    status: int = 500
    description: str = "Internal Server Error"
    retry_after: int | None = None
    migrate_to_chat_id: int | None = None
    seconds: float = 0


class TagCheck(html.parser.HTMLParser):
    """Telegram's HTML subset: known tags, properly nested and closed."""

    allowed = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "span", "tg-spoiler",
               "tg-emoji", "blockquote"}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.allowed:
            raise Refused(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}" at byte offset 0')
        self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise Refused(400, "Bad Request: can't parse entities: Unexpected end tag at byte offset 0")

    def finish(self):
        self.close()
        if self.open:
            raise Refused(400, f'Bad Request: can\'t parse entities: Can\'t find end tag corresponding to start tag "{self.open[-1]}"')


def utf16_length(text):
    return len(text.encode("utf-16-le")) // 2


@dataclass
class BotAPI:
    token: str
    username: str
    bot_id: int = 0
    updates: list = field(default_factory=list)
    next_update_id: int = 700000001
    next_message_id: int = 1
    confirmed: int = 0
    webhook: str = ""
    allowed: list | None = None
    chats: dict = field(default_factory=dict)
    messages: set = field(default_factory=set)
    threads: set = field(default_factory=set)
    sent: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    raw: list = field(default_factory=list)
    conflicts: int = 0
    violations: list = field(default_factory=list)
    poll: object = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self):
        head = self.token.split(":")[0]
        self.bot_id = int(head) if head.isdigit() else 1

    def notify(self):
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, ready, seconds):
        deadline = time.monotonic() + seconds
        while not ready():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            try:
                await asyncio.wait_for(self.changed.wait(), left)
            except asyncio.TimeoutError:
                return

    # ---- the bot's side

    def me(self):
        return {"id": self.bot_id, "is_bot": True, "first_name": "Clawhold", "username": self.username,
                "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def call(self, method, params):
        self.calls.append({"method": method, "params": params, "at": time.time()})
        self.notify()
        handler = getattr(self, "do_" + method.lower(), None)
        if handler is None:
            raise Refused(404, "Not Found: method not found")
        fault = next((f for f in self.faults if f.method.lower() == method.lower()), None)
        if fault is None:
            return await handler(params)
        fault.count -= 1
        if fault.count <= 0:
            self.faults.remove(fault)
        if fault.mode == "drop":
            raise Dropped()
        if fault.mode == "hang":
            await asyncio.Event().wait()
        if fault.mode in ("close-after-accept", "hang-after-accept"):
            await handler(params)
            if fault.mode == "hang-after-accept":
                await asyncio.Event().wait()
            raise Dropped()
        if fault.mode == "delay":
            await asyncio.sleep(fault.seconds)
            return await handler(params)
        if fault.mode == "garbage":
            return b"<html>502 Bad Gateway</html>"
        extra = {}
        if fault.retry_after is not None:
            extra["retry_after"] = fault.retry_after
        if fault.migrate_to_chat_id is not None:
            extra["migrate_to_chat_id"] = fault.migrate_to_chat_id
        raise Refused(fault.status, fault.description, extra or None)

    async def do_getme(self, params):
        return self.me()

    async def do_getwebhookinfo(self, params):
        return {"url": self.webhook, "has_custom_certificate": False, "pending_update_count": len(self.updates)}

    async def do_deletewebhook(self, params):
        self.webhook = ""
        if truth(params.get("drop_pending_updates")):
            self.violations.append("deleteWebhook dropped pending updates")
            self.updates.clear()
        return True

    async def do_setwebhook(self, params):
        self.webhook = str(params.get("url", ""))
        return True

    async def do_setmycommands(self, params):
        return True

    async def do_getupdates(self, params):
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; "
                               "use deleteWebhook to delete the webhook first")
        offset, limit = integer(params, "offset", 0), integer(params, "limit", 100)
        timeout = integer(params, "timeout", 0)
        if offset < 0:
            self.violations.append(f"negative offset {offset}")
        if not 1 <= limit <= 100:
            self.violations.append(f"limit {limit}")
            limit = 100
        if "allowed_updates" in params:
            self.allowed = structure(params["allowed_updates"])
        if self.poll is not None:
            # A client that closed its poll and asks anew is no second one: the end of its connection may come a moment later.
            await asyncio.sleep(0.05)
        if self.poll is not None and not self.poll.done():
            self.conflicts += 1
            self.poll.set_exception(Refused(
                409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"))
            self.poll = None
        if offset > 0:
            self.updates = [u for u in self.updates if u["update_id"] >= offset]
            self.confirmed = max(self.confirmed, offset - 1)
            self.notify()
        if self.raw:
            return self.raw.pop(0)
        if not self.updates and timeout > 0:
            mine = self.poll = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(mine, min(timeout, 50))
            except asyncio.TimeoutError:
                pass
            finally:
                if self.poll is mine:
                    self.poll = None
        if self.raw:
            return self.raw.pop(0)
        return self.updates[:limit]

    def wake_poll(self):
        if self.poll is not None and not self.poll.done():
            self.poll.set_result(None)
            self.poll = None
        self.notify()

    async def do_sendmessage(self, params):
        chat = self.chat_of(params)
        text = str(params.get("text", ""))
        thread = integer(params, "message_thread_id", None)
        mode = params.get("parse_mode")
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if mode is not None:
            if str(mode).lower() != "html":
                raise Refused(400, "Bad Request: unsupported parse_mode")
            check = TagCheck()
            check.feed(text)
            check.finish()
        if utf16_length(text) > 4096:
            raise Refused(400, "Bad Request: message is too long")
        if thread is not None and (chat["id"], thread) not in self.threads:
            raise Refused(400, "Bad Request: message thread not found")
        reply = params.get("reply_parameters")
        answered = None
        if reply is not None:
            reply = structure(reply)
            answered = reply.get("message_id")
            if not isinstance(answered, int):
                raise Refused(400, "Bad Request: message identifier is not specified")
            if (chat["id"], answered) not in self.messages:
                if not truth(reply.get("allow_sending_without_reply")):
                    raise Refused(400, "Bad Request: message to be replied not found")
                answered = None
        message = {"message_id": self.take_message_id(chat["id"]), "date": int(time.time()), "chat": chat,
                   "from": self.me(), "text": text}
        if thread is not None:
            message["message_thread_id"] = thread
        if answered is not None:
            message["reply_to_message"] = {"message_id": answered, "date": int(time.time()), "chat": chat}
        self.sent.append({"chat_id": chat["id"], "text": text, "message_id": message["message_id"],
                          "reply_to": answered, "thread": thread, "parse_mode": mode, "at": time.time()})
        self.notify()
        return message

    async def do_sendchataction(self, params):
        self.chat_of(params)
        if params.get("action") not in ("typing", "record_voice", "upload_photo", "upload_document"):
            raise Refused(400, "Bad Request: wrong parameter action in request")
        return True

    def chat_of(self, params):
        chat_id = integer(params, "chat_id", None)
        if chat_id is None:
            raise Refused(400, "Bad Request: chat_id is empty")
        if chat_id not in self.chats:
            raise Refused(400, "Bad Request: chat not found")
        return self.chats[chat_id]

    def take_message_id(self, chat_id):
        self.next_message_id += 1
        self.messages.add((chat_id, self.next_message_id))
        return self.next_message_id

    # ---- the test's side

    def queue(self, update):
        if "update_id" not in update:
            update["update_id"] = self.next_update_id
        self.next_update_id = max(self.next_update_id, update["update_id"]) + 1
        for value in update.values():
            if isinstance(value, dict) and isinstance(value.get("chat"), dict) and "id" in value["chat"]:
                chat = value["chat"]
                self.chats[chat["id"]] = chat
                self.messages.add((chat["id"], value.get("message_id")))
                if value.get("message_thread_id") not in (None, 1):
                    self.threads.add((chat["id"], value["message_thread_id"]))
        kind = next((k for k in update if k != "update_id"), None)
        if not self.allowed or kind in self.allowed:
            self.updates.append(update)
        self.wake_poll()
        return update

    def control_message(self, body):
        chat_id = int(body["chat_id"])
        sender = body.get("from") or {"id": abs(chat_id), "is_bot": False, "first_name": "Ada", "username": "ada"}
        chat = body.get("chat") or ({"id": chat_id, "type": "private", "first_name": "Ada", "username": "ada"}
                                    if chat_id > 0 else {"id": chat_id, "type": "supergroup", "title": "Workshop"})
        message = {"message_id": self.take_message_id(chat_id), "from": sender, "chat": chat,
                   "date": int(time.time()), "text": body["text"]}
        message.update(body.get("extra") or {})
        return self.queue({"message": message})

    async def control(self, request):
        name, query, body = request.path[len("/control/"):], request.query, request.params
        if name == "message":
            return self.control_message(body)
        if name == "update":
            return self.queue(body)
        if name == "raw":
            self.raw.extend([body["body"].encode()] * int(body.get("count", 1)))
            self.wake_poll()
            return True
        if name == "fault":
            self.faults.append(Fault(**body))
            return True
        if name == "clear-faults":
            self.faults.clear()
            return True
        if name == "chat":
            self.chats[int(body["id"])] = body
            return True
        if name == "webhook":
            self.webhook = body["url"]
            return True
        if name in ("sent", "calls"):
            method, after = query.get("method"), int(query.get("after", 0))

            def rows():
                if name == "sent":
                    return self.sent
                return [c for c in self.calls if method is None or c["method"].lower() == method.lower()]
            await self.until(lambda: len(rows()) > after, float(query.get("wait", 0)))
            return rows()[after:]
        if name == "wait-confirmed":
            wanted = int(query["id"])
            await self.until(lambda: self.confirmed >= wanted, float(query.get("wait", 10)))
            return self.confirmed >= wanted
        if name == "state":
            return {"pending": [u["update_id"] for u in self.updates], "confirmed": self.confirmed,
                    "conflicts": self.conflicts, "violations": self.violations, "polling": self.poll is not None,
                    "webhook": self.webhook, "allowed_updates": self.allowed}
        raise Refused(404, "Not Found: no such control")


def truth(value):
    return value is True or str(value).lower() in ("true", "1")


def structure(value):
    return json.loads(value) if isinstance(value, str) else value


def integer(params, name, default):
    value = params.get(name, default)
    if value is default:
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Refused(400, f"Bad Request: invalid {name}") from None


async def answer(api, request):
    """Status and body for one request."""
    try:
        if request.path.startswith("/control/"):
            return 200, json.dumps(await api.control(request)).encode()
        if not request.path.startswith("/bot"):
            raise Refused(404, "Not Found")
        token, _, method = request.path[len("/bot"):].rpartition("/")
        if token != api.token:
            code = (401, "Unauthorized") if ":" in token else (404, "Not Found")
            raise Refused(*code)
        result = await api.call(method, {**request.query, **request.params})
        if isinstance(result, bytes):
            return 200, result
        return 200, json.dumps({"ok": True, "result": result}).encode()
    except Refused as refused:
        body = {"ok": False, "error_code": refused.code, "description": refused.description}
        if refused.parameters:
            body["parameters"] = refused.parameters
        return refused.code, json.dumps(body).encode()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--token", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--username", default="clawhold_bot")
    options = parser.parse_args()
    api = BotAPI(options.token, options.username)
    await fake_http.run(lambda request: answer(api, request), options.port)


if __name__ == "__main__":
    asyncio.run(main())
