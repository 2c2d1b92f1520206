"""The gateway's side of the Discord fake: WebSocket connections, sessions that outlive them, replay, intents."""

import asyncio
import json
import secrets
import time
import zlib
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

import hostile
from discord_world import BOT, DM

CONTENT = 1 << 15
PRIVILEGED = 1 << 1 | 1 << 8 | CONTENT
KNOWN_INTENTS = (1 << 17) - 1 | 3 << 20 | 3 << 24
MAX_FRAME, MAX_PER_MINUTE = 4096, 120


@dataclass
class Session:
    """What a bot may come back to: everything dispatched so far, numbered."""

    id: str
    intents: int
    events: list = field(default_factory=list)  # encoded frames; number n is at n - 1
    connection: object = None

    def add(self, event, data):
        frame = hostile.spell(json.dumps({"op": 0, "t": event, "s": len(self.events) + 1, "d": data}))
        self.events.append(frame)
        if self.connection is not None:
            self.connection.put(frame)


class Connection:
    """One WebSocket: a queue of what is to be sent, written by a task of its own."""

    def __init__(self, socket, request, compressed):
        self.socket, self.request = socket, request
        self.queue = asyncio.Queue()
        # One stream for the whole connection; every message ends with a sync flush (00 00 FF FF).
        self.stream = zlib.compressobj() if compressed else None
        self.session, self.received, self.last_beat, self.ended = None, [], time.monotonic(), None

    def put(self, frame):
        self.queue.put_nowait(frame)

    def say(self, op, data=None):
        self.put(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def end(self, code=None, reason=""):
        """Closes with a code, or cuts the connection without one; what was queued before goes out first."""
        self.queue.put_nowait((code, reason))

    async def write(self, gateway):
        while True:
            frame = await self.queue.get()
            await gateway.thawed.wait()
            if isinstance(frame, tuple):
                code, reason = frame
                self.ended = "cut" if code is None else code
                self.detach()
                if code is None:
                    self.request.transport.abort()
                else:
                    await self.socket.close(code=code, message=reason.encode())
                return
            try:
                if self.stream:
                    data = frame.encode()
                    await self.socket.send_bytes(self.stream.compress(data) + self.stream.flush(zlib.Z_SYNC_FLUSH))
                else:
                    await self.socket.send_str(frame)
            except (ConnectionError, RuntimeError):
                return

    def detach(self):
        if self.session is not None and self.session.connection is self:
            self.session.connection = None


class Gateway:
    def __init__(self, world, interval=41250):
        self.world, self.interval = world, interval
        world.dispatch = self.dispatch
        self.sessions, self.connections, self.log = {}, [], []
        self.acks, self.identifies, self.refuse_code, self.hello = True, 0, None, True
        self.last_sequence = 0  # the number in the last heartbeat
        self.thawed = asyncio.Event()
        self.thawed.set()

    def note(self, what, **more):
        self.log.append({"what": what, "at": time.time(), **more})
        self.world.notify()

    # ---- events

    def dispatch(self, event, data, intents=0):
        """Sends an event to every session that asked for one of these intents (0: to all)."""
        for session in self.sessions.values():
            if intents == 0 or session.intents & intents:
                session.add(event, self.seen_by(session, event, data))
        self.world.notify()

    def seen_by(self, session, event, data):
        """Without the Message Content intent a bot sees what it is mentioned in, its own words, and direct messages."""
        if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or session.intents & CONTENT or "author" not in data:
            return data
        mine = data["author"]["id"] == BOT or any(u["id"] == BOT for u in data["mentions"])
        if mine or self.world.channels[data["channel_id"]]["type"] == DM:
            return data
        return {**data, "content": "", "embeds": [], "attachments": [], "components": []}

    # ---- connections

    async def connect(self, request):
        query = request.query
        socket = web.WebSocketResponse(autoping=True, max_msg_size=1 << 20, compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request, query.get("compress") == "zlib-stream")
        if query.get("v") != "10" or query.get("encoding") != "json" or query.get("compress") not in (None, "zlib-stream"):
            self.world.violations.append(f"gateway opened with {dict(query)}")
        self.connections.append(connection)
        self.note("connected", path=request.path, compress=query.get("compress"))
        writer = asyncio.ensure_future(connection.write(self))
        if self.hello:
            connection.say(10, {"heartbeat_interval": self.interval, "_trace": []})
        watch = asyncio.ensure_future(self.watch(connection))
        code = None
        try:
            code = await self.read(connection)
        finally:
            watch.cancel()
            self.closed(connection, socket.close_code if code is None else code)
            self.connections.remove(connection)
            writer.cancel()
        return socket

    async def read(self, connection):
        """Reads until the connection ends; the code that the client closed with."""
        while True:
            await self.thawed.wait()
            message = await connection.socket.receive()
            await self.thawed.wait()
            if message.type == WSMsgType.TEXT or message.type == WSMsgType.BINARY:
                self.received(connection, message.data)
            elif message.type == WSMsgType.CLOSE:
                return message.data
            elif message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return None

    async def watch(self, connection):
        """A client that forgets to beat is let go, as the real gateway does."""
        while time.monotonic() - connection.last_beat < self.interval / 1000 * 1.5 + 5:
            await asyncio.sleep(min(1, self.interval / 1000))
        self.world.violations.append("no heartbeat in time")
        connection.end(4000, "Heartbeat timeout")

    def closed(self, connection, code):
        session = connection.session
        # 1000 and 1001 from the client end the session, anything else leaves it for a RESUME; so does an end that was ours.
        if session is not None and connection.ended is None and code in (1000, 1001):
            self.sessions.pop(session.id, None)
        connection.detach()
        self.note("closed", code=connection.ended or code, by="fake" if connection.ended else "client")

    def received(self, connection, data):
        now = time.monotonic()
        connection.received = [t for t in connection.received if now - t < 60] + [now]
        if len(connection.received) > MAX_PER_MINUTE:
            return self.refuse(connection, 4008, "Rate limited.")
        if len(data) > MAX_FRAME:
            return self.refuse(connection, 4002, "Error while decoding payload.")
        try:
            frame = json.loads(data)
            op, body = frame["op"], frame.get("d")
        except (ValueError, TypeError, KeyError):
            return self.refuse(connection, 4002, "Error while decoding payload.")
        shown = {**body, "token": "…"} if isinstance(body, dict) and "token" in body else body
        self.note("frame", op=op, d=shown)
        if op == 1:
            return self.beat(connection, body)
        if op in (2, 6):
            if connection.session is not None:
                return self.refuse(connection, 4005, "Already authenticated.")
            if not isinstance(body, dict) or body.get("token") != self.world.token:
                return self.refuse(connection, 4004, "Authentication failed.")
            return self.identify(connection, body) if op == 2 else self.resume(connection, body)
        if op not in (3, 4, 8, 31):
            return self.refuse(connection, 4001, "Unknown opcode.")
        if connection.session is None:
            return self.refuse(connection, 4003, "Not authenticated.")

    def refuse(self, connection, code, reason):
        self.note("refused", code=code)
        if code in (4001, 4002, 4003, 4005, 4007, 4008):
            self.world.violations.append(f"gateway closed with {code} {reason}")
        connection.end(code, reason)

    def beat(self, connection, sequence):
        # Before a RESUME it is the number of the session that the client comes back to.
        known = len(connection.session.events) if connection.session else 1 << 62
        if sequence is not None and (type(sequence) is not int or not 0 <= sequence <= known):
            self.world.violations.append(f"heartbeat with {sequence!r} after {known}")
        connection.last_beat = time.monotonic()
        self.last_sequence = sequence or 0
        if self.acks:
            connection.say(11)

    def identify(self, connection, body):
        self.identifies += 1
        intents, properties = body.get("intents"), body.get("properties")
        if not isinstance(properties, dict) or not all(isinstance(properties.get(k), str) for k in ("os", "browser", "device")):
            return self.refuse(connection, 4002, "Error while decoding payload.")
        if type(intents) is not int or intents < 0 or intents & ~KNOWN_INTENTS:
            return self.refuse(connection, 4013, "Invalid intent(s).")
        if self.refuse_code is not None:
            return self.refuse(connection, self.refuse_code, "Refused by the test.")
        granted = CONTENT if self.world.flags & (3 << 18) else 0
        granted |= 1 << 1 if self.world.flags & (3 << 14) else 0
        granted |= 1 << 8 if self.world.flags & (3 << 12) else 0
        if intents & PRIVILEGED & ~granted:
            return self.refuse(connection, 4014, "Disallowed intent(s).")
        session = Session(secrets.token_hex(16), intents, connection=connection)
        self.sessions[session.id] = session
        connection.session = session
        self.note("identify", intents=intents)
        session.add("READY", {
            "v": 10, "user": {**self.world.users[BOT], "verified": True, "mfa_enabled": False, "email": None, "flags": 0},
            "guilds": [{"id": g, "unavailable": True} for g in self.world.guilds], "session_id": session.id,
            "session_type": "normal", "resume_gateway_url": self.world.base.replace("http", "ws", 1) + "/resume",
            "application": {"id": BOT, "flags": self.world.flags}, "private_channels": [], "relationships": [],
            "presences": [], "user_settings": {}, "user_settings_proto": "", "geo_ordered_rtc_regions": [], "_trace": []})
        if intents & 1:
            for guild in self.world.guilds:
                session.add("GUILD_CREATE", self.world.guild_create(guild))
        self.note("ready", session=session.id)

    def resume(self, connection, body):
        session = self.sessions.get(body.get("session_id"))
        sequence = body.get("seq")
        if session is None:
            self.note("resume-refused")
            return connection.say(9, False)
        if type(sequence) is not int or not 0 <= sequence <= len(session.events):
            del self.sessions[session.id]
            return self.refuse(connection, 4007, "Invalid seq.")
        if connection.request.path != "/resume":
            self.world.violations.append("RESUME not on the resume_gateway_url")
        if session.connection is not None:
            session.connection.end(4000, "Session resumed elsewhere.")
            session.connection.session = None
        connection.session = session
        missed = session.events[sequence:]
        for frame in missed:
            connection.put(frame)
        session.connection = connection
        session.add("RESUMED", {"_trace": []})
        self.note("resumed", session=session.id, replayed=len(missed))
