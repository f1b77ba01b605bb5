"""File formats: bytes on one side, words and arrays on the other. No class of other folders, no pickle.

    formats        every format of vectors by name and suffix: load_vectors, save_vectors
      word2vec       text and binary; rows are cut by word2vec_text and word2vec_binary
      fasttext, npz, embeddings_file (safetensors), arrow (Parquet too), projector, static_folder, finalfusion
      vector_table   what all of them are read into, and the checks they share
    bias           the constants added to the logits, as text
    model_file     everything there is to ask a model and to train it on
    vectors_file   words, vectors and attributes
    safetensors    the container of model files, vectors, encoded corpora and counts
    checksums      those of a container, MiB by MiB
    untrusted      opening and reading files that nobody vouches for

Writing goes through :func:`fastsg.system.atomic.atomic_write`: a file is whole, or it is the old one. Reading
trusts nothing: what a header promises is proven against the size of the file before memory is taken for it,
and whatever is wrong with the content is a FormatError that names the file and the place.
"""

from ..numerics.views import VIEWS, WHICH
from .bias import load_bias, save_bias
from .embeddings_file import is_model
from .formats import (
    FORMATS,
    check_words_fit,
    format_of_file,
    format_to_write,
    load_vectors,
    save_vectors,
    writable_formats,
)
from .model_file import ModelContent, read_model_file, save_model_file, write_model_file
from .safetensors import has_checksums
from .static_folder import STATIC_FILES
from .untrusted import open_text, read_whole
from .vector_table import VectorTable
from .vectors_file import VectorsContent, read_vectors_file, write_vectors_file
from .word2vec import check_words, load_counts, load_word2vec, save_word2vec

__all__ = [
    "FORMATS",
    "STATIC_FILES",
    "VIEWS",
    "WHICH",
    "ModelContent",
    "VectorTable",
    "VectorsContent",
    "check_words",
    "check_words_fit",
    "format_of_file",
    "format_to_write",
    "has_checksums",
    "is_model",
    "load_bias",
    "load_counts",
    "load_vectors",
    "load_word2vec",
    "open_text",
    "read_model_file",
    "read_vectors_file",
    "read_whole",
    "save_bias",
    "save_model_file",
    "save_vectors",
    "save_word2vec",
    "writable_formats",
    "write_model_file",
    "write_vectors_file",
]
