#!/usr/bin/env python3
"""Anthropic's Messages API for tests: answers with what it was asked, and fails when it is told to.

Trusted because Anthropic's own client works against it: see check_model_fake.py.

    model_fake.py --key sk-ant-test [--port 0]

prints "READY port=N" and runs until its standard input is closed. POST /v1/messages, streamed or not: the answer is
"echo: " and the last thing the user said, with the number of pictures in the conversation if there are any. Asked to
"use TOOL {json}", it calls that tool first, if it was offered, with the object as its arguments. Pictures are checked as
the API does: base64 of the type that is said, at most 5 MB. "write N lines" adds so many numbered lines to the answer.
Under /control/, with JSON:

    POST fault {mode, count, status, type, message, headers, seconds}   the next calls fail
         mode: error (that status and error type), drop (closed before an answer), cut (closed in the middle of the
         stream), silence (a stream that starts and says no more), stream-error (an error event in the stream)
    POST pace  {seconds}                 pause between the words of a stream
    POST hold  {}                        streams stop before their last event until release
    POST release {}
    GET  calls?after=N&wait=S            the requests so far, waits until there are more than N
"""

import argparse
import asyncio
import base64
import json
import re
import time

import fake_http
from fake_http import Dropped


class Model:
    def __init__(self, key):
        self.key, self.calls, self.faults, self.pace = key, [], [], 0.0
        self.changed, self.released, self.number = asyncio.Event(), asyncio.Event(), 0
        self.released.set()

    def notify(self):
        self.changed.set()
        self.changed = asyncio.Event()

    async def answer(self, request):
        if request.path.startswith("/control/"):
            return 200, json.dumps(await self.control(request)).encode()
        if request.path != "/v1/messages" or request.method != "POST":
            return self.error(404, "not_found_error", f"no such path: {request.path}")
        # The API's documentation names x-api-key; Anthropic's Python client 2.12 sends the same key as a bearer.
        if self.key not in (request.headers.get("x-api-key"), request.headers.get("authorization", "").removeprefix("Bearer ")):
            return self.error(401, "authentication_error", "invalid x-api-key")
        if "anthropic-version" not in request.headers:
            return self.error(400, "invalid_request_error", "anthropic-version: header is required")
        body = request.params
        self.calls.append({"body": body, "at": time.time()})
        self.notify()
        problem = check(body)
        if problem:
            return self.error(400, "invalid_request_error", problem)
        fault = self.faults[0] if self.faults else None
        if fault:
            fault["count"] -= 1
            if fault["count"] <= 0:
                self.faults.pop(0)
            if fault["mode"] == "drop":
                raise Dropped()
            if fault["mode"] == "error":
                return self.error(fault["status"], fault["type"], fault["message"], fault["headers"])
        self.number += 1
        blocks, stop = reply(body, self.number)
        if not body.get("stream"):
            message = self.message(body, blocks, stop)
            return 200, json.dumps(message).encode()
        return 200, {"Content-Type": "text/event-stream; charset=utf-8"}, self.events(body, blocks, stop, fault)

    def error(self, status, kind, text, headers=None):
        body = {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_test"}
        return status, headers or {}, json.dumps(body).encode()

    def message(self, body, blocks, stop):
        return {"id": f"msg_{self.number}", "type": "message", "role": "assistant", "model": body["model"],
                "content": blocks, "stop_reason": stop, "stop_sequence": None,
                "usage": {"input_tokens": 11, "output_tokens": 7, "cache_read_input_tokens": 0,
                          "cache_creation_input_tokens": 0}}

    async def events(self, body, blocks, stop, fault):
        def event(value):
            return f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode()
        start = self.message(body, [], None)
        start["usage"]["output_tokens"] = 1
        yield event({"type": "message_start", "message": start})
        yield event({"type": "ping"})
        mode = fault["mode"] if fault else None
        if mode == "silence":
            await asyncio.Event().wait()
        for index, block in enumerate(blocks):
            if block["type"] == "text":
                yield event({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}})
                words = block["text"].split(" ")
                for number, word in enumerate(words):
                    if mode in ("cut", "stream-error") and number >= len(words) // 2:
                        if mode == "cut":
                            raise Dropped()
                        yield event({"type": "error", "error": {"type": fault["type"], "message": fault["message"]}})
                        return
                    text = word if number == 0 else " " + word
                    yield event({"type": "content_block_delta", "index": index,
                                 "delta": {"type": "text_delta", "text": text}})
                    if self.pace:
                        await asyncio.sleep(self.pace)
            else:
                empty = {**block, "input": {}}
                yield event({"type": "content_block_start", "index": index, "content_block": empty})
                yield event({"type": "content_block_delta", "index": index,
                             "delta": {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}})
            yield event({"type": "content_block_stop", "index": index})
        await self.released.wait()
        yield event({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
                     "usage": {"output_tokens": 7}})
        yield event({"type": "message_stop"})

    async def control(self, request):
        name, body = request.path[len("/control/"):], request.params
        if name == "fault":
            self.faults.append({"count": 1, "status": 500, "type": "api_error", "message": "Internal server error",
                                "headers": {}, **body})
        elif name == "clear-faults":
            self.faults.clear()
        elif name == "pace":
            self.pace = body["seconds"]
        elif name == "hold":
            self.released.clear()
        elif name == "release":
            self.released.set()
        elif name == "calls":
            after, deadline = int(request.query.get("after", 0)), time.monotonic() + float(request.query.get("wait", 0))
            while len(self.calls) <= after and (left := deadline - time.monotonic()) > 0:
                try:
                    await asyncio.wait_for(self.changed.wait(), left)
                except asyncio.TimeoutError:
                    break
            return self.calls[after:]
        return True


