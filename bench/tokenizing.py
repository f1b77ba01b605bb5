"""Tokenizers on the same raw Chinese text: speed, vocabulary, and what vectors of their words are worth.

usage: python bench/tokenizing.py TEXT --pairs FILE [--megabytes 20] [--vector-size 100] [--seeds 1 2]
                                  [--language en] [--json FILE] | --from-json FILE [--language en]

TEXT is segmented, a blank between words, and may be packed (.gz .bz2 .xz); its first --megabytes are used.
The raw text is TEXT without blanks, except between two letters or digits of ASCII, where other words end.
Contenders are char, rjieba and, where they are installed, jieba and pkuseg as functions from a line to its
tokens; "space" reads TEXT as it was segmented. Each reads the text in one thread, from the file to ids,
which is what the speed is of, in seconds of the processor, so that other work on the machine counts little;
dictionaries are loaded before. Then fastsg trains on the ids with its defaults, once for each seed, and the
vectors are asked for the similarity of the pairs in FILE (word, word, score). A pair is known when both words
are; only char knows nearly all, since the vector of a word is the mean of those of its characters there.
Spearman's rho is of the pairs that each knows, and of those that all know, means over the seeds.

--json keeps the figures; --from-json prints the table of a file that was kept, --language says in which
language its head is.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import re
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from machine import describe
from markdown_table import markdown
from ranks import ranked
from text_files import unpacked

from fastsg import EncodedCorpus, KeyedVectors, SkipGram

Pair = tuple[str, str]
#: Blanks that only segmentation has put there.
BLANKS = re.compile(r"(?<![0-9A-Za-z]) +| +(?![0-9A-Za-z])")
HEADS = {
    "en": ("tokenizer", "MB/s", "tokens", "K", "pairs known", "rho", "rho of the {} pairs that all know"),
    "zh": ("分词器", "MB/s", "词数", "K", "认识的词对", "ρ", "大家都认识的 {} 对的 ρ"),
}


def raw(line: str) -> str:
    """A segmented line as it was before; ends of lines stay."""
    return BLANKS.sub("", line)


def write_texts(path: Path, folder: Path, most: int) -> tuple[Path, Path]:
    """The first lines of a segmented text, as many as make `most` bytes without blanks; and these."""
    segmented, joined = folder / "segmented.txt", folder / "raw.txt"
    size = 0
    with open(path, encoding="utf-8") as source, open(segmented, "wb") as one, open(joined, "wb") as other:
        for line in source:
            size += other.write(raw(line).encode())
            one.write(line.encode())
            if size >= most:
                break
    return segmented, joined


def contenders() -> dict[str, Any]:
    """What `tokenizer` is told, by name: those that are installed."""
    found: dict[str, Any] = {"char": "char", "rjieba": "rjieba"}
    with contextlib.suppress(ImportError):
        jieba: Any = importlib.import_module("jieba")
        jieba.setLogLevel(30)
        found["jieba"] = lambda line: [word for word in jieba.cut(line) if not word.isspace()]
    with contextlib.suppress(ImportError):
        found["pkuseg"] = importlib.import_module("pkuseg").pkuseg().cut
    return found


def read(path: Path, tokenizer: Any) -> tuple[EncodedCorpus, float]:
    """The corpus, and the seconds of the processor that reading took."""
    begun = time.process_time()
    corpus = EncodedCorpus.from_files(path, tokenizer=tokenizer, workers=1, progress=False)
    return corpus, time.process_time() - begun


def similarities(wv: KeyedVectors, pairs: Iterable[Pair], by_character: bool) -> dict[Pair, float]:
    """Cosines of the pairs that are known."""

    def known(word: str) -> bool:
        return all(character in wv for character in word) if by_character else word in wv

    return {
        (one, other): wv.n_similarity(list(one), list(other)) if by_character else wv.similarity(one, other)
        for one, other in pairs
        if known(one) and known(other)
    }


def rho(found: dict[Pair, float], scores: dict[Pair, float], pairs: Iterable[Pair]) -> float:
    """Spearman's rho of some pairs."""
    chosen = list(pairs)
    places = [ranked([values[pair] for pair in chosen], falls=False) for values in (found, scores)]
    return float(np.corrcoef(*places)[0, 1])


