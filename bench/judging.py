"""What vectors are worth: analogies, similarity and held-out loss, each by a script of its own.

Analogies and similarity are computed by accept/quality.py of the shared folder beside the project, the loss
of a softmax by its exact_nll.py, that of negative sampling by calibrated_nll.py here. What is missing there
is left out. Nothing here imports NumPy: see peers.run.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from peers import Row, run, say
from sets import ANALOGIES, FOLDERS, SIMILARITY

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
#: Google's questions in two.
HALVES = {"semantic": "questions-semantic.txt", "syntactic": "questions-syntactic.txt"}
SCORES = dict.fromkeys((*HALVES, *ANALOGIES), "accuracy") | dict.fromkeys(SIMILARITY, "rho")
FILES = HALVES | ANALOGIES | SIMILARITY


def evaluation_folder(folder: Path, languages: Sequence[str]) -> Path | None:
    """A data folder for accept/quality.py with the sets of some languages, and the halves of one."""
    sources = [source for name in languages if (source := SHARED / "data" / FOLDERS[name]).is_dir()]
    if not (SHARED / "accept" / "quality.py").is_file() or not sources:
        say(
            "no shared folder with accept/quality.py and sets for evaluation beside the project; "
            "analogies and similarity are left out"
        )
        return None
    for source in sources:
        target = folder / "judge" / source.name
        target.mkdir(parents=True)
        for name in (*SIMILARITY.values(), *ANALOGIES.values()):
            if (source / name).is_file():
                shutil.copyfile(source / name, target / name)
        if (questions := target / ANALOGIES["analogies"]).is_file():
            halve(questions)
    return folder / "judge"


def halve(questions: Path) -> None:
    """Google's questions in two files beside it: about the world, and about grammar."""
    halves: dict[str, list[str]] = {name: [] for name in HALVES}
    half = "semantic"
    for line in questions.read_text(encoding="utf-8").splitlines():
        if line.startswith(":"):
            half = "syntactic" if line.split()[1].startswith("gram") else "semantic"
        halves[half].append(line)
    for name, lines in halves.items():
        questions.with_name(HALVES[name]).write_text("\n".join(lines) + "\n", encoding="utf-8")


def judge(vectors: Path, data: Path | None, top: int) -> Row:
    """Scores by accept/quality.py; sets with too few words in the vocabulary are left out by it."""
    if data is None:
        return {}
    script = SHARED / "accept" / "quality.py"
    printed, _ = run(
        [sys.executable, str(script), str(vectors), "--data", str(data), "--top", str(top), "--json"]
    )
    found = json.loads(printed)
    scores: Row = {name: found[file][SCORES[name]] for name, file in FILES.items() if file in found}
    return scores | {"judged": found}


def exact_nll(stem: Path, valid: Path, window: int, centers: int) -> Row:
    """Held-out loss of a model that is a softmax, by accept/exact_nll.py."""
    script = SHARED / "accept" / "exact_nll.py"
    if not script.is_file():
        return {}
    bias = ["--bias", f"{stem}.bias"] if Path(f"{stem}.bias").exists() else []
    inputs = next(path for ending in (".in.vec", ".vec") if (path := Path(f"{stem}{ending}")).exists())
    printed, _ = run(
        [
            sys.executable,
            str(script),
            str(inputs),
            f"{stem}.out.vec",
            str(valid),
            "--window",
            str(window),
            "--dynamic",
            "--centers",
            str(centers),
            *bias,
        ]
    )
    found = re.search(r"nats/pair (\S+) .* pairs (\S+)  centers (\S+)", printed)
    return {"nll": float(found[1]), "nll_pairs": float(found[2]), "nll_centers": int(found[3])}


def calibrated_nll(
    stem: Path, train: Path, valid: Path, window: int, centers: int, order: Path | None
) -> Row:
    """Held-out loss of negative sampling's vectors with their best scale and prior."""
    command = [
        sys.executable,
        str(Path(__file__).with_name("calibrated_nll.py")),
        f"{stem}.vec",
        f"{stem}.out.vec",
        "--train",
        str(train),
        "--valid",
        str(valid),
        "--window",
        str(window),
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
