"""EncodedCorpus: a text as word ids, made from files or from token lists, saved and mapped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..errors import FormatError
from ..io import safetensors
from ..io.safetensors import Field, Schema
from ..system.atomic import atomic_write
from ..system.compression import refuse_compression
from ..system.growing_file import give_back
from ..system.interrupts import kept
from ..system.threads import effective_num_threads
from .encoders import Encoder, encode_files, encode_sentences
from .files import PathLike, input_paths, shown_paths
from .ids import final_ids
from .integers import IntegerEncoder, is_integer_array
from .invalid import warn_of_invalid
from .shards import Shard, share_of
from .tokenizers import TOKENIZERS
from .transcoding import Transcoding
from .vocab import Vocab, check_cuts, check_vocab

_BLOCK_BYTES = 1 << 20
#: Numbers of sentences, or their ends, that are checked at once.
_AT_ONCE = 1 << 20
SCHEMA = Schema(
    "fastsg-corpus",
    "3",
    (
        Field("offsets", "I64"),
        Field("numbers", "I64", optional=True),
        Field("counts", "I64"),
        Field("word_offsets", "I64"),
        Field("tokens", "I32"),
        Field("words", "U8"),
    ),
    unsealed="1",
    older=("2",),
)
_COUNTERS = ("raw_types", "vocab_raw_tokens", "raw_tokens", "invalid_bytes_replaced")


class EncodedCorpus:
    """Sentences of word ids.

    Parameters
    ----------
    tokens : ndarray of shape (n,), int32       Word ids in [0, K), contiguous; may be read-only or mapped.
    offsets : ndarray of shape (s + 1,), int64  Sentence i is ``tokens[offsets[i]:offsets[i + 1]]``; strictly
                                                increasing from 0 to n, so no sentence is empty.
    vocab : Vocab                               What the ids mean.
    numbers : ndarray of shape (s,), int64      Number of each sentence in the whole text, rising: which of
                                                its tokens are dropped when it is thinned follows from that.
                                                Empty lines count, so that parts of a text can be numbered as
                                                the whole is. None: 0, 1, 2 ...
    raw_tokens : int or None                    Tokens met, with those outside the vocabulary; None: the same.
    invalid_bytes_replaced : int                Invalid UTF-8 sequences that were replaced or left out.
    tokenizer : str or None                     Name of what cut the text into words; None: unknown.
    lower : bool or None                        Whether the text was made lower case; None: unknown.

    Attributes
    ----------
    tokens, offsets, vocab, numbers, raw_tokens, invalid_bytes_replaced, tokenizer, lower
    n_tokens : int
    lines : int                                 Sentences with the empty ones, as far as they are known; of a
                                                shard, with those before it.
    shard : Shard or None                       Which part of its text this is; see :meth:`from_files`.

    Raises
    ------
    ValueError, TypeError                       The arrays are not as described; says which.
    """

    def __init__(
        self,
        tokens: NDArray[np.int32],
        offsets: NDArray[np.int64],
        vocab: Vocab,
        numbers: NDArray[np.int64] | None = None,
        *,
        raw_tokens: int | None = None,
        invalid_bytes_replaced: int = 0,
        tokenizer: str | None = None,
        lower: bool | None = None,
    ) -> None:
        _check_layout(tokens, offsets, vocab)
        _check_numbers(numbers, len(offsets) - 1)
        _check_ids(tokens, len(vocab))
        self._set(tokens, offsets, vocab, numbers, raw_tokens, invalid_bytes_replaced, tokenizer, lower)

    def _set(
        self,
        tokens: NDArray[np.int32],
        offsets: NDArray[np.int64],
        vocab: Vocab,
        numbers: NDArray[np.int64] | None,
        raw_tokens: int | None,
        invalid_bytes_replaced: int,
        tokenizer: str | None,
        lower: bool | None,
    ) -> None:
        self.tokens, self.offsets, self.vocab = tokens, offsets, vocab
        self.lines = _least_lines(numbers, len(self))
        self.numbers = None if self.lines == len(self) else numbers
        self.shard: Shard | None = None
        self.raw_tokens = (
            len(tokens) if raw_tokens is None else checks.integer("raw_tokens", raw_tokens, None)
        )
        self.invalid_bytes_replaced = checks.integer("invalid_bytes_replaced", invalid_bytes_replaced, 0)
        self.tokenizer, self.lower = tokenizer, lower

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return len(self.tokens)

    def __len__(self) -> int:
        """Number of sentences."""
        return len(self.offsets) - 1

    def sentence_numbers(self) -> NDArray[np.int64]:
        """`numbers`, made where they are 0, 1, 2 ..."""
        return np.arange(len(self), dtype=np.int64) if self.numbers is None else self.numbers

    def part(self, start: int, stop: int) -> EncodedCorpus:
        """The sentences [start, stop), with their numbers, uncopied; ValueError if there are none."""
        start, stop = (checks.integer(name, at, None) for name, at in (("start", start), ("stop", stop)))
        if not 0 <= start < stop <= len(self):
            raise ValueError(f"start and stop are {start} and {stop}; there are {len(self)} sentences")
        ends, numbers = self.offsets[start : stop + 1], self.sentence_numbers()[start:stop]
        part = EncodedCorpus(self.tokens[ends[0] : ends[-1]], ends - ends[0], self.vocab, numbers)
        part.tokenizer, part.lower = self.tokenizer, self.lower
        return part

    def __iter__(self) -> Iterator[list[str]]:
        """The sentences as lists of words, without the words that are not in the vocabulary."""
        words = self.vocab.words
        for i in range(len(self)):
            yield [words[k] for k in self.tokens[self.offsets[i] : self.offsets[i + 1]].tolist()]

    def __repr__(self) -> str:
        return f"<EncodedCorpus: {len(self)} sentences, {self.n_tokens} tokens, {len(self.vocab)} words>"

    @classmethod
    @kept()
    def from_iter(
        cls,
        sentences: Iterable[Iterable[str | int]],
        *,
        vocab: Vocab | None = None,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        lower: bool = False,
        progress: bool | None = None,
    ) -> EncodedCorpus:
        """Encode token lists; the iterable is gone through once, so a generator will do.

        Parameters
        ----------
        sentences : iterable of iterables of str or int
            Tokens may be any strings but the empty one. The word of an integer is its decimal form. An array
            (n, length) of integers is read at once.
        vocab : Vocab or None       Keep these words and their ids; None makes a vocabulary.
        min_count, max_final_vocab  See :meth:`Vocab.from_counts`; not used with ``vocab``.
        lower : bool                Make the tokens lower case, as ``str.lower()`` does.
        progress : bool or None     Show a progress bar; None: if standard error is a terminal.

        Raises
        ------
        TypeError                   A sentence is a str, or a token is neither a str nor an integer; says
                                    which sentence.
        ValueError                  There are no tokens, or no token is left in the vocabulary.
        """
        if isinstance(sentences, (str, bytes, os.PathLike)):
            raise TypeError(
                f"sentences is a {type(sentences).__name__}; use EncodedCorpus.from_files to read files"
            )
        _check_options(vocab, min_count, max_final_vocab)
        encoder: Encoder
        if is_integer_array(sentences):
            encoder = IntegerEncoder(sentences)
        else:
            encoder = encode_sentences(sentences, progress, lower)
        arrays = final_ids(encoder, vocab, min_count, max_final_vocab, "sentences")
        corpus = cls(*arrays, raw_tokens=encoder.n_tokens)
        corpus.lines = encoder.n_lines
        return corpus

    @classmethod
    @kept()
    def from_files(
        cls,
        paths: PathLike | Iterable[PathLike],
        *,
        tokenizer: Any = "space",
        vocab: Vocab | None = None,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        errors: str = "replace",
        encoding: str = "utf-8",
        lower: bool = False,
        max_word_bytes: int = 4096,
        workers: int | None = None,
        progress: bool | None = None,
        shard: tuple[int, int] | None = None,
        folder: str | None = None,
        _block_bytes: int = _BLOCK_BYTES,
    ) -> EncodedCorpus:
        """Encode text files, a line a sentence.

        Parameters
        ----------
        paths : path or iterable of paths   ``"-"`` is standard input; ``.gz .bz2 .xz .zst`` are decompressed.
        tokenizer                           "space": words between white space as ``str.split()`` sees it.
                                            "char": each character that is not white space. Or a callable or
                                            an object with ``encode``, for whole lines, see
                                            ``fastsg.text.line_tokenizer``, which also knows "rjieba",
                                            Chinese words; only these hold a whole line in memory.
        vocab, min_count, max_final_vocab   As in :meth:`from_iter`.
        errors : str                        Invalid UTF-8: "replace" by U+FFFD, with a warning; "ignore"
                                            leaves it out, with a warning; "strict" raises.
        encoding : str                      Of the files, as Python names it; invalid bytes are treated as
                                            `errors` says. Other than "utf-8" it takes longer.
        lower : bool                        Make the text lower case, as ``str.lower()`` does.
        max_word_bytes : int                Longest word allowed, in bytes of UTF-8, for tokenizer "space".
        workers : int or None               Threads of "space" and "char", at most 16; the result is the same.
        progress : bool or None             As in :meth:`from_iter`; counts bytes of the files.
        shard : (i, n) or None              Only the i-th of n shares of the text, from 1 on: the lines that
                                            start in its range of bytes, numbered as in the whole text, see
                                            shards.py. With ``vocab`` it may have no token.
        folder : str or None                Of unnamed files that hold the ids, mapped, in place of memory.

        Returns
        -------
        EncodedCorpus                       Words outside the vocabulary are dropped: what stood on either
                                            side of them becomes neighbours.

        Raises
        ------
        OSError                             A file cannot be read, or its compressed data are damaged or cut.
        ValueError                          There are no tokens, or no token is left in the vocabulary. A word
                                            is longer than ``max_word_bytes``, or invalid UTF-8 is refused:
                                            says where in the uncompressed file.
        ImportError                         ``.zst`` without a package that reads it.
        """
        paths = input_paths(paths)
        _check_options(vocab, min_count, max_final_vocab, folder)
        checks.choice("errors", errors, checks.TEXT_ERRORS)
        transcoding = Transcoding.wanted(encoding, errors, lower)
        name = tokenizer if isinstance(tokenizer, str) else None
        share = None
        if shard is not None:
            share = share_of(paths, shard, tokenizer=name, errors=errors, encoding=encoding, lower=lower)
        encoder = encode_files(
            paths if share is None else share.spans,
            tokenizer,
            errors=errors,
            max_word_bytes=checks.integer("max_word_bytes", max_word_bytes, 1, checks.MAX_WORDS),
            workers=effective_num_threads(workers),
            progress=progress,
            block_bytes=_block_bytes,
            transcoding=transcoding,
            folder=folder,
        )
        if transcoding:
            encoder.count_invalid(transcoding.invalid)
        source = f"{share.shard} of {shown_paths(paths)}" if share else shown_paths(paths)
        if encoder.invalid:
            warn_of_invalid(encoder.invalid, errors, source, encoding, paths[0])
        arrays = final_ids(encoder, vocab, min_count, max_final_vocab, source, may_be_empty=bool(share))
        corpus = cls.__new__(cls)  # what was just made needs no check, and a shard may be empty
        corpus._set(*arrays, encoder.n_tokens, encoder.invalid, name, lower)
        corpus.lines = encoder.n_lines
        if share:
            corpus.numbers = corpus.sentence_numbers() + share.first_line
            corpus.lines += share.first_line
            corpus.shard = share.shard
        return corpus

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file: ``offsets, counts, word_offsets, tokens, words`` (UTF-8, end to end), and
        their ``checksums``, which files of before did not have.

        The same corpus always gives the same bytes. An existing file is replaced as a whole or not at all.
        """
        if not self.n_tokens:
            raise ValueError("the corpus has no tokens")
        word_offsets, words = safetensors.pack_words(self.vocab.words)
        arrays: dict[str, NDArray[Any]] = {
            "offsets": self.offsets,
            "counts": self.vocab.counts,
            "word_offsets": word_offsets,
            "tokens": self.tokens,
            "words": words,
        }
        arrays |= {} if self.numbers is None else {"numbers": self.numbers}
        refuse_compression(path)
        with atomic_write(path) as file:
            safetensors.write(file, SCHEMA, _metadata(self), arrays)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], mmap: bool = False, verify: bool | None = None
    ) -> EncodedCorpus:
        """Read a file written by :meth:`save`.

        Parameters
        ----------
        path : path
        mmap : bool             Map tokens and offsets, read-only, instead of reading them. The ids are not
                                checked then, which would read all of them. Shortening a mapped file kills the
                                process (SIGBUS).
        verify : bool or None   Compare the checksums of tokens and offsets; None: unless they are mapped.
                                False leaves out all checksums.

        Raises
        ------
        FormatError             The file is not such a file, or is damaged; or `verify` is True and it was
                                written before files had checksums.
        OSError                 It cannot be read.
        """
        with safetensors.named(os.fspath(path), "encoded corpus"):
            with safetensors.open_regular(path) as file:
                container = safetensors.Container(file, SCHEMA, verify)
                mapped = ("tokens", "offsets") if mmap else ()
                arrays = {
                    name: container.map(name) if name in mapped else container.read(name)
                    for name in container.places
                }
            counters = [safetensors.count(container.metadata, key) for key in _COUNTERS]
            words = safetensors.unpack_words(arrays["word_offsets"], arrays["words"])
            vocab = Vocab(words, arrays["counts"], raw_types=counters[0], raw_tokens=counters[1])
            _check_layout(arrays["tokens"], arrays["offsets"], vocab)
            numbers = arrays.get("numbers")
            _check_numbers(numbers, len(arrays["offsets"]) - 1)
            if not mmap:
                _check_ids(arrays["tokens"], len(vocab))
            corpus = cls.__new__(cls)
            told = (counters[2], counters[3], *_told(container.metadata))
            corpus._set(arrays["tokens"], arrays["offsets"], vocab, numbers, *told)
            _set_place(corpus, container.metadata)
            return corpus


