"""Texts to try things on, without data of your own and without a network. Imports nothing of fastsg.

A data set is a file here. Its ``load_`` function gives lists of sentences, each a list of words, in two
parts: a text to train on, and a held-out text to measure on, which shares no sentence with the other. Both go
straight into ``SkipGram(train, validation=valid)``.

    python_docs    the documentation that every Python installation carries; ``fastsg demo`` trains on it
"""

from .python_docs import PROBE_WORDS, PythonDocs, load_python_docs, python_docs_sentences

__all__ = ["PROBE_WORDS", "PythonDocs", "load_python_docs", "python_docs_sentences"]
