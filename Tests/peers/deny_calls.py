"""Runs a command on a weaker kernel: the named system calls fail as an older kernel or a container's filter would.

    deny_calls.py NUMBER:ERRNO[:FIRST_ARGUMENT] … -- COMMAND …

Everything that the command starts inherits the filter.
"""

import ctypes
import os
import struct
import sys

LOAD, EQUAL, RESULT = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000


def statement(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)


def rule(number, error, argument=None):
    if argument is None:
        return [statement(EQUAL, number, 0, 1), statement(RESULT, REFUSE | error)]
    # The first argument's low half; the number is loaded again for the next rule.
    return [
        statement(EQUAL, number, 0, 4),
        statement(LOAD, 16),
        statement(EQUAL, argument, 0, 1),
        statement(RESULT, REFUSE | error),
        statement(LOAD, 0),
    ]


def main():
    split = sys.argv.index("--")
    program = [statement(LOAD, 0)]
    for text in sys.argv[1:split]:
        program += rule(*(int(word, 0) for word in text.split(":")))
    program.append(statement(RESULT, ALLOW))
    code = ctypes.create_string_buffer(b"".join(program))
    filter_program = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, filter_program, 0, 0):
        raise SystemExit(f"no filter: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[split + 1], sys.argv[split + 1 :])


if __name__ == "__main__":
    main()