def row(name: str, corpus: EncodedCorpus, seconds: float, size: int) -> dict[str, Any]:
    """What is known before training."""
    return {
        "name": name,
        "mb_per_s": size / 1e6 / seconds,
        "tokens": corpus.raw_tokens,
        "types": corpus.vocab.raw_types,
        "K": len(corpus.vocab),
    }


def measured(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Figures of all contenders on one text."""
    lines = Path(args.pairs).read_text(encoding="utf-8").splitlines()
    scores = {(one, other): float(score) for one, other, score in (line.split() for line in lines)}
    segmented, joined = write_texts(unpacked(args.text, folder), folder, int(args.megabytes * 1e6))
    rows, answers = [], []
    for name, tokenizer in {"space": "space", **contenders()}.items():
        path = segmented if name == "space" else joined
        (folder / "one").write_text("一二三 四五六\n" * 5, encoding="utf-8")
        read(folder / "one", tokenizer)  # loads its dictionary
        corpus, seconds = read(path, tokenizer)
        rows.append(row(name, corpus, seconds, path.stat().st_size))
        answers.append([asked(corpus, seed, args.vector_size, scores, name) for seed in args.seeds])
        print(f"{name}: {seconds:.1f} s to read", flush=True)
    common = set(scores).intersection(*(found for seeds in answers for found in seeds))
    for made, seeds in zip(rows, answers):
        made["pairs"] = len(seeds[0])
        made["rho"] = mean(rho(found, scores, found) for found in seeds)
        made["rho_common"] = mean(rho(found, scores, sorted(common)) for found in seeds)
    text = {"file": Path(args.text).name, "bytes": joined.stat().st_size, "pairs": len(scores)}
    settings = {"vector_size": args.vector_size, "seeds": args.seeds}
    return {
        "machine": describe(),
        "text": text,
        "settings": settings,
        "common_pairs": len(common),
        "rows": rows,
    }


def asked(
    corpus: EncodedCorpus, seed: int, size: int, scores: dict[Pair, float], name: str
) -> dict[Pair, float]:
    """Train, then ask."""
    model = SkipGram(corpus, vector_size=size, seed=seed, progress=False)
    return similarities(model.wv, scores, by_character=name == "char")


def speed(mb_per_s: float) -> str:
    """Two digits."""
    return f"{mb_per_s:.0f}" if mb_per_s >= 10 else f"{mb_per_s:.1f}" if mb_per_s >= 1 else f"{mb_per_s:.2f}"


def table(result: dict[str, Any], language: str = "en") -> str:
    """The figures in Markdown."""
    rows = [
        (
            f"`{made['name']}`",
            "" if made["name"] == "space" else speed(made["mb_per_s"]),
            f"{made['tokens']:,}",
            f"{made['K']:,}",
            f"{made['pairs']}",
            f"{made['rho']:.3f}",
            f"{made['rho_common']:.3f}",
        )
        for made in result["rows"]
    ]
    return markdown([cell.format(result["common_pairs"]) for cell in HEADS[language]], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", nargs="?", metavar="TEXT")
    parser.add_argument("--pairs", metavar="FILE")
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--language", choices=sorted(HEADS), default="en")
    parser.add_argument("--json")
    parser.add_argument("--from-json", metavar="FILE")
    args = parser.parse_args()
    if args.from_json:
        result = json.loads(Path(args.from_json).read_text(encoding="utf-8"))
    elif args.text and args.pairs:
        with tempfile.TemporaryDirectory() as folder:
            result = measured(args, Path(folder))
    else:
        parser.error("give TEXT and --pairs, or --from-json")
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result, args.language))


if __name__ == "__main__":
    main()
