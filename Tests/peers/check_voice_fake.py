#!/usr/bin/env python3
"""Twilio's and Telnyx's own libraries work against the two telephone fakes: only then do these judge our worker.

What they judge: the REST side of both (calls made, changed, looked up and listed; errors as the library's exceptions), the
signatures under every webhook, TwiML that Twilio's builder wrote as the fake's caller understands it, Telnyx's events as the
library reads them.
What they cannot judge: in which moment a provider calls, how long it waits, and what it would refuse that no library sends.
"""

import asyncio
import base64
import datetime
import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from pydantic import BaseModel, TypeAdapter
from telnyx import APIStatusError, AuthenticationError, Telnyx
from telnyx.types import (CallAnsweredWebhookEvent, CallHangupWebhookEvent, CallInitiatedWebhookEvent, CallSpeakEndedWebhookEvent,
                          CallSpeakStartedWebhookEvent, TranscriptionWebhookEvent)
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.voice_response import Connect, Gather, VoiceResponse

from fake_http import read_request
from fake_process import FakeProcess

ACCOUNT, TOKEN = "AC" + "0123456789abcdef" * 2, "a-token-of-nobody"
KEY, CONNECTION = "KEY0188-of-nobody", "1494404757140276705"
OURS, ADA = "+15550001234", "+4915123456789"


class Webhook:
    """What a customer's server would be: answers with what the test's function makes of each request."""

    def __init__(self, answer):
        self.answer, self.seen, self.failure = answer, [], None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.target = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        if self.failure is not None:
            raise self.failure

    async def serve(self, reader, writer):
        request = await read_request(reader)
        self.seen.append(request)
        try:
            status, kind, body = self.answer(request)
        except Exception as error:
            self.failure = error
            raise
        if status:
            body = body.encode()
            head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()


def form(request):
    return dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))


def client(fake, token=TOKEN):
    one = Client(ACCOUNT, token)
    one.api.base_url = fake.url
    return one


def refused(call, status, code):
    try:
        call()
    except TwilioRestException as error:
        assert (error.status, error.code) == (status, code), error
        return
    raise AssertionError(f"no {code}")


async def ended(fake, sid, wait=20):
    found = await fake.ask(f"ended?call={sid}&wait={wait}")
    assert found["end_time"], found
    return found


async def heard(fake, sid):
    return [(r["verb"], r["text"]) for r in await fake.ask(f"heard?call={sid}")]


async def conversation(fake):
    """Three turns by the builder's TwiML; every request carries a signature that the validator accepts for that URL alone."""
    validator, url = RequestValidator(TOKEN), "https://voice.example/voice/webhook"

    def answer(request):
        said = form(request).get("SpeechResult")
        target = url + request.path.replace("/voice/webhook", "") + (
            "?" + urllib.parse.urlencode(request.query) if request.query else "")
        signature = request.headers["x-twilio-signature"]
        assert validator.validate(target, form(request), signature), target
        assert not validator.validate(target.replace("https", "http"), form(request), signature)
        assert not validator.validate(target + "x", form(request), signature)
        assert not validator.validate(target, {**form(request), "From": "+1"}, signature)
        assert request.headers["host"] == "voice.example" and "FromCity" in form(request)
        response = VoiceResponse()
        if said == "bye":
            response.say("Bye <now> & then")
            response.hangup()
        else:
            gather = Gather(input="speech", speech_timeout="auto", action="/voice/webhook?turn=2", method="POST", language="de-DE")
            gather.say(f"You said {said}" if said else "Hello", voice="Polly.Vicki", language="de-DE")
            response.append(gather)
            response.pause(length=1)
            response.redirect(url + "?again=1", method="POST")
        return 200, "application/xml", str(response)
    async with Webhook(answer) as webhook:
        await fake.ask("target", {"url": webhook.target})
        await fake.ask("number", {"url": url, "status": url})
        sid = (await fake.ask("call", {"from": ADA, "says": ["grüß dich", "", "bye"]}))["sid"]
        call = await ended(fake, sid)
        assert (call["status"], call["direction"], call["error"]) == ("completed", "inbound", None), call
        says = [text for verb, text in await heard(fake, sid) if verb == "Say"]
        assert says == ["Hello", "You said grüß dich", "Hello", "Bye <now> & then"], says
        kinds = [r["kind"] for r in await fake.ask(f"webhooks?call={sid}")]
        assert kinds[:4] == ["voice", "gather", "redirect", "gather"], kinds
        rows = await fake.ask(f"webhooks?call={sid}&kind=status&wait=5")
        assert form_of(rows[0])["CallStatus"] == "completed" and form_of(rows[0])["CallDuration"], rows


