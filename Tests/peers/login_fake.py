#!/usr/bin/env python3
"""A login service that gives codes, in the form of OpenAI's for its command line tool (openai/codex, codex-rs/login).

Its shape is that of the public client's source; no client library accepts it, the protocol being nobody else's.

    login_fake.py --token ACCESS [--port 0]

prints "READY port=N" and runs until its standard input is closed. POST /api/accounts/deviceauth/usercode, …/token and /oauth/token.
Under /control/, with JSON:

    POST enter {}            the person has entered the code
    POST mode {mode}         slow: asked too often, once; deny, expire: the person said no, came too late; huge, cut: the answers that
                             come now are a megabyte, or end in the middle; none: as usual
    GET  asked?after=N&wait=S   the paths that were asked
"""

import argparse
import asyncio
import json
import time

import fake_http
from fake_http import Dropped

CLIENT = "app_EMoamEEZ73f0CkXaXp7hrann"


class Login:
    def __init__(self, token):
        self.token, self.mode, self.entered, self.asked, self.changed = token, "none", False, [], asyncio.Event()

    async def answer(self, request):
        if request.path.startswith("/control/"):
            return 200, json.dumps(await self.control(request)).encode()
        self.asked.append(request.path)
        self.changed.set()
        self.changed = asyncio.Event()
        status, value = self.reply(request)
        data = json.dumps(value).encode()
        if self.mode == "huge":
            return status, data + b" " * (1 << 20)
        if self.mode == "cut":
            return status, {}, self.half(data)
        return status, data

    async def half(self, data):
        yield data[: len(data) // 2]
        raise Dropped()

    def reply(self, request):
        fields, kind = request.params, request.headers.get("content-type")
        if request.method != "POST":
            return 405, {}
        if request.path == "/api/accounts/deviceauth/usercode" and kind == "application/json":
            if fields != {"client_id": CLIENT}:
                return 400, {"error": {"message": "invalid client", "code": "invalid_client"}}
            return 200, {"device_auth_id": "deviceauth_1", "user_code": "WXYZ-12345", "interval": "1"}
        if request.path == "/api/accounts/deviceauth/token" and kind == "application/json":
            if fields != {"device_auth_id": "deviceauth_1", "user_code": "WXYZ-12345"}:
                return 400, {"error": {"message": "unknown code"}}
            mode = self.mode
            if mode == "slow":
                self.mode = "none"
                return 400, {"error": "slow_down"}
            if mode == "deny":
                return 403, {"error": "access_denied"}
            if mode == "expire":
                return 400, {"error": "expired_token"}
            if not self.entered:
                return 403, {"error": {"message": "pending", "code": "deviceauth_authorization_unknown"}}
            return 200, {"authorization_code": "code_1", "code_challenge": "challenge_1", "code_verifier": "verifier_1"}
        if request.path == "/oauth/token" and kind == "application/x-www-form-urlencoded":
            wanted = {"grant_type": "authorization_code", "code": "code_1", "client_id": CLIENT, "code_verifier": "verifier_1"}
            if {name: fields.get(name) for name in wanted} != wanted or not fields.get("redirect_uri", "").endswith(
                    "/deviceauth/callback"):
                return 400, {"error": "invalid_grant"}
            return 200, {"access_token": self.token, "refresh_token": "refresh_1", "id_token": "h.e30.s", "expires_in": 3600}
        return 404, {}

    async def control(self, request):
        name = request.path[len("/control/"):]
        if name == "enter":
            self.entered = True
        elif name == "mode":
            self.mode = request.params["mode"]
        elif name == "asked":
            after, deadline = int(request.query.get("after", 0)), time.monotonic() + float(request.query.get("wait", 0))
            while len(self.asked) <= after and (left := deadline - time.monotonic()) > 0:
                try:
                    await asyncio.wait_for(self.changed.wait(), left)
                except asyncio.TimeoutError:
                    break
            return self.asked[after:]
        return True


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--token", required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    await fake_http.run(Login(options.token).answer, options.port)


if __name__ == "__main__":
    asyncio.run(main())
