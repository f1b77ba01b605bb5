"""File formats: bytes on one side, words and arrays on the other. No class of other folders, no pickle.

    word2vec       vectors as text or binary; its rows are read by word2vec_rows
    bias           the constants added to the logits, as text
    model_file     everything there is to ask a model and to train it on
    vectors_file   words, vectors and attributes
    safetensors    the container of model files, encoded corpora and counts
    untrusted      opening and reading files that nobody vouches for

Writing goes through :func:`fastsg.system.atomic.atomic_write`: a file is whole, or it is the old one. Reading
trusts nothing: what a header promises is proven against the size of the file before memory is taken for it,
and whatever is wrong with the content is a FormatError that names the file and the place.
"""

from .bias import load_bias, save_bias
from .model_file import ModelContent, read_model_file, save_model_file, write_model_file
from .vectors_file import VectorsContent, read_vectors_file, write_vectors_file
from .word2vec import check_words, load_counts, load_word2vec, save_word2vec

__all__ = [
    "ModelContent",
    "VectorsContent",
    "check_words",
    "load_bias",
    "load_counts",
    "load_word2vec",
    "read_model_file",
    "read_vectors_file",
    "save_bias",
    "save_model_file",
    "save_word2vec",
    "write_model_file",
    "write_vectors_file",
]
