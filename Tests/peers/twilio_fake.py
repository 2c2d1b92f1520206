#!/usr/bin/env python3
"""Twilio for tests: its REST API for calls, and the telephone network that calls webhooks; one process, loopback.

Trusted because Twilio's own library works against it: see check_voice_fake.py, which judges it.

    twilio_fake.py --account AC… --token SECRET [--port 0] [--scale 0.02]

prints "READY port=N" and runs until its standard input is closed. The account's side is /2010-04-01/Accounts/<sid>/…. Time that
people need (speaking, ringing, silence) is multiplied by --scale. The test's side is under /control/ and speaks JSON:

    POST target  {url}                 where public addresses lead to ("http://127.0.0.1:3334"); null: they are called as written
    POST number  {url, fallback?, status?}   the account's own number: who is asked when somebody calls it
    POST call    {from, to?, says?, hangup?} somebody calls; answers {sid}. `says`: one entry per Gather, "" is silence, null hangs
                                       up; with `hangup` the call ends at the first Gather after the last entry
    POST answer  {mode?, says?, hangup?, rings?, always?}  how the next that is called behaves: answered, busy, no-answer, failed
    POST say     {call, text}          what is said at the next Gather; POST hangup {call}: the person hangs up now
    POST fault   {method, mode, count?, …}   the next calls of create, update, fetch, list or account fail; see twilio_rest.py
    POST manner  {duplicate?, reorder?}      how status callbacks come from now on
    POST replay  {n}                   sends the n-th webhook request again, byte for byte; answers status and body
    POST forge   {url, count, seed?}   requests that Twilio never sent; see twilio_forge.py; answers {kind: {status: count}}
    GET  heard?call=SID&after=N&wait=S       what was heard: verb, text, voice, and "ended"; fields filter, rows from N on
    GET  webhooks?kind=K&call=SID&after=N&wait=S   requests to webhooks, with answers and milliseconds
    GET  rest?method=M&path=P&after=N&wait=S       requests of the account
    GET  calls | ended?call=SID&wait=S | state
"""

import argparse
import asyncio
import json

import fake_http
import twilio_forge
from fake_webhooks import Rows
from twilio_calls import Calls
from twilio_hooks import Hooks
from twilio_rest import Rest


class Twilio:
    def __init__(self, account, token, scale):
        self.heard, self.webhooks, self.requests = Rows(), Rows(), Rows()
        self.hooks = Hooks(account, token, self.webhooks)
        self.calls = Calls(account, self.hooks, self.heard, scale)
        self.rest = Rest(account, token, self.calls, self.requests)

    def call(self, body):
        return self.calls.all[body["call"]]

    async def control(self, name, query, body):
        if name == "target":
            self.hooks.target = body["url"]
            return True
        if name == "number":
            self.calls.number = body
            return True
        if name == "call":
            return {"sid": self.calls.inbound(body["from"], body.get("to", "+15550001234"), body).sid}
        if name == "answer":
            if body.pop("always", False):
                self.calls.usual = body
            else:
                self.calls.answers.append(body)
            return True
        if name == "say":
            self.call(body).words.append(body["text"])
            self.heard.notify()
            return True
        if name == "hangup":
            await self.calls.stop(self.call(body), "completed")
            return True
        if name == "fault":
            self.rest.faults.append(body)
            return True
        if name == "clear-faults":
            self.rest.faults.clear()
            return True
        if name == "manner":
            self.hooks.manner = body
            return True
        if name == "replay":
            row = self.webhooks.rows[int(body["n"])]
            status, _, text = await self.hooks.send(row["url"], row["headers"], row["body"].encode("latin-1"), "replay")
            return {"status": status, "body": text.decode("utf-8", "replace")}
        if name == "forge":
            return await twilio_forge.run(self.hooks, body["url"], int(body["count"]), int(body.get("seed", 1)))
        if name == "heard":
            return await self.heard.asked(query)
        if name == "webhooks":
            return await self.webhooks.asked(query)
        if name == "rest":
            return await self.requests.asked(query)
        if name == "calls":
            return [self.shown(call) for call in self.calls.all.values()]
        if name == "ended":
            call = self.calls.all[query["call"]]
            await self.heard.until(lambda: not call.is_live, float(query.get("wait", 10)))
            return self.shown(call)
        if name == "state":
            return {"live": [c.sid for c in self.calls.all.values() if c.is_live], "violations": self.rest.violations,
                    "errors": [c.error for c in self.calls.all.values() if c.error]}
        return None

    @staticmethod
    def shown(call):
        return {**call.shown(), "error": call.error, "rejected": call.rejected, "left": len(call.words)}


async def answer(twilio, request):
    if request.path.startswith("/control/"):
        found = await twilio.control(request.path.removeprefix("/control/"), request.query, request.params)
        return (404 if found is None else 200), json.dumps(found).encode()
    return await twilio.rest.answer(request)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--account", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--scale", type=float, default=0.02)
    options = parser.parse_args()
    twilio = Twilio(options.account, options.token, options.scale)
    await fake_http.run(lambda request: answer(twilio, request), options.port)


if __name__ == "__main__":
    asyncio.run(main())
