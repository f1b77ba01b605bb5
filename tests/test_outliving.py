"""fastsg train on ranks that outlive each other: what the survivors of a death do. Here ranks are threads;
with an MPI that lets them, see test_mpi.py."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from teams import Meeting, ThreadTeam, digest, zipf_text

from fastsg import load
from fastsg.cli import main, parse, ranks
from fastsg.cli.train import _run
from fastsg.distributed import RankLost

FLAGS = "--vector-size 6 --min-count 1 --epochs 3 --seed 5 --head .5 --workers 1 --quiet"


class Died(BaseException):
    """The end of a thread that stands for a killed process."""


class MortalMeeting(Meeting):
    """Where one of the threads may die."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.lock, self.dead, self.done = threading.Lock(), set[int](), dict[int, bool]()
        self.next: MortalMeeting | None = None


class MortalTeam(ThreadTeam):
    """Rank `mortal` of `size` dies before its exchange number `fatal`; the others hear of it."""

    def __init__(self, rank: int, size: int, meeting: MortalMeeting, mortal: int, fatal: list[int]) -> None:
        super().__init__(rank, size, meeting)
        self._place, self._mortal, self._fatal, self.exchanges = meeting, mortal, fatal, 0

    def _alive(self) -> None:
        self.exchanges += 1
        if self._fatal and self.rank == self._mortal and self.exchanges == self._fatal[0]:
            self._place.dead.add(self.rank)
            self._place.barrier.abort()
            raise Died
        if self._place.dead:
            raise RankLost("a rank of the job has died")

    def _leave(self, thing: Any) -> list[Any]:
        self._alive()
        try:
            return super()._leave(thing)
        except threading.BrokenBarrierError:
            raise RankLost("a rank of the job has died") from None

    def swap(self, sends: Mapping[int, NDArray[Any]], receives: Mapping[int, NDArray[Any]]) -> None:
        self._alive()
        for rank in receives:  # before anything is taken out: a letter that comes is whole
            while not sends and self._place.letters[rank, self.rank].empty():
                if self._place.dead:
                    raise RankLost("a rank of the job has died")
                time.sleep(0.0005)
        for rank, array in sends.items():
            self._place.letters[self.rank, rank].put(array.copy())
        for rank, array in receives.items():
            letters = self._place.letters[rank, self.rank]
            while letters.empty():
                if self._place.dead:
                    raise RankLost("a rank of the job has died")
                time.sleep(0.0005)
            array[...] = letters.get().reshape(array.shape)

    def is_done(self, done: bool) -> bool:
        place = self._place
        place.done[self.rank] = done
        while len(place.done) + len(place.dead) < self.size:
            time.sleep(0.001)
        return all(place.done.values())

    def survivors(self) -> MortalTeam:
        place = self._place
        left = [rank for rank in range(self.size) if rank not in place.dead]
        with place.lock:
            place.next = place.next or MortalMeeting(len(left))
        rest = self._fatal[1:]
        return MortalTeam(left.index(self.rank), len(left), place.next, len(left) - 1, rest)


def outlive(size: int, line: str, mortal: int, fatal: Sequence[int]) -> list[object]:
    """What `fastsg train` ends with on each of `size` ranks: a code, or Died."""
    meeting, ends = MortalMeeting(size), [None] * size

    def work(rank: int) -> None:
        team = MortalTeam(rank, size, meeting, mortal, list(fatal))
        try:
            ends[rank] = ranks._outliving(parse(line.split()), team, _run)
        except BaseException as error:  # noqa: BLE001 (looked at below)
            ends[rank] = error

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return [
        end.code if isinstance(end, SystemExit) else type(end) if isinstance(end, BaseException) else end
        for end in ends
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """With a text, and the model that one process makes of it."""
    path = tmp_path_factory.mktemp("outliving")
    (path / "text").write_text("\n".join(map(" ".join, zipf_text(sentences=800))) + "\n")
    assert main(["train", str(path / "text"), "--save-model", str(path / "alone"), *FLAGS.split()]) == 0
    return path


@pytest.mark.parametrize("mortal", [0, 1, 2])
@pytest.mark.parametrize("fatal", [2, 9, 60, 150])
def test_the_others_go_on_to_the_same_bits(folder, tmp_path, mortal, fatal, capsys):
    line = f"train {folder / 'text'} {FLAGS} --save-model {tmp_path / 'model'} --checkpoint {tmp_path / 'c'}"
    ends = outlive(3, f"{line} --checkpoint-every 0.001s", mortal, [fatal])
    assert ends == [Died if rank == mortal else 0 for rank in range(3)]
    assert digest(load(tmp_path / "model")) == digest(load(folder / "alone"))
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith("fastsg: a rank has died: the other 2 ranks go on from ")


def test_death_after_death(folder, tmp_path, capsys):
    line = f"train {folder / 'text'} {FLAGS} --save-model {tmp_path / 'model'} --checkpoint {tmp_path / 'c'}"
    assert outlive(4, f"{line} --checkpoint-every 0.001s", 0, [60, 30, 20]) == [Died, 0, Died, Died]
    assert digest(load(tmp_path / "model")) == digest(load(folder / "alone"))
    said = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[2].split(" on ")[0] for line in said] == [
        "the other 3 ranks go",
        "the other 2 ranks go",
        "the other rank goes",
    ]


def test_without_a_checkpoint_they_begin_anew(folder, tmp_path, capsys):
    """And an older one, which this training has not written, is left alone."""
    line = f"train {folder / 'text'} {FLAGS} --save-model {tmp_path / 'model'}"
    assert outlive(2, line, 0, [60]) == [Died, 0]
    assert "the other rank goes on from the beginning" in capsys.readouterr().err
    assert digest(load(tmp_path / "model")) == digest(load(folder / "alone"))


def test_where_nobody_dies_nothing_is_said(folder, tmp_path, capsys):
    """The control of the tests above: it is the death that makes them begin anew."""
    line = f"train {folder / 'text'} {FLAGS} --save-model {tmp_path / 'model'}"
    assert outlive(3, line, 0, []) == [0, 0, 0]
    assert capsys.readouterr().err == ""


def test_standard_input_cannot_be_read_twice(folder, tmp_path, capsys, monkeypatch):
    def dying(args, team):
        if team.rank == 1:
            team._place.dead.add(1)
            raise Died
        raise RankLost("a rank of the job has died")

    monkeypatch.setattr("test_outliving._run", dying)
    ends = outlive(2, f"train - {FLAGS} --save-model {tmp_path / 'model'}", 5, [])
    assert ends == [1, Died]
    assert "standard input cannot be read a second time" in capsys.readouterr().err