def _least_lines(numbers: NDArray[np.int64] | None, sentences: int) -> int:
    """Lines of a text, if none that is empty stands behind its last sentence."""
    return sentences if numbers is None or not sentences else int(numbers[-1]) + 1


def _metadata(corpus: EncodedCorpus) -> dict[str, str]:
    """What a file tells besides the arrays; of lines and shard only what does not follow from these."""
    vocab, least = corpus.vocab, _least_lines(corpus.numbers, len(corpus))
    counters = (vocab.raw_types, vocab.raw_tokens, corpus.raw_tokens, corpus.invalid_bytes_replaced)
    told = {
        "tokenizer": corpus.tokenizer,
        "lower": None if corpus.lower is None else str(bool(corpus.lower)),
        "lines": None if corpus.lines == least else str(corpus.lines),
        "shard": corpus.shard and corpus.shard.as_json(),
    }
    metadata = dict(zip(_COUNTERS, map(str, counters)))
    return metadata | {name: value for name, value in told.items() if value is not None}


def _set_place(corpus: EncodedCorpus, metadata: dict[str, str]) -> None:
    """Take the lines and the shard that a file tells of; FormatError if they make no sense."""
    if "shard" in metadata:
        corpus.shard = Shard.parse(metadata["shard"])
    if "lines" in metadata:
        lines = safetensors.count(metadata, "lines")
        if lines < corpus.lines:
            raise FormatError(f"it has {lines} lines, and sentences up to number {corpus.lines - 1}")
        corpus.lines = lines


