#!/usr/bin/env python3
"""Anthropic's own client works against model_fake.py: only then is it good enough to test our worker against."""

import base64
import json
import os
import subprocess
import sys
import urllib.request

# The client reads defaults from the environment; here only what is written below counts.
for name in [name for name in os.environ if name.startswith("ANTHROPIC_")]:
    del os.environ[name]

import anthropic  # noqa: E402

KEY = "sk-ant-test"
HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = {"name": "session_status", "description": "d", "input_schema": {"type": "object", "properties": {}}}

process = subprocess.Popen([sys.executable, os.path.join(HERE, "model_fake.py"), "--key", KEY],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
url = "http://127.0.0.1:" + process.stdout.readline().strip().split("=")[1]
client = anthropic.Anthropic(api_key=KEY, base_url=url, max_retries=0, timeout=5)
ask = {"model": "claude-test", "max_tokens": 100}


def control(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + "/control/" + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def user(text):
    return {"role": "user", "content": text}


def fails(kind, words):
    try:
        with client.messages.stream(messages=[user("one two three four")], **ask) as stream:
            stream.get_final_message()
    except kind as error:
        assert words in str(error), error
        return
    raise AssertionError(f"no {kind.__name__}")


message = client.messages.create(messages=[user("hello")], **ask)
assert message.content[0].text == "echo: hello" and message.stop_reason == "end_turn", message
with client.messages.stream(messages=[user("grüß dich 👋")], **ask) as stream:
    parts = list(stream.text_stream)
    assert "".join(parts) == "echo: grüß dich 👋" and len(parts) > 2, parts
    final = stream.get_final_message()
assert final.usage.input_tokens == 11 and final.usage.output_tokens == 7, final
with client.messages.stream(messages=[user("use session_status")], tools=[TOOL], **ask) as stream:
    final = stream.get_final_message()
call = final.content[1]
assert final.stop_reason == "tool_use" and call.name == "session_status" and call.input == {}, final
history = [user("use session_status"), {"role": "assistant", "content": [b.to_dict() for b in final.content]},
           {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "fine"}]}]
assert client.messages.create(messages=history, tools=[TOOL], **ask).content[0].text.endswith("(after the tool)")
try:
    client.messages.create(messages=history[:2] + [user("go on")], tools=[TOOL], **ask)
    raise AssertionError("a call without a result was taken")
except anthropic.BadRequestError:
    pass
PNG = base64.b64encode(base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")).decode()


def picture(data, mime="image/png"):
    return [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}},
        {"type": "text", "text": "what is it?"}]}]


assert client.messages.create(messages=picture(PNG), **ask).content[0].text == "echo: what is it? (pictures: 1)"
for wrong in [picture(PNG, "image/jpeg"), picture("%%%"), picture(PNG, "image/bmp")]:
    try:
        client.messages.create(messages=wrong, **ask)
        raise AssertionError("a picture that is none was taken")
    except anthropic.BadRequestError:
        pass
for status, kind, exception in [(429, "rate_limit_error", anthropic.RateLimitError),
                                (529, "overloaded_error", anthropic.APIStatusError),
                                (500, "api_error", anthropic.InternalServerError)]:
    control("fault", {"mode": "error", "status": status, "type": kind, "message": "words of it"})
    fails(exception, "words of it")
control("fault", {"mode": "stream-error", "type": "overloaded_error", "message": "Overloaded"})
fails(anthropic.APIStatusError, "Overloaded")
control("fault", {"mode": "drop"})
fails(anthropic.APIConnectionError, "")
control("fault", {"mode": "cut"})
fails(Exception, "")
try:
    anthropic.Anthropic(api_key="wrong", base_url=url, max_retries=0).messages.create(messages=[user("x")], **ask)
    raise AssertionError("a wrong key was taken")
except anthropic.AuthenticationError:
    pass
assert len(control("calls")) == 15, len(control("calls"))
process.stdin.close()
assert process.wait(5) == 0
print("ok: Anthropic's client talks to the fake: plain, streamed, tools, pictures, errors, cut streams")
