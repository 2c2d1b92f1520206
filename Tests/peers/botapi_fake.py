#!/usr/bin/env python3
"""A Telegram Bot API server for tests: standard library only, one process, loopback.

Trusted because an independent client works against it: see check_botapi_fake.py (python-telegram-bot).

    botapi_fake.py --token 123456:TEST [--port 0] [--username clawhold_bot]

prints "READY port=N" and runs until its standard input is closed. The bot's side is /bot<token>/<method>, with query,
form, multipart and JSON bodies. The test's side is under /control/ and speaks JSON:

    POST message {chat_id, text, file?: {kind, data|size, filename, content_type, caption}, extra?}   queues a message;
                                         answers the update
    POST messages {count, text, ...}     that many at once, "{n}" in the text is the number
    POST press {chat_id, message_id, data} | reaction {chat_id, message_id, emoji}   what people do with messages
    POST hostile {seed, count}           so many updates with something wrong in them; answers the last one's id
    POST migrate {from, to} | topic {chat_id, thread, closed?} | block {chat_id, on?} | member {chat_id, user_id, status}
    POST update  {...}                   queues an update as given (update_id is added when absent)
    POST raw     {body, count}           the next getUpdates answers with these bytes
    POST fault   {method, ...}           the next calls of a method fail, see Fault
    POST webhook {url}                   as if somebody had called setWebhook
    POST webhook-target {url}            where the public URL of the webhook leads to ("http://127.0.0.1:8787")
    GET  sent?after=N&wait=S             accepted sendMessage calls from N on; waits until there is one
    GET  calls?method=M&after=N&wait=S   all calls of a method from N on, with their parameters; waits likewise
    GET  deliveries?after=N&wait=S       what was delivered to the webhook, and the status of the answer
    GET  state                           pending updates, confirmed offset, conflicts, violations
"""

import argparse
import asyncio
import base64
import json
import re
import time
from dataclasses import dataclass, field

import fake_http
import hostile
from botapi_sends import MEDIA, Refused, Sends, integer, structure, truth
from botapi_webhook import Webhook
from fake_http import Dropped

# Sent when allowed_updates is not given or empty.
DEFAULT_EXCLUDED = ("chat_member", "message_reaction", "message_reaction_count")


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


