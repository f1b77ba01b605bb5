"""Interrupts that cannot be swallowed by whatever Python happens to run.

A signal's handler runs between any two instructions of the main thread. What it raises, KeyboardInterrupt
above all, is lost where that happens to be a destructor, a callback of a weak reference (as at the end of a
pool of threads), or code that ignores errors: the interrupt is gone, and hours of work go on. Within
:func:`kept` the handlers are called through one of ours, which remembers what they raised. Long work calls
:func:`check` now and then, and the end of the block does: what does not arrive there by itself is raised
anew.

The caller's handlers stay in charge: they are called as ever and at once, and one that raises nothing
interrupts nothing. Signals that are ignored or end the process are left alone, so are all but SIGINT and
SIGTERM, and so are threads other than the main one, which get none. An interrupt that is caught within the
block comes again.

What changes several things that go together does so within :func:`held`, where only :func:`check` raises an
interrupt; what takes long in there, and can be begun anew, and what others wrote is :func:`free` of that.

Processes that work on one thing may only stop together. Within :func:`deferred` an interrupt is remembered
and raised nowhere; they tell each other whether :func:`is_pending`, and then all stop at the same place.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_SIGNALS: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM)
#: The handlers that ours stands in for.
_callers: dict[int, Callable[[int, FrameType | None], Any]] = {}
#: What one of them has raised within a block, and nobody has seen yet.
_raised: BaseException | None = None
#: Blocks that are open.
_depth = 0
#: Whether an interrupt is only to be remembered; whether it waits for the next check.
_is_deferred = _is_held = False


class kept(contextlib.ContextDecorator):
    """A block, or as ``@kept()`` a function, in which no interrupt is lost. Blocks may be nested."""

    def _recreate_cm(self) -> kept:
        return kept()  # a function may be called within itself

    def __enter__(self) -> None:
        global _depth, _raised
        self._counts = _in_main_thread()
        if self._counts:
            _stand_in()
            if not _depth:
                _raised = None
            _depth += 1

    def __exit__(self, _: object, arrived: BaseException | None, __: object) -> None:
        global _depth, _is_held
        if not self._counts:
            return
        _depth -= 1
        if not _depth:
            _is_held = False
            _step_back()
        check(arrived)


class _Mode:
    """A block in which interrupts wait for a check, or do not."""

    def __init__(self, is_held: bool) -> None:
        self._wanted = is_held

    def __enter__(self) -> None:
        global _is_held
        self._before, self._counts = _is_held, _in_main_thread()
        if self._counts:
            if not self._wanted:
                check()
            _is_held = self._wanted

    def __exit__(self, *_: object) -> None:
        global _is_held
        if self._counts:
            _is_held = self._before


#: At whose first instruction an interrupt waits too: their blocks would not be closed. This is why none of
#: them is a generator, whose end begins in somebody else's code.
_ENDS = (kept.__exit__.__code__, _Mode.__exit__.__code__)


def held() -> _Mode:
    """A block within :func:`kept` in which an interrupt comes at the next :func:`check`, and nowhere else."""
    return _Mode(True)


def free() -> _Mode:
    """A block within :func:`held` in which an interrupt comes at once, as does one that waits for it."""
    return _Mode(False)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """A block within :func:`kept` in which no interrupt is raised; what is still pending at its end stays so
    for the next :func:`check`. Blocks may be nested."""
    global _is_deferred
    before, _is_deferred = _is_deferred, _in_main_thread()
    try:
        yield
    finally:
        _is_deferred = before


def is_pending() -> bool:
    """Whether an interrupt came while they are deferred."""
    return _is_deferred and _raised is not None


def _stand_in() -> None:
    """Ours in the place of every handler that is one. It may be there: left by an interrupt, or put back."""
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if callable(handler) and handler is not _handle:
            _callers[number] = handler
            signal.signal(number, _handle)


def _step_back() -> None:
    """The caller's handlers again. An interrupt in here leaves ours, which does no more than call them."""
    for number, handler in _callers.items():
        if signal.getsignal(number) is _handle:  # nobody has set another meanwhile
            signal.signal(number, handler)


def check(arrived: BaseException | None = None) -> None:
    """Raise what a handler has raised and somebody has swallowed; `arrived` is an error on its way anyhow."""
    global _raised
    if _raised is not None and not _is_deferred and _in_main_thread():
        raised, _raised = _raised, None
        if not isinstance(arrived, type(raised)):
            raise raised


def _handle(number: int, frame: FrameType | None) -> None:
    global _raised
    try:
        _callers[number](number, frame)
    except BaseException as error:
        if _depth:
            _raised = error
        is_end = frame is not None and frame.f_code in _ENDS
        if not (_depth and (_is_deferred or _is_held or is_end)):
            raise


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
