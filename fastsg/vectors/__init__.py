"""Words with their vectors: access, exact queries, evaluation. Knows no trainer, no text and no loss.

    words, matrix -> VectorStore          access by word or row, attributes, means of vectors
                       GrowingVectors       words and vectors added and replaced
                       StoredVectors        files
                       Queries              exact search, with gensim's names
                       KeyedVectors         all of these, queries over few words, and evaluation:
                          |-> directions    vectors at length 1, cosines, means
                          |-> neighbours    exact search among all rows, by kernels
                          |-> answers       words with their cosines, as a list and as a table
                          |-> attributes    columns of values beside the words
                          |-> evaluation    word similarity and analogy files -> statistics
                       export_vectors       into a file of any format
                       project              points in the plane, for maps

:class:`KeyedVectors` turns words into rows and rows into words; the modules below it see rows and numbers
alone. The matrix is kept as it was given, be it mapped or shared with a trainer, until words are added or
replaced; only 1 / norm of each row is computed, once.
"""

from .answers import Answers, Ranking
from .directions import unit_rows
from .evaluation import AnalogiesResult, AnalogySection, WordPairsResult
from .export import export_vectors
from .indexer import Indexer, UsearchIndexer
from .keyed_vectors import KeyedVectors
from .projection import PROJECTIONS, Projection, project, require_projection
from .statistics import Correlation

__all__ = [
    "PROJECTIONS",
    "AnalogiesResult",
    "AnalogySection",
    "Answers",
    "Correlation",
    "Indexer",
    "KeyedVectors",
    "Projection",
    "Ranking",
    "UsearchIndexer",
    "WordPairsResult",
    "export_vectors",
    "project",
    "require_projection",
    "unit_rows",
]
