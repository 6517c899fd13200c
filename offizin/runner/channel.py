"""The runner's end of the socket pair: lines, each one tag byte, JSON or a number, and a newline.

In:  ``P`` a piece · ``D`` the deadline (on CLOCK_MONOTONIC, which parent and runner share) · ``Q`` leave after these.
Out: ``I`` this is Python, and begins to load (sitecustomize says so) · ``H`` handshake · ``S`` the next piece starts ·
``r`` pages so far · ``R`` a piece is over.
The end of the stream means that nobody waits for us any more: the whole process group ends at once.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import select
import signal
import socket
import time
from collections import deque

_CHUNK = 1 << 18
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


class DeadlinePassed(RuntimeError):
    """The worker's lease may be over and the work handed on: nothing may be written any more."""


class Channel:
    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(True)
        self._pid = os.getpid()
        self._thread = _thread.get_ident()
        self._unread = b""
        self._pieces: deque[bytes] = deque()
        self._leaving = False
        self._deadline: float | None = None
        self._unsent = b""
        os.register_at_fork(after_in_child=self._let_go)
        _thread.start_new_thread(self._end_with_the_parent, ())

    def next_piece(self) -> bytes | None:
        """The next piece's JSON; None when it is time to leave. Sends what is held back before it waits."""
        while not self._pieces:
            if self._leaving:
                self.flush()
                return None
            if self._unsent and not self._read(socket.MSG_DONTWAIT):
                self.flush()
            elif not self._pieces and not self._leaving:
                self._read(0)
        return self._pieces.popleft()

    def hold(self, line: bytes) -> None:
        """Sends the line with the next ones."""
        self._unsent += line

    def flush(self) -> None:
        if os.getpid() != self._pid:  # a child of the processor that came back up to us
            os._exit(1)
        if self._unsent:
            line, self._unsent = self._unsent, b""
            try:
                self._socket.sendall(line)
            except OSError:
                _end_of_everything()

    def check_deadline(self) -> None:
        """Raises DeadlinePassed if the deadline has passed and no later one lies in the socket."""
        if self._deadline is None or time.monotonic() <= self._deadline:
            return
        while self._read(socket.MSG_DONTWAIT):
            pass
        if time.monotonic() > self._deadline:
            raise DeadlinePassed("the worker's deadline has passed, nothing is written any more")

    def _read(self, flags: int) -> bool:
        try:
            chunk = self._socket.recv(_CHUNK, flags)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            _end_of_everything()
        if b"\n" not in chunk:
            self._unread += chunk
            return True
        lines = (self._unread + chunk).split(b"\n")
        self._unread = lines.pop()
        for line in lines:
            tag, body = line[:1], line[1:]
            if tag == b"P":
                self._pieces.append(body)
            elif tag == b"D":
                self._deadline = float(body)
            elif tag == b"Q":
                self._leaving = True
            else:
                raise ValueError(f"unknown line {line[:80]!r} from the worker")
        return True

    def _let_go(self) -> None:
        """In a forked child: it must not keep the socket open, nor outlive us."""
        try:
            os.close(self._socket.detach())
        except OSError:
            pass
        # what the kernel takes for the parent is the thread that forked: only one that lasts may be waited for
        if os.getppid() == self._pid and _thread.get_ident() == self._thread:
            end_with_parent_process()

    def _end_with_the_parent(self) -> None:
        """A thread of its own: sleeps until the other end is closed, whatever the processor is doing."""
        poll = select.poll()
        poll.register(self._socket.fileno(), getattr(select, "POLLRDHUP", select.POLLHUP))
        while not poll.poll():
            pass
        _end_of_everything()


def end_with_parent_process() -> None:
    """Asks the kernel to kill this process when its parent dies (Linux; see prctl(2), PR_SET_PDEATHSIG)."""
    if _prctl is not None:
        _prctl(1, int(signal.SIGKILL), 0, 0, 0)


def _end_of_everything() -> None:
    if os.getpgrp() == os.getsid(0):  # we were started in a session of our own
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)
