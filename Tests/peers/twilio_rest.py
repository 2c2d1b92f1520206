"""Twilio's REST API for calls: what it takes, what it refuses, and in which words."""

import asyncio
import base64
import binascii
import datetime
import json
import re
import urllib.parse

import twilio_twiml
from fake_http import Dropped
from fake_webhooks import fault_for

E164 = re.compile(r"\+[1-9][0-9]{1,14}")
CREATE = {"To", "From", "Url", "Twiml", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod",
          "StatusCallbackEvent", "Timeout", "TimeLimit", "MachineDetection"}
UPDATE = {"Url", "Method", "Status", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod", "Twiml",
          "TimeLimit"}
EVENTS = ("initiated", "ringing", "answered", "completed")


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def body(self):
        return {"code": self.code, "message": self.message, "status": self.status,
                "more_info": f"https://www.twilio.com/docs/errors/{self.code}"}


class Rest:
    def __init__(self, account, token, calls, rows):
        self.account, self.token, self.calls, self.rows = account, token, calls, rows
        self.faults, self.violations = [], []

    async def answer(self, request):
        form = urllib.parse.parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        row = {"method": request.method, "path": request.path, "query": request.query, "form": form,
               "authorization": request.headers.get("authorization", ""), "type": request.headers.get("content-type", ""),
               "agent": request.headers.get("user-agent", "")}
        try:
            status, body = await self.handle(request, form)
        except Refused as refused:
            status, body = refused.status, refused.body()
        except Dropped:
            self.rows.add(**row, status=0)
            raise
        self.rows.add(**row, status=status)
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()

    async def handle(self, request, form):
        self.check_key(request)
        base = f"/2010-04-01/Accounts/{self.account}"
        if request.path == base + ".json" and request.method == "GET":
            return await self.faulty("account", lambda: (200, {"sid": self.account, "status": "active", "type": "Full",
                                                               "friendly_name": "Clawhold's tests"}))
        if request.path == base + "/Calls.json":
            if request.method == "POST":
                return await self.faulty("create", lambda: self.create(request, form))
            return await self.faulty("list", lambda: (200, self.listed(request)))
        found = re.fullmatch(re.escape(base) + r"/Calls/(CA[0-9a-f]{32})\.json", request.path)
        call = self.calls.all.get(found[1]) if found else None
        if call is None:
            raise Refused(404, 20404, f"The requested resource {request.path} was not found")
        if request.method == "GET":
            return await self.faulty("fetch", lambda: (200, call.shown()))
        if request.method == "POST":
            return await self.faulty("update", lambda: self.update(request, call, form))
        raise Refused(405, 20004, "Method not allowed")

    async def faulty(self, method, work):
        """Does `work`, with the fault that was asked for: error {status, code, message}, drop, close-after-accept, hang,
        hang-after-accept, delay {seconds}, garbage."""
        fault = fault_for(self.faults, method) or {"mode": "none"}
        mode = fault.get("mode", "error")
        if mode == "drop":
            raise Dropped()
        if mode == "hang":
            await asyncio.Event().wait()
        if mode == "error":
            raise Refused(fault.get("status", 500), fault.get("code", 20500), fault.get("message", "Internal Server Error"))
        if mode == "garbage":
            return 200, b"<html>502 Bad Gateway</html>"
        if mode == "delay":
            await asyncio.sleep(fault["seconds"])
        result = work()
        result = await result if asyncio.iscoroutine(result) else result
        if mode == "close-after-accept":
            raise Dropped()
        if mode == "hang-after-accept":
            await asyncio.Event().wait()
        return result

    def check_key(self, request):
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        if (kind, user, password) != ("Basic", self.account, self.token):
            raise Refused(401, 20003, "Authenticate")

    def fields(self, request, form, known):
        """The parameters; the one that may come several times as a list."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            self.violations.append(f"{request.path}: content type {request.headers.get('content-type')!r}")
        found = {}
        for name, value in form:
            if name not in known:
                self.violations.append(f"{request.path}: unknown parameter {name}")
            elif name == "StatusCallbackEvent":
                found.setdefault(name, []).append(value)
            elif name in found:
                self.violations.append(f"{request.path}: {name} twice")
            else:
                found[name] = value
        return found

    def address(self, fields, name, code):
        """(url, method) of a parameter that names an address; None without it."""
        value = fields.get(name)
        if not value:
            return None
        url = urllib.parse.urlsplit(value)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise Refused(400, code, f"{name} is not a valid URL: {value}")
        return value, fields.get(name.removesuffix("Url") + "Method" if name != "Url" else "Method", "POST")

    def twiml(self, fields):
        if "Twiml" not in fields:
            return None
        try:
            return twilio_twiml.parse(fields["Twiml"].encode(), "application/xml")
        except twilio_twiml.Bad as bad:
            raise Refused(400, bad.code, str(bad)) from bad

    def create(self, request, form):
        fields = self.fields(request, form, CREATE)
        for name, missing, wrong in (("To", 21201, 21211), ("From", 21213, 21212)):
            if not fields.get(name):
                raise Refused(400, missing, f"No '{name}' number is specified")
            if not E164.fullmatch(fields[name]):
                raise Refused(400, wrong, f"The phone number you are attempting to call, {fields[name]}, is not valid."
                              if name == "To" else f"The source phone number provided, {fields[name]}, is not valid.")
        url, twiml = self.address(fields, "Url", 21205), self.twiml(fields)
        if url is None and twiml is None:
            raise Refused(400, 21205, "Url parameter is required.")
        if url is not None and twiml is not None:
            self.violations.append("create: Url and Twiml; the TwiML is ignored")
            twiml = None
        callback, events = self.address(fields, "StatusCallback", 21609), fields.get("StatusCallbackEvent", ["completed"])
        for event in events:
            if event not in EVENTS:
                raise Refused(400, 21626, f"'{event}' is not a valid StatusCallbackEvent")
        if twiml is not None and callback is not None:
            self.violations.append("create: StatusCallback with Twiml; it is never called")
            callback = None
        timeout = fields.get("Timeout", "60")
        if not timeout.isdigit() or not 1 <= int(timeout) <= 600:
            raise Refused(400, 21218, f"Invalid Timeout {timeout}")
        call = self.calls.make("outbound-api", fields["From"], fields["To"], url=url, twiml=twiml, callback=callback,
                               events=tuple(events), timeout=int(timeout),
                               fallback=self.address(fields, "FallbackUrl", 21211))
        shown = call.shown()
        self.calls.outbound(call)
        return 201, shown

    async def update(self, request, call, form):
        fields = self.fields(request, form, UPDATE)
        status = fields.get("Status")
        if not call.is_live:
            raise Refused(400, 21220, "Call is not in-progress. Cannot redirect.")
        if status is not None:
            if status not in ("completed", "canceled"):
                raise Refused(400, 21218, f"Invalid status {status}")
            await self.calls.stop(call, "canceled" if status == "canceled" else
                                  "completed" if call.status == "in-progress" else "canceled")
            return 200, call.shown()
        twiml, url = self.twiml(fields), self.address(fields, "Url", 21205)
        if twiml is None and url is None:
            raise Refused(400, 21218, "Url, Twiml or Status is required")
        if call.status != "in-progress":
            raise Refused(400, 21220, "Call is not in-progress. Cannot redirect.")
        await self.calls.update(call, twiml, url)
        return 200, call.shown()

    def listed(self, request):
        query = request.query

        def day(name, later):
            if name not in query:
                return None
            text = query[name]
            try:
                at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
            except ValueError as error:
                raise Refused(400, 20001, f"{name}: {text}") from error
            at = at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
            return at.timestamp() + (86400 if later and len(text) == 10 else 0)
        since, before = day("StartTime>", False), day("StartTime<", True)
        exactly = day("StartTime", False)
        if exactly is not None:
            since, before = exactly, exactly + 86400
        known = {"To", "From", "Status", "ParentCallSid", "StartTime", "StartTime>", "StartTime<", "PageSize", "Page",
                 "PageToken", "EndTime", "EndTime<", "EndTime>"}
        for name in set(query) - known:
            self.violations.append(f"list: unknown parameter {name}")
        rows = []
        for call in reversed(self.calls.all.values()):
            # A call that was never answered has no start; Twilio counts it from its creation.
            at = int(call.started or call.created)
            if ("To" in query and call.to != query["To"]) or ("From" in query and call.from_ != query["From"]):
                continue
            if "Status" in query and call.status != query["Status"]:
                continue
            if (since is not None and at < int(since)) or (before is not None and at > before):
                continue
            rows.append(call.shown())
        size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))
        mine = rows[page * size:(page + 1) * size]
        path = f"/2010-04-01/Accounts/{self.account}/Calls.json?"
        more = {k: v for k, v in query.items() if k != "Page"}

        def link(number):
            return path + urllib.parse.urlencode({**more, "PageSize": size, "Page": number})
        return {"calls": mine, "page": page, "page_size": size, "start": page * size, "end": page * size + max(0, len(mine) - 1),
                "first_page_uri": link(0), "uri": link(page), "previous_page_uri": link(page - 1) if page else None,
                "next_page_uri": link(page + 1) if len(rows) > (page + 1) * size else None}
