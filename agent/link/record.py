#!/usr/bin/env python3
"""Finds the functions that a run of nodeagent enters, and writes them down for the linker.

The kernel maps a program in blocks of 64 KiB around what is used of it. Where what the config phase uses stands together, a
boot reads and maps a third of the pages. `boot.ld` has the functions of the config phase and of a token, `daemon.ld` those
that the daemon has beside them; the linker puts the former first, then the latter, then the rest. A name that is no more does
nothing, so the lists need not be made anew for each change: make them anew when `make bench` shows more memory.

    record.py [--anew] boot.ld UNSTRIPPED COMMAND [ARGUMENT...]

COMMAND is run with a breakpoint at each function of every nodeagent that it starts, which must be the program UNSTRIPPED or
that program stripped; the functions are added to the list, or replace it (`--anew`). Takes root, Linux and x86-64. UNSTRIPPED:

    cargo rustc --locked --release --target x86_64-unknown-linux-musl -p nodeagent --bin nodeagent -- -C strip=none
"""

import ctypes
import os
import re
import signal
import struct
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
TRACEME, CONT, GETREGS, SETREGS, DETACH, SETOPTIONS = 0, 7, 12, 13, 17, 0x4200
# Follow forks, clones and execs; end with the recorder.
OPTIONS = 0x02 | 0x04 | 0x08 | 0x10 | 0x100000
EVENT_EXEC = 4
REGISTERS = 27 * 8
RIP = 16 * 8
ALL_THREADS = 0x40000000
BREAKPOINT = 0xCC
HEAD = """/* {title}
   Written by record.py. */
SECTIONS
{{
  .text.{section} :
  {{
"""
TITLES = {
    "boot": "Functions that the config phase and `token` enter.",
    "daemon": "Functions that the daemon enters beside those of boot.ld.",
}


def names_by_address(program):
    """The names of each function, by its offset in the program."""
    names = {}
    for line in subprocess.run(["nm", "--defined-only", program], check=True, capture_output=True, text=True).stdout.splitlines():
        address, kind, name = line.split(None, 2)
        if kind in "tTwW":
            names.setdefault(int(address, 16), []).append(name)
    return names


def pattern(name):
    """The name without what differs from build to build: hashes, and numbers of copies."""
    name = re.sub(r"17h[0-9a-f]{16}E", "17h*E", name)
    name = re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", name)
    return re.sub(r"\.(llvm\.)?\d+$", "*", name)


class Recorder:
    def __init__(self, program):
        self.names = names_by_address(program)
        with open(program, "rb") as file:
            self.head = file.read(1024)[64:]
        self.hits = set()
        self.original = {}
        # Where each run of the program begins.
        self.bases = set()

    def ptrace(self, request, process, address=None, data=None):
        return LIBC.ptrace(request, process, address, data)

    def is_ours(self, process):
        try:
            with open(f"/proc/{process}/exe", "rb") as file:
                return file.read(1024)[64:] == self.head
        except OSError:
            return False

    def arm(self, process):
        """Puts the breakpoints in place."""
        with open(f"/proc/{process}/maps") as maps:
            lines = [line.split() for line in maps]
        program = os.readlink(f"/proc/{process}/exe")
        spans = [(*(int(end, 16) for end in line[0].split("-")), line[1]) for line in lines if line[-1] == program]
        base = min(start for start, _, _ in spans)
        self.bases.add(base)
        with open(f"/proc/{process}/mem", "r+b", buffering=0) as memory:
            for start, end, access in spans:
                if "x" not in access:
                    continue
                memory.seek(start)
                text = bytearray(memory.read(end - start))
                for offset in self.names:
                    at = base + offset - start
                    if 0 <= at < len(text) and offset not in self.hits:
                        self.original[offset] = text[at]
                        text[at] = BREAKPOINT
                memory.seek(start)
                memory.write(text)

    def stopped(self, process):
        """Whether it stands behind a breakpoint of ours, which is taken away."""
        registers = ctypes.create_string_buffer(REGISTERS)
        self.ptrace(GETREGS, process, None, registers)
        (rip,) = struct.unpack_from("Q", registers, RIP)
        offset = next((rip - 1 - base for base in self.bases if rip - 1 - base in self.original), None)
        if offset is None:
            return False
        self.hits.add(offset)
        with open(f"/proc/{process}/mem", "r+b", buffering=0) as memory:
            memory.seek(rip - 1)
            # Another thread may have been here.
            memory.write(bytes([self.original[offset]]))
        struct.pack_into("Q", registers, RIP, rip - 1)
        self.ptrace(SETREGS, process, None, registers)
        return True

    def run(self, command):
        child = os.fork()
        if child == 0:
            self.ptrace(TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execvp(command[0], command)
        os.waitpid(child, 0)
        self.ptrace(SETOPTIONS, child, None, OPTIONS)
        self.ptrace(CONT, child)
        new = set()
        while True:
            try:
                process, status = os.waitpid(-1, ALL_THREADS)
            except ChildProcessError:
                return
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if process == child:
                    return
                continue
            sent = os.WSTOPSIG(status)
            if status >> 16 == EVENT_EXEC:
                if self.is_ours(process):
                    self.arm(process)
                sent = 0
            elif status >> 16:
                sent = 0
            elif sent == signal.SIGSTOP and process not in new and process != child:
                # A new thread or process begins so.
                new.add(process)
                sent = 0
            elif sent == signal.SIGTRAP and self.stopped(process):
                sent = 0
            self.ptrace(CONT, process, None, sent)


def read(path):
    try:
        with open(path) as file:
            return set(re.findall(r"^    \*\(\.text\.(.*)\)$", file.read(), re.MULTILINE))
    except FileNotFoundError:
        return set()


def main():
    arguments = sys.argv[1:]
    anew = arguments[:1] == ["--anew"]
    path, program, *command = arguments[anew:]
    section = os.path.basename(path).removesuffix(".ld")
    recorder = Recorder(program)
    try:
        recorder.run(command)
    except KeyboardInterrupt:
        pass
    found = {pattern(name) for offset in recorder.hits for name in recorder.names[offset]}
    known = set() if anew else read(path)
    if section == "daemon":
        found -= read(os.path.join(os.path.dirname(path), "boot.ld"))
    with open(path, "w") as file:
        file.write(HEAD.format(title=TITLES[section], section=section))
        file.writelines(f"    *(.text.{name})\n" for name in sorted(known | found))
        file.write("  }\n}\nINSERT BEFORE .text;\n")
    print(f"{len(recorder.hits)} functions were entered; {len(known | found)} names", file=sys.stderr)


main()
