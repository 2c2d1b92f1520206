"""How a telephone provider's fake calls a webhook: one connection, one request, and every one of them kept."""

import asyncio
import time
import urllib.parse


class Lost(Exception):
    """No answer: nobody there, too late, or the connection ended before it was whole."""


async def post(url, target, headers, body, seconds=15, method="POST"):
    """Status, headers and body of what `url` answers; `target` ("http://127.0.0.1:8787") says where its host leads to.

    Without a target the URL is called as it stands.
    """
    public = urllib.parse.urlsplit(url)
    there = urllib.parse.urlsplit(target or url)
    path = (public.path or "/") + ("?" + public.query if public.query else "")
    lines = {"Host": public.netloc, **headers, "Connection": "close"}
    if method == "POST":
        lines["Content-Length"] = len(body)
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
    writer = None
    try:
        async with asyncio.timeout(seconds):
            port = there.port or (443 if there.scheme == "https" else 80)
            reader, writer = await asyncio.open_connection(there.hostname, port, ssl=there.scheme == "https" or None)
            writer.write(head.encode() + body)
            await writer.drain()
            return await read_answer(reader)
    except (OSError, ValueError, IndexError, asyncio.IncompleteReadError, TimeoutError) as error:
        raise Lost(type(error).__name__) from error
    finally:
        if writer is not None:
            writer.close()


async def read_answer(reader):
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(first.split(" ")[1]), headers, body


class Rows:
    """A list that a test waits for the end of, with what it is asked for by name."""

    def __init__(self):
        self.rows, self.changed = [], asyncio.Event()

    def add(self, **row):
        row = {"n": len(self.rows), "at": time.time(), **row}
        self.rows.append(row)
        self.notify()
        return row

    def notify(self):
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, ready, seconds):
        """Returns when `ready()` holds, at the latest after so many seconds; asks again at every change of the list."""
        deadline = time.monotonic() + seconds
        while not ready():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            try:
                await asyncio.wait_for(self.changed.wait(), left)
            except TimeoutError:
                return

    async def asked(self, query):
        """`?after=N&wait=S` and any field with the value it must have: the rows that match, from the N-th of them on."""
        after, seconds = int(query.get("after", 0)), float(query.get("wait", 0))
        wanted = {k: v for k, v in query.items() if k not in ("after", "wait")}

        def matching():
            return [row for row in self.rows if all(str(row.get(k)) == v for k, v in wanted.items())]
        await self.until(lambda: len(matching()) > after, seconds)
        return matching()[after:]


def fault_for(faults, method):
    """The next fault that befalls a call of `method`, used up by one; see the fakes' `fault`."""
    found = next((f for f in faults if f["method"] == method), None)
    if found is not None:
        found["count"] = found.get("count", 1) - 1
        if found["count"] <= 0:
            faults.remove(found)
    return found
