"""Every stream of the random generator, in one place, so that no two purposes ever draw the same numbers.

The generator (Philox 4x32-10, kernels/random.c) answers (seed, stream, position): no number depends on what
was drawn before it. A stream is a number below 2**64. Epochs count on from where their purpose begins; no
training comes near the next purpose.
"""

from __future__ import annotations

#: The order in which rows of counts come, one stream an epoch.
_ROW_ORDER = 2**61
#: The order in which the walks of a round begin, one stream a round.
_WALK_ORDER = 2**61 + 2**60
#: The uniform start of I.
UNIFORM_START = 2**62
#: The random subspace of the spectral start.
SPECTRAL_START = 2**62 + 2**61
#: Walks on a graph, one stream each: the upper half of all.
WALKS = 2**63


def thinning(epoch: int) -> int:
    """Which tokens subsampling drops in an epoch, or in a draw of the text."""
    return 2 * epoch


def reach(epoch: int) -> int:
    """How far the window of each position reaches in an epoch, where that is drawn."""
    return 2 * epoch + 1


def row_order(epoch: int) -> int:
    """How rows of counts are dealt to the batches of an epoch."""
    return _ROW_ORDER + epoch


def walk_order(round: int) -> int:
    """In which order the walks of a round begin."""
    return _WALK_ORDER + round
