"""Time, memory and quality of exact softmax beside negative sampling on one text.

usage: python bench/quality.py TEXT [--valid TEXT] [--vector-size 100] [--epochs 5]
                               [--fastsg "name: flags" ...] [--gensim-samples 1e-3 1e-4 1e-5] [--fasttext]
                               [--centers 2000] [--top 30000] [--cores 0 1] [--json FILE] [--plot FILE]

Each contender runs alone in a process, on the same cores: fastsg by its command line, in every variant that
is named (default: as it is, and in bfloat16 where the CPU can); gensim's skip-gram with 5 negative samples,
once for each threshold of subsampling; with --fasttext, fastText's full softmax, one softmax a pair, which
ends in reasonable time only where the vocabulary is small. All with window 5, min_count 5, the same size
and threads; --epochs is the peers' (fastsg makes as many passes over the counts as it does by default);
fastText without subsampling, so that its softmax is about the text. What is not installed is left out with
a message. TEXT may be packed (.gz .bz2 .xz). gensim drops the rest of a sentence beyond 10,000 words, so
the peers get a text with such a line cut into lines of 1,000 words; unpacking and cutting count for nobody.

Seconds: of fastsg the whole command, Python's start and the saving of both matrices and the bias included;
of a peer from before it reads until its input vectors are saved as word2vec text, its imports left out.
Peak memory is of the process. Analogies (3CosAdd within the --top most frequent words) and Spearman's rho
are computed by accept/quality.py of the shared folder, the held-out loss of fastsg and fastText by its
exact_nll.py: float64, from the files written. Where that folder is missing these columns stay empty.
gensim's held-out loss is of its own input and output vectors with the scale s and the prior b that suit
them best on the training text (calibrated_nll.py), on the same pairs: those of --centers distinct words of
the held-out text. A pair at distance d weighs (z - d + 1) / z, as the expectation of word2vec's shrinking
window; a variant trained with other weights is named below the table.
"""

from __future__ import annotations

import argparse
import bz2
import contextlib
import gzip
import importlib.util
import json
import lzma
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from peers import Failed, Row, default_variants, run, run_fastsg, run_peer, use_cores, variant
from scale import Others

WINDOW, MIN_COUNT, NEGATIVE = 5, 5, 5
LONGEST = 10_000  # words of a sentence that gensim reads
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
SIMILARITY = {
    "WS-353": "EN-WS-353-ALL.txt",
    "SimLex": "EN-SIMLEX-999.txt",
    "RG-65": "EN-RG-65.txt",
    "MTurk": "EN-MTurk-287.txt",
}
QUESTIONS = "questions-words.txt"
ANALOGIES = {
    "semantic": "questions-semantic.txt",
    "syntactic": "questions-syntactic.txt",
    "analogies": QUESTIONS,
}
MIB = 2**20
LARGEST_PICTURE = 60_000


def say(message: str) -> None:
    """What is going on, apart from the table."""
    print(f"quality: {message}", file=sys.stderr, flush=True)


# ---- the text --------------------------------------------------------------------------------------------


def unpacked(path: str, folder: Path) -> Path:
    """The text itself, or an unpacked copy."""
    openers = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    if (opener := openers.get(Path(path).suffix)) is None:
        return Path(path)
    with opener(path) as source, open(folder / Path(path).stem, "wb") as copy:
        shutil.copyfileobj(source, copy, MIB)
    return folder / Path(path).stem


def pieces(path: Path) -> Iterator[tuple[list[bytes], bool]]:
    """Words of a text in small portions, and whether a line ends after them."""
    with open(path, "rb") as file:
        rest = b""
        while piece := file.readline(1 << 16):
            words = (rest + piece).split()
            rest = b"" if piece[-1:].isspace() else words.pop()
            yield words, piece.endswith(b"\n")
        yield [rest] if rest else [], True


def longest_line(path: Path) -> int:
    """Words of the longest line."""
    longest = now = 0
    for words, ends in pieces(path):
        now += len(words)
        longest = max(longest, now)
        now = 0 if ends else now
    return longest


def cut_lines(path: Path, target: Path, length: int = 1000) -> None:
    """The same words with at most so many a line; lines still end where they ended."""
    with open(target, "wb") as file:
        line: list[bytes] = []
        for words, ends in pieces(path):
            line += words
            while len(line) > length or (ends and line):
                file.write(b" ".join(line[:length]) + b"\n")
                del line[:length]


