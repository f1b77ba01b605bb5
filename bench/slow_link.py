"""Two network namespaces with a slow link between them, for two ranks. Linux, as root. Used by scaling.py.

Each rank gets a namespace of its own, whose one interface is a TAP device. What one sends, a relay (a process
for each direction, in user space) hands to the other: frame by frame no faster than the rate, and after the
delay, which is for one way. The kernel's own way, tc netem, is not in every kernel; its tbf lets the first
bytes of a burst through at once, and a batch sends in bursts. Frames have up to 64,000 bytes, so that few
pass through Python. What the relay itself takes is part of what is measured.

Ranks are started by MPICH's mpiexec; this file, run by it, enters the namespace and becomes the command
behind it. They must take each other for ranks of other machines: MPICH is told so by MPIR_CVAR_NOLOCAL, and
UCX, by which it sends, to use TCP alone.
"""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MTU = 64_000
TCP_ALONE = {"MPIR_CVAR_NOLOCAL": "1", "UCX_TLS": "tcp,self", "FI_PROVIDER": "tcp"}
#: Seconds by which sleeping may end late: so long the relay spins before it hands on a frame.
_LATE = 60e-6
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI, _PR_SET_TIMERSLACK = 0x400454CA, 0x0002, 0x1000, 29


class Shaper:
    """When a frame is handed on: behind those before it, each byte in its time, and `delay` seconds later."""

    def __init__(self, delay: float, per_byte: float) -> None:
        self._delay, self._per_byte, self._free = delay, per_byte, 0.0

    def due(self, now: float, size: int) -> float:
        """The time at which a frame of so many bytes arrives that is sent at time `now`."""
        self._free = max(self._free, now) + size * self._per_byte
        return self._free + self._delay


def relay(source: int, target: int, shaper: Shaper) -> None:
    """Hand on the frames of one direction, until killed or orphaned."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)  # else sleeping takes 50 microseconds more
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))  # ranks that wait spin
    waiting: deque[tuple[float, bytes]] = deque()
    parent = os.getppid()
    while os.getppid() == parent:
        patience = waiting[0][0] - time.monotonic() if waiting else 1.0
        if patience > 0 and select.select([source], [], [], max(patience - _LATE, 0))[0]:
            frame = os.read(source, MTU + 64)
            waiting.append((shaper.due(time.monotonic(), len(frame)), frame))
        while waiting and waiting[0][0] <= time.monotonic():
            with suppress(OSError):  # the interface is not up yet
                os.write(target, waiting.popleft()[1])


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _tap(name: str, address: str) -> int:
    """Give a namespace its interface; returns the descriptor by which its frames are read and written."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TAP | _IFF_NO_PI))
    _ip("link", "set", name, "netns", name)
    for words in (f"addr add {address}/24 dev {name}", f"link set {name} mtu {MTU} up", "link set lo up"):
        _ip("-n", name, *words.split())
    return descriptor


@contextmanager
def slow_link(delay: float, per_byte: float) -> Iterator[list[str]]:
    """The names of two namespaces with a link between them: seconds for one way, and for each byte.

    Their addresses are 10.77.0.1 and 10.77.0.2. CalledProcessError, OSError where they cannot be made.
    """
    names, ends, relays = list[str](), list[int](), list[multiprocessing.Process]()
    try:
        for number in (1, 2):
            name = f"fsg{os.getpid()}-{number}"
            _ip("netns", "add", name)
            names.append(name)
            ends.append(_tap(name, f"10.77.0.{number}"))
        for source, target in (ends, ends[::-1]):
            shaper = Shaper(delay, per_byte)
            relays.append(multiprocessing.Process(target=relay, args=(source, target, shaper)))
            relays[-1].start()
        yield names
    finally:
        for process in relays:
            process.kill()
            process.join()
        for end in ends:
            os.close(end)
        for name in names:
            _ip("netns", "del", name)


def command(mpiexec: str, names: list[str]) -> list[str]:
    """What starts the rest of a command line as two ranks, each in its namespace."""
    return [mpiexec, "-n", "2", sys.executable, __file__, *names]


if __name__ == "__main__":
    first, second, *words = sys.argv[1:]
    name = (first, second)[int(os.environ["PMI_RANK"])]
    os.execvp("ip", ["ip", "netns", "exec", name, *words])
