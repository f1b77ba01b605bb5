"""The exceptions that are fastsg's own; everything else is a standard ValueError, TypeError, KeyError or OSError."""


class DivergenceError(FloatingPointError):
    """Training left the range of finite numbers; the matrices hold their last finite state."""


class FormatError(ValueError):
    """A file is not what its format says it must be."""