# ---- who runs --------------------------------------------------------------------------------------------


def contenders(
    args: argparse.Namespace, text: Path, cut: Path, folder: Path
) -> Iterator[tuple[str, Path, Callable[[], Row]]]:
    """Name, stem of the files and the work of each; peers that are not installed are left out."""
    shared = {
        "--vector-size": args.vector_size,
        "--window": WINDOW,
        "--min-count": MIN_COUNT,
        "--workers": args.workers,
    }
    flags = [str(part) for pair in shared.items() for part in pair]
    variants = [variant(given) for given in args.fastsg] if args.fastsg else default_variants()
    for i, (name, more) in enumerate(variants):
        stem = folder / f"fastsg{i}"
        yield (
            name,
            stem,
            lambda stem=stem, more=more: (
                {"kind": "fastsg", "flags": more} | run_fastsg(str(text), stem, [*flags, *more])
            ),
        )
    for sample in args.gensim_samples if installed("gensim") else []:
        settings = {
            "sg": 1,
            "hs": 0,
            "negative": NEGATIVE,
            "sample": sample,
            "vector_size": args.vector_size,
            "window": WINDOW,
            "min_count": MIN_COUNT,
            "epochs": args.epochs,
            "workers": args.workers,
            "seed": 1,
        }
        stem = folder / f"gensim{sample}"
        yield (
            f"gensim, sample {sample:g}",
            stem,
            lambda stem=stem, settings=settings: (
                {"kind": "gensim"} | run_peer("gensim", str(cut), stem, settings)
            ),
        )
    if args.fasttext and installed("fasttext"):
        settings = {
            "loss": "softmax",
            "dim": args.vector_size,
            "ws": WINDOW,
            "minCount": MIN_COUNT,
            "epoch": args.epochs,
            "t": 1.0,
            "thread": args.workers,
        }
        stem = folder / "fasttext"
        yield (
            "fastText, softmax",
            stem,
            lambda stem=stem, settings=settings: (
                {"kind": "fasttext"} | run_peer("fasttext", str(cut), stem, settings)
            ),
        )


def installed(package: str) -> bool:
    """Whether a peer is here; says so if not."""
    found = importlib.util.find_spec(package) is not None
    if not found:
        say(f"{package} is not installed; its rows are left out")
    return found


# ---- what the vectors are worth --------------------------------------------------------------------------