def _told(metadata: dict[str, str]) -> tuple[str | None, bool | None]:
    """Tokenizer and lower of a file, None each where it does not tell; FormatError for anything else."""
    tokenizer, lower = metadata.get("tokenizer"), metadata.get("lower")
    if tokenizer not in (None, *TOKENIZERS) or lower not in (None, "False", "True"):
        raise FormatError(f"its text was read with tokenizer={tokenizer!r}, lower={lower!r}")
    return tokenizer, None if lower is None else lower == "True"


def _check_layout(tokens: NDArray[np.int32], offsets: NDArray[np.int64], vocab: Vocab) -> None:
    for name, value, dtype in (("tokens", tokens, np.int32), ("offsets", offsets, np.int64)):
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
        if value.dtype != dtype or value.ndim != 1 or not value.flags.c_contiguous:
            strided = "" if value.flags.c_contiguous else ", not contiguous"
            raise ValueError(
                f"{name} must be a contiguous array of shape (n,) and type {np.dtype(dtype)}; "
                f"got shape {value.shape} of {value.dtype}{strided}"
            )
    if not isinstance(vocab, Vocab):
        raise TypeError(f"vocab must be a Vocab, got {type(vocab).__name__}")
    if len(tokens) == 0:
        raise ValueError("the corpus has no tokens")
    if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != len(tokens) or not _rises(offsets):
        raise ValueError(f"offsets must rise strictly from 0 to the number of tokens, {len(tokens)}")


