"""The settings one at a time: what each changes in held-out loss, similarity, analogies and cost.

usage: python bench/defaults.py --input TEXT [--valid TEXT] [--solver counts] [--epochs N] [--vector-size H]
                                [--max-final-vocab K] [--precision P] [--eval FOLDER ...] [--only NAME ...]
                                [--seeds 1 2 3] [--json FILE]
       python bench/defaults.py --texts FOLDER|TEXT|TEXT=VALID ... --seeds 1 2 3 --ranks [the same flags]

The first makes the tables of docs/defaults.md. Each row changes the named settings and leaves the rest at
their defaults. Cost is in passes of 6 K^2 H operations, which depend on no machine. Those of the sets in
sets.py that a FOLDER of --eval holds are asked: similarity (Spearman's rho), analogies (3CosAdd within the
30,000 most frequent words); a set of which fewer than --fewest pairs or questions are known (20) is left
out. A name that starts with one of NUMBERS (variants.py) may have any number behind it, and names may be
joined: "alpha 0.3, prior 1".

The second takes every variant through several texts and seeds. A FOLDER is the texts in it; one named
x.train.y has its held-out text in x.valid.y beside it, and files named so, or x.test.y, are not trained on.
Where no held-out text is given, here or with --input, the last tenth of the text is held out: of its lines,
or of its words where it has few lines. After the means of each text, --ranks shows the mean rank of each
variant over all cells, a cell being a text and the held-out loss or a score (ranks.py). The loss of a variant
with other windows is about other pairs: such a variant does not belong among these.

With --json every run is written as soon as it is there, and runs that the file holds, made with the same
settings, are not made again: an interrupted series goes on where it was. A message names the commits of runs
that come from others; changes that are not committed are not noticed, so name a new file after them.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from machine import describe
from peers import say
from ranks import Run, mean_tables, rank_table
from sets import ANALOGIES, FEWEST, SIMILARITY
from text_files import hold_out, unpacked
from variants import VARIANTS, measure, variant

from fastsg import EncodedCorpus

BASE = ("solver", "epochs", "precision", "vector_size", "max_final_vocab", "fewest")
PACKED = {".gz", ".bz2", ".xz"}


class Text(NamedTuple):
    """What is trained on, and what is held out, if not a part of it."""

    path: Path
    valid: Path | None

    @property
    def name(self) -> str:
        """As it is called in tables."""
        return (self.path.with_suffix("") if self.path.suffix in PACKED else self.path).name


def texts(given: Sequence[str]) -> list[Text]:
    """Texts as named in the command line; a folder is all texts in it."""
    found: list[Text] = []
    for name in given:
        if Path(name).is_dir():
            found += folder_of_texts(Path(name))
        else:
            path, _, valid = name.partition("=")
            found.append(Text(Path(path), Path(valid) if valid else None))
    if missing := [str(path) for text in found for path in text if path and not path.is_file()]:
        raise SystemExit(f"there is no file {', '.join(missing)}")
    names = [text.name for text in found]
    if len(set(names)) < len(names):
        raise SystemExit(f"two texts have the same name: {', '.join(names)}")
    return found


def folder_of_texts(folder: Path) -> Iterator[Text]:
    """The texts in a folder, but for those that are there for others."""
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        if ".valid." not in path.name and ".test." not in path.name:
            valid = path.with_name(path.name.replace(".train.", ".valid."))
            yield Text(path, valid if valid != path and valid.is_file() else None)


def encoded(text: Text, max_final_vocab: int | None) -> tuple[EncodedCorpus, EncodedCorpus]:
    """A text and what is held out."""
    path, valid = text
    with tempfile.TemporaryDirectory(prefix="fastsg-defaults-") as folder:
        if valid is None:
            path, valid = hold_out(unpacked(path, Path(folder)), Path(folder))
        corpus = EncodedCorpus.from_files(path, max_final_vocab=max_final_vocab)
        return corpus, EncodedCorpus.from_files(valid, vocab=corpus.vocab)


# ---- the runs --------------------------------------------------------------------------------------------


class Series:
    """Every variant with every seed on every text, and the file that keeps them."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.commit = args, describe()["commit"]
        self.file = Path(args.json) if args.json else None
        self.kept: list[Run] = json.loads(self.file.read_text()) if self.file and self.file.exists() else []

    def runs(self) -> Iterator[Run]:
        """One after the other; those that the file holds are not made again."""
        for text in self.args.texts:
            settings, corpora = self.settings(text), None
            for seed in self.args.seeds:
                for name in self.args.only:
                    wanted = {"text": text.name, "seed": seed, "settings": settings, "variant": name}
                    run = next((run for run in self.kept if wanted.items() <= run.items()), None)
                    if run is None:
                        say(f"{text.name}, seed {seed}, {name}")
                        corpora = corpora or encoded(text, self.args.max_final_vocab)
                        run = wanted | {"commit": self.commit} | measure(name, seed, self.args, *corpora)
                        self.keep(run)
                    yield run

    def settings(self, text: Text) -> Run:
        """What must be the same for runs to be compared."""
        sets = SIMILARITY | ANALOGIES
        held = [name for name, file in sets.items() if any((path / file).exists() for path in self.args.eval)]
        return {name: getattr(self.args, name) for name in BASE} | {
            "valid": text.valid and text.valid.name,
            "sets": held,
        }

    def keep(self, run: Run) -> None:
        """Another run into the file, which is written whole or not at all."""
        self.kept.append(run)
        if self.file:
            part = self.file.with_name(f"{self.file.name}.part")
            part.write_text(json.dumps(self.kept, indent=2) + "\n")
            os.replace(part, self.file)


