"""The REST side of the Discord fake: /api/v10, the CDN, rate limits and faults. Routes are in discord_routes.py."""

import asyncio
import fnmatch
import hashlib
import json
import re
import time
from dataclasses import dataclass

from aiohttp import web

from discord_routes import Routes
from discord_world import Refused

USER_AGENT = re.compile(r"DiscordBot \(\S+?,? \S+\)")


@dataclass
class Fault:
    """What befalls the next `count` calls of `method` whose path below /api/v10 matches `path`.

    mode: error (status, code, message), limited (429: retry_after, global, scope; html: as Cloudflare words a ban), drop
    (closed before it counts), close-after-accept (takes effect, closed), hang-after-accept (takes effect, never answered),
    hang (never answered), delay (seconds, then normal), garbage (200 with a body that is not JSON).
    """

    path: str
    method: str = "*"
    mode: str = "error"
    count: int = 1
    status: int = 500
    code: int = 0
    message: str = "500: Internal Server Error"
    retry_after: float = 1.0
    everywhere: bool = False
    scope: str = "user"
    html: bool = False
    seconds: float = 0


class Rest:
    def __init__(self, world, gateway):
        self.world, self.gateway = world, gateway
        self.routes = Routes(world, gateway)
        self.calls, self.faults = [], []
        self.limits, self.spent = {}, {}   # route -> (limit, seconds); bucket -> (start of its window, used)
        self.closed_until, self.invalid = 0.0, 0
        self.thawed = asyncio.Event()
        self.thawed.set()

    async def serve(self, request):
        await self.thawed.wait()
        path = request.path[len("/api/v10"):]
        found = self.routes.find(request.method, path)
        route, handler, parameters, is_public = found or (path, None, (), False)
        body, files = await self.read(request)
        call = {"method": request.method, "path": path, "route": route, "query": dict(request.query), "body": body,
                "files": [{k: v for k, v in f.items() if k != "data"} | {
                    "field": f"files[{n}]", "size": len(f["data"]), "sha256": hashlib.sha256(f["data"]).hexdigest()}
                    for n, f in files.items()],
                "headers": {k.lower(): v for k, v in request.headers.items() if k.lower() != "authorization"},
                "status": None, "at": time.time()}
        self.calls.append(call)
        bucket, headers = self.bucket(route, parameters), {}
        try:
            self.admit(request, is_public)
            if handler is None:
                raise Refused(404, 0, "404: Not Found")
            headers = self.spend(bucket, route)
            if headers is None:
                return self.limited(call, bucket, self.left(bucket, route), False, "user")
            fault = self.fault(request.method, path)
            if fault and (answer := await self.befall(fault, call, request, bucket, headers)) is not None:
                return answer
            result = await handler(*parameters, body=body, files=files, query=request.query)
            if fault and fault.mode == "close-after-accept":
                request.transport.abort()
            if fault and fault.mode in ("close-after-accept", "hang-after-accept"):
                self.world.notify()
                await asyncio.Event().wait()
            status, value = result if isinstance(result, tuple) else (200, result)
        except Refused as refused:
            status, value = refused.status, {"message": refused.message, "code": refused.code}
            if refused.errors:
                value["errors"] = refused.errors
        return self.answer(call, status, value, headers)

    def answer(self, call, status, value, headers):
        call["status"] = status
        self.world.notify()
        if status in (401, 403, 429):
            self.invalid += 1
        headers = {"Via": "1.1 google", **headers}
        if value is None:
            return web.Response(status=status, headers=headers)
        # Exactly this type: with a charset behind it discord.py hands back a string.
        return web.Response(status=status, body=json.dumps(value).encode(), headers={
            "Content-Type": "application/json", **headers})

    async def read(self, request):
        """The JSON of the body and its files by number."""
        files = {}
        if not request.can_read_body:
            return None, files
        kind = request.headers.get("Content-Type", "").split(";")[0]
        if kind == "application/json":
            raw = await request.read()
        elif kind == "multipart/form-data":
            raw = b"null"
            async for part in await request.multipart():
                data = bytes(await part.read())
                if part.name == "payload_json":
                    raw = data
                elif number := re.fullmatch(r"files\[(\d+)\]", part.name or ""):
                    files[number[1]] = {"filename": part.filename, "data": data,
                                        "content_type": part.headers.get("Content-Type")}
                else:
                    self.world.violations.append(f"form field {part.name}")
        else:
            raw = await request.read()
            if raw:
                self.world.violations.append(f"{request.method} {request.path} with content type {kind!r}")
        try:
            return json.loads(raw) if raw else None, files
        except ValueError:
            self.world.violations.append(f"{request.method} {request.path} with a body that is not JSON")
            return None, files

    def admit(self, request, is_public):
        # discord.py names itself on what needs its token alone.
        if not is_public and not USER_AGENT.match(request.headers.get("User-Agent", "")):
            self.world.violations.append(f"User-Agent {request.headers.get('User-Agent')!r}")
        if not is_public and request.headers.get("Authorization") != "Bot " + self.world.token:
            raise Refused(401, 0, "401: Unauthorized")

    # ---- rate limits

    def bucket(self, route, parameters):
        return hashlib.md5(f"{route} {parameters[:1] if route.startswith(('POST /channels', 'DELETE /channels')) else ''}"
                           .encode()).hexdigest()

    def left(self, bucket, route):
        return max(0.0, self.spent[bucket][0] + self.limits.get(route, (1000, 1))[1] - time.time())

    def spend(self, bucket, route):
        """The headers of an answer; None when the bucket is empty."""
        limit, seconds = self.limits.get(route, (1000, 1))
        start, used = self.spent.get(bucket, (0, 0))
        if time.time() - start >= seconds:
            start, used = time.time(), 0
        if used >= limit or time.time() < self.closed_until:
            return None
        self.spent[bucket] = (start, used + 1)
        left = self.left(bucket, route)
        return {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(limit - used - 1),
                "X-RateLimit-Reset": f"{time.time() + left:.3f}", "X-RateLimit-Reset-After": f"{left:.3f}",
                "X-RateLimit-Bucket": bucket}

    def limited(self, call, bucket, seconds, everywhere, scope):
        if time.time() < self.closed_until:
            everywhere, scope, seconds = True, "global", self.closed_until - time.time()
        headers = {"Retry-After": str(int(seconds) + 1), "X-RateLimit-Scope": scope}
        if everywhere:
            headers["X-RateLimit-Global"] = "true"
        else:
            headers |= {"X-RateLimit-Bucket": bucket, "X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0",
                        "X-RateLimit-Reset": f"{time.time() + seconds:.3f}", "X-RateLimit-Reset-After": f"{seconds:.3f}"}
        return self.answer(call, 429, {"message": "You are being rate limited.", "retry_after": round(seconds, 3),
                                       "global": everywhere}, headers)

    # ---- faults

    def fault(self, method, path):
        for fault in self.faults:
            if fault.method in ("*", method) and fnmatch.fnmatch(path, fault.path):
                fault.count -= 1
                if fault.count <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    async def befall(self, fault, call, request, bucket, headers):
        """The answer that a fault gives; None when the call goes on."""
        if fault.mode == "drop":
            self.world.notify()
            request.transport.abort()
            await asyncio.Event().wait()
        if fault.mode == "hang":
            self.world.notify()
            await asyncio.Event().wait()
        if fault.mode == "delay":
            await asyncio.sleep(fault.seconds)
            return None
        if fault.mode == "limited":
            if fault.html:
                call["status"] = 429
                self.invalid += 1
                return web.Response(status=429, body=b"error code: 1015", headers={
                    "Content-Type": "text/html", "Retry-After": str(int(fault.retry_after) + 1)})
            if fault.everywhere:
                self.closed_until = time.time() + fault.retry_after
            return self.limited(call, bucket, fault.retry_after, fault.everywhere, fault.scope)
        if fault.mode == "garbage":
            call["status"] = 200
            return web.Response(body=b"<html>upstream</html>", headers={"Content-Type": "text/html", "Via": "1.1 google"})
        if fault.mode == "error":
            return self.answer(call, fault.status, {"message": fault.message, "code": fault.code}, headers)
        return None

    # ---- CDN

    async def attachment(self, request):
        await self.thawed.wait()
        self.calls.append({"method": "GET", "path": request.path, "route": "CDN", "query": dict(request.query), "body": None,
                           "files": [], "headers": {k.lower(): v for k, v in request.headers.items()}, "status": 200,
                           "at": time.time()})
        self.world.notify()
        if "Authorization" in request.headers:
            self.world.violations.append("the token was sent to the CDN")
        data, kind = self.world.files.get(request.match_info["id"], (None, None))
        if data is None or not all(k in request.query for k in ("ex", "is", "hm")):
            return web.Response(status=404, body=b"This content is no longer available.")
        fault = self.fault("GET", request.path)
        if fault and fault.mode in ("hang", "drop"):
            request.transport.abort() if fault.mode == "drop" else None
            await asyncio.Event().wait()
        if fault:
            return web.Response(status=fault.status, body=b"")
        return web.Response(body=data, headers={"Content-Type": kind or "application/octet-stream"})
