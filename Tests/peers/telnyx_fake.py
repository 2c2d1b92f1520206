#!/usr/bin/env python3
"""Telnyx for tests: call control v2 and its events; one process, loopback.

Trusted because Telnyx's own library works against it: see check_voice_fake.py, which judges it.

    telnyx_fake.py --key KEY… --connection ID [--port 0] [--scale 0.02]

prints "READY port=N" and runs until its standard input is closed. The account's side is /v2/calls…. Time that people need is
multiplied by --scale. The test's side is under /control/ and speaks JSON, in twilio_fake.py's words:

    POST target {url} | number {url} | answer {mode?, says?, hangup?, rings?, always?} | fault {method, mode, …}
    POST call   {from, to?, says?, hangup?}  somebody calls; answers {sid}. `says`: one entry each time that the other side has
                                       spoken and transcribes; null hangs up
    POST say    {call, text}           is said at once; POST hangup {call}
    POST manner {duplicate?, reorder?} how events come from now on
    POST forge  {url, count, seed?}    events that Telnyx never sent; see telnyx_forge.py; answers {kind: {status: count}}
    GET  key                           the account's public key
    GET  heard?… | webhooks?… | rest?… lists, as twilio_fake.py's
    GET  calls | ended?call=ID&wait=S | state
"""

import argparse
import asyncio
import json
import re
import urllib.parse

import fake_http
import telnyx_forge
from fake_http import Dropped
from fake_webhooks import Rows, fault_for
from telnyx_calls import Calls, Refused
from telnyx_hooks import Hooks


class Telnyx:
    def __init__(self, key, connection, scale):
        self.key, self.heard, self.webhooks, self.requests = key, Rows(), Rows(), Rows()
        self.hooks = Hooks(self.webhooks, scale)
        self.calls = Calls(connection, self.hooks, self.heard, scale)
        self.faults = []

    # ---- the account's side

    async def rest(self, request):
        row = {"method": request.method, "path": request.path, "body": request.params,
               "authorization": request.headers.get("authorization", ""), "type": request.headers.get("content-type", "")}
        try:
            status, found = 200, {"data": await self.handle(request)}
        except Refused as refused:
            status, found = refused.status, refused.body()
        except Dropped:
            self.requests.add(**row, status=0)
            raise
        self.requests.add(**row, status=status)
        return status, json.dumps(found).encode()

    async def handle(self, request):
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(401, "10009", "Authentication failed", "Could not understand the provided credentials.")
        if request.path == "/v2/calls" and request.method == "POST":
            # Dialling goes on after the answer: it is never alive in it.
            return await self.faulty("dial", lambda: {**self.calls.create(request.params).shown(), "is_alive": False})
        found = re.fullmatch(r"/v2/calls/([^/]+)(?:/actions/([a-z_]+))?", request.path)
        call = self.calls.all.get(urllib.parse.unquote(found[1])) if found else None
        if call is None:
            raise Refused(404, "10005", "Resource not found", "The requested resource or URL could not be found.")
        if found[2] is None and request.method == "GET":
            return await self.faulty("retrieve", call.shown)
        if found[2] is not None and request.method == "POST":
            return await self.faulty(found[2], lambda: self.calls.command(call, found[2], request.params))
        raise Refused(405, "10004", "Method not allowed", "Method not allowed")

    async def faulty(self, method, work):
        """Does `work`, with the fault that was asked for; the same ones as twilio_rest.py."""
        fault = fault_for(self.faults, method) or {"mode": "none"}
        mode = fault.get("mode", "error")
        if mode == "drop":
            raise Dropped()
        if mode == "hang":
            await asyncio.Event().wait()
        if mode == "error":
            raise Refused(fault.get("status", 500), fault.get("code", "10007"), "Unexpected error", "An unexpected error occurred.")
        if mode == "delay":
            await asyncio.sleep(fault["seconds"])
        result = work()
        if mode == "close-after-accept":
            raise Dropped()
        if mode == "hang-after-accept":
            await asyncio.Event().wait()
        return result

    # ---- the test's side

    async def control(self, name, query, body):
        calls = self.calls
        if name == "target":
            self.hooks.target = body["url"]
            return True
        if name == "number":
            calls.number = body
            return True
        if name == "call":
            return {"sid": calls.inbound(body["from"], body.get("to", "+15550001234"), body).id}
        if name == "answer":
            if body.pop("always", False):
                calls.usual = body
            else:
                calls.answers.append(body)
            return True
        if name == "say":
            await calls.say(calls.all[body["call"]], body["text"])
            return True
        if name == "hangup":
            calls.end(calls.all[body["call"]], "normal_clearing", "caller")
            return True
        if name == "fault":
            self.faults.append(body)
            return True
        if name == "clear-faults":
            self.faults.clear()
            return True
        if name == "manner":
            self.hooks.manner = body
            return True
        if name == "forge":
            return await telnyx_forge.run(self.hooks, body["url"], int(body["count"]), int(body.get("seed", 1)))
        if name == "key":
            return self.hooks.public_key
        if name in ("heard", "webhooks", "rest"):
            return await {"heard": self.heard, "webhooks": self.webhooks, "rest": self.requests}[name].asked(query)
        if name == "calls":
            return [self.shown(call) for call in calls.all.values()]
        if name == "ended":
            call = calls.all[query["call"]]
            await self.heard.until(lambda: not call.is_alive, float(query.get("wait", 10)))
            return self.shown(call)
        if name == "state":
            return {"live": [c.id for c in calls.all.values() if c.is_alive], "violations": calls.violations}
        return None

    @staticmethod
    def shown(call):
        return {**call.shown(), "sid": call.id, "from": call.from_, "to": call.to, "direction": call.direction,
                "status": call.cause or ("live" if call.is_answered else "ringing"), "left": len(call.words)}


async def answer(telnyx, request):
    if request.path.startswith("/control/"):
        found = await telnyx.control(request.path.removeprefix("/control/"), request.query, request.params)
        return (404 if found is None else 200), json.dumps(found).encode()
    return await telnyx.rest(request)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--key", required=True)
    parser.add_argument("--connection", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--scale", type=float, default=0.02)
    options = parser.parse_args()
    telnyx = Telnyx(options.key, options.connection, options.scale)
    await fake_http.run(lambda request: answer(telnyx, request), options.port)


if __name__ == "__main__":
    asyncio.run(main())