def form_of(row):
    return dict(urllib.parse.parse_qsl(row["body"], keep_blank_values=True))


async def rest(fake):
    """Calls made, ended, looked up, listed and refused through Twilio's client."""
    twilio = client(fake)
    assert twilio.api.accounts(ACCOUNT).fetch().status == "active"
    response = VoiceResponse()
    response.say("Dinner is ready")
    made = twilio.calls.create(to=ADA, from_=OURS, twiml=str(response), timeout=20)
    assert made.status == "queued" and made.direction == "outbound-api" and made.sid.startswith("CA")
    assert made.to == ADA and made._from == OURS and made.start_time is None
    await ended(fake, made.sid)
    again = twilio.calls(made.sid).fetch()
    assert again.status == "completed" and isinstance(again.end_time, datetime.datetime) and int(again.duration) >= 1
    assert ("Say", "Dinner is ready") in await heard(fake, made.sid)
    for mode, status in (("busy", "busy"), ("no-answer", "no-answer"), ("failed", "failed")):
        await fake.ask("answer", {"mode": mode})
        other = twilio.calls.create(to=ADA, from_=OURS, twiml=str(response), timeout=5)
        assert (await ended(fake, other.sid))["status"] == status
    day = datetime.datetime.now(datetime.timezone.utc)
    listed = twilio.calls.list(to=ADA, from_=OURS, start_time_after=day - datetime.timedelta(minutes=5))
    assert [c.sid for c in listed][-1] == made.sid and len(listed) == 4, listed
    assert [c.sid for c in twilio.calls.list(to=ADA, from_=OURS, status="busy")] == [listed[2].sid]
    assert twilio.calls.list(to="+15557654321") == []
    assert len(twilio.calls.list(to=ADA, from_=OURS, page_size=1)) == 4, "pages follow one another"
    assert twilio.calls.list(to=ADA, start_time_after=day + datetime.timedelta(days=2)) == []
    assert twilio.calls.list(to=ADA, start_time_before=day - datetime.timedelta(days=2)) == []
    refused(client(fake, "wrong").api.accounts(ACCOUNT).fetch, 401, 20003)
    refused(lambda: twilio.calls("CA" + "f" * 32).fetch(), 404, 20404)
    refused(lambda: twilio.calls.create(to="049", from_=OURS, twiml=str(response)), 400, 21211)
    refused(lambda: twilio.calls.create(to=ADA, from_=OURS), 400, 21205)
    refused(lambda: twilio.calls.create(to=ADA, from_=OURS, twiml="<Response><Say>"), 400, 12100)
    refused(lambda: twilio.calls(made.sid).update(status="completed"), 400, 21220)
    await fake.ask("fault", {"method": "create", "status": 429, "code": 20429, "message": "Too Many Requests"})
    refused(lambda: twilio.calls.create(to=ADA, from_=OURS, twiml=str(response)), 429, 20429)


