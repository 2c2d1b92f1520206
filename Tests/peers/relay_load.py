#!/usr/bin/env python3
"""Many requests at once through the pass-through endpoint, some of whose clients go away in the middle.

    relay_load.py PORT TOKEN COUNT ABANDONED [--seed N]

COUNT requests to the providers p-anthropic, p-chat and p-responses, streamed or not, sixteen at a time; of ABANDONED in a hundred the
client closes the connection somewhere between "just sent" and "just done". Prints {"finished", "abandoned", "refused", "cut"}.
"""

import argparse
import asyncio
import json
import random

PATHS = {"anthropic": "/v1/messages", "chat": "/v1/chat/completions", "responses": "/v1/responses"}
ENDS = {"anthropic": b"message_stop", "chat": b"[DONE]", "responses": b"response.completed"}


def body(dialect, words, stream):
    text = " ".join(f"w{n}" for n in range(words))
    common = {"model": f"p-{dialect}/test-1", "stream": stream}
    if dialect == "responses":
        return {**common, "input": text}
    messages = {"messages": [{"role": "user", "content": text}]}
    if dialect == "anthropic":
        return {**common, **messages, "max_tokens": 1000}
    return {**common, **messages, **({"stream_options": {"include_usage": True}} if stream else {})}


async def ask(options, dice):
    """How it ended: finished, abandoned, refused or cut."""
    dialect, stream = dice.choice(list(PATHS)), dice.random() < 0.8
    data = json.dumps(body(dialect, dice.randint(5, 80), stream)).encode()
    patience = dice.uniform(0, 0.3) if dice.random() * 100 < options.abandoned else None
    reader, writer = await asyncio.open_connection("127.0.0.1", options.port)
    try:
        writer.write(f"POST {PATHS[dialect]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {options.token}\r\n"
                     f"Anthropic-Version: 2023-06-01\r\nContent-Type: application/json\r\nConnection: close\r\n"
                     f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        try:
            answer = await asyncio.wait_for(reader.read(-1), 60 if patience is None else patience)
        except asyncio.TimeoutError:
            if patience is None:
                raise
            return "abandoned"
        if b" 200 " not in answer.split(b"\r\n")[0]:
            return "refused"
        return "finished" if not stream or ENDS[dialect] in answer else "cut"
    finally:
        writer.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("token")
    parser.add_argument("count", type=int)
    parser.add_argument("abandoned", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice, found = random.Random(options.seed), {"finished": 0, "abandoned": 0, "refused": 0, "cut": 0}
    left = options.count

    async def work():
        nonlocal left
        while left > 0:
            left -= 1
            found[await ask(options, dice)] += 1
    await asyncio.gather(*[work() for _ in range(16)])
    print(json.dumps(found), flush=True)


asyncio.run(main())
