#!/usr/bin/env python3
"""A Discord for tests: REST under /api/v10, the gateway's WebSocket, a CDN; one process, loopback.

Trusted because an independent client works against it: see check_discord_fake.py (discord.py).

    discord_fake.py --token TOKEN [--port 0] [--name clawhold] [--heartbeat 41250]

prints "READY port=N" and runs until its standard input is closed. There is one guild ("Workshop") with a text channel
("general") and a forum ("ideas"), and people ("ada", "bob"); a name that is not known is a new person. The test's side is
under /control/ and speaks JSON; a channel is named by id or name, a user likewise, `dm: true` means the user's DM:

    POST message {text, user?, channel?|dm?, reply_to?, mention?, attachments?: [{filename, content_type, data|size}], extra?}
    POST messages {count, text, ...}     that many at once, "{n}" in the text is the number
    POST thread  {name, channel?, user?, text?}   a thread, in a forum a post with its first message
    POST channel {name, type?, topic?, parent_id?} | edit {message, text} | delete {message} | react {message, emoji, user?,
         removed?}
    POST slash {command, options?, user?, channel?|dm?} | autocomplete {command, option, value, ...}
    POST press {message, custom_id, user?}
    POST hostile {seed, count}           so many events with something wrong in them
    POST event {t, d}                    dispatches this as it is
    POST text {text}                     sends these characters as a frame (compressed when the stream is)
    POST close {code?, reason?, missed?} closes every gateway connection; without a code it is cut; `missed` is the text of a
         message that comes right then, when nobody is connected
    POST say {op, d}                     a frame outside of a session: 7 reconnect, 9 invalid session, 1 beat now
    POST expire {}                       every session is forgotten: a RESUME gets op 9 with d=false
    POST acks {on} | hello {on} | freeze {on, rest?}    withholds heartbeat acks, HELLO; stops reading and answering
    POST identify {code}                 every identify is closed with this code; null: no more
    POST flags {flags}                   the application's flags (intents that are granted)
    POST deny {id, code}                 sends to this channel or user are refused; code null: no more
    POST limit {route, limit, seconds}   a route's bucket ("POST /channels/{}/messages")
    POST fault {path, method?, mode, ...}  the next calls fail, see Fault in discord_rest.py; clear-faults {}
    GET  sent | repeated | calls?route=R | frames | log?what=W | interactions, with after=N&wait=S: from N on, waits for one
    GET  state
"""

import argparse
import asyncio
import base64
import os
import sys

from aiohttp import web

import hostile
from discord_gateway import Gateway
from discord_rest import Fault, Rest
from discord_world import ADA, BOT, DM, GENERAL, GUILD, FORUM_TYPE, THREAD, Refused, World


