"""Interrupts that cannot be swallowed by whatever Python happens to run.

A signal's handler runs between any two instructions of the main thread. What it raises, KeyboardInterrupt
above all, is lost where that happens to be a destructor, a callback of a weak reference (as at the end of a
pool of threads), or code that ignores errors: the interrupt is gone, and hours of work go on. Within
:func:`kept` the handlers are called through one of ours, which remembers what they raised. Long work calls
:func:`check` now and then, and the end of the block does: what does not arrive there by itself is raised
anew.

The caller's handlers stay in charge: they are called as ever and at once, and one that raises nothing
interrupts nothing. Signals that are ignored or end the process are left alone, and so are threads other than
the main one, which get none. An interrupt that is caught within the block comes again.

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
#: Whether an interrupt is only to be remembered.
_is_deferred = False


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """A block, or as ``@kept()`` a function, in which no interrupt is lost. Blocks may be nested."""
    if not _in_main_thread():
        yield
        return
    global _depth, _raised
    arrived: BaseException | None = None
    try:
        _depth += 1
        if _depth == 1:
            _raised = None
        _stand_in()
        yield
    except BaseException as error:
        arrived = error
        raise
    finally:
        _depth -= 1
        if not _depth:
            _step_back()
        check(arrived)


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
        if not _is_deferred:
            raise


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
