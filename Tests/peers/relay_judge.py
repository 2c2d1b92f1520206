#!/usr/bin/env python3
"""The vendors' own clients judge the pass-through endpoint: direct and through it they read the same.

    relay_judge.py DIRECT KEY THROUGH TOKEN

DIRECT is a model_fake.py that serves the providers p-anthropic, p-chat and p-responses with KEY; THROUGH a gateway whose endpoint
relays to them. Prints one line for each dialect and fails at the first difference.
"""

import sys

from model_clients import Client, Said

import anthropic  # after model_clients, which clears the environment
import openai

TOOL = "session_status"
PNG = ("image/png", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
ERRORS = {"anthropic": anthropic.APIStatusError, "chat": openai.APIStatusError, "responses": openai.APIStatusError}


def main():
    direct, key, through, token = sys.argv[1:]
    for dialect in ("anthropic", "chat", "responses"):
        one = Client(dialect, f"{direct}/p-{dialect}", key, timeout=20)
        other = Client(dialect, through, token, timeout=20)
        model = f"p-{dialect}/test-1"

        def both(text, **more):
            mine: Said = one.ask("test-1", text, **more)
            theirs: Said = other.ask(model, text, **more)
            assert (mine.text, mine.calls, mine.thinking) == (theirs.text, theirs.calls, theirs.thinking), (mine, theirs)
            # The fake counts a little more with every call: that it is the provider's own count shows in both.
            assert theirs.usage[1] == mine.usage[1] and theirs.usage[0] > mine.usage[0], (mine, theirs)
            return theirs
        for stream in (True, False):
            both("grüß dich 👋 \"quoted\" \\ end", stream=stream)
            both("write 300 lines", stream=stream)
            both(f"use {TOOL} {{\"path\": \"ä/b.txt\"}}", stream=stream, tool=TOOL)
            said = both(f"think, then use {TOOL}", stream=stream, tool=TOOL)
            other.ask(model, f"think, then use {TOOL}", stream=stream, tool=TOOL, after=said)
            both("what is it?", stream=stream, picture=PNG)
            for wrong in ("p-nobody/x", "no-provider"):
                try:
                    other.ask(wrong, "x", stream=stream)
                    raise AssertionError(f"{wrong} was answered")
                except ERRORS[dialect] as error:
                    assert error.status_code in (400, 404), error
        try:
            Client(dialect, through, "not-the-token").ask(model, "x")
            raise AssertionError("a wrong token was taken")
        except ERRORS[dialect] as error:
            assert error.status_code == 401, error
        print(f"same: {dialect}", flush=True)


main()
