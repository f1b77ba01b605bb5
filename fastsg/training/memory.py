"""How much memory a training needs, said before the start and not by the kernel's out-of-memory killer."""

from __future__ import annotations

from .. import _core
from ..cooccurrence.batches import most_pairs
from ..cooccurrence.window import Window
from ..numerics.objective import block_rows
from ..text.corpus import EncodedCorpus
from ..text.remote import RemoteCorpus
from .settings import Settings

#: A pair of a batch that is grouped; an entry of one that comes from counts: copied, and its place.
_PAIR_BYTES, _BATCH_ENTRY_BYTES = 50, 14
_DRAWN_BYTES, _ENTRY_BYTES = 12, 8


def estimate_training(
    settings: Settings, K: int, corpus: EncodedCorpus | None, workers: int, tokens: int = 0
) -> dict[str, int]:
    """Bytes by part that a training over K words needs; without a corpus for one of so many tokens.

    A text that another rank counts takes no memory here.
    """
    corpus = None if isinstance(corpus, RemoteCorpus) else corpus
    tokens, H, rows = corpus.n_tokens if corpus else tokens, settings.vector_size, block_rows(K)
    window, size = Window.parse(settings.window, settings.shrink_windows), settings.batch_of(K, tokens)
    if settings.solver == "counts":
        words = window.most_contexts(corpus.offsets) if corpus else max(window.left + window.right, 0)
        return estimate(
            K,
            H,
            min(size, K),
            rows,
            workers,
            tokens,
            settings.precision,
            drawn=tokens * max(settings.draws, 1),
            entries=distinct_pairs(K, tokens * words),
            tables=1 if settings.sample == 0 else 2,
        )
    centers = min(size, max(tokens, 1))
    most = most_pairs(window, corpus.offsets, centers) if corpus else 0
    return estimate(K, H, min(centers, K), rows, workers, tokens, settings.precision, most)


def distinct_pairs(K: int, pairs: int) -> int:
    """About how many different pairs of words a text of so many pairs has.

    It grows as their number to the 3/4, by experience with texts of 2 to 280 million pairs, whose counts stay
    below this.
    """
    return int(min(40 * pairs**0.75, pairs, K * K))


def estimate(
    K: int,
    H: int,
    batch_rows: int,
    rows: int,
    num_threads: int,
    tokens: int = 0,
    precision: str = "float32",
    pairs: int = 0,
    drawn: int = 0,
    entries: int = 0,
    tables: int = 1,
) -> dict[str, int]:
    """Bytes by part, for a vocabulary of K words, H coordinates and batches of `batch_rows` distinct centers.

    Parameters
    ----------
    rows : int       Softmax rows worked off at once.
    tokens : int     Tokens of the corpus; a thinned copy and the validation text are not counted.
    pairs : int      Most pairs of a batch of a text: keys, weights and spare copies while they are sorted and
                     grouped, and their places. A batch of counts has its share of the entries.
    drawn : int      Tokens whose windows are counted, over all draws; thinning leaves fewer.
    entries : int    Pairs of words in a table of counts: ids and weights.
    tables : int     Tables of counts: the text's and that of thinned copies; one more while the start is
                     made.
    """
    parts = {
        "matrices": 2 * 4 * K * H,
        "optimizer": 3 * 4 * K,
        "scratch": _core.scratch_bytes(K, H, rows, max(batch_rows, 1), num_threads, precision),
        "vocabulary": 150 * K,
        "tokens": 4 * tokens,
        "pairs": _PAIR_BYTES * pairs + _BATCH_ENTRY_BYTES * entries * min(batch_rows, K) // K,
        # the marked copies of the text are gone when the start is made
        "counts": max(
            _DRAWN_BYTES * drawn + tables * _ENTRY_BYTES * entries, (tables + 1) * _ENTRY_BYTES * entries
        ),
    }
    return parts | {"total": sum(parts.values())}
