"""A small HTTP/1.1 server for the fakes: standard library only."""

import asyncio
import contextlib
import email.parser
import email.policy
import json
import re
import socket
import struct
import sys
import urllib.parse
from dataclasses import dataclass


class Dropped(Exception):
    """The connection is closed without an answer, or in the middle of one."""


class Reset(Dropped):
    """The same with a RST in place of a proper end."""


@dataclass
class Request:
    method: str
    path: str
    query: dict
    params: dict
    headers: dict
    keep_alive: bool
    body: bytes = b""


def body_params(content_type, body):
    """Parameters of a POST in any of the three forms that Telegram accepts."""
    kind = content_type.split(";")[0].strip().lower()
    if not body:
        return {}
    if kind == "application/json":
        return json.loads(body)
    if kind == "application/x-www-form-urlencoded":
        return dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
    if kind == "multipart/form-data":
        return multipart(content_type, body)
    raise ValueError(f"unsupported content type {kind}")


def multipart(content_type, body):
    """Fields as text, files as {data, filename, content_type}; bodies of many megabytes are only cut, not parsed."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if boundary is None:
        raise ValueError("multipart without a boundary")
    found = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:]:
        if part.startswith(b"--"):
            return found
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + b"\r\n\r\n")
        name = headers.get_param("name", header="content-disposition")
        if headers.get_filename() is None:
            found[name] = data.decode()
        else:
            found[name] = {"data": data, "filename": headers.get_filename(), "content_type": headers.get("content-type")}
    raise ValueError("multipart without its end")


async def read_request(reader):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.split("\r\n")
    method, target, version = first.split(" ")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    url = urllib.parse.urlsplit(target)
    query = dict(urllib.parse.parse_qsl(url.query))
    path = urllib.parse.unquote(url.path)
    try:
        params = body_params(headers.get("content-type", ""), body)
    except ValueError:
        params = {}
    return Request(method, path, query, params, headers, headers.get("connection", "").lower() != "close", body)


async def serve(answer, reader, writer):
    """Answers every request of a connection with `await answer(request)`: (status, body), or (status, headers, body).

    A body may be an asynchronous iterator of bytes: then it is sent in chunks, each as soon as it is there.
    """
    try:
        while (request := await read_request(reader)) is not None:
            work = asyncio.ensure_future(respond(answer, request, writer))
            # A client that is gone must not hold a long answer: its next bytes, or its end, are watched meanwhile.
            gone = asyncio.ensure_future(reader.read(1))
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await asyncio.gather(work, gone, return_exceptions=True)
                return
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            work.result()
            if not request.keep_alive:
                return
    except Reset:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    except (Dropped, ConnectionError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


async def respond(answer, request, writer):
    status, *headers, body = await answer(request)
    head = {"Content-Type": "application/json", **(headers[0] if headers else {})}
    if isinstance(body, bytes):
        head["Content-Length"] = len(body)
    else:
        head["Transfer-Encoding"] = "chunked"
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode())
    if isinstance(body, bytes):
        writer.write(body)
    else:
        # Who produces it learns at once that the client is gone.
        async with contextlib.aclosing(body):
            async for part in body:
                writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                await writer.drain()
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def run(answer, port):
    """Serves on loopback, says "READY port=N", and ends with the standard input."""
    server = await asyncio.start_server(lambda r, w: serve(answer, r, w), "127.0.0.1", port, limit=1 << 24)
    print(f"READY port={server.sockets[0].getsockname()[1]}", flush=True)
    loop, closed = asyncio.get_running_loop(), asyncio.Event()

    def readable():
        if not sys.stdin.buffer.raw.read(4096):
            closed.set()
    loop.add_reader(sys.stdin.fileno(), readable)
    await closed.wait()
