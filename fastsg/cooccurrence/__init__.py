"""Which words stand near each other: windows over a text, and how often each pair of words shares one.

    window          how far a window reaches, and what a distance weighs
    count_settings  how counts of a text are made: window, subsampling, draws, seed
    pieces          an encoded corpus and its settings -> rows of counts: at once, or piece by piece
    counting        a text, or a piece of it, counted row by row, into memory or a file (entries)
    adding          rows of counts added and taken off, exactly; which counts fit each other
    triples         explicit (center, context, count) -> rows of counts
    counts          CooccurrenceCounts: the rows, their sums, their words (table, row_checks)
    counts_file     its file
    merging         counts in memory and files of any size merged; shards of a text
    batches         pair counts as the kernels take them: from windows, from pairs, from rows of counts
    columns         what of the rows is wanted: entries of the first words, or of some columns
    row_order       in which order, and how often, rows of counts come

A corpus goes through window and pieces to CooccurrenceCounts; a training takes batches. Nothing here knows
vectors or losses.
"""

from .counts import CooccurrenceCounts
from .counts_file import is_counts_file
from .merging import CountsMerger, Needs, needs_of_counting
from .window import Window

__all__ = [
    "CooccurrenceCounts",
    "CountsMerger",
    "Needs",
    "Window",
    "is_counts_file",
    "needs_of_counting",
]
