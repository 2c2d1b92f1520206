#!/usr/bin/env python3
"""Anthropic's own client works against llmock: streams, tools, errors, cut streams."""

import json
import os
import subprocess
import sys
import urllib.request

# The client reads defaults from the environment; here only what is written below counts.
for name in [name for name in os.environ if name.startswith("ANTHROPIC_")]:
    del os.environ[name]

import anthropic  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
process = subprocess.Popen([sys.executable, os.path.join(HERE, "llmock_peer.py")],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
root = "http://127.0.0.1:" + process.stdout.readline().strip().split("=")[1]
client = anthropic.Anthropic(api_key="sk-ant-test", base_url=root + "/anthropic", max_retries=0, timeout=5)
ask = {"model": "claude-opus-4-6", "max_tokens": 100, "messages": [{"role": "user", "content": "one two three"}]}
TOOL = {"name": "session_status", "description": "d", "input_schema": {"type": "object", "properties": {}}}


def scenario(*behaviors):
    request = urllib.request.Request(root + "/_llmock/scenario", json.dumps({"behaviors": behaviors}).encode())
    urllib.request.urlopen(request, timeout=5).read()


def stream(**more):
    with client.messages.stream(**ask, **more) as events:
        return events.get_final_message()


def fails(behavior, kind):
    scenario(behavior)
    try:
        message = stream()
    except kind:
        return
    sys.exit(f"{behavior} passed: {message}")


try:
    scenario({"type": "reply", "text": "Hello from llmock"})
    message = stream()
    assert message.content[0].text == "Hello from llmock", message
    assert message.stop_reason == "end_turn" and message.usage.output_tokens > 0, message
    scenario({"type": "reply", "tool_calls": [{"name": "session_status", "arguments": {}}]})
    message = stream(tools=[TOOL])
    assert message.stop_reason == "tool_use", message
    assert [block.name for block in message.content if block.type == "tool_use"] == ["session_status"], message
    fails({"type": "fail", "status": 401}, anthropic.AuthenticationError)
    fails({"type": "fail", "status": 429, "retry_after": 1}, anthropic.RateLimitError)
    fails({"type": "fail", "status": 529}, anthropic.InternalServerError)
    fails({"type": "stream_fault", "kind": "disconnect"}, Exception)
    print("llmock: ok")
finally:
    process.stdin.close()
    process.wait(timeout=5)