def _check_numbers(numbers: NDArray[np.int64] | None, sentences: int) -> None:
    if numbers is None:
        return
    flat = isinstance(numbers, np.ndarray) and numbers.dtype == np.int64 and numbers.shape == (sentences,)
    if not flat or numbers[0] < 0 or not _rises(numbers):
        raise ValueError(f"numbers must be {sentences} int64, one a sentence, that rise from 0 or more")


def _rises(values: NDArray[np.int64]) -> bool:
    """Whether each is above the one before; mapped ones leave the memory again."""
    for start in range(0, len(values) - 1, _AT_ONCE):
        part = values[start : start + _AT_ONCE + 1]
        if not (part[1:] > part[:-1]).all():
            return False
        give_back(values)
    return True


def _check_ids(tokens: NDArray[np.int32], K: int) -> None:
    if tokens.min() < 0 or tokens.max() >= K:
        raise ValueError(
            f"tokens holds ids from {tokens.min()} to {tokens.max()}; the vocabulary has 0 to {K - 1}"
        )


def _check_options(
    vocab: Vocab | None, min_count: int, max_final_vocab: int | None, folder: str | None = None
) -> None:
    """Check before anything is read, which may take long or be possible only once."""
    if folder is not None:
        checks.path("folder", folder)
    check_cuts(min_count, max_final_vocab)
    check_vocab(vocab)


def is_encoded_corpus(path: str | os.PathLike[str]) -> bool:
    """Whether a file was written by :meth:`EncodedCorpus.save`, by its header; False if there is none."""
    return safetensors.format_of(path) == SCHEMA.name
