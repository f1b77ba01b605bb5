"""Golden values: a matrix of small trainings and every file format, as digests; and the public names with
their signatures.

    python tests/golden.py                   write tests/golden.json anew: a change of the bits, or of a name,
                                             is a change for users
    python tests/golden.py --all FILE        the same for every precision and instruction set of this CPU, to
                                             compare two versions here

Only public names are used, and the texts are made by arithmetic, so the same script runs on any version and
machine.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import inspect
import json
import math
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import fastsg
from fastsg import (
    Callback,
    Checkpoint,
    CooccurrenceCounts,
    EncodedCorpus,
    KeyedVectors,
    SkipGram,
    Vocab,
    _core,
)

GOLDEN = Path(__file__).with_name("golden.json")

#: Fields of a history that are the same bits everywhere; the others pass through the C library's or NumPy's
#: logarithm.
EXACT = ("nll", "valid_nll", "pairs", "valid_pairs", "softmax_rows", "alpha", "words")
CLOSE = ("perplexity", "unigram_nll", "valid_perplexity", "valid_unigram_nll")


# ---- texts ----


def sentences(seed: int, count: int, words: int = 1500) -> list[list[str]]:
    """Sentences of 1 to 24 words, word k about as frequent as 1 / (k + 3), each followed by one of a few
    words of its own.
    """
    draw = random.Random(seed).random
    made = []
    for _ in range(count):
        sentence, word = [], 0
        for _ in range(1 + int(24 * draw())):
            near = draw() < 0.4
            word = (
                (word * 7 + int(5 * draw())) % words
                if near
                else min(int(3 * (words / 3) ** draw()) - 3, words - 1)
            )
            sentence.append(f"w{word}")
        made.append(sentence)
    return made


def characters(seed: int, lines: int) -> str:
    """Lines of Chinese characters, Latin letters and white space of several kinds."""
    draw = random.Random(seed).random
    made = []
    for _ in range(lines):
        row = [chr(0x4E00 + int(300 * draw() ** 3)) for _ in range(3 + int(30 * draw()))]
        made.append("\u3000".join(["".join(row[:5]), "".join(row[5:]), "ab c"]))
    return "\n".join(made) + "\n"


TRAIN, VALID = sentences(1, 3000), sentences(2, 200)


# ---- trainings ----

SMALL = {"vector_size": 50, "epochs": 3, "min_count": 2}
CASES: dict[str, dict[str, object]] = {
    "counts": {"vector_size": 100, "validation": VALID},
    "counts, H 50, no bias": SMALL | {"output_bias": None},
    "counts, head": SMALL | {"epochs": 4, "head": 0.3},
    "counts, adagrad": SMALL | {"optimizer": "adagrad", "vectors": "sum"},
    "counts, gradient descent": SMALL | {"optimizer": "sgd", "init": "random"},
    "counts, sample 0, harmonic, asymmetric": SMALL
    | {"sample": 0, "shrink_windows": "harmonic", "window": (2, 4)},
    "counts, no draws, fixed window": SMALL | {"draws": 0, "shrink_windows": False, "window": 3},
    "counts, whole sentences": SMALL | {"window": None, "batch_size": 100, "seed": 5},
    "sgd": {"solver": "sgd", "vector_size": 100, "epochs": 2, "validation": VALID},
    "sgd, newton": SMALL | {"solver": "sgd", "optimizer": "newton", "shrink_windows": "random"},
    "sgd, gradient descent, no bias": SMALL
    | {"solver": "sgd", "optimizer": "sgd", "output_bias": None, "sample": 0},
    "sgd, constant rate": SMALL
    | {"solver": "sgd", "lr_schedule": "constant", "alpha": 0.05, "max_final_vocab": 400},
}
BFLOAT16 = ("counts", "counts, H 50, no bias", "sgd", "sgd, newton")


def digest(data: bytes | np.ndarray) -> str:
    """SHA-256 of bytes, or of those of an array."""
    return hashlib.sha256(
        data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes()
    ).hexdigest()


def outcome(model: SkipGram) -> dict[str, object]:
    """What a training leaves: digests of I, O and the vectors, and its history without the clock."""
    history = [
        {name: record[name] for name in (*EXACT, *CLOSE) if name in record} for record in model.history
    ]
    return {"I": digest(model.I), "O": digest(model.O), "wv": digest(model.wv.vectors), "history": history}


def trainings(
    workers: int = 3, precision: str = "float32", only: tuple[str, ...] = tuple(CASES)
) -> dict[str, object]:
    """Every case, trained."""
    return {
        name: outcome(SkipGram(TRAIN, workers=workers, precision=precision, **CASES[name])) for name in only
    }


class Stop(Callback):
    """Ends a training as Ctrl-C does."""

    def on_epoch_end(self, model: SkipGram) -> None:
        raise KeyboardInterrupt


def other_ways(folder: Path) -> dict[str, object]:
    """Trainings that are begun or gone on with in other ways than from a list of sentences."""
    found = {}
    for solver in ("counts", "sgd"):
        path = folder / f"{solver}.checkpoint"
        options = SMALL | {"solver": solver, "validation": VALID}
        try:
            SkipGram(TRAIN, **options, callbacks=[Checkpoint(path), Stop()])
        except KeyboardInterrupt:
            model = fastsg.load_checkpoint(path, validation=VALID, workers=1)
            found[f"{solver}, resumed"] = outcome(model.train(TRAIN, resume=True))
        model.partial_fit(VALID)
        found[f"{solver}, resumed, more text"] = outcome(model)
    text = folder / "text.txt"
    text.write_text(characters(3, 800), encoding="utf-8")
    found["characters of a file"] = outcome(
        SkipGram(corpus_file=text, tokenizer="char", min_count=1, vector_size=50, epochs=2)
    )
    text.write_text("\n".join(map(" ".join, TRAIN)), encoding="utf-8")
    found["words of a file"] = outcome(SkipGram(corpus_file=text, **SMALL))
    counts = CooccurrenceCounts.for_training(
        EncodedCorpus.from_iter(TRAIN, min_count=2), window=3, sample=1e-3, seed=4
    )
    counts.save(folder / "text.counts")
    loaded = CooccurrenceCounts.load(folder / "text.counts")
    found["counts of a file"] = outcome(SkipGram(**SMALL).fit_counts(loaded))
    for solver in ("counts", "sgd"):
        centers, contexts = [s[0] for s in TRAIN], [s[-1] for s in TRAIN]
        pairs = SkipGram(**SMALL, solver=solver).fit_pairs(centers, contexts, np.arange(len(TRAIN)) % 5 / 4)
        found[f"{solver}, pairs"] = outcome(pairs)
    return found


# ---- files ----


def files(folder: Path) -> dict[str, str]:
    """Digests of every format written, unpacked where it is compressed."""
    model = SkipGram(TRAIN, validation=VALID, callbacks=[fastsg.EarlyStopping(patience=3)], **SMALL)
    corpus = EncodedCorpus.from_iter(TRAIN, min_count=2)
    corpus.save(folder / "corpus")
    model.vocab.save(folder / "vocab")
    for name, counts in (
        ("counts, text", CooccurrenceCounts.from_corpus(corpus)),
        (
            "counts, thinned too",
            CooccurrenceCounts.for_training(corpus, sample=1e-3, shrink_windows="harmonic"),
        ),
        ("counts, triples", CooccurrenceCounts.from_arrays([0, 1, 1], [1, 0, 0], [2, 1, 3])),
    ):
        counts.save(folder / name)
    for name in ("vectors.txt", "vectors.bin", "vectors.vec.gz"):
        model.wv.save_word2vec_format(
            folder / name, fvocab=folder / "counts.txt", binary=name.endswith(".bin")
        )
    model.wv.save_word2vec_format(folder / "glove.txt", write_header=False)
    (folder / "text.txt").write_text("\n".join(map(" ".join, TRAIN)), encoding="utf-8")
    (folder / "valid.txt").write_text("\n".join(map(" ".join, VALID)), encoding="utf-8")
    run = f"train {folder}/text.txt --valid {folder}/valid.txt --vector-size 50 --min-count 2 --quiet"
    run += f" --epochs 2 -o {folder}/cli.vec --save-output {folder}/cli.output.bin"
    run += f" --save-bias {folder}/cli.bias --save-vocab {folder}/cli.vocab"
    from fastsg.cli import main

    assert main(run.split()) == 0
    assert main(f"count {folder}/text.txt --quiet -o {folder}/cli.counts --window 2,3".split()) == 0
    for record in model.history:  # what the clock says
        record.update(
            dict.fromkeys(
                (
                    "seconds",
                    "count_seconds",
                    "pairs_per_second",
                    "perplexity",
                    "valid_perplexity",
                    "unigram_nll",
                    "valid_unigram_nll",
                ),
                0.0,
            )
        )
    model.plan.isa = "any"
    model.save(folder / "model")
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name not in ("text.txt", "valid.txt"):
            data = path.read_bytes()
            found[path.name] = digest(gzip.decompress(data) if path.suffix == ".gz" else data)
    return found


# ---- names ----

#: Attributes and properties of an object: to its user they are one.
ATTRIBUTES = {
    SkipGram: "I O is_built corpus cv history notes plan pretrained reading restored_epoch sample seconds "
    "settings validation vocab workers wv",
    KeyedVectors: "counts index_to_key key_to_index vector_size vectors",
    Vocab: "counts index raw_tokens raw_types words",
    EncodedCorpus: "invalid_bytes_replaced lower n_tokens offsets raw_tokens tokenizer tokens vocab",
    CooccurrenceCounts: "K about contexts counts keep nnz row_ptr row_sums start symmetric thinned total "
    "vocab",
}


def signature(thing: object) -> str:
    """Parameters and defaults; annotations are the type checker's."""
    parameters = inspect.signature(thing).parameters.values()
    return f"({', '.join(str(p.replace(annotation=p.empty)) for p in parameters)})"


