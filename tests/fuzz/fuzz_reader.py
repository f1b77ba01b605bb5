"""Fuzzes one reader of tests/readers.py, guided by what of the package runs; its name comes first.

    python tests/fuzz/fuzz_reader.py v.npz CORPUS -max_total_time=60

Needs atheris and the package built in place. The other arguments are libFuzzer's. An empty corpus starts with
the sound file of the format; every fifth input is changed behind its checksums.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))
with atheris.instrument_imports(include=["fastsg"]):
    import readers
from mutants import _tried

warnings.simplefilter("ignore")
logging.disable()


def main() -> None:
    """Fuzz until libFuzzer ends it."""
    reader = readers.READERS[sys.argv.pop(1)]
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        folder = Path(name)
        reader.write(folder)
        path = folder / reader.file
        _begin(Path(sys.argv[1]), path.read_bytes())

        def read(data: bytes) -> None:
            path.write_bytes(data)
            _, complaint = _tried(reader, str(path))
            if complaint:
                raise AssertionError(complaint)

        def changed(data: bytes, most: int, seed: int) -> bytes:
            if reader.deeper and seed % 5 == 0:
                try:
                    return reader.deeper(random.Random(seed), data)[:most]
                except Exception:  # noqa: BLE001  what cannot be taken apart is changed as any other file
                    pass
            return bytes(atheris.Mutate(data, most))

        atheris.Setup(sys.argv, read, custom_mutator=changed)
        atheris.Fuzz()


def _begin(corpus: Path, sound: bytes) -> None:
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "sound").write_bytes(sound)


if __name__ == "__main__":
    main()
