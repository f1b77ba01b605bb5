"""Mutants of files, loaded in processes of their own: a helper of test_mutants.py, and its program.

The program reads lines "name<TAB>times<TAB>seed". For each it forks a child, which may take 2 GiB of address
space and a limited time, and answers by one line of JSON: what became of so many mutants.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from changes import json_text_mutant, mutant
from containers import sealed_model, taken_apart
from readers import READERS, Reader, _of_bytes

from fastsg import FormatError
from fastsg.model import saving

ADDRESS_SPACE = 2 << 30
SECONDS = 0.1
#: Seconds that a child may take in all: some, and some for each mutant.
ALLOWED = (20, 0.5)
#: Roads to running code that are found in a file: never taken.
CODE = {"pickle", "exec", "compile", "subprocess", "socket", "os.system", "os.exec", "os.posix_spawn"}
WATCHED: dict[str, Any] = {"active": False, "seen": set()}


def _audit(event: str, args: tuple[object, ...]) -> None:
    if not WATCHED["active"] or not (event in CODE or event.split(".")[0] in CODE):
        return
    source = str(getattr(args[0], "co_filename", args[1] if event == "compile" else "")) if args else ""
    # what is imported late runs too; a traceback through our compiled parts compiles an empty line
    if not source.endswith((".py", ".pyx")) and not source.startswith("<frozen"):
        WATCHED["seen"].add(f"{event} {source}")


def load_mutants(reader: Reader, times: int, seed: int) -> dict[str, object]:
    """What became of mutants in a folder of their own; two of three are changed behind their checksums."""
    random_ = random.Random(seed)
    loaded, worst, wrong = 0, 0.0, []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reader.write(folder)
        path = folder / reader.file
        original = path.read_bytes()
        reader.read(str(path))  # a sound one; also imports what is imported late
        for i in range(times):
            deeper = reader.deeper if i % 3 else None
            data = deeper(random_, original) if deeper else mutant(random_, original)
            path.write_bytes(data)
            is_loaded, seconds, complaint = outcome(reader, str(path))
            loaded, worst = loaded + is_loaded, max(worst, seconds)
            if complaint:
                wrong.append([complaint, data[:20_000].hex()])
    return {"loaded": loaded, "worst": worst, "wrong": wrong[:5], "ran": sorted(WATCHED["seen"])}


def outcome(reader: Reader, path: str) -> tuple[bool, float, str]:
    """(whether a file loads, seconds, what is wrong with that)"""
    seconds, complaint, is_loaded = 0.0, "", False
    for _ in range(3):  # another process may have taken the time of the first
        start = time.process_time()
        WATCHED["active"] = True
        try:
            is_loaded, complaint = _tried(reader, path)
        finally:
            WATCHED["active"] = False
        seconds = time.process_time() - start
        if seconds < SECONDS:
            break
    return is_loaded, seconds, complaint


def _tried(reader: Reader, path: str) -> tuple[bool, str]:
    try:
        reader.read(path)
    except reader.raises as error:
        message = str(error)
        is_named = os.path.dirname(path) in message or not isinstance(error, FormatError)
        if not message or not message.isprintable() or not is_named:
            return False, f"the message {message!r}"
        return False, ""
    except Exception:  # noqa: BLE001  what is looked for
        return False, traceback.format_exc(limit=-4)
    return True, ""


# ---- controls ----


def _unchecked_key(path: str) -> None:
    """What a reader without a check does."""
    {b"the cat": 1}[Path(path).read_bytes()[:7]]


def _as_promised(path: str) -> None:
    with open(path, "rb") as file:
        np.empty(int.from_bytes(file.read(8), "little") % 2**62, np.uint8)


def _crash(path: str) -> None:
    if not Path(path).read_bytes().startswith(b"the"):
        os.kill(os.getpid(), signal.SIGSEGV)


def _hang(path: str) -> None:
    while not Path(path).read_bytes().startswith(b"the"):
        pass


def _slow(path: str) -> None:
    if not Path(path).read_bytes().startswith(b"the"):
        end = time.process_time() + 0.15
        while time.process_time() < end:
            pass


def _running(path: str) -> None:
    if not Path(path).read_bytes().startswith(b"the"):
        exec("1")


def _other_settings(random_: random.Random, data: bytes) -> bytes:
    header, tensors = taken_apart(data)
    config = header["__metadata__"]["config"].encode()
    header["__metadata__"]["config"] = json_text_mutant(random_, config).decode()
    return bytes(sealed_model(header, b"".join(tensors.values())))


def _names_not_checked(path: str) -> None:
    saving._settings = lambda config: saving.Settings.checked(**config)  # type: ignore[assignment]
    READERS["model"].read(path)


PLAIN = b"the cat sat on the mat"
CONTROLS = {
    "a key": _of_bytes("f", PLAIN, _unchecked_key, (FormatError,)),
    "memory": _of_bytes("f", (5).to_bytes(8, "little") + PLAIN, _as_promised, (FormatError,)),
    "a crash": _of_bytes("f", PLAIN, _crash, (FormatError,)),
    "a hang": _of_bytes("f", PLAIN, _hang, (FormatError,)),
    "slow": _of_bytes("f", PLAIN, _slow, (FormatError,)),
    "code": _of_bytes("f", PLAIN, _running, (FormatError,)),
    "settings": READERS["model"]._replace(read=_names_not_checked, deeper=_other_settings),
}


# ---- the program ----


def in_child(name: str, times: int, seed: int) -> dict[str, object]:
    """What `load_mutants` finds in a child, or the signal that ended that."""
    with tempfile.TemporaryFile("w+") as answer:
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(1 if name == "a hang" else int(ALLOWED[0] + ALLOWED[1] * times))
                resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                json.dump(load_mutants((READERS | CONTROLS)[name], times, seed), answer)
                answer.flush()
                os._exit(0)
            except BaseException:  # noqa: BLE001  a child must not go on as its parent does
                traceback.print_exc()
                os._exit(1)
        status = os.waitpid(child, 0)[1]
        if status:
            return {"ended by": status & 127 or f"exit {status >> 8}"}
        answer.seek(0)
        return dict(json.load(answer))


def main() -> None:
    """Answer until there are no more lines."""
    warnings.simplefilter("ignore")
    logging.disable()
    sys.addaudithook(_audit)
    for late in ("numpy.ma", "pyarrow.parquet"):  # imported before anyone watches
        with contextlib.suppress(ImportError):
            importlib.import_module(late)
    for line in sys.stdin:
        name, times, seed = line.rstrip("\n").split("\t")
        print(json.dumps(in_child(name, int(times), int(seed))), flush=True)


if __name__ == "__main__":
    main()