async def updates(fake):
    """A live call gets new TwiML at once, and is ended; its states are told in order, and in any order that is asked for."""
    twilio, url = client(fake), "https://voice.example/v?callId=1"

    def answer(request):
        response = VoiceResponse()
        if request.query.get("type") != "status":
            gather = response.gather(input="speech", action=url, action_on_empty_result=True)
            gather.say("Yes?")
        return 200, "text/xml", str(response)
    for reorder, sequence in ((False, ["0", "1", "2", "3"]), (True, ["3", "2", "1", "0"])):
        async with Webhook(answer) as webhook:
            await fake.ask("target", {"url": webhook.target})
            await fake.ask("manner", {"reorder": reorder, "duplicate": 1 if reorder else 0})
            made = twilio.calls.create(to=ADA, from_=OURS, url=url, fallback_url=url, status_callback=url + "&type=status",
                                       status_callback_event=["initiated", "ringing", "answered", "completed"])
            await fake.ask(f"heard?call={made.sid}&verb=Gather&wait=10")
            assert twilio.calls(made.sid).fetch().status == "in-progress"
            second = VoiceResponse()
            second.say("Something else")
            second.gather(input="speech", action=url)
            twilio.calls(made.sid).update(twiml=str(second))
            await fake.ask(f"heard?call={made.sid}&verb=Gather&after=1&wait=10")
            assert twilio.calls(made.sid).update(status="completed").status == "completed"
            assert [text for verb, text in await heard(fake, made.sid) if verb == "Say"] == ["Yes?", "Something else"]
            rows = await fake.ask(f"webhooks?call={made.sid}&kind=status&after={7 if reorder else 3}&wait=10")
            rows = [form_of(r) for r in await fake.ask(f"webhooks?call={made.sid}&kind=status")]
            told = [r["SequenceNumber"] for r in rows]
            # Each on a connection of its own: which of two comes first is the network's.
            assert sorted(told) == sorted(sequence * (2 if reorder else 1)), told
            if reorder:
                assert told == [n for n in sequence for _ in range(2)], told
            states = {r["SequenceNumber"]: r["CallStatus"] for r in rows}
            assert states == {"0": "initiated", "1": "ringing", "2": "in-progress", "3": "completed"}, states
    await fake.ask("manner", {})


async def failures(fake):
    """5xx, nobody there and what is no TwiML lead to the fallback address, else to an end of the call; Reject to a busy line."""
    url, spare = "https://voice.example/broken", "https://voice.example/spare"
    answers = {"500": (500, "text/plain", "no"), "drop": (0, "", ""), "json": (200, "application/json", "{}"),
               "half": (200, "text/xml", "<Response><Say>"), "connect": (200, "text/xml", str(connect()))}
    for name, bad in answers.items():
        good = VoiceResponse()
        good.say("spare")
        for fallback, status, text in ((spare, "completed", "spare"), (None, "failed", None)):
            async with Webhook(lambda r: bad if r.path == "/broken" else (200, "text/xml", str(good))) as webhook:  # noqa: B023
                await fake.ask("target", {"url": webhook.target})
                await fake.ask("number", {"url": url, "fallback": fallback})
                sid = (await fake.ask("call", {"from": ADA}))["sid"]
                call = await ended(fake, sid)
                assert call["status"] == status and bool(call["error"]) == (text is None), (name, call)
                said = [t for verb, t in await heard(fake, sid) if verb == "Say"]
                assert said == ([text] if text else []), (name, said)
                if fallback:
                    row = (await fake.ask(f"webhooks?call={sid}&kind=fallback"))[0]
                    assert form_of(row)["ErrorUrl"] == url and form_of(row)["ErrorCode"].isdigit(), row
    for reason, status in (("busy", "busy"), ("rejected", "no-answer")):
        reject = VoiceResponse()
        reject.reject(reason=reason)
        async with Webhook(lambda r: (200, "text/xml", str(reject))) as webhook:  # noqa: B023
            await fake.ask("target", {"url": webhook.target})
            await fake.ask("number", {"url": url})
            sid = (await fake.ask("call", {"from": ADA}))["sid"]
            call = await ended(fake, sid)
            assert (call["status"], call["rejected"], call["start_time"]) == (status, reason, None), call


def connect():
    response = VoiceResponse()
    response.append(Connect())
    return response


async def forgeries(fake):
    """What the fake forges, the validator refuses; what it replays, the validator accepts."""
    validator, url = RequestValidator(TOKEN), "https://voice.example/voice/webhook"
    verdicts = {}

    def answer(request):
        target = "https://" + request.headers["host"] + request.path + (
            "?" + urllib.parse.urlencode(request.query) if request.query else "")
        given = form(request) if request.method == "POST" and request.body[:1] != b"{" else {}
        settings = request.headers.get("x-twilio-webhooks-signature-settings")
        good = not settings and validator.validate(target, given, request.headers.get("x-twilio-signature", ""))
        return (200 if good else 401), "text/xml", str(VoiceResponse())
    async with Webhook(lambda r: safe(answer, r)) as webhook:
        await fake.ask("target", {"url": webhook.target})
        await fake.ask("number", {"url": url})
        sid = (await fake.ask("call", {"from": ADA}))["sid"]
        await ended(fake, sid)
        verdicts = await fake.ask("forge", {"url": url, "count": 320, "seed": 7})
    # Signed well: refused for their size, their method or their path, which a validator does not look at.
    for kind in ("large", "get", "elsewhere"):
        verdicts.pop(kind, None)
    assert list(verdicts.pop("replay")) == ["200"], verdicts
    assert len(verdicts) == 12 and all(list(v) == ["401"] for v in verdicts.values()), verdicts


