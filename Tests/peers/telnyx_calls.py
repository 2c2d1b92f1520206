"""Telnyx's telephone side and its call-control commands."""

import asyncio
import base64
import binascii
import datetime
import itertools
import re
import time
import uuid
from dataclasses import dataclass, field

E164 = re.compile(r"\+[1-9][0-9]{1,14}")
#: Virtual seconds.
CHARACTER, DIALLING, RINGING = 0.06, 0.5, 3
TEXT_LIMIT = 3000
#: What each command takes, from Telnyx's reference, and what it must have.
COMMANDS = {
    "answer": ({"client_state", "command_id", "webhook_url", "webhook_url_method", "transcription", "transcription_config"}, set()),
    "reject": ({"client_state", "command_id", "cause"}, {"cause"}),
    "hangup": ({"client_state", "command_id"}, set()),
    "speak": ({"client_state", "command_id", "payload", "payload_type", "voice", "language", "service_level", "stop"},
              {"payload", "voice"}),
    "transcription_start": ({"client_state", "command_id", "transcription_engine", "transcription_engine_config",
                             "transcription_tracks"}, set()),
    "transcription_stop": ({"client_state", "command_id"}, set()),
}
DIAL = {"connection_id", "to", "from", "webhook_url", "webhook_url_method", "client_state", "command_id", "timeout_secs",
        "time_limit_secs", "answering_machine_detection", "from_display_name"}
CAUSES = ("CALL_REJECTED", "NOT_FOUND", "TEMPORARILY_UNAVAILABLE", "USER_BUSY")


class Refused(Exception):
    def __init__(self, status, code, title, detail):
        super().__init__(detail)
        self.status, self.code, self.title, self.detail = status, code, title, detail

    def body(self):
        return {"errors": [{"code": self.code, "title": self.title, "detail": self.detail,
                            "meta": {"url": f"https://developers.telnyx.com/docs/overview/errors/{self.code}"}}]}


def invalid(detail):
    return Refused(422, "10015", "Bad Request", detail)


@dataclass
class Call:
    id: str
    direction: str
    from_: str
    to: str
    url: str
    person: dict
    client_state: str | None = None
    timeout: int = 30
    is_alive: bool = True
    is_answered: bool = False
    is_transcribed: bool = False
    #: Something was said to the person, who has not answered yet.
    is_addressed: bool = False
    commands: set = field(default_factory=set)
    words: list = field(default_factory=list)
    spoken: asyncio.Queue = field(default_factory=asyncio.Queue)
    task: object = None
    cause: str | None = None
    started: float = field(default_factory=time.time)
    ended: float | None = None
    leg: str = field(default_factory=lambda: str(uuid.uuid4()))
    session: str = field(default_factory=lambda: str(uuid.uuid4()))

    def shown(self):
        found = {"call_control_id": self.id, "call_leg_id": self.leg, "call_session_id": self.session,
                 "is_alive": self.is_alive, "record_type": "call"}
        if self.client_state is not None:
            found["client_state"] = self.client_state
        if self.ended is not None:
            found |= {"end_time": moment(self.ended), "call_duration": int(self.ended - self.started)}
        return found


def moment(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).isoformat().replace("+00:00", "Z")