def evaluation_folder(folder: Path) -> Path | None:
    """A data folder for accept/quality.py with the sets of the table; Google's questions in halves too."""
    source = SHARED / "data" / "eval_en"
    if not (SHARED / "accept" / "quality.py").is_file() or not source.is_dir():
        say(
            "no shared folder with accept/quality.py and data/eval_en beside the project; "
            "analogies and similarity are left out"
        )
        return None
    target = folder / "judge" / "eval_en"
    target.mkdir(parents=True)
    for name in SIMILARITY.values():
        shutil.copyfile(source / name, target / name)
    halves: dict[str, list[str]] = {"semantic": [], "syntactic": []}
    half = "semantic"
    text = (source / QUESTIONS).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith(":"):
            half = "syntactic" if line.split()[1].startswith("gram") else "semantic"
        halves[half].append(line)
    for name, lines in halves.items():
        (target / ANALOGIES[name]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (target / QUESTIONS).write_text(text, encoding="utf-8")
    return target.parent


def judge(vectors: Path, data: Path | None, top: int) -> Row:
    """Scores by accept/quality.py; sets with too few words in the vocabulary are left out by it."""
    if data is None:
        return {}
    script = SHARED / "accept" / "quality.py"
    printed, _ = run(
        [sys.executable, str(script), str(vectors), "--data", str(data), "--top", str(top), "--json"]
    )
    found = json.loads(printed)
    scores: Row = {name: found[file]["accuracy"] for name, file in ANALOGIES.items() if file in found}
    scores |= {name: found[file]["rho"] for name, file in SIMILARITY.items() if file in found}
    return scores | {"judged": found}


def exact_nll(stem: Path, valid: Path, centers: int) -> Row:
    """Held-out loss of a model that is a softmax, by accept/exact_nll.py."""
    script = SHARED / "accept" / "exact_nll.py"
    if not script.is_file():
        return {}
    bias = ["--bias", f"{stem}.bias"] if Path(f"{stem}.bias").exists() else []
    inputs = next(path for ending in (".in", ".vec") if (path := Path(f"{stem}{ending}")).exists())
    printed, _ = run(
        [
            sys.executable,
            str(script),
            str(inputs),
            f"{stem}.out",
            str(valid),
            "--window",
            str(WINDOW),
            "--dynamic",
            "--centers",
            str(centers),
            *bias,
        ]
    )
    found = re.search(r"nats/pair (\S+) .* pairs (\S+)  centers (\S+)", printed)
    return {"nll": float(found[1]), "nll_pairs": float(found[2]), "nll_centers": int(found[3])}


def calibrated_nll(stem: Path, train: Path, valid: Path, centers: int, order: Path | None) -> Row:
    """Held-out loss of negative sampling's vectors with their best scale and prior."""
    command = [
        sys.executable,
        str(Path(__file__).with_name("calibrated_nll.py")),
        f"{stem}.vec",
        f"{stem}.out",
        "--train",
        str(train),
        "--valid",
        str(valid),
        "--window",
        str(WINDOW),
        "--centers",
        str(centers),
    ]
    found = json.loads(run(command + (["--order", str(order)] if order else []))[0])
    return {
        "nll": found["nll"],
        "nll_pairs": found["pairs"],
        "nll_centers": found["centers"],
        "calibration": found,
    }


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
        self.data = evaluation_folder(folder)
        self.order: Path | None = None  # fastsg's words, so that others are scored on the same pairs

    def rows(self) -> list[Row]:
        """A row for each contender; who fails has a row that says so."""
        found = []
        for name, stem, work in contenders(self.args, self.text, self.cut, self.folder):
            say(f"{name} is training")
            row: Row = {"name": name}
            others = Others()
            try:
                row |= work()
                row["cores_used_by_others"] = others.cores()
                say(f"{name}: {row['seconds']:.1f} s, {row['peak_rss_bytes'] / MIB:,.0f} MiB")
                row |= self.quality(row["kind"], stem)
            except Failed as error:
                row["error"] = str(error)
                say(f"{name}: {error}")
            found.append(row)
            for ending in (".vec", ".out", ".in", ".model"):
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{stem}{ending}").unlink()
        return found

    def quality(self, kind: str, stem: Path) -> Row:
        """Scores and held-out loss from the files."""
        if kind == "fastsg" and self.order is None:
            self.order = Path(f"{stem}.bias")  # its lines begin with the words
        scores = judge(Path(f"{stem}.vec"), self.data, self.args.top)
        if self.valid is None:
            return scores
        if kind == "gensim":
            return scores | calibrated_nll(stem, self.cut, self.valid, self.args.centers, self.order)
        return scores | exact_nll(stem, self.valid, self.args.centers)


# ---- what comes out --------------------------------------------------------------------------------------


def cell(value: object, form: str) -> str:
    return "" if value is None else form.format(value)


def table(rows: list[Row]) -> str:
    """Markdown; a row that failed shows why."""
    columns = {"K": "{:,}", "seconds": "{:,.1f}", "MiB": "{:,.0f}"}
    columns |= dict.fromkeys(ANALOGIES, "{:.1%}") | dict.fromkeys(SIMILARITY, "{:.3f}")
    columns |= {"held-out": "{:.4f}", "s": "{:.3f}", "b": "{:.3f}"}
    lines = ["| contender | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for row in rows:
        calibration = row.get("calibration", {})
        shown = row | {
            "MiB": row["peak_rss_bytes"] / MIB if "peak_rss_bytes" in row else None,
            "held-out": row.get("nll"),
            "s": calibration.get("s"),
            "b": calibration.get("b"),
        }
        cells = [cell(shown.get(name), form) for name, form in columns.items()]
        lines.append(
            f"| {row['name']}"
            + (f" (failed: {row['error']})" if "error" in row else "")
            + " | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(lines)


def notes(result: Row) -> str:
    """What the figures need to be read."""
    settings, rows = result["settings"], result["rows"]
    lines = [
        f"{result['text']}; window {WINDOW}, min_count {MIN_COUNT}, peers {settings['epochs']} epochs, "
        f"H = {settings['vector_size']}, {settings['workers']} threads. "
        f"Analogies within the {settings['top']:,} most frequent words; similarity is Spearman's rho."
    ]
    scored = {(round(row["nll_pairs"]), row["nll_centers"]) for row in rows if "nll" in row}
    if scored:
        where = "; ".join(
            f"{pairs:,.0f} (weighted) pairs of {centers:,} centers" for pairs, centers in sorted(scored)
        )
        unigram = next((row["calibration"]["unigram"] for row in rows if "calibration" in row), None)
        lines.append(
            f"Held-out loss in nats per pair: {where}"
            + (f"; the training text's unigrams give {unigram:.4f}." if unigram else ".")
            + (" s and b: scale and prior fitted to vectors of negative sampling." if unigram else "")
            + other_windows(rows)
        )
    if result["longest_line"] > LONGEST:
        lines.append(
            f"The peers read the text in lines of 1,000 words: its longest line has "
            f"{result['longest_line']:,}."
        )
    busy = ", ".join(str(row["cores_used_by_others"]) for row in rows if "seconds" in row)
    lines.append(f"Cores kept busy by others meanwhile: {busy}.")
    return "\n".join(lines)


def other_windows(rows: list[Row]) -> str:
    """Who was trained for another P(n|m) than is scored, where pairs at distance d weigh (z - d + 1) / z."""
    shrinking = {row["name"]: row["report"]["settings"]["shrink_windows"] for row in rows if "report" in row}
    others = [
        f"{name} ({value})" for name, value in shrinking.items() if value not in (True, "expected", "random")
    ]
    return (
        f" Trained with other weights of distances than these pairs have: {', '.join(others)}."
        if others
        else ""
    )


PANELS = {
    "analogies": "Google analogies, right",
    "WS-353": "WS-353, Spearman's rho",
    "nll": "held-out loss, nats per pair",
}
MARKERS = {"fastsg": "o", "gensim": "s", "fasttext": "^"}


def plot(result: Row, path: str) -> None:
    """Quality against time, one panel for each measure that was taken."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = [row for row in result["rows"] if "seconds" in row]
    panels = {key: label for key, label in PANELS.items() if any(key in row for row in rows)}
    if not panels:
        say("nothing was scored; no picture")
        return
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(3.6 * len(panels), 3.4), layout="constrained", squeeze=False
        )
        for ax, (key, label) in zip(axes[0], panels.items(), strict=True):
            draw_panel(ax, rows, key, label)
        handles = {line.get_label(): line for ax in axes[0] for line in ax.get_lines()}
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False)
        settings = result["settings"]
        title = f"{result['text']}: H = {settings['vector_size']}, "
        title += f"peers {settings['epochs']} epochs, {settings['workers']} threads"
        figure.suptitle(title, fontsize=10)
        figure.savefig(path, dpi=80)
        plt.close(figure)
    if (size := Path(path).stat().st_size) > LARGEST_PICTURE:
        say(f"{path} has {size:,} bytes, more than {LARGEST_PICTURE:,}")


def draw_panel(ax: object, rows: list[Row], key: str, label: str) -> None:
    """A mark for each contender; time on a logarithmic axis where it differs much."""
    for i, row in enumerate(rows):
        if key in row:
            ax.plot(
                row["seconds"],
                row[key],
                MARKERS[row["kind"]],
                color=f"C{i}",
                ms=7,
                label=row["name"],
                ls="none",
            )
    times = [row["seconds"] for row in rows]
    if max(times) > 20 * min(times):
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0)
    ax.set_xlabel("seconds, file to vectors")
    ax.set_ylabel(label)
    ax.grid(alpha=0.3)


def measured(args: argparse.Namespace) -> Row:
    """Run everybody, in a folder that is gone afterwards."""
    args.workers = use_cores(args.cores)
    with tempfile.TemporaryDirectory(prefix="fastsg-quality-") as folder:
        bench = Bench(args, Path(folder))
        rows, longest = bench.rows(), longest_line(bench.text)
    from machine import describe  # not before the children: it imports NumPy

    kept = ("vector_size", "epochs", "top", "centers", "workers", "cores")
    return {
        "machine": describe(),
        "text": Path(args.text).name,
        "valid": args.valid and Path(args.valid).name,
        "longest_line": longest,
        "settings": {name: getattr(args, name) for name in kept},
        "rows": rows,
    }


def main() -> None:
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
    args = parser.parse_args()
    if (args.text is None) == (args.from_json is None):
        parser.error("name a TEXT, or --from-json FILE")
    result = json.loads(Path(args.from_json).read_text()) if args.from_json else measured(args)
    print("  ".join(f"{name} {value}" for name, value in result["machine"].items()))
    print(f"\n{table(result['rows'])}\n\n{notes(result)}")
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2) + "\n")
    if args.plot:
        plot(result, args.plot)


if __name__ == "__main__":
    main()