@dataclass
class BotAPI(Sends):
    token: str
    username: str
    bot_id: int = 0
    updates: list = field(default_factory=list)
    next_update_id: int = 700000001
    next_message_id: int = 1
    confirmed: int = 0
    allowed: list | None = None
    chats: dict = field(default_factory=dict)
    messages: dict = field(default_factory=dict)  # (chat id, message id) -> message
    files: dict = field(default_factory=dict)
    reactions: dict = field(default_factory=dict)
    callbacks: dict = field(default_factory=dict)
    commands: dict = field(default_factory=dict)
    members: dict = field(default_factory=dict)
    migrated: dict = field(default_factory=dict)
    blocked: set = field(default_factory=set)
    closed_threads: set = field(default_factory=set)
    threads: set = field(default_factory=set)
    sent: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    raw: list = field(default_factory=list)
    conflicts: int = 0
    violations: list = field(default_factory=list)
    poll: object = None
    is_hostile: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self):
        head = self.token.split(":")[0]
        self.bot_id = int(head) if head.isdigit() else 1
        self.webhook = Webhook(self)

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
        self.calls.append({"method": method, "params": {k: shown(v) for k, v in params.items()}, "at": time.time()})
        self.notify()
        media = next((m for m in MEDIA if m.lower() == method.lower()), None)
        handler = getattr(self, "do_" + method.lower(), None)
        if media:
            handler = lambda params: self.send_media(media, params)  # noqa: E731
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
        return self.webhook.info()

    async def do_deletewebhook(self, params):
        self.webhook.set("", None)
        if truth(params.get("drop_pending_updates")):
            self.violations.append("deleteWebhook dropped pending updates")
            self.updates.clear()
        return True

    async def do_setwebhook(self, params):
        url, secret = str(params.get("url", "")), params.get("secret_token")
        if url and not url.startswith("https://"):
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", str(secret)):
            raise Refused(400, "Bad Request: secret token contains unallowed characters")
        if url and not secret:
            self.violations.append("setWebhook without a secret token")
        if truth(params.get("drop_pending_updates")):
            self.violations.append("setWebhook dropped pending updates")
            self.updates.clear()
        if "allowed_updates" in params:
            self.allowed = structure(params["allowed_updates"])
        if self.poll is not None and not self.poll.done():
            self.poll.set_exception(Refused(409, "Conflict: terminated by setWebhook request"))
            self.poll = None
        self.webhook.set(url, secret)
        return True

    async def do_getupdates(self, params):
        if self.webhook.url:
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

    def take_message_id(self, chat_id):
        self.next_message_id += 1
        self.messages[(chat_id, self.next_message_id)] = {
            "message_id": self.next_message_id, "chat": self.chats.get(chat_id, {"id": chat_id})}
        return self.next_message_id

    # ---- the test's side

    def learn(self, update):
        """Remembers chats, messages and topics that an update speaks of; hostile ones teach nothing."""
        for value in update.values():
            chat = value.get("chat") if isinstance(value, dict) else None
            if not isinstance(chat, dict) or type(chat.get("id")) is not int:
                continue
            self.chats[chat["id"]] = chat
            if type(value.get("message_id")) is int and "old_reaction" not in value:
                self.messages[(chat["id"], value["message_id"])] = value
            if type(value.get("message_thread_id")) is int and value["message_thread_id"] != 1:
                self.threads.add((chat["id"], value["message_thread_id"]))

    def queue(self, update):
        if "update_id" not in update:
            update["update_id"] = self.next_update_id
        self.next_update_id = max(self.next_update_id, update["update_id"]) + 1
        self.learn(update)
        kind = next((k for k in update if k != "update_id"), None)
        if kind == "callback_query" and isinstance(update[kind], dict):
            self.callbacks[str(update[kind].get("id"))] = True
        if kind in self.allowed if self.allowed else kind not in DEFAULT_EXCLUDED:
            self.updates.append(update)
        self.wake_poll()
        return update

    def control_message(self, body):
        chat_id = int(body["chat_id"])
        sender = body.get("from") or {"id": abs(chat_id), "is_bot": False, "first_name": "Ada", "username": "ada"}
        chat = body.get("chat") or ({"id": chat_id, "type": "private", "first_name": "Ada", "username": "ada"}
                                    if chat_id > 0 else {"id": chat_id, "type": "supergroup", "title": "Workshop"})
        message = {"message_id": self.take_message_id(chat_id), "from": sender, "chat": chat,
                   "date": int(time.time())}
        if "text" in body:
            message["text"] = body["text"]
        if file := body.get("file"):
            data = base64.b64decode(file["data"]) if "data" in file else bytes(file.get("size", 0))
            kept = self.keep(data, file.get("filename"), file.get("content_type"))
            message[file["kind"]] = self.media(file["kind"], kept)
            if "caption" in file:
                message["caption"] = file["caption"]
        message.update(body.get("extra") or {})
        return self.queue({"message": message})

    def control_hostile(self, seed, count):
        """Queues updates with something wrong in them; their ids are right, or nobody could confirm them."""
        self.is_hostile = True
        ada = {"id": 42, "is_bot": False, "first_name": "Ada", "username": "ada", "language_code": "en"}
        private = {"id": 42, "type": "private", "first_name": "Ada", "username": "ada"}
        group = {"id": -1009, "type": "supergroup", "title": "Workshop", "is_forum": True}
        base = {"message_id": 9, "date": int(time.time()), "from": ada, "chat": private}
        kept = self.keep(b"x" * 2000, "a.png", "image/png")
        large = {**self.media("document", kept), "file_size": 25 << 20}
        entity = [{"type": t, "offset": 0, "length": 5} for t in ("mention", "bot_command", "text_link", "pre")]
        samples = [
            {"message": {**base, "text": "hello there", "entities": entity}},
            {"message": {**base, "chat": group, "text": "@clawhold_bot hi", "message_thread_id": 7, "is_topic_message": True,
                         "entities": [{"type": "mention", "offset": 0, "length": 13}]}},
            {"message": {**base, "caption": "look", "photo": self.media("photo", kept), "media_group_id": "77"}},
            {"message": {**base, "document": large, "caption": "25 MB"}},
            {"message": {**base, "voice": {**self.media("voice", kept), "duration": 3}}},
            {"message": {**base, "text": "and this", "reply_to_message": {**base, "text": "earlier"},
                         "quote": {"text": "earl", "position": 0}, "forward_origin": {"type": "user", "sender_user": ada}}},
            {"message": {**base, "location": {"latitude": 1.5, "longitude": 2.5}}},
            {"message": {**base, "migrate_to_chat_id": -100900}},
            {"edited_message": {**base, "text": "edited", "edit_date": int(time.time())}},
            {"callback_query": {"id": "77", "from": ada, "chat_instance": "1", "data": "yes", "message": {**base, "text": "?"}}},
            {"message_reaction": {"chat": private, "message_id": 9, "user": ada, "date": int(time.time()), "old_reaction": [],
                                  "new_reaction": [{"type": "emoji", "emoji": "👍"}]}},
            {"my_chat_member": {"chat": group, "from": ada, "date": 1, "old_chat_member": {"status": "left"}}}]
        made = []
        for update in hostile.some(samples, seed, count):
            update["update_id"] = self.next_update_id
            made.append(self.queue(update)["update_id"])
        return made[-1]

    def control_migrate(self, old, new):
        """A group becomes a supergroup: both hear of it, and the old one takes no messages any more."""
        before = self.chats[old]
        after = {**before, "id": new, "type": "supergroup"}
        person = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
        first = self.queue({"message": {"message_id": self.take_message_id(old), "from": person, "chat": before,
                                        "date": int(time.time()), "migrate_to_chat_id": new}})
        self.queue({"message": {"message_id": self.take_message_id(new), "from": person, "chat": after,
                                "date": int(time.time()), "migrate_from_chat_id": old}})
        self.migrated[old] = new
        return first

    async def download(self, path):
        """A file's bytes; faults of the method "file" befall it."""
        self.calls.append({"method": "file", "params": {"path": path}, "at": time.time()})
        self.notify()
        fault = next((f for f in self.faults if f.method == "file"), None)
        if fault is not None:
            self.faults.remove(fault)
            if fault.mode == "hang":
                await asyncio.Event().wait()
            if fault.mode == "drop":
                raise Dropped()
            return fault.status, b""
        for kept in self.files.values():
            if kept["path"] == path:
                return 200, {"Content-Type": "application/octet-stream"}, kept["data"]
        raise Refused(404, "Not Found")

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
            self.webhook.set(body["url"], body.get("secret"))
            return True
        if name == "webhook-target":
            self.webhook.target = body["url"]
            self.notify()
            return True
        if name == "messages":
            return [self.control_message({**body, "text": body["text"].replace("{n}", str(n))})["update_id"]
                    for n in range(body.get("first", 0), body.get("first", 0) + body["count"])]
        if name == "hostile":
            return self.control_hostile(int(body["seed"]), int(body["count"]))
        if name == "press":
            message = self.messages[(int(body["chat_id"]), int(body["message_id"]))]
            person = {"id": int(body.get("user_id", abs(int(body["chat_id"])))), "is_bot": False, "first_name": "Ada"}
            return self.queue({"callback_query": {"id": str(self.next_update_id) + "77", "from": person, "message": message,
                                                  "chat_instance": "1", "data": body["data"]}})
        if name == "reaction":
            chat = self.chats[int(body["chat_id"])]
            person = {"id": int(body.get("user_id", abs(chat["id"]))), "is_bot": False, "first_name": "Ada"}
            emoji = [{"type": "emoji", "emoji": e} for e in body.get("emoji", [])]
            return self.queue({"message_reaction": {"chat": chat, "message_id": body["message_id"], "user": person,
                                                    "date": int(time.time()), "old_reaction": [], "new_reaction": emoji}})
        if name == "migrate":
            return self.control_migrate(int(body["from"]), int(body["to"]))
        if name == "member":
            self.members[(int(body["chat_id"]), int(body["user_id"]))] = body["status"]
            return True
        if name == "block":
            (self.blocked.add if body.get("on", True) else self.blocked.discard)(int(body["chat_id"]))
            return True
        if name == "topic":
            key = (int(body["chat_id"]), int(body["thread"]))
            self.threads.add(key)
            (self.closed_threads.add if body.get("closed") else self.closed_threads.discard)(key)
            return True
        if name in ("sent", "calls", "deliveries"):
            method, after = query.get("method"), int(query.get("after", 0))

            def rows():
                if name != "calls":
                    return self.sent if name == "sent" else self.webhook.deliveries
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
                    "webhook": self.webhook.url, "secret": self.webhook.secret, "allowed_updates": self.allowed,
                    "reactions": self.reactions, "commands": self.commands}
        if name == "text":
            return self.messages.get((int(query["chat_id"]), int(query["message_id"])), {}).get("text")
        raise Refused(404, "Not Found: no such control")


def shown(value):
    """A parameter as the tests see it: of a file its facts."""
    if isinstance(value, dict) and isinstance(value.get("data"), bytes):
        return {"filename": value["filename"], "content_type": value["content_type"], "size": len(value["data"])}
    return value


async def answer(api, request):
    """Status and body for one request."""
    try:
        if request.path.startswith("/control/"):
            return 200, json.dumps(await api.control(request)).encode()
        if request.path.startswith("/file/bot" + api.token + "/"):
            return await api.download(request.path[len("/file/bot" + api.token + "/"):])
        if not request.path.startswith("/bot"):
            raise Refused(404, "Not Found")
        token, _, method = request.path[len("/bot"):].rpartition("/")
        if token != api.token:
            code = (401, "Unauthorized") if ":" in token else (404, "Not Found")
            raise Refused(*code)
        result = await api.call(method, {**request.query, **request.params})
        if isinstance(result, bytes):
            return 200, result
        text = json.dumps({"ok": True, "result": result})
        return 200, (hostile.spell(text) if api.is_hostile else text).encode()
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
