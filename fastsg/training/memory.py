"""How much memory a training needs, said before the start and not by the kernel's out-of-memory killer."""

from __future__ import annotations

from typing import NamedTuple

from .. import _core
from ..cooccurrence.batches import most_pairs
from ..cooccurrence.counting import PART
from ..cooccurrence.counts import CooccurrenceCounts
from ..cooccurrence.window import Window
from ..numerics.objective import block_rows
from ..text.corpus import EncodedCorpus
from ..text.remote import RemoteCorpus
from ..text.vocab import Vocab
from .settings import Settings

#: A pair of a batch that is grouped; an entry of one that comes from counts: copied, and its place.
_PAIR_BYTES, _BATCH_ENTRY_BYTES = 50, 14
#: A token while windows are counted (marked, and its place), one of a thinned copy, an entry of counts.
_COUNTED_BYTES, _THINNED_BYTES, _ENTRY_BYTES = 8, 4, 8
#: What the start takes for an entry, a copy, and where N_mn is not N_nm its transpose too; and how many times
#: the matrices, with those of its subspace and what is on the way.
_START_ENTRY_BYTES, _TRANSPOSED_BYTES, _START_MATRICES = 8, 20, 3.5


class CountSizes(NamedTuple):
    """What the counts of a training hold, and what is counted.

    Attributes
    ----------
    entries, thinned : float    Pairs of words in the text's counts, and in those of thinned copies (0: none).
    tokens : int                Tokens whose windows are counted (0: the counts are there).
    kept : float                Tokens of all thinned copies.
    symmetric : bool            Whether N_mn is N_nm.
    """

    entries: float
    thinned: float
    tokens: int
    kept: float
    symmetric: bool

    @classmethod
    def of(cls, counts: CooccurrenceCounts) -> CountSizes:
        """Of counts that are there."""
        thinned = 0 if counts.thinned is None else counts.thinned.nnz
        return cls(counts.nnz, thinned, 0, 0.0, counts.start.symmetric)

    @property
    def bytes(self) -> int:
        """What the counts themselves take."""
        return int(_ENTRY_BYTES * (self.entries + self.thinned))


def estimate_training(
    settings: Settings, vocab: Vocab, corpus: EncodedCorpus | None, workers: int, tokens: int = 0
) -> dict[str, int]:
    """Bytes by part that a training over a vocabulary needs; without a corpus for one of so many tokens.

    How many different pairs of words there are is not known yet: at most :func:`distinct_pairs` are. A text
    that another rank counts takes no memory here.
    """
    corpus = None if isinstance(corpus, RemoteCorpus) else corpus
    tokens = corpus.n_tokens if corpus else tokens
    K, window = len(vocab), Window.parse(settings.window, settings.shrink_windows)
    if settings.solver == "counts":
        words = window.most_contexts(corpus.offsets) if corpus else max(window.left + window.right, 0)
        entries, thins = distinct_pairs(K, tokens * words), settings.sample != 0
        kept, symmetric = kept_tokens(settings, vocab, tokens), window.left == window.right
        sizes = CountSizes(entries, entries * thins, tokens, kept, symmetric)
        return estimate_with_counts(settings, K, workers, sizes)
    centers = min(settings.batch_of(K, tokens), max(tokens, 1))
    most = most_pairs(window, corpus.offsets, centers) if corpus else 0
    parts = _besides_counts(settings, K, workers, tokens, centers, _PAIR_BYTES * most)
    return _with_total(parts | {"counts": 0})


def estimate_with_counts(settings: Settings, K: int, workers: int, sizes: CountSizes) -> dict[str, int]:
    """Bytes by part of a training on counts of these sizes. The total is the most that is taken at a time.

    Counting, the start and the epochs come one after the other: "counts" is what they take at the worst time
    beyond what the epochs take besides counts.
    """
    rows, largest = settings.batch_of(K, sizes.tokens), max(sizes.entries, sizes.thinned)
    in_batch = int(_BATCH_ENTRY_BYTES * largest * min(rows, K) / K)
    parts = _besides_counts(settings, K, workers, sizes.tokens, rows, in_batch)
    text, thinned = _ENTRY_BYTES * sizes.entries, _ENTRY_BYTES * sizes.thinned
    before = [0.0]
    if sizes.entries and settings.init != "random":
        each = _START_ENTRY_BYTES + _TRANSPOSED_BYTES * (not sizes.symmetric)
        start = each * (sizes.thinned or sizes.entries) + _START_MATRICES * parts["matrices"]
        before.append(text + thinned + start)
    if sizes.tokens:
        window = Window.parse(settings.window, settings.shrink_windows)
        tokens = max(sizes.tokens, sizes.kept if thinned else 0)
        pairs = tokens * (window.left + window.right)  # below 0: of whole sentences
        at_once = _ENTRY_BYTES * min(PART, pairs if pairs > 0 else sizes.entries)
        before.append(text + at_once + _COUNTED_BYTES * sizes.tokens)
        if thinned:  # the copies of the text are there until they are marked, then come the entries
            copies = max(_THINNED_BYTES * sizes.kept, thinned + at_once)
            before.append(text + copies + _COUNTED_BYTES * sizes.kept)
    later = parts["scratch"] + parts["pairs"]
    return _with_total(parts | {"counts": int(max(text + thinned, max(before) - later))})


def distinct_pairs(K: int, pairs: int) -> int:
    """About how many different pairs of words a text of so many pairs has.

    It grows as their number to the 3/4, by experience with texts of 2 to 280 million pairs, whose counts stay
    below this.
    """
    return int(min(40 * pairs**0.75, pairs, K * K))


def kept_tokens(settings: Settings, vocab: Vocab, tokens: int) -> float:
    """Tokens that thinning leaves of all copies of a text of so many; expected counts take the whole text."""
    keep = vocab.keep_probabilities(settings.threshold(len(vocab)))
    return tokens * (settings.draws * float(vocab.unigram() @ keep) if settings.draws else 1.0)


# ---- the parts ----


def _besides_counts(
    settings: Settings, K: int, workers: int, tokens: int, batch: int, in_batch: int
) -> dict[str, int]:
    """What epochs need besides counts; a batch has at most so many rows, and so many bytes of pairs.

    The validation text is not counted.
    """
    rows, H = max(min(batch, K), 1), settings.vector_size
    return {
        "matrices": 2 * 4 * K * H,
        "optimizer": 3 * 4 * K,
        "scratch": _core.scratch_bytes(K, H, block_rows(K), rows, workers, settings.precision),
        "vocabulary": 150 * K,
        "tokens": 4 * tokens,
        "pairs": in_batch,
    }


def _with_total(parts: dict[str, int]) -> dict[str, int]:
    return parts | {"total": sum(parts.values())}
