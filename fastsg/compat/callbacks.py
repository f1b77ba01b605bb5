"""gensim's callbacks: any object with some of the four hooks, called with the Word2Vec."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import Callback

_HOOKS = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end")


class CallbackAny2Vec:
    """Base of callbacks, under gensim's name: hooks that do nothing. `model` is the :class:`Word2Vec`."""

    def on_train_begin(self, model: Any) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, model: Any) -> None:
        """Before each epoch."""

    def on_epoch_end(self, model: Any) -> None:
        """After each epoch."""

    def on_train_end(self, model: Any) -> None:
        """After the last epoch."""


class _Passed(Callback):
    """Calls the hooks of one of gensim's callbacks with the Word2Vec in place of its SkipGram."""

    def __init__(self, callback: object, owner: object) -> None:
        self._callback, self._owner = callback, owner

    def _pass(self, hook: str) -> None:
        function = getattr(self._callback, hook, None)
        if function is not None:
            function(self._owner)

    def on_train_begin(self, model: Any) -> None:
        self._pass("on_train_begin")

    def on_epoch_begin(self, model: Any) -> None:
        self._pass("on_epoch_begin")

    def on_epoch_end(self, model: Any) -> None:
        self._pass("on_epoch_end")

    def on_train_end(self, model: Any) -> None:
        self._pass("on_train_end")


def passed_callbacks(callbacks: Iterable[object], owner: object) -> list[Callback]:
    """Callbacks for a SkipGram: ours as they are, others told of `owner`; TypeError for what has no hook."""
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks is {callbacks!r}; it must be a list of objects with on_epoch_end or such")
    passed: list[Callback] = []
    for callback in callbacks:
        if not any(callable(getattr(callback, hook, None)) for hook in _HOOKS):
            raise TypeError(f"callbacks holds {callback!r}, which has none of the hooks {', '.join(_HOOKS)}")
        passed.append(callback if isinstance(callback, Callback) else _Passed(callback, owner))
    return passed
