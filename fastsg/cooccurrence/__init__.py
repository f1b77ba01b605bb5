"""Which words stand near each other: windows over a text, and how often each pair of words shares one.

    window          how far a window reaches, and what a distance weighs
    count_settings  how counts of a text are made: window, subsampling, draws, seed
    counting        an encoded corpus and its settings -> rows of counts, in memory or in a file
    triples         explicit (center, context, count) -> rows of counts
    counts          CooccurrenceCounts: the rows, their sums, their words
    counts_file     its file
    batches         pair counts as the kernels take them: from windows, from pairs, from rows of counts
    row_order       in which order, and how often, rows of counts come

A corpus goes through window and counting to CooccurrenceCounts; a training takes batches. Nothing here knows
vectors or losses.
"""

from .counts import CooccurrenceCounts
from .window import Window

__all__ = ["CooccurrenceCounts", "Window"]
