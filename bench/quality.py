"""Time, memory and quality of exact softmax beside negative sampling on one text.

usage: python bench/quality.py TEXT [--valid TEXT] [--vector-size 100] [--epochs 5] [--seeds 1 2 3]
                               [--fastsg "name: flags" ...] [--gensim-samples 1e-3 1e-4 1e-5] [--fasttext]
                               [--hyperhyper] [--peer-seeds 1 2] [--language en] [--centers 2000]
                               [--top 30000] [--cores 0 1] [--json FILE] [--plot FILE] [--from-json FILE]

Each contender runs alone in a process, on the same cores: fastsg by its command line, in every variant that
is named (default: as it is, and in bfloat16 where the CPU can); gensim's skip-gram with 5 negative samples,
once for each threshold of subsampling; with --fasttext, fastText's full softmax, one softmax a pair, which
ends in reasonable time only where the vocabulary is small; with --hyperhyper, its singular vectors of the
positive PMI, by its defaults but for window, size and min_count: it takes the 50,000 most frequent words, so
it may know fewer pairs of a set. All with window 5, min_count 5, the same size and threads; --epochs is the
peers' (fastsg makes as many passes over the counts as it does by default); fastText without subsampling, so
that its softmax is about the text. What is not installed is left out with a message. TEXT may be packed
(.gz .bz2 .xz). gensim drops the rest of a sentence beyond 10,000 words, so the peers get a text with such a
line cut into lines of 1,000 words; unpacking and cutting count for nobody.

Each trains once for each seed, ours for --seeds, the peers for --peer-seeds: all with their first seed, then
all with their second. The table shows means and how far the runs are apart; --json keeps every run. Below it
stands, for each set, the best of gensim's thresholds for this set, and ours beside it.

Seconds: of fastsg the whole command, Python's start and the saving of both matrices and the bias included;
of a peer from before it reads until its input vectors are saved as word2vec text, its imports left out.
Peak memory is of the process. Analogies (3CosAdd within the --top most frequent words) and Spearman's rho
are computed by accept/quality.py of the shared folder, the held-out loss of fastsg and fastText by its
exact_nll.py: float64, from the files written. Where that folder is missing these columns stay away. Asked
are the English and the Chinese sets it holds, or those of one --language; of a set that has fewer than 20
known words, pairs or questions nothing is shown. "mean 100+" is over the sets of which 100 pairs are known.
gensim's held-out loss is of its own input and output vectors with the scale s and the prior b that suit
them best on the training text (calibrated_nll.py), on the same pairs: those of --centers distinct words of
the held-out text. A pair at distance d weighs (z - d + 1) / z, as the expectation of word2vec's shrinking
window; a variant trained with other weights is named below the table.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from contenders import MIN_COUNT, WINDOW, Contender, contenders
from judging import calibrated_nll, evaluation_folder, exact_nll, judge
from peers import Failed, Row, say, use_cores
from quality_plot import plot
from quality_table import comparison, notes, table
from scale import Others
from sets import FOLDERS
from text_files import MIB, cut_lines, longest_line, unpacked

LONGEST = 10_000  # words of a sentence that gensim reads


class Bench:
    """One text, everybody on it, one after the other."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args, self.folder = args, folder
        self.text = unpacked(args.text, folder)
        self.cut = self.text
        if longest_line(self.text) > LONGEST:
            self.cut = folder / "cut.txt"
            cut_lines(self.text, self.cut)
        self.valid = unpacked(args.valid, folder) if args.valid else None
        self.data = evaluation_folder(folder, [args.language] if args.language else list(FOLDERS))
        self.order: Path | None = None  # fastsg's words, so that others are scored on the same pairs

    def rows(self) -> list[Row]:
        """A row for each run; who fails has a row that says so."""
        found = []
        for i, (contender, seed) in enumerate(turns(list(contenders(self.args, self.text, self.cut)))):
            stem = self.folder / f"run{i}"
            found.append(self.row(contender, stem, seed))
            for ending in (".vec", ".out.vec", ".in.vec", ".model"):
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{stem}{ending}").unlink()
        return found

    def row(self, contender: Contender, stem: Path, seed: int) -> Row:
        """Train with a seed, then ask the vectors."""
        label = f"{contender.name}, seed {seed}"
        say(f"{label} is training")
        row: Row = {"name": contender.name, "kind": contender.kind, "seed": seed}
        others = Others()
        try:
            row |= contender.train(stem, seed)
            row["cores_used_by_others"] = others.cores()
            say(f"{label}: {row['seconds']:.1f} s, {row['peak_rss_bytes'] / MIB:,.0f} MiB")
            row |= self.quality(contender.kind, stem)
        except Failed as error:
            row["error"] = str(error)
            say(f"{label}: {error}")
        return row

    def quality(self, kind: str, stem: Path) -> Row:
        """Scores and held-out loss from the files."""
        if kind == "fastsg" and self.order is None:
            self.order = Path(f"{stem}.bias")  # its lines begin with the words
        scores = judge(Path(f"{stem}.vec"), self.data, self.args.top)
        if self.valid is None or kind == "hyperhyper":  # which is no model of a text
            return scores
        centers = self.args.centers
        if kind == "gensim":
            return scores | calibrated_nll(stem, self.cut, self.valid, WINDOW, centers, self.order)
        return scores | exact_nll(stem, self.valid, WINDOW, centers)