def members(kind: type) -> Iterator[tuple[str, str]]:
    """The public methods of a class."""
    for name in dir(kind):
        static = inspect.getattr_static(kind, name)
        if (name.startswith("_") and name != "__init__") or (
            isinstance(kind, type) and issubclass(kind, Exception)
        ):
            continue
        if not isinstance(static, property) and callable(getattr(kind, name)):
            yield name, signature(getattr(kind, name))


def public_names() -> dict[str, object]:
    """Names of the package, of the modules whose paths users type, and of the command line, with what they
    take.
    """
    from fastsg.cli import build_parser
    from fastsg.io import formats, word2vec
    from fastsg.vectors import KeyedVectors as the_same

    assert the_same is KeyedVectors
    names: dict[str, object] = {}
    for name in sorted(fastsg.__all__):
        thing = getattr(fastsg, name)
        names[name] = (
            dict(members(thing))
            if isinstance(thing, type)
            else signature(thing)
            if callable(thing)
            else "value"
        )
    for name in ("load_counts", "load_word2vec", "save_word2vec"):
        names[f"io.word2vec.{name}"] = signature(getattr(word2vec, name))
    for name in ("load_vectors", "save_vectors"):
        names[f"io.formats.{name}"] = signature(getattr(formats, name))
    for command, parser in build_parser()._subparsers._group_actions[0].choices.items():
        actions = [a for a in parser._actions if a.dest != "help"]
        names[f"fastsg {command}"] = {" ".join(a.option_strings) or a.dest: str(a.default) for a in actions}
    model = SkipGram(VALID, vector_size=4, epochs=1, min_count=1)
    objects = [model, model.wv, model.vocab, model.corpus, CooccurrenceCounts.from_corpus(model.corpus)]
    for thing in objects:
        wanted = ATTRIBUTES[type(thing)].split()
        names[f"{type(thing).__name__}, attributes"] = [name for name in wanted if hasattr(thing, name)]
    names["report"] = sorted(_report(model))
    names["history"] = sorted(model.history[-1])
    return names


