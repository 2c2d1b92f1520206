#!/usr/bin/env python3
"""The model providers for tests: answers in four dialects with what it was asked, and fails when it is told to.

Trusted because the vendors' own clients work against it and find its faults as they find the real ones: see
check_model_fake.py.

    model_fake.py --key sk-ant-test [--key …] [--port 0]

prints "READY port=N" and runs until its standard input is closed. POST …/v1/messages (Anthropic), …/chat/completions and
…/responses (OpenAI), …/v1beta/models/NAME:generateContent and :streamGenerateContent (Google; v1 too), and
…/audio/transcriptions; GET …/models. What stands in front of the path is the name of the provider: one fake is as many as a test
wants. What it answers is in model_talk.py. Under /control/, with JSON:

    POST fault {mode, count, …}   the next `count` calls (-1: all from now on) are treated so; of these only
                                  {key, model, dialect, provider} where they are given
         error        an answer of `name` (a situation in its dialect's words: rate, quota, auth, overloaded … see `failures` in
                      model_dialects.py), or of {status, type, code, message}; with {headers}
         drop, reset  closed, or reset, before an answer
         silent       never an answer
         silence      a stream that starts and says nothing
         slow         the first content comes after {seconds}
         stall        silent from content event {after} (default: half) on, for {seconds} (default: for ever), then closed
         cut          closed after {after} content events; {reset}: with a RST
         truncated    properly ended there, without the dialect's end
         no-end       whole, without the dialect's very last mark
         malformed    the content event {after} is no JSON, the rest is well
         error-first, error-later   a failure like `error` inside the stream, before any content or after {after} events
         empty        a proper answer without content
    POST clear-faults {}                 or of {key, model, dialect, provider} alone
    POST keys {keys}                     the keys that are taken from now on
    POST transcript {text}               what is heard in every recording
    POST pace {seconds}                  pause between the words of a stream
    POST hold {}                         streams stop before their end until release
    POST release {}
    GET  calls?after=N&wait=S            the requests so far, waits until there are more than N: number, provider, dialect, model,
                                         key, stream, outcome, usage (of the whole answer), reported (usage on the wire so far),
                                         sent (content events), body; &brief=1 leaves out the bodies
    GET  idle?wait=S                     waits until no call is being answered
"""

import argparse
import asyncio
import json
import time

import fake_http
import model_dialects
from fake_http import Dropped, Reset
from model_talk import Answer, Refused, Usage, reply

FILTERS = ("key", "model", "dialect", "provider")
SOUND = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")


