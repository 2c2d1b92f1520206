"""Twilio's telephone side: calls that ring, run TwiML and end, as people on the other end let them."""

import asyncio
import email.utils
import itertools
import time
import urllib.parse
from dataclasses import dataclass, field

import twilio_twiml
from twilio_hooks import Failed

LIVE = ("queued", "ringing", "in-progress")
#: Virtual seconds: a character spoken, the way to the other telephone, its ringing before it is answered.
CHARACTER, DIALLING, RINGING = 0.06, 0.5, 3
#: In `says`: nothing is said until the Gather gives up.
SILENCE = ""


@dataclass
class Call:
    sid: str
    account: str
    direction: str
    from_: str
    to: str
    #: Where TwiML comes from, where else, and who is told of the call's states; (url, method) or None.
    url: tuple | None = None
    fallback: tuple | None = None
    callback: tuple | None = None
    events: tuple = ()
    twiml: list | None = None
    timeout: int = 60
    #: How the person behaves: mode (answered, busy, no-answer, failed), says, hangup (after the last word), rings.
    person: dict = field(default_factory=dict)
    status: str = "queued"
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    words: list = field(default_factory=list)
    sequence: itertools.count = field(default_factory=itertools.count)
    task: object = None
    error: str | None = None
    rejected: str | None = None

    @property
    def is_live(self):
        return self.status in LIVE

    def shown(self):
        """As the REST API shows it."""
        at = lambda t: None if t is None else email.utils.format_datetime(  # noqa: E731
            email.utils.datetime.datetime.fromtimestamp(int(t), email.utils.datetime.timezone.utc)).replace("GMT", "+0000")
        base = f"/2010-04-01/Accounts/{self.account}/Calls/{self.sid}"
        return {"sid": self.sid, "account_sid": self.account, "parent_call_sid": None, "phone_number_sid": "PN" + "0" * 32,
                "to": self.to, "to_formatted": self.to, "from": self.from_, "from_formatted": self.from_,
                "status": self.status, "direction": self.direction, "date_created": at(self.created),
                "date_updated": at(self.ended or self.started or self.created), "start_time": at(self.started),
                "end_time": at(self.ended), "duration": None if self.ended is None else str(self.duration), "price": None,
                "price_unit": "USD", "answered_by": None, "api_version": "2010-04-01", "annotation": None, "group_sid": None,
                "forwarded_from": None, "caller_name": None, "queue_time": "0", "trunk_sid": None, "uri": base + ".json",
                "subresource_uris": {"events": base + "/Events.json", "recordings": base + "/Recordings.json"}}

    @property
    def duration(self):
        return 0 if self.started is None else max(1, round((self.ended or time.time()) - self.started))


