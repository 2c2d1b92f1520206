#!/usr/bin/env python3
"""The vendors' clients work against llmock, in every dialect: a second opinion on them, written by others than we.

What it has no word for (thinking, codes of empty wallets, errors inside a stream) is model_fake.py's alone.
"""

import json
import urllib.request

from fake_process import FakeProcess
from model_clients import DIALECTS, Client, Incomplete

TOOL = "session_status"
PATHS = {"anthropic": "/anthropic", "chat": "", "responses": "", "gemini": "/gemini"}
MODELS = {"anthropic": "claude-opus-4-6", "chat": "gpt-4o", "responses": "gpt-4o", "gemini": "gemini-2.0-flash"}
llmock = FakeProcess("llmock_peer.py")


def scenario(*behaviors):
    urllib.request.urlopen(urllib.request.Request(llmock.url + "/_llmock/reset", b"{}"), timeout=5).read()
    data = json.dumps({"behaviors": behaviors}).encode()
    urllib.request.urlopen(urllib.request.Request(llmock.url + "/_llmock/scenario", data), timeout=5).read()


def ask(dialect, stream=True, **more):
    one = Client(dialect, llmock.url + PATHS[dialect], "sk-ant-test", **more)
    return one.ask(MODELS[dialect], "one two three", tool=TOOL, stream=stream)


def fails(dialect, behavior, kinds=Exception, **more):
    scenario({"type": "reply", "text": "Hello from llmock, in many words"}, behavior)
    try:
        said = ask(dialect, **more)
    except kinds as error:
        return error
    raise AssertionError(f"{dialect}: {behavior} passed: {said}")


try:
    for dialect in DIALECTS:
        for stream in (True, False):
            scenario({"type": "reply", "text": "Hello from llmock"})
            said = ask(dialect, stream)
            assert said.text == "Hello from llmock" and min(said.usage) > 0, said
            scenario({"type": "reply", "tool_calls": [{"name": TOOL, "arguments": {"path": "a b"}}]})
            assert ask(dialect, stream).calls == [(TOOL, {"path": "a b"})]
            for status in (401, 429, 500, 529):
                error = fails(dialect, {"type": "fail", "status": status, "retry_after": 1}, stream=stream)
                assert status in (getattr(error, "status_code", None), getattr(error, "code", None)), error
        fails(dialect, {"type": "stream_fault", "kind": "disconnect"})
        fails(dialect, {"type": "stream_fault", "kind": "stall", "stall_seconds": 2}, timeout=0.5)
        fails(dialect, {"type": "stream_fault", "kind": "malformed"})
        # No client of the four looks for the end that is missing; without our own look it would be a success.
        fails(dialect, {"type": "stream_fault", "kind": "truncate", "after_chunks": 4}, (Incomplete, AssertionError))
        print(f"ok: {dialect}")
    print("llmock: ok")
finally:
    llmock.stop()
