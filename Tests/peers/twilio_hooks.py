"""Twilio's requests to an account's webhooks: signed by Twilio's own library, repeated at the fallback address, kept."""

import asyncio
import email.utils
import time
import urllib.parse
import uuid

from twilio.request_validator import RequestValidator

import twilio_twiml
from fake_webhooks import Lost, post

#: CallStatus of each event of StatusCallbackEvent; "completed" is whatever the call ended with.
STATUSES = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}


class Failed(Exception):
    """No TwiML was to be had, at the fallback address neither."""


class Hooks:
    def __init__(self, account, token, rows):
        self.account, self.validator, self.rows = account, RequestValidator(token), rows
        #: Where public addresses lead to; None: they are called as they stand.
        self.target = None
        #: How status callbacks come: `duplicate` of each, or `reorder`: all but the last held until the call is over.
        self.manner = {}
        self.held = {}

    def form(self, call, more):
        """The parameters of a voice request. Places of numbers are often blank, and blank ones are signed as well."""
        return {"AccountSid": self.account, "ApiVersion": "2010-04-01", "CallSid": call.sid, "CallStatus": call.status,
                "Called": call.to, "CalledCity": "", "CalledCountry": "US", "CalledState": "CA", "CalledZip": "",
                "Caller": call.from_, "CallerCity": "", "CallerCountry": "DE", "CallerState": "Baden-Württemberg",
                "CallerZip": "", "Direction": call.direction, "From": call.from_, "FromCity": "", "FromCountry": "DE",
                "To": call.to, "ToCountry": "US", "ToState": "CA", "ToZip": "", **more}

    def headers(self, url, form, method="POST"):
        signature = self.validator.compute_signature(url, form if method == "POST" else {})
        return {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8", "User-Agent": "TwilioProxy/1.1",
                "Accept": "*/*", "X-Twilio-Signature": signature, "I-Twilio-Idempotency-Token": str(uuid.uuid4())}

    async def send(self, url, headers, body, kind, call=None, method="POST"):
        """One request, and its row."""
        began = time.perf_counter()
        row = {"kind": kind, "call": call, "url": url, "method": method, "headers": headers, "body": body.decode("latin-1")}
        try:
            status, answered, text = await post(url, self.target, headers, body, method=method)
        except Lost as lost:
            self.rows.add(**row, status=0, answer=str(lost), ms=(time.perf_counter() - began) * 1000)
            raise
        self.rows.add(**row, status=status, answer=text.decode("utf-8", "replace"), type=answered.get("content-type", ""),
                      ms=(time.perf_counter() - began) * 1000)
        return status, answered, text

    async def ask(self, call, url, method, form, kind):
        """The verbs that an address answers; what is no TwiML is Bad."""
        form = self.form(call, form)
        # A fragment overrides how Twilio connects and is neither sent nor signed.
        url = url.partition("#")[0]
        body = urllib.parse.urlencode(form).encode()
        if method == "GET":
            url += ("&" if "?" in url else "?") + body.decode()
            body = b""
        headers = self.headers(url, form, method)
        try:
            status, answered, text = await self.send(url, headers, body, kind, call.sid, method)
        except Lost:
            # Once more where no connection was to be had, and nowhere else.
            status, answered, text = await self.send(url, headers, body, kind, call.sid, method)
        if not 200 <= status < 300:
            raise twilio_twiml.Bad(11200, f"HTTP {status} from {url}")
        return twilio_twiml.parse(text, answered.get("content-type", ""))

    async def document(self, call, place, kind, form=None):
        url, method = place
        try:
            return await self.ask(call, url, method, form or {}, kind)
        except (Lost, twilio_twiml.Bad) as error:
            if call.fallback is None:
                raise Failed(f"{url}: {error}") from error
            code = getattr(error, "code", 11205)
            more = {**(form or {}), "ErrorCode": str(code), "ErrorUrl": url}
            try:
                return await self.ask(call, *call.fallback, more, "fallback")
            except (Lost, twilio_twiml.Bad) as second:
                raise Failed(f"{url}: {error}; {call.fallback[0]}: {second}") from second

    # ---- status callbacks

    async def status(self, call, event):
        if call.callback is None or event not in call.events:
            return
        form = {"CallStatus": STATUSES.get(event, call.status), "CallbackSource": "call-progress-events",
                "SequenceNumber": str(next(call.sequence)), "Timestamp": email.utils.formatdate(time.time())}
        if event == "completed":
            form |= {"CallDuration": str(call.duration), "Duration": "1"}
        one = (call, self.form(call, form))
        if not self.manner.get("reorder"):
            asyncio.ensure_future(self.tell([one]))
        elif event != "completed":
            self.held.setdefault(call.sid, []).append(one)
        else:
            asyncio.ensure_future(self.tell([one] + self.held.pop(call.sid, [])[::-1]))

    async def tell(self, ones):
        for call, form in ones:
            url, method = call.callback
            headers, body = self.headers(url, form), urllib.parse.urlencode(form).encode()
            for _ in range(1 + self.manner.get("duplicate", 0)):
                try:
                    await self.send(url, headers, body, "status", call.sid)
                except Lost:
                    pass