class Calls:
    """All calls of an account. `hooks` calls the webhooks, `heard` has what the person heard, one row per verb."""

    def __init__(self, account, hooks, heard, scale):
        self.account, self.hooks, self.heard, self.scale = account, hooks, heard, scale
        self.all, self.number, self.answers = {}, {}, []
        self.usual = {"mode": "answered"}
        self.ids = itertools.count(1)

    def sleep(self, seconds):
        return asyncio.sleep(seconds * self.scale)

    def make(self, direction, from_, to, **more):
        call = Call("CA%032x" % (int(time.time()) << 32 | next(self.ids)), self.account, direction, from_, to, **more)
        self.all[call.sid] = call
        return call

    def begin(self, call, work):
        """The call does `work` from now on, and what it did before no more."""
        previous, call.task = call.task, asyncio.ensure_future(self.guard(call, work))
        if previous is not None:
            previous.cancel()

    async def guard(self, call, work):
        try:
            await work
        except (Failed, twilio_twiml.Bad) as error:
            call.error = str(error)
            self.heard.add(call=call.sid, verb="error", text=str(error))
            await self.end(call, "completed" if call.status == "in-progress" else "failed")

    # ---- how calls begin

    def inbound(self, from_, to, person):
        """Somebody calls the account's number."""
        one = self.number
        call = self.make("inbound", from_, to, url=(one["url"], "POST"), person=dict(person), status="ringing",
                         fallback=(one["fallback"], "POST") if one.get("fallback") else None,
                         callback=(one["status"], "POST") if one.get("status") else None, events=("completed",))
        call.words = list(person.get("says", []))
        self.begin(call, self.take(call))
        return call

    async def take(self, call):
        await self.run(call, await self.hooks.document(call, call.url, "voice"), call.url[0])

    def outbound(self, call):
        """The account calls somebody."""
        call.person = self.answers.pop(0) if self.answers else dict(self.usual)
        call.words = list(call.person.get("says", []))
        self.begin(call, self.dial(call))

    async def dial(self, call):
        await self.hooks.status(call, "initiated")
        await self.sleep(DIALLING)
        mode = call.person.get("mode", "answered")
        if mode == "failed":
            return await self.end(call, "failed")
        if mode == "busy":
            return await self.end(call, "busy")
        call.status = "ringing"
        await self.hooks.status(call, "ringing")
        if mode == "no-answer":
            await self.sleep(call.timeout)
            return await self.end(call, "no-answer")
        await self.sleep(call.person.get("rings", RINGING))
        await self.answer(call)
        if call.twiml is not None:
            await self.run(call, call.twiml, "")
        else:
            await self.run(call, await self.hooks.document(call, call.url, "voice"), call.url[0])

    async def answer(self, call):
        if call.status != "in-progress":
            call.status, call.started = "in-progress", time.time()
            await self.hooks.status(call, "answered")
            self.heard.notify()

    async def end(self, call, status):
        if not call.is_live:
            return
        call.status, call.ended = status, time.time()
        self.heard.add(call=call.sid, verb="ended", text=status)
        await self.hooks.status(call, "completed")

    # ---- what a call does

    async def run(self, call, verbs, url):
        """Runs documents, one leading to the next, until there is none or somebody hangs up."""
        while verbs is not None:
            verbs, url = await self.execute(call, verbs, url)
        await self.end(call, "completed")

    async def execute(self, call, verbs, url):
        for verb in verbs:
            if verb.name == "Reject":
                call.rejected = verb.attributes.get("reason", "rejected")
                self.heard.add(call=call.sid, verb="Reject", text=call.rejected)
                await self.end(call, "busy" if call.rejected == "busy" else "no-answer")
                return None, url
            await self.answer(call)
            if verb.name in ("Say", "Pause"):
                await self.simple(call, verb)
            elif verb.name == "Hangup":
                self.heard.add(call=call.sid, verb="Hangup", text="")
                return None, url
            elif verb.name == "Redirect":
                url = urllib.parse.urljoin(url, verb.text.strip())
                method = verb.attributes.get("method", "POST")
                return await self.hooks.document(call, (url, method), "redirect"), url
            elif verb.name == "Gather":
                for nested in verb.nested:
                    await self.simple(call, nested)
                form = await self.listen(call, verb)
                if form is None:
                    continue
                if not call.is_live or form == "hangup":
                    return None, url
                url = urllib.parse.urljoin(url, verb.attributes.get("action", ""))
                method = verb.attributes.get("method", "POST")
                return await self.hooks.document(call, (url, method), "gather", form), url
        return None, url

    async def simple(self, call, verb):
        if verb.name == "Say":
            self.heard.add(call=call.sid, verb="Say", text=verb.text, voice=verb.attributes.get("voice"),
                           language=verb.attributes.get("language"))
            await self.sleep(len(verb.text) * CHARACTER)
        elif verb.name == "Pause":
            await self.sleep(int(verb.attributes.get("length", "1")))

    async def listen(self, call, verb):
        """The form of what is said; nil after a silence that nobody wants to hear of; "hangup"."""
        self.heard.add(call=call.sid, verb="Gather", text="", **{k: v for k, v in verb.attributes.items() if k != "input"})
        if not call.words and call.person.get("hangup"):
            return "hangup"
        # Somebody who has nothing more to say in advance waits for the test to tell.
        await self.heard.until(lambda: call.words, 600)
        said = call.words.pop(0) if call.words else SILENCE
        if said is None:
            return "hangup"
        if said == SILENCE:
            await self.sleep(int(verb.attributes.get("timeout", "5")))
            return {} if verb.attributes.get("actionOnEmptyResult") == "true" else None
        await self.sleep(len(said) * CHARACTER)
        return {"SpeechResult": said, "Confidence": "0.9128386", "Language": verb.attributes.get("language", "en-US")}

    # ---- what the REST API and people do to a call

    async def update(self, call, verbs=None, url=None):
        """New TwiML for a live call, at once: what it plays is broken off, an answer under way is thrown away."""
        if verbs is not None:
            self.begin(call, self.run(call, verbs, ""))
        elif url is not None:
            async def go():
                await self.run(call, await self.hooks.document(call, url, "voice"), url[0])
            self.begin(call, go())

    async def stop(self, call, status):
        if call.task is not None:
            call.task.cancel()
        await self.end(call, status)
