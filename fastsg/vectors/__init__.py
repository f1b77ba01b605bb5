"""Words with their vectors: access, exact queries, evaluation. Knows no trainer, no text and no loss.

    words, matrix -> VectorStore          access by word or row, means of vectors, word2vec files
                       KeyedVectors       the same, and queries with gensim's names:
                          |-> neighbours    cosines, and exact search among all rows
                          |-> evaluation    word similarity and analogy files -> statistics

:class:`KeyedVectors` turns words into rows and rows into words; the modules below it see rows and numbers
alone. The matrix is kept as it was given, be it mapped or shared with a trainer; only 1 / norm of each row is
computed, once.
"""

from .keyed_vectors import KeyedVectors
from .neighbours import unit_rows

__all__ = ["KeyedVectors", "unit_rows"]
