"""Files of this release and of those before it are read, and hold what they held: tests/kept."""

import json
import re

import kept_files
import pytest
from vector_files import needs_pyarrow

import fastsg

FOLDERS = [path for path in sorted(kept_files.KEPT.iterdir()) if path.is_dir()]
FILES = [
    pytest.param(
        path, marks=needs_pyarrow if path.name in kept_files.ARROW else (), id=f"{folder.name}/{path.name}"
    )
    for folder in FOLDERS
    for path in kept_files.files(folder)
]


def recorded(folder):
    return json.loads((folder / kept_files.CONTENTS).read_text(encoding="utf-8"))


def missing(found, wanted, place=""):
    """Where what was found lacks, or has otherwise, what was recorded; a later release may have more."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return [line for key in wanted for line in missing(found.get(key), wanted[key], f"{place}/{key}")]
    return [] if found == wanted else [f"{place}: {found!r}, wanted {wanted!r}"]


@pytest.mark.parametrize("path", FILES)
def test_it_holds_what_it_held(path):
    found = json.loads(json.dumps(kept_files.contents(path)))
    assert missing(found, recorded(path.parent)[path.name]) == []


def test_control_a_changed_number_is_seen():
    wanted = recorded(kept_files.KEPT / "0.1")
    changed = json.loads(json.dumps(wanted))
    changed["counts"]["rows"][2][3] += 2**-20
    changed["model"]["settings"]["window"] = 3
    assert len(missing(changed, wanted)) == 2


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_all_files_are_there(folder):
    assert {path.name for path in kept_files.files(folder)} == set(recorded(folder))


def test_this_release_keeps_every_format():
    release = re.match(r"\d+\.\d+", fastsg.__version__)[0]
    wanted = {name.strip("/") for name in (*kept_files.VECTORS, *kept_files.ARROW)}
    wanted |= {
        "model",
        "checkpoint",
        "checkpoint.inside",
        "counts",
        "counts.thinned",
        "counts.shard",
        "corpus",
        "corpus.numbered",
    }
    wanted |= {"v.kv"}
    assert set(recorded(kept_files.KEPT / release)) == wanted


def test_a_checkpoint_of_before_is_resumed(tmp_path):
    path = kept_files.KEPT / "0.1" / "checkpoint"
    model = fastsg.load(path, validation=kept_files.SENTENCES[:3], workers=1, progress=False)
    assert model.plan.done == 2
    model.train(kept_files.SENTENCES, resume=True)
    assert model.plan.done == 3 == len(model.history)


def test_a_checkpoint_inside_an_epoch_is_resumed():
    model = fastsg.load(kept_files.KEPT / "0.1" / "checkpoint.inside", progress=False)
    assert model.plan.done == 1 and model.state.begun.batches == 2
    model.train(kept_files.SENTENCES, resume=True)
    assert model.plan.done == 3 == len(model.history)
