"""StoredVectors: vectors in files, and as gensim's class."""

from __future__ import annotations

import os
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from .. import checks
from ..errors import FormatError
from ..io.safetensors import named
from ..io.vectors_file import VectorsContent, read_vectors_file, write_vectors_file
from ..io.word2vec import load_counts, load_word2vec, save_word2vec
from .store import VectorStore

Path = str | os.PathLike[str]


class StoredVectors(VectorStore):
    """The part of :class:`KeyedVectors` that reads and writes files."""

    def save(self, fname: Path) -> None:
        """Write words, vectors and attributes (counts included) to one file, a safetensors container.

        Raises
        ------
        ValueError, TypeError   There are no words; an attribute is neither of numbers nor of texts.
        OSError                 Writing failed; the old file is untouched.
        """
        write_vectors_file(fname, VectorsContent(self.index_to_key, self.vectors, self.expandos))

    @classmethod
    def load(cls, fname: Path, mmap: bool | str | None = None, verify: bool | None = None) -> Self:
        """Read what :meth:`save` wrote, bit for bit.

        Vectors of other formats, and of models, are ``KeyedVectors(*fastsg.io.load_vectors(fname))``.

        Parameters
        ----------
        fname : path
        mmap : None, False, True or "r"     True or "r" maps the matrix, read-only: it takes no memory of its
                                            own, and processes share it. Shortening the file while it is
                                            mapped kills the process.
        verify : bool or None               Compare the checksums of the matrix; None: unless it is mapped.
                                            False leaves out all checksums.

        Raises
        ------
        FormatError                         The file is another one (a pickle is never opened), or damaged; or
                                            `verify` is True and it was written before files had checksums.
        """
        checks.choice("mmap", mmap, (None, False, True, "r"))
        content = read_vectors_file(fname, mmap=bool(mmap), verify=verify)
        vectors = cls(content.words, content.matrix)
        vectors.expandos.update(content.attributes)
        with named(os.fsdecode(fname), "file of vectors"):
            vectors.counts = content.attributes.get("count")
        return vectors

    def save_word2vec_format(
        self, fname: Path, fvocab: Path | None = None, binary: bool = False, write_header: bool = True
    ) -> None:
        """Write word2vec text or binary; see :func:`fastsg.io.save_word2vec`."""
        save_word2vec(
            fname,
            self.index_to_key,
            self.vectors,
            counts=self.counts,
            binary=binary,
            write_header=write_header,
            fvocab=fvocab,
        )

    @classmethod
    def load_word2vec_format(
        cls,
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: DTypeLike = np.float32,
        no_header: bool = False,
    ) -> Self:
        """Read word2vec text or binary; see :func:`fastsg.io.load_word2vec`.

        `fvocab` names a file of "word count" lines with every word (FormatError names a missing one). The
        order of the arguments is gensim's; `datatype` can only be float32, in which these files are read.
        """
        if np.dtype(datatype) != np.float32:
            raise ValueError(f"datatype is {np.dtype(datatype)}; these files are read in float32 alone")
        words, matrix = load_word2vec(
            fname, binary=binary, limit=limit, no_header=no_header, encoding=encoding, errors=unicode_errors
        )
        if fvocab is None:
            return cls(words, matrix)
        counts = load_counts(fvocab, encoding=encoding, errors=unicode_errors)
        missing = next((word for word in words if word not in counts), None)
        if missing is not None:
            raise FormatError(
                f"{os.fsdecode(fvocab)}: no count for the word {missing!r} of {os.fsdecode(fname)}"
            )
        return cls(words, matrix, [counts[word] for word in words])

    def to_gensim(self) -> Any:
        """A copy as gensim's ``KeyedVectors``, attributes included, for programs that insist on that class.

        Raises
        ------
        ImportError     gensim is not installed.
        """
        try:
            from gensim.models import KeyedVectors
        except ImportError as error:
            raise ImportError(
                "to_gensim needs gensim, which is not installed: pip install 'fastsg[interop]'"
            ) from error
        made = KeyedVectors(self.vector_size, dtype=self.vectors.dtype)
        made.index_to_key, made.key_to_index = list(self.index_to_key), dict(self.key_to_index)
        made.vectors, made.next_index = np.array(self.vectors), len(self)
        made.expandos = {attr: column.copy() for attr, column in self.expandos.items()}
        return made
