#!/usr/bin/env python3
"""The vendors' own clients work against model_fake.py, and find its faults: only then is it good enough to test against.

anthropic, openai and google-genai read every dialect whole and streamed: text, tools, thinking, pictures, usage. Of every fault
is written down what the client makes of it; where the client itself takes a truncated answer for a whole one, that stands here.
"""

import base64

import model_clients
from fake_process import FakeProcess
from model_clients import DIALECTS, Client, Incomplete

import anthropic  # after model_clients, which clears the environment
import httpx2
import openai
from google.genai import errors

KEYS = ("test-key-one", "test-key-two")
TOOL = "session_status"
PNG = ("image/png", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
fake = FakeProcess("model_fake.py", *[word for key in KEYS for word in ("--key", key)])
SOURCES = {"anthropic": anthropic.APIError, "chat": openai.APIError, "responses": openai.APIError, "gemini": errors.APIError}
LOST = (anthropic.APIConnectionError, openai.APIConnectionError, httpx2.TransportError)


def client(dialect, key=KEYS[0], **more):
    return Client(dialect, fake.url + "/one", key, **more)


def last():
    return fake.control("calls?brief=1")[-1]


def told(row):
    """What the fake says it counted, as the clients see it."""
    usage = row["usage"]
    return usage["input"] + usage["cache_read"] + usage["cache_write"], usage["output"]


def fails(dialect, fault, kinds, words="", stream=True, **more):
    fake.control("fault", fault)
    try:
        said = client(dialect, **more).ask("test", "one two three four five six", stream=stream)
    except kinds as error:
        assert words.lower() in str(error).lower(), (dialect, fault, error)
        return error
    finally:
        fake.control("clear-faults", {})
    raise AssertionError(f"{dialect}: {fault} passed: {said}")


def passes(dialect, fault, **more):
    fake.control("fault", fault)
    said = client(dialect, **more).ask("test", "one two three four five six")
    fake.control("clear-faults", {})
    return said


def works(dialect, stream):
    one = client(dialect)
    said = one.ask("test", "grüß dich 👋", stream=stream)
    assert said.text == "echo: grüß dich 👋" and not said.calls and said.usage == told(last()), said
    assert last()["outcome"] == "finished" and last()["provider"] == "one" and last()["key"] == KEYS[0], last()
    said = one.ask("test", f"use {TOOL} {{\"path\": \"ä/b.txt\"}}", tool=TOOL, stream=stream)
    assert said.calls == [(TOOL, {"path": "ä/b.txt"})] and said.usage == told(last()), said
    for text in (f"use {TOOL}", f"think, then use {TOOL}"):
        said = one.ask("test", text, tool=TOOL, stream=stream)
        assert said.calls == [(TOOL, {})] and (said.thinking != "") == ("think" in text), said
        assert one.ask("test", text, tool=TOOL, stream=stream, after=said).text == f"echo: {text} (after the tool)"
    said = one.ask("test", "think", stream=stream)
    assert said.thinking == "what was asked, step by step" and said.text == "echo: think", said
    picture = (PNG[0], base64.b64decode(PNG[1]) if dialect == "gemini" else PNG[1])
    assert one.ask("test", "what is it?", stream=stream, picture=picture).text == "echo: what is it? (pictures: 1)"
    fails_on(dialect, lambda: one.ask("test", "x", stream=stream, picture=("image/bmp", picture[1])))
    fails_on(dialect, lambda: one.ask("test", " ", stream=stream))


def fails_on(dialect, call):
    try:
        call()
    except SOURCES[dialect] as error:
        assert getattr(error, "status_code", None) == 400 or getattr(error, "code", None) == 400, error
        return
    raise AssertionError(f"{dialect}: taken")


def refuses(dialect):
    """Failures before an answer: status and words as the client shows them."""
    failures = {"rate": 429, "server": 500, "unavailable": 503, "auth": 401, "permission": 403, "not-found": 404,
                "overflow": 400, "overloaded": {"anthropic": 529}.get(dialect, 503),
                "quota": {"anthropic": 400, "gemini": 402}.get(dialect, 429),
                "spend": {"gemini": 402}.get(dialect, 429), "filter": 400}
    if dialect == "gemini":
        failures["auth"] = 400
    for name, status in failures.items():
        for stream in (True, False):
            error = fails(dialect, {"mode": "error", "name": name, "retry": 7}, SOURCES[dialect], stream=stream)
            assert status in (getattr(error, "status_code", None), getattr(error, "code", None)), (name, error)
            if dialect != "gemini":
                assert error.response.headers["retry-after"] == "7", error
            elif name == "rate":
                assert "7s" in str(error.details), error.details
    fails(dialect, {"mode": "error", "status": 418, "message": "own words"}, SOURCES[dialect], "own words")
    fails(dialect, {"mode": "silent"}, LOST, timeout=0.5)
    fails(dialect, {"mode": "silence"}, LOST, timeout=0.5)
    for mode in ("drop", "reset"):
        for stream in (True, False):
            fails(dialect, {"mode": mode}, LOST, stream=stream)
    assert last()["outcome"] == "fault", last()


def breaks(dialect):
    """Failures inside an answer."""
    words = "echo: one two three four five six"
    for mode in ("error-first", "error-later"):
        for name in ("overloaded", "quota"):
            error = {"mode": mode, "name": name, "message": "own words"}
            fails(dialect, error, SOURCES[dialect], "own words")
    for fault in ({"mode": "cut"}, {"mode": "cut", "reset": True}, {"mode": "cut", "after": 0}):
        fails(dialect, fault, LOST)
        fails(dialect, fault, LOST, stream=False)
    fails(dialect, {"mode": "stall"}, LOST, timeout=0.5)
    fails(dialect, {"mode": "stall", "seconds": 0.1}, LOST)
    # The client does not look for the end: without our own look at what ended it, half an answer would pass for a whole one.
    fails(dialect, {"mode": "truncated"}, {"anthropic": (anthropic.APIError, Incomplete)}.get(dialect, Incomplete))
    fails(dialect, {"mode": "truncated"}, Exception, stream=False)
    fails(dialect, {"mode": "malformed"}, Exception, stream=False)
    fails(dialect, {"mode": "malformed"}, Exception)
    assert passes(dialect, {"mode": "slow", "seconds": 0.3}).text == words
    assert passes(dialect, {"mode": "empty"}).text == ""
    assert last()["outcome"] == "finished" and last()["sent"] == 0, last()
    if dialect == "chat":
        assert passes(dialect, {"mode": "no-end"}).text == words


def keys(dialect):
    fake.control("fault", {"mode": "error", "name": "quota", "key": KEYS[0], "count": -1})
    try:
        client(dialect).ask("test", "x")
        raise AssertionError("the empty wallet was not seen")
    except SOURCES[dialect]:
        pass
    assert client(dialect, KEYS[1]).ask("test", "x").text == "echo: x"
    fake.control("clear-faults", {"key": KEYS[0]})
    assert client(dialect).ask("test", "x").text == "echo: x"
    try:
        client(dialect, "wrong").ask("test", "x")
        raise AssertionError("a wrong key was taken")
    except SOURCES[dialect]:
        assert last()["key"] == "wrong"


def gone():
    """A client that goes away is seen, with what had reached it."""
    fake.control("pace", {"seconds": 0.05})
    with client("anthropic").sdk.messages.stream(model="test", max_tokens=9,
                                                 messages=[{"role": "user", "content": "word " * 50 + "end"}]) as events:
        next(iter(events.text_stream))
    fake.control("pace", {"seconds": 0})
    assert fake.control("idle?wait=5") is True
    row = last()
    assert row["outcome"] == "gone" and 0 < row["sent"] < 40 and row["reported"]["output"] == 1, row


def hears():
    openai_client = client("chat").sdk
    said = openai_client.audio.transcriptions.create(model="whisper-1", file=("voice.ogg", b"OggS....", "audio/ogg"))
    assert said.text == "words of a voice" and said.usage.output_tokens == 4, said
    assert fake.control("calls")[-1]["body"]["file"]["bytes"] == 8
    try:
        openai_client.audio.transcriptions.create(model="whisper-1", file=("voice.txt", b"OggS....", "audio/ogg"))
        raise AssertionError("a file that is no recording was taken")
    except openai.BadRequestError:
        pass


try:
    for dialect in DIALECTS:
        for stream in (True, False):
            works(dialect, stream)
        refuses(dialect)
        breaks(dialect)
        keys(dialect)
        print(f"ok: {dialect}")
    assert client("gemini", version="v1").ask("test", "v").text == "echo: v"
    gone()
    hears()
    print("ok: the vendors' clients talk to the fake")
finally:
    fake.stop()