def check(body):
    """What the real API refuses of a conversation; None when it is well formed."""
    messages = body.get("messages")
    if not isinstance(body.get("model"), str) or not isinstance(body.get("max_tokens"), int):
        return "model and max_tokens are required"
    if not messages:
        return "messages: at least one message is required"
    if messages[0]["role"] != "user":
        return "messages: first message must use the \"user\" role"
    open_calls = set()
    for index, message in enumerate(messages):
        blocks = as_blocks(message["content"])
        if not blocks:
            return f"messages.{index}: content must be non-empty"
        if any(b["type"] == "text" and not b["text"].strip() for b in blocks):
            return f"messages.{index}: text content blocks must contain non-whitespace text"
        for number, block in enumerate(blocks):
            problem = picture_problem(block) if block["type"] == "image" else None
            if problem:
                return f"messages.{index}.content.{number}.image.source.base64: {problem}"
        results = {b["tool_use_id"] for b in blocks if b["type"] == "tool_result"}
        if open_calls - results:
            return f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after"
        if results - open_calls:
            return f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks"
        open_calls = {b["id"] for b in blocks if b["type"] == "tool_use"}
    if open_calls:
        return "messages: `tool_use` ids were found without `tool_result` blocks immediately after"
    return None


MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "image/webp": b"RIFF"}


def picture_problem(block):
    source = block.get("source") or {}
    if source.get("type") != "base64" or source.get("media_type") not in MAGIC:
        return "media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
    try:
        data = base64.b64decode(source["data"], validate=True)
    except ValueError:
        return "invalid base64 data"
    if len(source["data"]) > 10 * 1024 * 1024 or len(data) > 5 * 1024 * 1024:
        return "image exceeds 5 MB maximum"
    return None if data.startswith(MAGIC[source["media_type"]]) else "Could not process image"


def as_blocks(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def reply(body, number):
    """The blocks of the answer and its stop reason."""
    last = as_blocks(body["messages"][-1]["content"])
    said = ""
    for message in body["messages"]:
        if message["role"] == "user":
            texts = [b["text"] for b in as_blocks(message["content"]) if b["type"] == "text"]
            said = without_id(texts[-1]) if texts else said
    results = [b for b in last if b["type"] == "tool_result"]
    if results:
        return [{"type": "text", "text": f"echo: {said} (after the tool)"}], "end_turn"
    for tool in body.get("tools") or []:
        _, found, rest = said.partition(f"use {tool['name']}")
        if found:
            return [{"type": "text", "text": "looking"},
                    {"type": "tool_use", "id": f"toolu_{number}", "name": tool["name"], "input": arguments(rest)}], "tool_use"
    pictures = sum(b["type"] == "image" for m in body["messages"] for b in as_blocks(m["content"]))
    seen = f" (pictures: {pictures})" if pictures else ""
    lines = re.findall(r"write ([0-9]{1,5}) lines", said)
    more = "".join(f"\n\nline {n} of {lines[-1]}: {'word ' * 18}end" for n in range(1, int(lines[-1]) + 1)) if lines else ""
    return [{"type": "text", "text": f"echo: {said}{seen}{more}"}], "end_turn"


def without_id(text):
    """What was said, without the line that names the message for the message tool."""
    return re.sub(r"\s*\[message_id: [^\]]*\]\s*$", "", text)


def arguments(text):
    """The JSON object that follows a tool's name; empty when none does."""
    try:
        value, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--key", default="sk-ant-test")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    await fake_http.run(Model(options.key).answer, options.port)


if __name__ == "__main__":
    asyncio.run(main())
