"""Words and their vectors: queries and evaluation. Knows no trainer."""

from .keyed_vectors import KeyedVectors

__all__ = ["KeyedVectors"]
