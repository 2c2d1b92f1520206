#!/usr/bin/env python3
"""Stops one thread of a process, as an endless loop in it would stop its work; the others run on.

    hold_thread.py PID NAME

attaches to the thread of that name (/proc/PID/task/*/comm), prints "HELD tid" and holds it until the process dies or the
standard input is closed. Needs root or CAP_SYS_PTRACE: workers are not dumpable. Prints "REFUSED why" otherwise.
"""

import ctypes
import os
import select
import sys
import time

ATTACH, DETACH, WALL = 16, 17, 0x40000000


def thread(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm") as comm:
            if comm.read().strip().startswith(name):
                return int(tid)
    sys.exit(f"REFUSED process {pid} has no thread {name}")


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    tid = thread(int(sys.argv[1]), sys.argv[2])
    if libc.ptrace(ATTACH, tid, None, None) < 0:
        print("REFUSED " + os.strerror(ctypes.get_errno()), flush=True)
        sys.exit(1)
    os.waitpid(tid, WALL)
    print(f"HELD {tid}", flush=True)
    # Whoever traces a thread buries it: the process is not dead for its parent before.
    while True:
        try:
            pid, status = os.waitpid(tid, WALL | os.WNOHANG)
        except ChildProcessError:
            return
        if pid and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
            return
        if select.select([sys.stdin], [], [], 0.02)[0] and not sys.stdin.buffer.read1(1):
            libc.ptrace(DETACH, tid, None, None)
            return


main()
