"""A fake started as the tests start it, for the checks with independent clients."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))


class FakeProcess:
    def __init__(self, script, *arguments):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, script), *arguments],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = "http://127.0.0.1:" + self.process.stdout.readline().strip().split("=")[1]

    def control(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + "/control/" + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    async def ask(self, path, body=None):
        return await asyncio.to_thread(self.control, path, body)

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(5) == 0, "the fake ends with its standard input"


async def fails(call, kind, words):
    """The call must raise `kind` with these words in it."""
    try:
        await call
    except kind as error:
        assert words.lower() in str(error).lower(), error
        return error
    raise AssertionError(f"no {kind.__name__}")
