"""Pictures with matplotlib (extra ``plot``), which is imported when the first one is drawn.

    plot_loss           the course of a training beside ln K and the unigram loss, by kind of text
    plot_map            words in the plane
    plot_neighbours     nearest words with their cosines, and P(n|m)
    plot_analogy        analogies as parallelograms
    plot_heatmap        cosines of some words with each other
    plot_comparison     the neighbours of one word in two models
    save_picture        into .png, .svg or .pdf, as a whole or not at all

Each function draws on the Axes that it is given, or on a figure of its own, outside pyplot's list of figures,
and returns the Axes. Colours can be told apart by the colour-blind, and never alone carry a meaning. Letters
that matplotlib's own font lacks, such as Chinese ones, are written in a font of the machine that has them.
"""

from .bars import plot_neighbours
from .comparison import plot_comparison
from .heatmap import plot_heatmap
from .loss import plot_loss
from .maps import plot_map
from .parallelograms import plot_analogy
from .picture import SUFFIXES, check_picture, save_picture

__all__ = [
    "SUFFIXES",
    "check_picture",
    "plot_analogy",
    "plot_comparison",
    "plot_heatmap",
    "plot_loss",
    "plot_map",
    "plot_neighbours",
    "save_picture",
]
