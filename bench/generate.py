"""A text of any size that counts like a real one: written as a stream, the same bytes for the same seed.

usage: python bench/generate.py TEXT --tokens 1e9 [--types 1000000] [--seed 1] [-o FILE]
       python bench/generate.py TEXT --compare [--types N] [--json FILE]

Many readers walk the source at once. From a word a reader goes on to the word behind it, mostly where it
stands (`--keep-on`), else behind another occurrence of the same word, chosen at random: then the pair is one
of the source, with its frequency there. Now and then (`--jump`) it goes to any place, so that there are pairs
which the source has not. What is rare in the source (below `--rare` times) is only a place for a rare word:
one of the invented words, whose frequencies go on from the last of the others as (rank + shift)^-s, by Zipf
and Mandelbrot, down to as many types as are asked for. Texts come back to what they are about: so does a
reader, to the invented word it had last (`--again`).

--compare writes nothing: it makes as many tokens as the source has, counts both, and prints the entries of
their counts per token, over the same number of words.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastsg import CooccurrenceCounts, EncodedCorpus

#: Tokens made at once, and words of a line.
BLOCK, LINE = 2**20, 256
SHIFT = 2.7
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwz", "aeiou"


class Habits(NamedTuple):
    """How readers go on: chances of each choice."""

    keep_on: float = 0.75
    jump: float = 0.02
    again: float = 0.5


class Words(NamedTuple):
    """The words of the text: those of the source that are frequent enough, then invented ones.

    Attributes
    ----------
    known : int                                 So many are of the source.
    blob : ndarray, uint8                       All words, a blank behind each, end to end.
    starts, sizes : ndarray (types,), int64     Where each begins, and its bytes with the blank.
    chances : ndarray, float64                  Of the invented ones, added up: the last is 1.
    """

    known: int
    blob: NDArray[np.uint8]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    chances: NDArray[np.float64]


class Source:
    """The pair statistics of a text: its ids, and where each of them stands.

    Parameters
    ----------
    ids : ndarray (n,), int32       Of its words, all rare ones having the id `known`.
    known : int                     Number of the others.
    """

    def __init__(self, ids: NDArray[np.int32], known: int) -> None:
        self.ids, self.known = ids, known
        self.times = np.bincount(ids, minlength=known + 1)
        self.first = np.cumsum(self.times) - self.times
        self.places = np.argsort(ids, kind="stable").astype(np.int32)

    @classmethod
    def of(cls, corpus: EncodedCorpus, rare: int) -> Source:
        """From a corpus that has all its words, in falling order of frequency."""
        known = int((corpus.vocab.counts >= rare).sum())
        return cls(np.minimum(corpus.tokens, known), known)

    def block(
        self, readers: NDArray[np.int64], steps: int, habits: Habits, rng: np.random.Generator
    ) -> NDArray[np.int32]:
        """What readers come by in so many steps, (readers, steps); moves them."""
        n, out = len(self.ids), np.empty((steps, len(readers)), np.int32)
        for step in range(steps):
            how, where = rng.random((2, len(readers)))
            here = self.ids[readers]
            others = self.places[self.first[here] + (where * self.times[here]).astype(np.int64)]
            stays = how < habits.keep_on
            readers[:] = np.where(stays, readers, others)
            jumps = how > 1 - habits.jump
            readers[jumps] = (where[jumps] * n).astype(np.int64)
            readers += 1
            readers[readers == n] = 0
            out[step] = self.ids[readers]
        return np.ascontiguousarray(out.T)


def invented(n: int, first: int, taken: set[str]) -> list[str]:
    """So many words of syllables that nobody else has, numbered from `first` on."""
    syllables = [a + b for a in _CONSONANTS for b in _VOWELS]
    words, number = [], first
    while len(words) < n:
        word, rest = "", number
        while rest or not word:
            rest, digit = divmod(rest, len(syllables))
            word += syllables[digit]
        if word not in taken:
            words.append(word)
        number += 1
    return words


def tail_chances(n: int, begin: int, level: float) -> NDArray[np.float64]:
    """Chances of n words of ranks from `begin` on, added up; the first has `level` if any exponent gives it.

    They fall as (rank + SHIFT)^-s.
    """
    logs = np.log(np.arange(begin, begin + n) + SHIFT)
    logs -= logs[0]
    low, high = 0.0, 8.0
    for _ in range(40):
        s = (low + high) / 2
        first = 1 / np.exp(-s * logs).sum()
        low, high = (s, high) if first < level else (low, s)
    weights = np.exp(-low * logs)
    return np.cumsum(weights) / weights.sum()


def words_of(corpus: EncodedCorpus, source: Source, types: int) -> Words:
    """The words that the text will have; ValueError if the source alone has more."""
    if types <= source.known:
        raise ValueError(f"--types is {types}; the source alone has {source.known} words that are not rare")
    real, n = corpus.vocab.words[: source.known], types - source.known
    words = real + invented(n, 1000, set(real))
    sizes = np.array([len(word.encode()) + 1 for word in words])
    blob = np.frombuffer(" ".join([*words, ""]).encode(), np.uint8)
    rare = max(int(source.times[source.known]), 1)
    level = corpus.vocab.counts[max(source.known - 1, 0)] / rare
    chances = tail_chances(n, source.known + 1, float(level))
    return Words(source.known, blob, np.cumsum(sizes) - sizes, sizes, chances)


def blocks(
    source: Source, words: Words, tokens: int, habits: Habits, seed: int
) -> Iterator[NDArray[np.int32]]:
    """The text in lines of ids, (lines, LINE); the last block is cut to the number of tokens, to a line."""
    count = BLOCK // LINE
    readers = np.random.default_rng(seed).integers(0, len(source.ids), count)
    last = np.full(count, words.known, np.int32)
    for number in range(-(-tokens // BLOCK)):
        rng = np.random.default_rng([seed, number])
        ids = source.block(readers, LINE, habits, rng)
        _put_rare_words(ids, last, words, habits.again, rng)
        yield ids[: -(-min(tokens - number * BLOCK, BLOCK) // LINE)]


def _put_rare_words(
    ids: NDArray[np.int32],
    last: NDArray[np.int32],
    words: Words,
    again: float,
    rng: np.random.Generator,
) -> None:
    """Invented words where the source has rare ones; `last` is that of each reader."""
    line, place = np.nonzero(ids == words.known)
    fresh = words.known + np.searchsorted(words.chances, rng.random(len(line)), "right")
    fresh = np.minimum(fresh, len(words.sizes) - 1).astype(np.int32)
    repeats = rng.random(len(line)) < again
    source = np.where(repeats, -1, np.arange(len(line)))
    begins = np.append(True, line[1:] != line[:-1]) if len(line) else np.zeros(0, bool)
    # the last fresh word at or before each place; before the first of a line, what its reader had last
    newest = np.maximum.accumulate(np.where(source >= 0, source, -1)) if len(line) else source
    first = np.maximum.accumulate(np.where(begins, np.arange(len(line)), 0)) if len(line) else source
    chosen = np.where(newest >= first, fresh[np.maximum(newest, 0)], last[line])
    ids[line, place] = chosen
    last[line] = chosen  # of several in a line the last one stays


def text_of(ids: NDArray[np.int32], words: Words) -> NDArray[np.uint8]:
    """The bytes of some lines."""
    flat = ids.ravel()
    sizes = words.sizes[flat]
    ends = np.cumsum(sizes)
    out = words.blob[np.repeat(words.starts[flat] - ends + sizes, sizes) + np.arange(ends[-1])]
    out[ends[LINE - 1 :: LINE] - 1] = ord("\n")
    return out


def write(
    file: BinaryIO, source: Source, words: Words, tokens: int, habits: Habits, seed: int
) -> tuple[int, int]:
    """Write the text; tokens and bytes."""
    made = size = 0
    for ids in blocks(source, words, tokens, habits, seed):
        text = text_of(ids, words)
        file.write(text.data)
        made, size = made + ids.size, size + len(text)
    return made, size


# ---- beside the source -----------------------------------------------------------------------------------


def compared(paths: dict[str, Path], words: int) -> dict[str, dict[str, float]]:
    """Of each text: types, words of the vocabulary, entries per token of counts and of thinned ones."""
    found = {}
    for name, path in paths.items():
        corpus = EncodedCorpus.from_files(path, min_count=1, max_final_vocab=words)
        counts = CooccurrenceCounts.for_training(corpus, sample=1e-4)
        found[name] = {
            "tokens": corpus.raw_tokens,
            "types": corpus.vocab.raw_types,
            "words": len(corpus.vocab),
            "entries_per_token": counts.nnz / corpus.n_tokens,
            "thinned_entries_per_token": counts.start.nnz / corpus.n_tokens,
        }
    return found


def show(found: dict[str, dict[str, float]]) -> None:
    """Print a line for each text."""
    print(f"{'':<10} {'tokens':>13} {'types':>10} {'words':>9} {'entries per token':>18} {'thinned':>8}")
    for name, row in found.items():
        print(
            f"{name:<10} {row['tokens']:13,} {row['types']:10,} {row['words']:9,} "
            f"{row['entries_per_token']:18.3f} {row['thinned_entries_per_token']:8.3f}"
        )


def compare(path: Path, source: Source, words: Words, args: argparse.Namespace) -> None:
    """Make as many tokens as the source has, and print how both count."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "made")
        with open(made, "wb") as file:
            write(file, source, words, len(source.ids), _habits(args), args.seed)
        found = compared({"source": path, "generated": made}, source.known)
    show(found)
    if args.json:
        Path(args.json).write_text(json.dumps(found, indent=2) + "\n")


def _habits(args: argparse.Namespace) -> Habits:
    return Habits(args.keep_on, args.jump, args.again)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--tokens", type=float, default=1e6)
    parser.add_argument("--types", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rare", type=int, default=5, help="a word of the source below it is a rare one")
    parser.add_argument("--keep-on", type=float, default=Habits().keep_on)
    parser.add_argument("--jump", type=float, default=Habits().jump)
    parser.add_argument("--again", type=float, default=Habits().again)
    parser.add_argument("-o", "--output", default="-")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--json")
    args = parser.parse_args()
    corpus = EncodedCorpus.from_files(args.text, min_count=1)
    source = Source.of(corpus, args.rare)
    words = words_of(corpus, source, args.types)
    if args.compare:
        compare(args.text, source, words, args)
        return
    begun = time.perf_counter()
    file: BinaryIO = sys.stdout.buffer if args.output == "-" else open(args.output, "wb")  # noqa: SIM115
    with file:
        made, size = write(file, source, words, int(args.tokens), _habits(args), args.seed)
    seconds = time.perf_counter() - begun
    print(f"{made:,} tokens, {size:,} bytes, {made / seconds * 1e-6:.1f} M tokens/s", file=sys.stderr)


if __name__ == "__main__":
    main()