class Control:
    def __init__(self, world, gateway, rest):
        self.world, self.gateway, self.rest = world, gateway, rest

    async def serve(self, request):
        name, query = request.path[len("/control/"):], request.query
        try:
            if request.method == "GET":
                value = await self.rows(name, query)
            else:
                handler = getattr(self, "do_" + name.replace("-", "_"), None)
                if handler is None:
                    raise Refused(404, 0, "no such control")
                value = handler(**(await request.json() if request.can_read_body else {}))
                self.world.notify()
        except Refused as refused:
            return web.json_response({"error": refused.message}, status=refused.status)
        return web.json_response(True if value is None else value)

    async def rows(self, name, query):
        world, after = self.world, int(query.get("after", 0))
        if name == "state":
            return {"connections": len(self.gateway.connections), "sessions": len(self.gateway.sessions),
                    "identifies": self.gateway.identifies, "violations": world.violations, "invalid": self.rest.invalid,
                    "repeated": len(world.repeated), "sent": len(world.sent), "commands": world.commands,
                    "sequence": max((len(s.events) for s in self.gateway.sessions.values()), default=0),
                    "beat": self.gateway.last_sequence, "reactions": world.reactions, "frozen": not self.gateway.thawed.is_set()}
        if name == "message":
            return world.message(query["channel"], query["id"])
        sources = {
            "sent": lambda: world.sent, "repeated": lambda: world.repeated,
            "calls": lambda: [c for c in self.rest.calls if query.get("route") in (None, c["route"])],
            "frames": lambda: [f for f in self.gateway.log if f["what"] == "frame"],
            "log": lambda: [f for f in self.gateway.log if f["what"] != "frame" and query.get("what") in (None, f["what"])],
            "interactions": lambda: list(self.rest.routes.interactions.values())}
        if name not in sources:
            raise Refused(404, 0, "no such control")
        await world.until(lambda: len(sources[name]()) > after, float(query.get("wait", 0)))
        return sources[name]()[after:]

    # ---- what people do

    def place(self, user, channel=None, dm=False):
        return self.world.dm(user["id"]) if dm else self.world.channel(channel or GENERAL)

    def do_message(self, text="", user=ADA, channel=None, dm=False, reply_to=None, mention=False, attachments=(), extra=None):
        author = self.world.user(user)
        place = self.place(author, channel, dm)
        kept = [self.world.keep_file(place["id"], a["filename"],
                                     base64.b64decode(a["data"]) if "data" in a else bytes(a.get("size", 0)),
                                     a.get("content_type"), a.get("description")) for a in attachments]
        target = self.world.message(place["id"], reply_to) if reply_to else None
        return self.world.post(place, author, f"<@{BOT}> {text}" if mention else text, kept, target, extra)

    def do_messages(self, count, text, first=0, **more):
        return [self.do_message(text=text.replace("{n}", str(n)), **more)["id"] for n in range(first, first + count)]

    def do_thread(self, name, channel=None, user=ADA, text=None):
        author, parent = self.world.user(user), self.world.channel(channel or GENERAL)
        made = self.world.add_channel({"type": THREAD, "name": name, "parent_id": parent["id"], "owner_id": author["id"],
                                       "guild_id": parent["guild_id"]})
        self.world.dispatch("THREAD_CREATE", {**made, "newly_created": True}, 1)
        if text is not None:
            # A forum post's first message has the id of its thread.
            first = {"id": made["id"]} if parent["type"] == FORUM_TYPE else None
            self.world.post(made, author, text, extra=first)
        return made

    def do_channel(self, **body):
        made = self.world.add_channel({"guild_id": GUILD, **body})
        self.world.dispatch("CHANNEL_CREATE", made, 1)
        return made

    def do_user(self, name, id=None, **more):
        return self.world.add_user(id or self.world.snowflake(), name, **more)

    def find(self, message):
        for channel, rows in self.world.messages.items():
            if str(message) in rows:
                return self.world.channels[channel], rows[str(message)]
        raise Refused(404, 10008, "Unknown Message")

    def do_edit(self, message, text):
        channel, found = self.find(message)
        found["content"] = text
        self.world.announce("MESSAGE_UPDATE", channel, found)

    def do_delete(self, message):
        channel, found = self.find(message)
        del self.world.messages[channel["id"]][found["id"]]
        self.world.dispatch("MESSAGE_DELETE", {"id": found["id"], "channel_id": channel["id"]},
                            self.world.intents_for(channel, 9, 12))

    def do_react(self, message, emoji, user=ADA, removed=False):
        channel, found = self.find(message)
        self.world.react(channel, found, emoji, self.world.user(user)["id"], not removed)

    def interaction(self, kind, data, user, channel=None, dm=False, **more):
        person = self.world.user(user)
        place = self.place(person, channel, dm)
        body = {"type": kind, "data": data, "channel_id": place["id"], "channel": place, "context": 1 if place["type"] == DM else 0}
        if place.get("guild_id"):
            member = {**self.world.member(person["id"], with_user=True), "permissions": str(0xFFFFFFFFFF)}
            body |= {"guild_id": place["guild_id"], "guild_locale": "en-US", "member": member,
                     "guild": {"id": place["guild_id"], "locale": "en-US", "features": []}}
        else:
            body["user"] = person
        return self.rest.routes.offer({**body, **more})

    def command_data(self, command, options):
        known = next((c for rows in self.world.commands.values() for c in rows if c["name"] == command), None)
        data = {"id": known["id"] if known else self.world.snowflake(), "name": command, "type": 1}
        if options:
            data["options"] = options
        return data

    def do_slash(self, command, options=None, user=ADA, **where):
        return self.interaction(2, self.command_data(command, options), user, **where)

    def do_autocomplete(self, command, option, value="", user=ADA, **where):
        options = [{"type": 3, "name": option, "value": value, "focused": True}]
        return self.interaction(4, self.command_data(command, options), user, **where)

    def do_press(self, message, custom_id, user=ADA):
        channel, found = self.find(message)
        return self.interaction(3, {"custom_id": custom_id, "component_type": 2, "id": 2}, user, channel=channel["id"],
                                message=found)

    def do_hostile(self, seed, count):
        """Dispatches events with something wrong in them."""
        world, ada = self.world, self.world.users[ADA]
        dm, guild = world.dm(ADA), world.channels[GENERAL]
        plain = world.post(dm, ada, "the first of the hostile ones")
        large = {"id": "1", "filename": "a.bin", "size": 25 << 20, "url": world.base + "/attachments/1/1/a.bin?ex=1&is=1&hm=1",
                 "proxy_url": world.base, "content_type": "application/octet-stream"}
        bot = {**world.users[BOT]}
        inside = {**plain, "channel_id": guild["id"], "guild_id": GUILD, "member": world.member(ADA)}
        reaction = {"user_id": ADA, "channel_id": dm["id"], "message_id": plain["id"], "type": 0, "burst": False,
                    "emoji": {"id": None, "name": "👍"}}
        command = {"id": "5", "token": "t", "version": 1, "application_id": BOT, "type": 2, "channel_id": dm["id"], "user": ada,
                   "data": {"id": "6", "name": "status", "type": 1, "options": [{"name": "x", "type": 3, "value": "y"}]}}
        samples = [
            ("MESSAGE_CREATE", plain), ("MESSAGE_CREATE", {**inside, "content": f"<@{BOT}> hi", "mentions": [bot]}),
            ("MESSAGE_CREATE", {**plain, "attachments": [large]}),
            ("MESSAGE_CREATE", {**plain, "type": 19, "referenced_message": plain,
                                "message_reference": {"message_id": plain["id"], "channel_id": dm["id"]}}),
            ("MESSAGE_UPDATE", {**inside, "content": "edited"}), ("MESSAGE_DELETE", {"id": plain["id"], "channel_id": dm["id"]}),
            ("MESSAGE_REACTION_ADD", reaction), ("INTERACTION_CREATE", command),
            ("INTERACTION_CREATE", {**command, "type": 3, "message": plain, "data": {"custom_id": "x", "component_type": 2}}),
            ("INTERACTION_CREATE", {**command, "type": 4}), ("GUILD_CREATE", world.guild_create(GUILD)),
            ("CHANNEL_CREATE", guild), ("CHANNEL_UPDATE", guild), ("THREAD_CREATE", {**guild, "type": THREAD, "parent_id": GENERAL}),
            ("GUILD_DELETE", {"id": "9", "unavailable": True}), ("UNKNOWN_EVENT", {"x": 1})]
        for number, spoiled in enumerate(hostile.some([{"t": t, "d": d} for t, d in samples], seed, count)):
            data = spoiled.get("d")
            if isinstance(data, dict) and data.get("id") == plain["id"]:
                data["id"] = world.snowflake()  # the same id twice would be the same message
            self.world.dispatch(spoiled.get("t"), data)

    # ---- what the gateway does

    def do_event(self, t, d, intents=0):
        self.world.dispatch(t, d, intents)

    def do_text(self, text):
        for connection in self.gateway.connections:
            connection.put(text)

    def do_close(self, code=None, reason="", missed=None):
        for connection in self.gateway.connections:
            connection.end(code, reason)
            if missed is not None:
                connection.detach()
        return None if missed is None else self.do_message(missed)

    def do_say(self, op, d=None):
        for connection in self.gateway.connections:
            connection.say(op, d)

    def do_expire(self):
        for session in self.gateway.sessions.values():
            session.connection = None
        self.gateway.sessions.clear()

    def do_acks(self, on):
        self.gateway.acks = on

    def do_hello(self, on):
        self.gateway.hello = on

    def do_freeze(self, on, rest=False):
        for gate in [self.gateway.thawed] + ([self.rest.thawed] if rest or not on else []):
            gate.clear() if on else gate.set()

    def do_identify(self, code):
        self.gateway.refuse_code = code

    def do_flags(self, flags):
        self.world.flags = flags

    def do_deny(self, id, code):
        if code is None:
            self.world.denied.pop(id, None)
        else:
            self.world.denied[id] = code

    def do_limit(self, route, limit, seconds):
        self.rest.limits[route] = (limit, seconds)

    def do_fault(self, **body):
        self.rest.faults.append(Fault(**body))

    def do_clear_faults(self):
        self.rest.faults.clear()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--token", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--name", default="clawhold")
    parser.add_argument("--heartbeat", type=int, default=41250)
    options = parser.parse_args()
    world = World(options.token, name=options.name)
    gateway = Gateway(world, options.heartbeat)
    rest = Rest(world, gateway)
    control = Control(world, gateway, rest)
    app = web.Application(client_max_size=1 << 28)
    app.router.add_route("*", "/control/{name}", control.serve)
    app.router.add_route("*", "/api/v10/{path:.*}", rest.serve)
    app.router.add_get("/attachments/{channel}/{id}/{name}", rest.attachment)
    app.router.add_get("/", gateway.connect)
    app.router.add_get("/resume", gateway.connect)
    # A client that is gone takes its hanging request with it.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    world.base = f"http://127.0.0.1:{port}"
    print(f"READY port={port}", flush=True)
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(
        sys.stdin.fileno(), lambda: sys.stdin.buffer.raw.read(4096) or closed.set())
    await closed.wait()
    sys.stdout.flush()
    # Hanging calls are part of what is tested: nothing is waited for.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
