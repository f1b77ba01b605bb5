"""Contenders in processes of their own: what each takes, and the trainings of gensim, fastText, hyperhyper.

usage: python bench/peers.py gensim|fasttext|hyperhyper SETTINGS

Used by quality.py and blogcatalog.py. SETTINGS is a JSON object: "text", "vectors" and optionally "outputs"
are files, "settings" are the peer's own. What is printed is JSON too, with the seconds from before the text
is read until the vectors are saved; starting Python, importing the peer and saving its output vectors are
not in them. The peer needs one word2vec text file of vectors, as fastsg writes.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import inspect
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

Row = dict[str, object]
EXPORT = """import fastsg, sys
model = fastsg.load(sys.argv[1])
fastsg.KeyedVectors(model.vocab.words, model.I).save_word2vec_format(sys.argv[2])
"""
# fastText 0.9.3 ends with "Encountered NaN" where its matrices are small enough to lie in memory that was
# used before. With this setting (glibc) even small ones get fresh memory, which is zero.
ENVIRONMENT = {"fasttext": {"MALLOC_MMAP_THRESHOLD_": "1024"}}


class Failed(Exception):
    """A contender ended with an error; the message is the end of what it said."""


def say(message: str) -> None:
    """What is going on, apart from the table."""
    print(f"{Path(sys.argv[0]).stem}: {message}", file=sys.stderr, flush=True)


def use_cores(cores: Sequence[int] | None) -> int:
    """Keep this process and its children to some cores (where the system can); how many they are."""
    if not hasattr(os, "sched_setaffinity"):
        return len(cores or range(os.cpu_count() or 1))
    if cores:
        os.sched_setaffinity(0, cores)
    return len(os.sched_getaffinity(0))


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> tuple[str, Row]:
    """What a command prints; its wall and processor time from start to end, and its peak of resident memory.

    A child's peak begins at what its parent held when it was made, so the caller should be small: no NumPy.
    """
    with tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=os.environ | (environment or {})
        )
        try:
            printed = child.stdout.read()
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        finally:
            child.stdout.close()
        seconds = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip().splitlines()
            raise Failed(f"exit code {child.returncode}: " + "; ".join(said[-2:]))
    unit = 1 if sys.platform == "darwin" else 1024
    return printed.decode("utf-8", "replace"), {
        "process_seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_rss_bytes": usage.ru_maxrss * unit,
    }


# ---- fastsg ----------------------------------------------------------------------------------------------


def variant(text: str) -> tuple[str, list[str]]:
    """``name: flags`` as a name and a list of flags."""
    name, _, flags = text.partition(":")
    return name.strip(), shlex.split(flags)


def default_variants() -> list[tuple[str, list[str]]]:
    """fastsg as it is, and in bfloat16 where this CPU can; another process is asked: this one stays small."""
    asked = [sys.executable, "-c", "import fastsg; print(*fastsg.show_config()['available_precisions'])"]
    precisions = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return [("fastsg", [])] + (
        [("fastsg bfloat16", ["--precision", "bfloat16"])] if "bfloat16" in precisions else []
    )


def run_fastsg(text: str, stem: Path, flags: Sequence[str]) -> Row:
    """Train by the command line; files: STEM.vec, .out.vec, .bias, .json. Seconds are the whole command's.

    Where a flag makes STEM.vec something else than the rows of I, these are in STEM.in.vec, which costs no
    seconds.
    """
    files = {"-o": ".vec", "--save-output": ".out.vec", "--save-bias": ".bias", "--report": ".json"}
    if any(flag.startswith("--vectors") for flag in flags):
        files["--save-model"] = ".model"
    command = [sys.executable, "-m", "fastsg", "train", text, "--quiet"]
    for flag, ending in files.items():
        command += [flag, f"{stem}{ending}"]
    _, row = run([*command, *flags])
    report = json.loads(Path(f"{stem}.json").read_text())
    if "--save-model" in files:
        run([sys.executable, "-c", EXPORT, f"{stem}.model", f"{stem}.in.vec"])
    kept = ("settings", "tokens", "pairs", "softmax_rows", "seconds", "workers", "isa", "precision")
    return row | {
        "seconds": row["process_seconds"],
        "K": report["vocabulary_size"],
        "trained_nll": report["epochs"][-1]["nll"],
        "report": {name: report[name] for name in kept},
    }


# ---- peers -----------------------------------------------------------------------------------------------


def run_peer(peer: str, text: str, stem: Path, settings: Row, outputs: bool = True) -> Row:
    """Train a peer on a text; files are STEM.vec and, if wanted, STEM.out.vec.

    The seconds are from file to file.
    """
    task = {"text": text, "vectors": f"{stem}.vec", "settings": settings} | (
        {"outputs": f"{stem}.out.vec"} if outputs else {}
    )
    printed, row = run([sys.executable, __file__, peer, json.dumps(task)], ENVIRONMENT.get(peer))
    return row | json.loads(printed) | {"settings": settings}


def train_gensim(text: str, vectors: str, settings: Row, outputs: str | None = None) -> Row:
    """Word2Vec from a file of lines; output vectors are those of negative sampling."""
    import gensim

    begun = time.perf_counter()
    model = gensim.models.Word2Vec(corpus_file=text, **settings)
    model.wv.save_word2vec_format(vectors)
    seconds = time.perf_counter() - begun
    if outputs:
        model.wv.vectors = model.syn1neg  # the same writer, and no copy that would raise the peak of memory
        model.wv.save_word2vec_format(outputs)
    return {"seconds": seconds, "K": len(model.wv), "version": gensim.__version__}


def train_fasttext(text: str, vectors: str, settings: Row, outputs: str | None = None) -> Row:
    """Skip-gram without subwords."""
    import fasttext

    # Its function takes no seed, but hands what it takes from here on. Several threads differ all the same.
    fasttext.FastText.unsupervised_default["seed"] = settings["seed"]
    settings = {name: value for name, value in settings.items() if name != "seed"}
    begun = time.perf_counter()
    model = fasttext.train_unsupervised(
        text, model="skipgram", minn=0, maxn=0, bucket=0, verbose=0, **settings
    )
    words = model.get_words()
    write_vectors(vectors, words, model.get_input_matrix())
    seconds = time.perf_counter() - begun
    if outputs:
        write_vectors(outputs, words, model.get_output_matrix())
    return {"seconds": seconds, "K": len(words)}


def train_hyperhyper(text: str, vectors: str, settings: Row) -> Row:
    """Singular vectors of the positive PMI, by its defaults but for the settings.

    K is cut to the 50,000 words that it takes by default. Its own cut counts the lines a word is in, so the
    words are counted here.
    """
    import hyperhyper
    from hyperhyper.corpus import Vocab

    begun = time.perf_counter()
    with open(text, encoding="utf-8", errors="replace") as lines:
        counts = Counter(word for line in lines for word in line.split())
    most = inspect.signature(Vocab.filter).parameters["keep_n"].default
    words = [word for word, n in counts.most_common(most) if n >= settings["min_count"]]
    with tempfile.TemporaryDirectory() as folder:
        with open(text, encoding="utf-8", errors="replace") as lines:
            corpus = hyperhyper.Corpus.from_sents(lines, vocab=Vocab([words]), preproc_func=split_lines)
        with hyperhyper.Bunch(f"{folder}/bunch", corpus) as bunch:
            made = {"dim": settings["dim"], "window": settings["window"]}
            found = bunch.svd(**made, keyed_vectors=True, evaluate=False)
    write_vectors(vectors, words, found[words])
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "K": len(words), "version": importlib.metadata.version("hyperhyper")}


def split_lines(lines: Iterable[str]) -> Iterable[list[str]]:
    """hyperhyper's way to be told how a text is split; it keeps the function, so it must have a name."""
    return map(str.split, lines)


def write_vectors(path: str, words: Sequence[str], rows: object) -> None:
    """word2vec text: a header, then a word and its coordinates a line."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{len(words)} {rows.shape[1]}\n")
        for word, row in zip(words, rows, strict=True):
            file.write(word + " " + " ".join(map(str, row.tolist())) + "\n")


PEERS = {"gensim": train_gensim, "fasttext": train_fasttext, "hyperhyper": train_hyperhyper}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("peer", choices=list(PEERS))
    parser.add_argument("task", type=json.loads, metavar="SETTINGS")
    args = parser.parse_args()
    print(json.dumps(PEERS[args.peer](**args.task)))


if __name__ == "__main__":
    main()
