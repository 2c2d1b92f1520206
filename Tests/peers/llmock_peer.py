#!/usr/bin/env python3
"""llmock (a third party's fake, from PyPI) as the tests start every peer.

    llmock_peer.py [--port 0]

prints "READY port=N" and runs until its standard input is closed. Anthropic's dialect is under /anthropic, so the base
address is http://127.0.0.1:N/anthropic; scenarios and its verdict on the client are under /_llmock.
"""

import argparse
import socket
import sys
import threading
import time

import uvicorn
from llmock.main import create_app


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", options.port))
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            sys.exit("llmock did not start")
        time.sleep(0.02)
    print(f"READY port={listener.getsockname()[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
