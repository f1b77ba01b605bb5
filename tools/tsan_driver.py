"""What the thread sanitizer watches: every parallel path of fastsg once, on a few threads. Run by
tools/sanitize_threads.

Sizes are small, since the sanitizer slows everything down, but every batch has several blocks of rows, every
vocabulary several shards and every file several blocks, so that threads meet at each of their boundaries. The
blocks of a file are large enough for their workers to be at work at once: where Python's lock alone puts them
in turn, nothing could be seen.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import numpy as np

from fastsg import EncodedCorpus, SkipGram, _core
from fastsg.numerics import objective

THREADS = 4
ROWS = 64  # softmax rows a block: the smallest there is
TYPES, TOKENS = 2500, 12_000
VECTOR_SIZE = 51  # no multiple of a vector
COPIES = 16  # of the text, for the workers that read it
BLOCK_BYTES = 1 << 17


def write_text(path: Path) -> Path:
    """Sentences of 20 words drawn after Zipf's law; every word occurs."""
    rng = np.random.default_rng(0)
    words = rng.permutation(np.concatenate([np.arange(TYPES), rng.zipf(1.3, TOKENS - TYPES) % TYPES]))
    path.write_text(
        "\n".join(" ".join(f"w{i}" for i in words[start : start + 20]) for start in range(0, TOKENS, 20))
        + "\n"
    )
    return path


def train(encoded: EncodedCorpus, optimizer: str, precision: str = "float32") -> None:
    """Two epochs with validation loss, in batches of several blocks of rows."""
    SkipGram(
        encoded,
        vector_size=VECTOR_SIZE,
        min_count=1,
        epochs=2,
        batch_size=2000,
        optimizer=optimizer,
        precision=precision,
        sample=0,
        validation=encoded,
        workers=THREADS,
        progress=False,
    )


def small_batches(encoded: EncodedCorpus) -> None:
    """Batches of one block: O moves in the only pass B, with a gradient tile for each thread."""
    SkipGram(
        encoded,
        vector_size=VECTOR_SIZE,
        min_count=1,
        epochs=1,
        batch_size=60,
        workers=THREADS,
        sample=1e-4,
        progress=False,
    )


def train_side_by_side(encoded: EncodedCorpus) -> None:
    """Two models in two Python threads, each with its own OpenMP threads."""
    threads = [threading.Thread(target=train, args=(encoded, "adagrad")) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def gradient_with_true_maxima() -> None:
    """Logits of some thousands send rows to their true maximum; the gradient itself is kept for all of O."""
    rng = np.random.default_rng(1)
    I, O = (rng.standard_normal((TYPES, VECTOR_SIZE)).astype(np.float32) * 20 for _ in range(2))
    objective.loss_and_gradient(
        rng.integers(0, TYPES, 900), rng.integers(0, TYPES, 900), I, O, num_threads=THREADS
    )


def read(path: Path) -> None:
    """Several workers read many blocks, by words and by characters, and find what one finds."""
    for tokenizer in ("space", "char"):
        one, several = (
            EncodedCorpus.from_files(
                [path] * COPIES,
                tokenizer=tokenizer,
                min_count=1,
                workers=workers,
                progress=False,
                _block_bytes=BLOCK_BYTES,
            )
            for workers in (1, THREADS)
        )
        assert np.array_equal(one.tokens, several.tokens) and one.vocab.words == several.vocab.words


def main() -> None:
    if not _core.OPENMP:
        raise SystemExit("this build has no OpenMP: there is nothing to see")
    objective._MAX_ROWS = ROWS
    with tempfile.TemporaryDirectory() as folder:
        path = write_text(Path(folder, "text"))
        encoded = EncodedCorpus.from_files(path, min_count=1, workers=1, progress=False)
        assert _core.shard_count(len(encoded.vocab)) >= THREADS
        for precision in _core.available_precisions():
            for optimizer in ("adagrad", "sgd"):
                train(encoded, optimizer, precision)
        small_batches(encoded)
        train_side_by_side(encoded)
        gradient_with_true_maxima()
        read(path)
    print("tsan_driver: done")


if __name__ == "__main__":
    main()