class Calls:
    def __init__(self, connection, hooks, heard, scale):
        self.connection, self.hooks, self.heard, self.scale = connection, hooks, heard, scale
        self.all, self.number, self.answers, self.usual = {}, {}, [], {"mode": "answered"}
        self.violations, self.dialled, self.ids = [], {}, itertools.count(1)

    def sleep(self, seconds):
        return asyncio.sleep(seconds * self.scale)

    def make(self, direction, from_, to, url, person, **more):
        call = Call(f"v3:{uuid.uuid4().hex}-{next(self.ids)}", direction, from_, to, url, dict(person), **more)
        call.words = list(person.get("says", []))
        self.all[call.id] = call
        return call

    def tell(self, call, kind, **more):
        payload = {"call_control_id": call.id, "call_leg_id": call.leg, "call_session_id": call.session,
                   "connection_id": self.connection, "client_state": call.client_state}
        if kind in ("call.initiated", "call.answered", "call.hangup"):
            payload |= {"from": call.from_, "to": call.to, "start_time": moment(call.started)}
        self.hooks.tell(call.url, kind, payload | more)

    # ---- how calls go

    def inbound(self, from_, to, person):
        call = self.make("incoming", from_, to, self.number["url"], person)
        self.tell(call, "call.initiated", direction="incoming", state="parked")
        return call

    async def dial(self, call):
        self.tell(call, "call.initiated", direction="outgoing", state="bridging")
        await self.sleep(DIALLING)
        mode = call.person.get("mode", "answered")
        if mode in ("busy", "failed"):
            return self.end(call, "user_busy" if mode == "busy" else "call_rejected", "callee")
        if mode == "no-answer":
            await self.sleep(call.timeout)
            return self.end(call, "timeout", "unknown")
        await self.sleep(call.person.get("rings", RINGING))
        self.answer(call)

    def answer(self, call):
        if call.is_answered:
            return
        call.is_answered = True
        self.tell(call, "call.answered")
        call.task = asyncio.ensure_future(self.talk(call))

    async def talk(self, call):
        """Speaks what was ordered, in order; the person answers when it is silent and somebody listens."""
        while call.is_alive:
            text = await call.spoken.get()
            if text is not None:
                self.tell(call, "call.speak.started")
                self.heard.add(call=call.id, verb="speak", **text)
                await self.sleep(len(text["text"]) * CHARACTER)
                self.tell(call, "call.speak.ended", status="completed")
                call.is_addressed = True
            if call.is_addressed and call.spoken.empty() and call.is_transcribed:
                call.is_addressed = False
                if call.words:
                    await self.say(call, call.words.pop(0))
                elif call.person.get("hangup") and call.is_alive:
                    self.end(call, "normal_clearing", "caller")

    async def say(self, call, words):
        if words is None:
            return self.end(call, "normal_clearing", "caller")
        await self.sleep(len(words) * CHARACTER)
        half = {"confidence": 0.5, "is_final": False, "transcript": words[:max(1, len(words) // 2)]}
        self.tell(call, "call.transcription", transcription_data=half)
        self.tell(call, "call.transcription", transcription_data={"confidence": 0.97, "is_final": True, "transcript": words})
        return None

    def end(self, call, cause, source):
        if not call.is_alive:
            return
        call.is_alive, call.cause, call.ended = False, cause, time.time()
        if call.task is not None and call.task is not asyncio.current_task():
            call.task.cancel()
        self.heard.add(call=call.id, verb="ended", text=cause)
        self.tell(call, "call.hangup", hangup_cause=cause, hangup_source=source, sip_hangup_cause="200", state="hangup")

    # ---- commands

    def take(self, body, known, needed):
        for name in set(body) - known:
            self.violations.append(f"unknown parameter {name}")
        for name in needed:
            if not body.get(name):
                raise invalid(f"{name} is required")
        state = body.get("client_state")
        if state is not None:
            try:
                base64.b64decode(state, validate=True)
            except (binascii.Error, ValueError) as error:
                raise invalid("client_state must be Base64") from error

    def create(self, body):
        self.take(body, DIAL, {"connection_id", "to", "from"})
        if body["connection_id"] != self.connection:
            raise invalid("The connection_id is not valid")
        for name in ("to", "from"):
            if not E164.fullmatch(body[name]):
                raise invalid(f"{name} is not in E.164 format")
        command = body.get("command_id")
        if command in self.dialled:
            return self.dialled[command]
        person = self.answers.pop(0) if self.answers else self.usual
        call = self.make("outgoing", body["from"], body["to"], body.get("webhook_url") or self.number.get("url"), person,
                         client_state=body.get("client_state"), timeout=body.get("timeout_secs", 30))
        if command:
            self.dialled[command] = call
        call.task = asyncio.ensure_future(self.dial(call))
        return call

    def command(self, call, name, body):
        if name not in COMMANDS:
            raise Refused(404, "10005", "Resource not found", "The requested action does not exist")
        self.take(body, *COMMANDS[name])
        if not call.is_alive:
            raise Refused(422, "90018", "Call has already ended", "This call is no longer active and can't receive commands.")
        if name not in ("answer", "reject", "hangup") and not call.is_answered:
            raise Refused(422, "90034", "Call not answered yet",
                          "This call can't receive this command because it was not answered.")
        command = body.get("command_id")
        if command is not None:
            if command in call.commands:
                return {"result": "ok"}
            call.commands.add(command)
        if "client_state" in body:
            call.client_state = body["client_state"]
        self.perform(call, name, body)
        return {"result": "ok"}

    def perform(self, call, name, body):
        if name == "answer":
            self.answer(call)
        elif name == "reject":
            if body["cause"] not in CAUSES:
                raise invalid("cause")
            self.heard.add(call=call.id, verb="reject", text=body["cause"])
            self.end(call, "user_busy" if body["cause"] == "USER_BUSY" else "call_rejected", "callee")
        elif name == "hangup":
            self.heard.add(call=call.id, verb="hangup", text="")
            self.end(call, "normal_clearing", "callee" if call.direction == "incoming" else "caller")
        elif name == "speak":
            if len(body["payload"]) > TEXT_LIMIT:
                raise invalid("payload is too long")
            call.spoken.put_nowait({"text": body["payload"], "voice": body["voice"], "language": body.get("language")})
        elif name == "transcription_start":
            call.is_transcribed = True
            call.spoken.put_nowait(None)
        elif name == "transcription_stop":
            call.is_transcribed = False