def show(found: Sequence[Run], ranks: bool) -> None:
    """Means of each text, and ranks over all."""
    print(mean_tables(found))
    if ranks:
        print(f"\n{rank_table(found)}")


def row_of_table(run: Run, header: bool) -> str:
    """A run as a row of Markdown, with the table's header before the first."""
    shown = {name: value for name, value in run.items() if name not in ("text", "seed", "settings", "commit")}
    cells = [f"{value:,.4f}" if isinstance(value, float) else str(value) for value in shown.values()]
    head = f"| {' | '.join(shown)} |\n|{'---|' * len(shown)}\n" if header else ""
    return f"{head}| {' | '.join(cells)} |"


def parsed() -> argparse.Namespace:
    """The command line, with texts and variants that exist."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--input", metavar="TEXT")
    parser.add_argument("--valid", metavar="TEXT")
    parser.add_argument("--texts", nargs="+", metavar="FOLDER|TEXT|TEXT=VALID")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], metavar="N")
    parser.add_argument("--ranks", action="store_true", help="rank the variants over all texts and measures")
    parser.add_argument("--solver", choices=list(VARIANTS), default="counts")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--max-final-vocab", type=int)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--eval", type=Path, nargs="+", default=[], metavar="FOLDER")
    parser.add_argument("--fewest", type=int, default=FEWEST, help="known pairs or questions of a set")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--json", help="runs made before, and where they are kept")
    args = parser.parse_args()
    if (args.input is None) == (args.texts is None):
        parser.error("name an --input, or --texts")
    if args.valid and args.texts:
        parser.error("--valid goes with --input; --texts has TEXT=VALID")
    one = [Text(Path(args.input), args.valid and Path(args.valid))] if args.input else []
    args.texts = one or texts(args.texts)
    names = args.only or VARIANTS[args.solver]
    seeded = [name for name in names if len(args.seeds) > 1 and "seed" in variant(args.solver, name)]
    if args.only and seeded:
        parser.error(f"{', '.join(seeded)}: --seeds gives the seeds, to all variants")
    args.only = [name for name in names if name not in seeded]
    return args


def main() -> None:
    args = parsed()
    found: list[Run] = []
    plain = len(args.texts) == len(args.seeds) == 1
    series = Series(args)
    for run in series.runs():
        found.append(run)
        if plain:
            print(row_of_table(run, header=len(found) == 1), flush=True)
    if others := {str(run["commit"]) for run in found} - {str(series.commit)}:
        say(f"runs of other commits than {series.commit}, from {args.json}: {', '.join(sorted(others))}")
    if not plain or args.ranks:
        show(found, args.ranks)


if __name__ == "__main__":
    main()