def _report(model: SkipGram) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text")
        text.write_text("\n".join(map(" ".join, VALID)), encoding="utf-8")
        from fastsg.cli import main

        run = f"train {text} --min-count 1 --vector-size 4 --epochs 1 --quiet --report {folder}/report"
        assert main(run.split()) == 0
        return json.loads(Path(folder, "report").read_text(encoding="utf-8"))


# ---- all together ----


def in_folder(make) -> dict[str, object]:
    """What `make` finds, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return make(Path(folder))


def float32_values() -> dict[str, object]:
    """What the committed file holds: float32, one value for all instruction sets with FMA."""
    return {"trainings": trainings(), "other ways": in_folder(other_ways), "files": in_folder(files)}


def all_values() -> dict[str, object]:
    """Every instruction set and precision of this CPU, more thread counts."""
    found: dict[str, object] = {"names": public_names()}
    for isa in _core.available_isas():
        _core.select_isa(isa)
        found[isa] = float32_values() | {"one thread": trainings(1)}
    _core.select_isa(None)
    for kernels in _core.available_bf16():
        _core.select_bf16(kernels)
        found[kernels] = {f"{n} threads": trainings(n, "bfloat16", BFLOAT16) for n in (1, 3)}
    _core.select_bf16(None)
    return found


def differences(found: object, wanted: object, place: str = "") -> list[str]:
    """Where two such trees differ; numbers of CLOSE fields may differ in their last digits."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = sorted({*found, *wanted})
        return [
            line for key in keys for line in differences(found.get(key), wanted.get(key), f"{place}/{key}")
        ]
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return [
            line for i, pair in enumerate(zip(found, wanted)) for line in differences(*pair, f"{place}/{i}")
        ]
    close = place.rsplit("/", 1)[-1] in CLOSE and isinstance(found, float) and isinstance(wanted, float)
    same = math.isclose(found, wanted, rel_tol=1e-12) if close else found == wanted
    return [] if same else [f"{place}: {found!r}, wanted {wanted!r}"]


def main() -> int:
    """Write one of the two files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--all", metavar="FILE", help="every precision and instruction set of this CPU, into this file"
    )
    args = parser.parse_args()
    values = all_values() if args.all else float32_values() | {"names": public_names()}
    Path(args.all or GOLDEN).write_text(
        json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
