"""The program ``fastsg``, also by ``python -m fastsg``: the command line, once its modules are there."""

from __future__ import annotations

import sys


def main() -> int:
    """Run a command; returns the exit code. To load what it needs takes half a second, in which one may have
    changed one's mind: that is no traceback either.
    """
    try:
        from .cli.main import main as run
    except KeyboardInterrupt:
        print("fastsg: interrupted", file=sys.stderr)
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