def turns(everybody: list[Contender]) -> Iterator[tuple[Contender, int]]:
    """Each with its first seed, then each with its second: what disturbs for a while hits them alike."""
    for seeds in itertools.zip_longest(*(contender.seeds for contender in everybody)):
        for contender, seed in zip(everybody, seeds, strict=True):
            if seed is not None:
                yield contender, seed


def measured(args: argparse.Namespace) -> Row:
    """Run everybody, in a folder that is gone afterwards."""
    args.workers = use_cores(args.cores)
    with tempfile.TemporaryDirectory(prefix="fastsg-quality-") as folder:
        bench = Bench(args, Path(folder))
        rows, longest = bench.rows(), longest_line(bench.text)
    from machine import describe  # not before the children: it imports NumPy

    kept = ("vector_size", "epochs", "seeds", "peer_seeds", "language", "top", "centers", "workers", "cores")
    return {
        "machine": describe(),
        "text": Path(args.text).name,
        "valid": args.valid and Path(args.valid).name,
        "longest_line": longest,
        "settings": {name: getattr(args, name) for name in kept},
        "rows": rows,
    }


def parser_of_flags() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", metavar="TEXT", nargs="?")
    parser.add_argument("--valid", metavar="TEXT", help="held-out text for the loss")
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument(
        "--epochs",
        type=int,
        default=5,
        help="of the peers; fastsg makes its own number of passes over the counts",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], metavar="N", help="of fastsg")
    parser.add_argument("--peer-seeds", type=int, nargs="+", default=[1], metavar="N")
    parser.add_argument(
        "--fastsg",
        action="append",
        metavar="'NAME: FLAGS'",
        help="a variant with flags of fastsg train; repeatable",
    )
    parser.add_argument(
        "--gensim-samples",
        type=float,
        nargs="*",
        default=[1e-3, 1e-4, 1e-5],
        metavar="T",
        help="none: no gensim",
    )
    parser.add_argument(
        "--fasttext", action="store_true", help="also fastText's full softmax: only for small vocabularies"
    )
    parser.add_argument("--hyperhyper", action="store_true", help="also hyperhyper's PPMI-SVD")
    parser.add_argument("--language", choices=list(FOLDERS), help="of the sets; default all that are there")
    parser.add_argument(
        "--centers", type=int, default=2000, help="distinct words whose held-out pairs are scored; 0 is all"
    )
    parser.add_argument("--top", type=int, default=30_000)
    parser.add_argument(
        "--cores",
        type=int,
        nargs="+",
        metavar="CPU",
        help="numbers of the cores to stay on; default all allowed",
    )
    parser.add_argument("--json")
    parser.add_argument("--plot")
    parser.add_argument("--from-json", help="show an earlier run instead of measuring")
    return parser


def main() -> None:
    parser = parser_of_flags()
    args = parser.parse_args()
    if (args.text is None) == (args.from_json is None):
        parser.error("name a TEXT, or --from-json FILE")
    if any("--seed" in given for given in args.fastsg or ()):
        parser.error("--fastsg with --seed: seeds are given by --seeds, to all variants")
    if args.plot and importlib.util.find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib")
    result = json.loads(Path(args.from_json).read_text()) if args.from_json else measured(args)
    print("  ".join(f"{name} {value}" for name, value in result["machine"].items()))
    parts = (table(result["rows"]), comparison(result["rows"]), notes(result, WINDOW, MIN_COUNT, LONGEST))
    print("\n" + "\n\n".join(part for part in parts if part))
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2) + "\n")
    if args.plot:
        plot(result, args.plot)


if __name__ == "__main__":
    main()