def safe(answer, request):
    try:
        return answer(request)
    except UnicodeDecodeError:
        return 401, "text/plain", ""


def typed(kind, value):
    """A value as a type of Telnyx's library has it; a field of another kind than it says, or one that it has not, is an error."""
    found = TypeAdapter(kind).validate_python(value)

    def look(model):
        assert not set(model.model_extra or {}) - {"meta"}, (kind, model.model_extra)
        for name in model.model_fields_set:
            if isinstance(getattr(model, name), BaseModel):
                look(getattr(model, name))
    look(found)
    return found


async def telnyx(fake):
    """Call control through Telnyx's client; each event is unwrapped by it, and is what its types say."""
    library = Telnyx(api_key=KEY, public_key=await fake.ask("key"), base_url=fake.url + "/v2", max_retries=0)
    kinds = {"call.initiated": CallInitiatedWebhookEvent, "call.answered": CallAnsweredWebhookEvent,
             "call.speak.started": CallSpeakStartedWebhookEvent, "call.speak.ended": CallSpeakEndedWebhookEvent,
             "call.transcription": TranscriptionWebhookEvent, "call.hangup": CallHangupWebhookEvent}
    refuse, seen = [1], []

    def answer(request):
        if refuse:
            refuse.pop()
            return 500, "text/plain", ""
        event = library.webhooks.unwrap(request.body.decode(), headers=request.headers).data
        seen.append(typed(kinds[event.event_type], json.loads(request.body)).data)
        for old in (int(request.headers["telnyx-timestamp"]) - 301, int(request.headers["telnyx-timestamp"]) + 1):
            try:
                library.webhooks.unwrap(request.body.decode(), headers={**request.headers, "telnyx-timestamp": str(old)})
                raise AssertionError("another time was accepted")
            except ValueError:
                pass
        return 200, "text/plain", ""
    url = "https://voice.example/voice/webhook"
    async with Webhook(answer) as webhook:
        await fake.ask("target", {"url": webhook.target})
        await fake.ask("number", {"url": url})
        sid = (await fake.ask("call", {"from": ADA, "says": ["hello there", "thanks"], "hangup": True}))["sid"]
        await until(lambda: seen)
        assert seen[0].payload.direction == "incoming" and seen[0].payload.from_ == ADA and seen[0].payload.state == "parked"
        assert seen[0].id and len(webhook.seen) == 2, "delivered again after a 500"
        actions = library.calls.actions
        fails(lambda: actions.speak(sid, payload="x", voice="female"), 422, "90034")
        assert actions.answer(sid, command_id="a-1").data.result == "ok"
        assert library.calls.retrieve_status(sid).data.is_alive
        actions.start_transcription(sid, command_id="t-1", transcription_tracks="inbound")
        for _ in range(2):
            actions.speak(sid, payload="Hello", voice="AWS.Polly.Joanna", language="en-US", command_id="s-1")
        await until(lambda: "call.hangup" in [e.event_type for e in seen] or
                    any(e.event_type == "call.transcription" and e.payload.transcription_data.is_final for e in seen))
        actions.speak(sid, payload="You are welcome", voice="AWS.Polly.Joanna", command_id="s-2")
        await until(lambda: sum(e.event_type == "call.transcription" and e.payload.transcription_data.is_final for e in seen) == 2)
        actions.speak(sid, payload="Bye", voice="AWS.Polly.Joanna", command_id="s-3")
        await until(lambda: seen[-1].event_type == "call.hangup")
        assert seen[-1].payload.hangup_cause == "normal_clearing" and seen[-1].payload.hangup_source == "caller"
        assert [t for verb, t in await heard(fake, sid) if verb == "speak"] == ["Hello", "You are welcome", "Bye"]
        assert not library.calls.retrieve_status(sid).data.is_alive
        fails(lambda: actions.hangup(sid), 422, "90018")
        for mode, cause in (("busy", "user_busy"), ("no-answer", "timeout"), ("answered", "normal_clearing")):
            await fake.ask("answer", {"mode": mode})
            seen.clear()
            ids = {library.calls.dial(connection_id=CONNECTION, from_=OURS, to=ADA, webhook_url=url, webhook_url_method="POST",
                                      client_state="YQ==", timeout_secs=5, command_id=mode).data.call_control_id for _ in range(2)}
            assert len(ids) == 1, "one command is one call"
            if mode == "answered":
                await until(lambda: any(e.event_type == "call.answered" for e in seen))
                actions.hangup(ids.pop())
            await until(lambda: seen and seen[-1].event_type == "call.hangup")
            assert seen[-1].payload.hangup_cause == cause and seen[0].payload.direction == "outgoing", seen
            assert seen[0].payload.client_state == "YQ=="
        seen.clear()
        sid = (await fake.ask("call", {"from": ADA}))["sid"]
        await until(lambda: seen)
        actions.reject(sid, cause="CALL_REJECTED")
        await until(lambda: seen[-1].event_type == "call.hangup")
        verdicts = {}

        def judge(request):
            try:
                library.webhooks.unwrap(request.body.decode(), headers=request.headers)
                return 200, "text/plain", ""
            except ValueError:
                return 401, "text/plain", ""
        webhook.answer = judge
        verdicts = await fake.ask("forge", {"url": url, "count": 360, "seed": 3})
        for kind in ("replay", "large", "signed-nonsense"):
            verdicts.pop(kind)
        assert len(verdicts) == 9 and all(list(v) == ["401"] for v in verdicts.values()), verdicts
    state = await fake.ask("state")
    assert state["live"] == [] and state["violations"] == [], state
    fails(lambda: library.calls.retrieve_status("v3:nobody"), 404, "10005")
    fails(lambda: library.calls.dial(connection_id=CONNECTION, from_=OURS, to="049"), 422, "10015")
    try:
        Telnyx(api_key="wrong", base_url=fake.url + "/v2", max_retries=0).calls.retrieve_status(sid)
        raise AssertionError("a wrong key was taken")
    except AuthenticationError:
        pass


