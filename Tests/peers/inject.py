"""Makes a living process commit a fault of its own: the instructions run inside it, on its own thread, by ptrace.

    inject.py FAULT PID

exit       exit_group(1)
segv       writes to address 0
trap       executes ud2, as a failed precondition of Swift does
loop       jumps to itself, on the event loop's thread if there is one
exhaust    duplicates standard error until the kernel gives no further descriptor, then goes on as if nothing had been

x86-64 only, and it needs CAP_SYS_PTRACE over the target. Prints DONE when the fault is in.
"""

import ctypes
import os
import sys

TRACEME_ATTACH, CONT, DETACH, GETREGS, SETREGS, SYSCALL_WORD = 16, 7, 17, 12, 13, 8
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

NAMES = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
    "fs_base gs_base ds es fs gs"
).split()


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in NAMES]


CODE = {
    "exit": bytes.fromhex("b8e7000000" "bf01000000" "0f05"),  # mov eax, 231; mov edi, 1; syscall
    "segv": bytes.fromhex("31c0" "8900"),  # xor eax, eax; mov [rax], eax
    "trap": bytes.fromhex("0f0b"),  # ud2
    "loop": bytes.fromhex("ebfe"),  # jmp $
    # again: mov eax, 32 (dup); mov edi, 2; syscall; test eax, eax; jns again; int3
    "exhaust": bytes.fromhex("b820000000" "bf02000000" "0f05" "85c0" "79f0" "cc"),
}


def ptrace(request, pid, address=None, data=None):
    if libc.ptrace(request, pid, address, data) < 0:
        code = ctypes.get_errno()
        raise SystemExit(f"ptrace {request} of {pid}: {os.strerror(code)}")


def thread_for(fault, pid):
    """The event loop's thread for a loop, else the main thread."""
    if fault == "loop":
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as file:
                if file.read().startswith("NIO"):
                    return int(thread)
    return pid


def page_of_code(pid):
    """An executable mapping's start: its first bytes (an ELF header or start-up code) are needed by nobody any more."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        for line in file:
            span, mode = line.split()[:2]
            if "x" in mode and "[" not in line:
                return int(span.split("-")[0], 16)
    raise SystemExit("no executable mapping")


def main():
    fault, pid = sys.argv[1], int(sys.argv[2])
    thread = thread_for(fault, pid)
    ptrace(TRACEME_ATTACH, thread)
    os.waitpid(thread, 0x40000000)  # __WALL
    before = Registers()
    ptrace(GETREGS, thread, None, ctypes.addressof(before))
    at = page_of_code(pid)
    code = CODE[fault]
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(at)
        saved = memory.read(len(code))
        memory.seek(at)
        memory.write(code)
        changed = Registers.from_buffer_copy(before)
        changed.rip = at
        changed.orig_rax = 0xFFFFFFFFFFFFFFFF  # no system call to restart
        changed.rsp = (before.rsp - 4096) & ~0xF
        ptrace(SETREGS, thread, None, ctypes.addressof(changed))
        if fault == "exhaust":
            ptrace(CONT, thread)
            os.waitpid(thread, 0x40000000)  # the int3
            memory.seek(at)
            memory.write(saved)
            ptrace(SETREGS, thread, None, ctypes.addressof(before))
    ptrace(DETACH, thread)
    print("DONE", flush=True)


if __name__ == "__main__":
    main()