class Model:
    def __init__(self, keys):
        self.keys, self.calls, self.faults, self.pace = set(keys), [], [], 0.0
        self.changed, self.released, self.open, self.given = asyncio.Event(), asyncio.Event(), 0, set()
        self.transcript = "words of a voice"
        self.released.set()

    def notify(self):
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, holds, seconds):
        """Waits until it holds, at most so long."""
        deadline = time.monotonic() + seconds
        while not holds() and (left := deadline - time.monotonic()) > 0:
            try:
                await asyncio.wait_for(self.changed.wait(), left)
            except asyncio.TimeoutError:
                return

    async def answer(self, request):
        if request.path.startswith("/control/"):
            return 200, json.dumps(await self.control(request)).encode()
        if request.method == "GET" and request.path.endswith("/models"):
            return 200, json.dumps({"object": "list", "data": [{"id": "test", "object": "model"}], "has_more": False}).encode()
        hears = request.path.endswith("/audio/transcriptions")
        dialect = model_dialects.ALL["chat"] if hears else model_dialects.of_path(request.path)
        if dialect is None or request.method != "POST":
            return 404, json.dumps({"error": {"message": f"no such path: {request.path}"}}).encode()
        row = self.begin(request, dialect, hears)
        try:
            status, headers, body = await self.respond(request, dialect, row, hears)
        except BaseException as error:
            self.end(row, "gone" if isinstance(error, asyncio.CancelledError) else "fault")
            raise
        if not isinstance(body, bytes):
            return status, headers, self.followed(row, body)
        self.end(row, "finished" if status == 200 and row["outcome"] != "fault" else "fault")
        return status, headers, body

    def begin(self, request, dialect, hears):
        body = request.params
        model = body.get("model") or request.path.rsplit("/", 1)[1].split(":")[0]
        row = {"number": len(self.calls) + 1, "at": time.time(), "path": request.path, "dialect": dialect.name,
               "provider": request.path.strip("/").split("/")[0], "model": model, "key": dialect.key(request),
               "stream": bool(body.get("stream")) or ":stream" in request.path, "outcome": None, "usage": None,
               "reported": None, "sent": 0, "version": request.headers.get("anthropic-version"),
               "agent": request.headers.get("user-agent")}
        file = body.get("file") if hears else None
        if isinstance(file, dict):
            body = {**body, "file": {"bytes": len(file["data"]), "filename": file["filename"],
                                     "content_type": file["content_type"]}}
        self.calls.append({**row, "body": body})
        self.open += 1
        self.notify()
        return self.calls[-1]

    def end(self, row, outcome):
        row["outcome"] = row["outcome"] or outcome
        row["seconds"] = time.time() - row["at"]
        self.open -= 1
        self.notify()

    async def followed(self, row, body):
        try:
            async for part in body:
                yield part
        except (asyncio.CancelledError, GeneratorExit):
            self.end(row, "gone")
            raise
        except BaseException:
            self.end(row, "fault")
            raise
        self.end(row, "fault")

    async def respond(self, request, dialect, row, hears):
        if row["key"] not in self.keys:
            return self.failure(dialect, {"name": "auth"})
        fault = self.take(row)
        mode = fault["mode"] if fault else None
        if mode == "drop":
            raise Dropped()
        if mode == "reset":
            raise Reset()
        if mode == "silent":
            await asyncio.Event().wait()
        if mode == "error":
            return self.failure(dialect, fault)
        try:
            dialect.check_head(request)
            if hears:
                return self.hear(request.params, row)
            ask = dialect.read(request)
            if dialect.name == "gemini":
                dialect.check_signatures(ask, self.given)
        except (Refused, KeyError, TypeError, AttributeError) as error:
            return self.failure(dialect, {"name": "invalid", "message": f"{error}"})
        answer = reply(ask, row["number"], dialect.writes_cache)
        self.given.update(block[1].signature for block in answer.blocks if block[0] == "tool")
        if mode == "empty":
            usage = Usage(answer.usage.input, 0, answer.usage.cache_read, answer.usage.cache_write)
            answer = Answer(answer.number, answer.model, [], "end", usage)
        row["usage"] = vars(answer.usage)
        if not ask.stream:
            return await self.whole(dialect, row, answer, fault)
        with_usage = (request.params.get("stream_options") or {}).get("include_usage", False)
        parts = dialect.parts(answer, with_usage) if dialect.name == "chat" else dialect.parts(answer)
        head = {"Content-Type": "text/event-stream; charset=utf-8"}
        if dialect.name == "gemini" and request.query.get("alt") != "sse":
            head, parts = {}, [model_dialects.Part("end", b"[" + json.dumps(dialect.whole(answer)).encode() + b"]")]
        return 200, head, self.stream(dialect, row, list(parts), fault)

    def take(self, row):
        for fault in self.faults:
            if all(fault.get(name) in (None, row[name]) for name in FILTERS):
                fault["count"] -= 1
                if fault["count"] == 0:
                    self.faults.remove(fault)
                row["fault"] = fault["mode"]
                return fault
        return None

    def failure(self, dialect, fault, headers=None):
        wanted = self.words(dialect, fault)
        headers = {"request-id": "req_test", "x-request-id": "req_test", **fault.get("headers", {})}
        value = dialect.error(**wanted)
        if dialect.name == "gemini" and fault.get("retry"):
            # Google says it in the body.
            value["error"]["details"].append({"@type": "type.googleapis.com/google.rpc.RetryInfo",
                                              "retryDelay": f"{fault['retry']}s"})
        elif fault.get("retry"):
            headers["retry-after"] = str(fault["retry"])
        return wanted["status"], headers, json.dumps(value).encode()

    def words(self, dialect, fault):
        """What a failure says: its situation's words in this dialect, each of which the fault may change."""
        status, kind, code, message = dialect.failures[fault.get("name", "server")]
        wanted = {"status": status, "kind": kind, "code": code, "message": message}
        renamed = {"kind": fault.get("type"), **{name: fault.get(name) for name in ("status", "code", "message")}}
        return {**wanted, **{name: value for name, value in renamed.items() if value is not None}}

    def hear(self, fields, row):
        file = fields["file"]
        name = (file["filename"] or "").lower()
        if name.rsplit(".", 1)[-1] not in SOUND:
            raise Refused(f"Invalid file format. Supported formats: {list(SOUND)}")
        if not fields.get("model"):
            raise Refused("you must provide a model parameter")
        if not file["data"]:
            raise Refused("Audio file is too short. Minimum audio length is 0.1 seconds.")
        usage = Usage(10 + row["number"], len(self.transcript.split()))
        row["usage"] = row["reported"] = vars(usage)
        value = {"text": self.transcript, "usage": {"type": "tokens", "input_tokens": usage.input,
                                                    "input_token_details": {"text_tokens": 0, "audio_tokens": usage.input},
                                                    "output_tokens": usage.output,
                                                    "total_tokens": usage.input + usage.output}}
        if fields.get("response_format") == "text":
            return 200, {"Content-Type": "text/plain"}, self.transcript.encode()
        return 200, {}, json.dumps(value).encode()

    async def whole(self, dialect, row, answer, fault):
        """An answer that is not streamed; the modes of a stream as far as they have a meaning."""
        mode = fault["mode"] if fault else None
        data = json.dumps(dialect.whole(answer)).encode()
        half = data[: len(data) // 2]
        if mode in ("cut", "stall", "silence"):
            return 200, {}, self.half(row, half, fault)
        if mode == "slow":
            await asyncio.sleep(fault.get("seconds", 1))
        if mode in ("error-first", "error-later"):
            # Seen at OpenRouter: status 200, and an error for a body.
            row["outcome"] = "fault"
            return 200, {}, json.dumps(dialect.error(**self.words(dialect, fault))).encode()
        if mode in ("truncated", "malformed"):
            row["outcome"] = "fault"
            return 200, {}, half if mode == "truncated" else data.replace(b'"', b"'", 5)
        await self.released.wait()
        row["reported"] = row["usage"]
        return 200, {}, data

    async def half(self, row, data, fault):
        yield data
        if fault["mode"] != "cut":
            await asyncio.sleep(fault.get("seconds", 3600))
        raise Reset() if fault.get("reset") else Dropped()

    async def stream(self, dialect, row, parts, fault):
        mode = fault["mode"] if fault else None
        contents = sum(part.kind == "content" for part in parts)
        after = fault.get("after", contents // 2) if fault else 0
        is_over = False
        for number, part in enumerate(parts):
            if part.kind != "start" and row["sent"] == 0 and not is_over:
                if mode == "slow":
                    await asyncio.sleep(fault.get("seconds", 1))
                if mode == "silence":
                    await asyncio.Event().wait()
                if mode == "error-first":
                    for error in dialect.in_band(self.words(dialect, fault)):
                        yield error
                    return
            if part.kind == "content" and row["sent"] == after and mode in ("stall", "cut", "truncated", "error-later"):
                if mode == "stall":
                    await asyncio.sleep(fault.get("seconds", 3600))
                if mode in ("stall", "cut"):
                    raise Reset() if fault.get("reset") else Dropped()
                if mode == "error-later":
                    for error in dialect.in_band(self.words(dialect, fault)):
                        yield error
                return
            if part.kind in ("end", "done") and not is_over:
                is_over = True
                await self.released.wait()
            if mode == "no-end" and number == len(parts) - 1:
                return
            if part.usage is not None:
                row["reported"] = vars(part.usage)
            if part.kind == "content":
                row["sent"] += 1
            if number == len(parts) - 1:
                row["outcome"] = "finished"
            data = part.data
            if mode == "malformed" and part.kind == "content" and row["sent"] == after:
                data = data.replace(b'{"', b'{broken "', 1)
            yield data
            if self.pace and part.kind == "content":
                await asyncio.sleep(self.pace)

    async def control(self, request):
        name, body, query = request.path[len("/control/"):], request.params, request.query
        if name == "fault":
            self.faults.append({"count": 1, **body})
        elif name == "clear-faults":
            wanted = {name: value for name, value in body.items() if name in FILTERS}
            self.faults = [f for f in self.faults if wanted and any(f.get(n) != v for n, v in wanted.items())]
        elif name == "keys":
            self.keys = set(body["keys"])
        elif name == "transcript":
            self.transcript = body["text"]
        elif name == "pace":
            self.pace = body["seconds"]
        elif name == "hold":
            self.released.clear()
        elif name == "release":
            self.released.set()
        elif name == "idle":
            await self.until(lambda: self.open == 0, float(query.get("wait", 0)))
            return self.open == 0
        elif name == "calls":
            after = int(query.get("after", 0))
            await self.until(lambda: len(self.calls) > after, float(query.get("wait", 0)))
            rows = self.calls[after:]
            return [{k: v for k, v in row.items() if k != "body"} for row in rows] if "brief" in query else rows
        return True


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--key", action="append")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    await fake_http.run(Model(options.key or ["sk-ant-test"]).answer, options.port)


if __name__ == "__main__":
    asyncio.run(main())