async def until(ready, seconds=15):
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.01)


def fails(call, status, code):
    try:
        call()
    except APIStatusError as error:
        assert (error.status_code, error.body["errors"][0]["code"]) == (status, code), error.body
        return
    raise AssertionError(f"no {code}")


async def judged(is_same, *arguments):
    """The judge finds the library's own requests the same as the library's, and one that it would not send another."""
    judge = os.path.join(os.path.dirname(os.path.abspath(__file__)), "voice_judge.py")
    done = await asyncio.to_thread(subprocess.run, [sys.executable, judge, *arguments], capture_output=True, text=True)
    assert (done.returncode == 0) == is_same, done.stdout + done.stderr


def by_hand(url, body, headers):
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
        return answer.read()


async def main():
    fake = FakeProcess("twilio_fake.py", "--account", ACCOUNT, "--token", TOKEN, "--scale", "0.01")
    for check in (conversation, rest, updates):
        await check(fake)
    await judged(True, "twilio", fake.url, ACCOUNT, TOKEN)
    for check in (failures, forgeries):
        await check(fake)
    state = fake.control("state")
    assert state["live"] == [] and state["violations"] == [], state
    auth = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    form_ = urllib.parse.urlencode({"To": ADA, "From": OURS, "Twiml": "<Response><Hangup/></Response>", "TimeOut": "5"}).encode()
    by_hand(f"{fake.url}/2010-04-01/Accounts/{ACCOUNT}/Calls.json", form_, {"Authorization": "Basic " + auth})
    assert any("TimeOut" in v for v in fake.control("state")["violations"])
    await judged(False, "twilio", fake.url, ACCOUNT, TOKEN)
    fake.stop()
    fake = FakeProcess("telnyx_fake.py", "--key", KEY, "--connection", CONNECTION, "--scale", "0.01")
    await telnyx(fake)
    await judged(True, "telnyx", fake.url, KEY, CONNECTION)
    body = json.dumps({"connection_id": CONNECTION, "from": OURS, "to": ADA, "timeout": 30}).encode()
    by_hand(fake.url + "/v2/calls", body, {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"})
    assert any("timeout" in v for v in fake.control("state")["violations"])
    await judged(False, "telnyx", fake.url, KEY, CONNECTION)
    fake.stop()
    print("twilio's and telnyx's own libraries accept the fakes")


if __name__ == "__main__":
    asyncio.run(main())
