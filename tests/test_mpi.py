"""fastsg train and SkipGram(comm=...) under mpiexec: the same bits for any number of ranks, and how jobs end.

Needs mpi4py and mpiexec (`pip install "fastsg[mpi]"`); what ranks do without MPI is in test_distributed.py.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import slow
from teams import digest, zipf_text

from fastsg import SkipGram, load
from fastsg.cli import main

FOLDERS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
MPIEXEC = shutil.which("mpiexec", path=FOLDERS)
pytest.importorskip("mpi4py", reason="needs mpi4py (the extra mpi)")
if MPIEXEC is None:
    pytest.skip("needs mpiexec", allow_module_level=True)

#: Open MPI refuses more ranks than cores, and root, unless it is told otherwise; others do not read these.
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_mpi_yield_when_idle": "1",
}
FLAGS = "--vector-size 12 --min-count 1 --epochs 3 --seed 5 --head .5 --workers 1"
LONG = FLAGS.replace("--epochs 3", "--epochs 40")
SLOW_ONE = "--vector-size 40 --min-count 1 --epochs 200 --workers 1 -o v.vec"

SCRIPT = """
import sys
from mpi4py import MPI
from fastsg import SkipGram
from teams import digest, zipf_text

comm = MPI.COMM_WORLD
for changes in ({}, {"solver": "sgd", "head": None, "epochs": 1}):
    settings = {"vector_size": 12, "min_count": 1, "epochs": 3, "seed": 5, "workers": 1, "head": 0.5}
    model = SkipGram([] if comm.Get_rank() else zipf_text(), comm=comm, **(settings | changes))
    found = digest(model)
    for rank in range(comm.Get_size()):
        if rank == comm.Get_rank():
            print(rank, found, flush=True)
        comm.Barrier()
"""


def environment():
    tests = str(Path(__file__).resolve().parent)
    paths = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    # mpi4py's runner drops the first folder of the path, which is not the script's own where that is safe
    return os.environ | OPEN_MPI | {"PYTHONPATH": paths, "PYTHONSAFEPATH": "", "OMP_NUM_THREADS": "1"}


def start(ranks, *arguments, folder, **options):
    """A job of so many ranks, in a group of its own."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    command = [MPIEXEC, "-n", str(ranks), sys.executable, *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment(), **(pipes | options))


def mpiexec(ranks, *arguments, folder):
    """(exit code, standard output, standard error) of a job, which must not hang."""
    process = start(ranks, *arguments, folder=folder)
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, out, err


def train(ranks, line, folder):
    return mpiexec(ranks, "-m", "fastsg", "train", *line.split(), folder=folder)


def said(err):
    """What fastsg has said, without what launchers add."""
    return [line.strip() for line in err.splitlines() if line.strip().startswith("fastsg")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a text, and the model that one process makes of it."""
    path = tmp_path_factory.mktemp("mpi")
    (path / "text").write_text("\n".join(map(" ".join, zipf_text())) + "\n")
    assert (
        main(["train", str(path / "text"), "--save-model", str(path / "alone"), "--quiet", *FLAGS.split()])
        == 0
    )
    return path


def test_comm_gives_the_bits_of_one_process(tmp_path):
    settings = {"vector_size": 12, "min_count": 1, "epochs": 3, "seed": 5, "workers": 1, "head": 0.5}
    text = zipf_text()
    want = [digest(SkipGram(text, **settings))]
    want.append(digest(SkipGram(text, **(settings | {"solver": "sgd", "head": None, "epochs": 1}))))
    (tmp_path / "script.py").write_text(SCRIPT)
    for ranks in (1, 2, 3):
        code, out, err = mpiexec(ranks, "-m", "mpi4py", "script.py", folder=tmp_path)
        assert code == 0, err
        assert sorted(out.split("\n")[:-1]) == sorted(f"{r} {one}" for r in range(ranks) for one in want)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_the_command_line(folder, tmp_path, ranks):
    line = f"{folder / 'text'} {FLAGS} --save-model model --report report --checkpoint checkpoint"
    code, out, err = train(ranks, line, tmp_path)
    assert code == 0, err
    assert digest(load(tmp_path / "model")) == digest(load(folder / "alone"))
    report = json.loads((tmp_path / "report").read_text())
    assert report["ranks"] == ranks
    assert (f"{ranks} ranks of 1 thread" in out) == (ranks > 1)
    assert sum("epoch 3/3" in line for line in err.splitlines()) == 1  # only the first rank speaks


def test_counts_from_a_file(folder, tmp_path):
    text = str(folder / "text")
    assert main(["count", text, "--min-count", "1", "--seed", "5", "-o", str(tmp_path / "c"), "--quiet"]) == 0
    flags = "--counts c --vector-size 12 --epochs 3 --seed 5 --head .5 --workers 1 --quiet"
    code, _, err = train(2, f"{flags} --save-model two", tmp_path)
    assert code == 0, err
    code, _, err = train(1, f"{flags} --save-model one", tmp_path)
    assert code == 0, err
    assert digest(load(tmp_path / "two")) == digest(load(tmp_path / "one"))


@pytest.mark.parametrize(
    "ranks, line, message",
    [
        (2, "nothing -o v.vec", "No such file or directory"),
        (2, "text -o v.vec --colour red", "unrecognized arguments: --colour red"),
        (2, "text", "there is no output"),
        (9, f"text -o v.vec {FLAGS} --head 1", "9 ranks are more than the 8 shards"),
        (2, "text -o v.vec --resume nothing", "No such file or directory"),
        (2, f"text -o v.vec {FLAGS} --solver sgd --optimizer sgd --alpha 1e30 --head 1", "head is 1.0"),
        (2, "text -o v.vec --min-count 1 --solver sgd --optimizer sgd --alpha 1e30", "training diverged"),
    ],
)
def test_one_message_ends_all_ranks(folder, tmp_path, ranks, line, message):
    (tmp_path / "text").write_bytes((folder / "text").read_bytes())
    code, _, err = train(ranks, line + " --quiet", tmp_path)
    assert code not in (0, None)
    assert len(said(err)) == 1 and message in said(err)[0], err
    assert not (tmp_path / "v.vec").exists()


def test_ranks_with_other_settings_are_told_apart(folder, tmp_path):
    one = ["-m", "fastsg", "train", str(folder / "text"), "-o", "v.vec", "--quiet", "--seed"]
    code, _, err = mpiexec(1, *one, "1", ":", "-n", "1", sys.executable, *one, "2", folder=tmp_path)
    assert code != 0
    assert said(err) == ["fastsg: error: rank 1 has seed 2, rank 0 has 1: all ranks must be given the same"]


def test_mpiexec_without_mpi4py_says_so_once(folder, tmp_path):
    hidden = tmp_path / "hidden"
    (hidden / "mpi4py").mkdir(parents=True)
    (hidden / "mpi4py" / "__init__.py").write_text("raise ImportError('it is hidden')")
    code = f"import sys; sys.path.insert(0, {str(hidden)!r}); from fastsg.cli import main; sys.exit(main())"
    code, _, err = mpiexec(2, "-c", code, "train", str(folder / "text"), "-o", "v.vec", folder=tmp_path)
    assert code == 1
    assert len(said(err)) == 1 and "pip install 'fastsg[mpi]'" in said(err)[0]


def test_an_mpiexec_of_another_mpi_is_noticed(folder, tmp_path, monkeypatch, capsys):
    """Its processes would train alone, each, and write the same files."""
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setattr("fastsg.cli.ranks.world", lambda: None)
    assert main(["train", str(folder / "text"), "-o", str(tmp_path / "v.vec"), "--quiet"]) == 1
    assert "has started 2 processes, and the MPI of mpi4py knows of one" in capsys.readouterr().err
    assert not (tmp_path / "v.vec").exists()


def test_an_exception_of_one_rank_ends_the_job(tmp_path):
    """Control: the others wait for it in an exchange that it never reaches."""
    (tmp_path / "script.py").write_text(
        "from mpi4py import MPI\n"
        "from fastsg import SkipGram\n"
        "from teams import zipf_text\n"
        "model = SkipGram(comm=MPI.COMM_WORLD, min_count=1, vector_size=4)\n"
        "if MPI.COMM_WORLD.Get_rank() == 1:\n"
        "    raise RuntimeError('mine alone')\n"
        "model.build_vocab(zipf_text())\n"
    )
    code, _, err = mpiexec(2, "script.py", folder=tmp_path)
    assert code != 0
    assert "RuntimeError: mine alone" in err


def ranks_of(job, folder):
    """Process ids of a job's ranks."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words, where = (entry / "cmdline").read_bytes().split(b"\0"), (entry / "cwd").resolve()
            except OSError:
                continue
            is_rank = words[0] == os.fsencode(sys.executable) and b"train" in words and b"launch" not in words
            if is_rank and where == folder.resolve():
                found.append(int(entry.name))
    return found


def launch(ranks, line, folder):
    """fastsg launch of a command line, with restarts to spare."""
    command = [sys.executable, "-m", "fastsg", "launch", "-n", str(ranks), "--restarts", "9"]
    command += ["--mpiexec", MPIEXEC, "--", *line.split()]
    return subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True)


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_an_interrupt_of_one_rank_stops_all_at_one_batch(folder, tmp_path):
    """And the first rank writes; what it has written is gone on with by one process."""
    line = f"{folder / 'text'} {SLOW_ONE} --checkpoint c --checkpoint-every 0.2s --quiet".split()
    job = start(3, "-m", "fastsg", "train", *line, folder=tmp_path)
    wait_for((tmp_path / "c").exists, job)
    time.sleep(0.5)
    os.kill(ranks_of(job, tmp_path)[-1], signal.SIGTERM)
    _, err = job.communicate(timeout=60)
    assert job.returncode == 130
    assert "to continue from the last checkpoint" in err
    assert load(tmp_path / "c").plan.done < 200


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_launch_goes_on_from_the_checkpoint_when_ranks_are_killed(folder, tmp_path):
    begin = f"train {folder / 'text'} {LONG} --quiet --save-model"
    assert main([*begin.split(), str(tmp_path / "one")]) == 0
    job = launch(3, f"{begin} model --checkpoint c --checkpoint-every 0.05s", tmp_path)
    killed, draw = 0, random.Random(0)
    wait_for((tmp_path / "c").exists, job)  # the first is killed at once: fast CPUs are soon done
    while job.poll() is None and killed < 3:
        if len(ranks := ranks_of(job, tmp_path)) >= 3:
            os.kill(draw.choice(ranks), signal.SIGKILL)
            killed += 1
            wait_for(lambda: not ranks_of(job, tmp_path) or job.poll() is not None, job)
        time.sleep(draw.uniform(0.2, 0.7))
    _, err = job.communicate(timeout=120)
    assert job.returncode == 0, err
    assert err.count("starting again from c") == killed > 0
    assert digest(load(tmp_path / "model")) == digest(load(tmp_path / "one"))


def test_launch_goes_on_from_what_was_written_since(tmp_path, capfd):
    """Not from what the command began with, where that is another file."""
    dying = f"cd {tmp_path}; printf '%s\\n' \"$*\" | sed 's/.*train//' >> lines; touch new; exit 9"
    (tmp_path / "mpiexec").write_text(dying)
    line = f"train t --resume {tmp_path / 'old'} --checkpoint {tmp_path / 'new'}"
    launched = ["launch", "-n", "2", "--restarts", "1", "--mpiexec", f"sh {tmp_path / 'mpiexec'}", "--"]
    assert main([*launched, *line.split()]) == 9
    assert f"starting again from {tmp_path / 'new'}, 0 restarts left" in capfd.readouterr().err
    first, second = (tmp_path / "lines").read_text().splitlines()
    assert second == f"{first} --resume {tmp_path / 'new'}"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_a_rank_that_hangs_is_noticed_and_all_go_on_from_the_checkpoint(folder, tmp_path):
    """Control: without a limit the others wait on."""
    begin = f"train {folder / 'text'} {LONG} --quiet --save-model"
    assert main([*begin.split(), str(tmp_path / "one")]) == 0
    line = f"{begin} model --checkpoint c --checkpoint-every 0.05s"
    for limit in ("--hang-limit 2s", ""):
        (tmp_path / "c").unlink(missing_ok=True)
        job = launch(2, f"{line} {limit}", tmp_path)
        wait_for((tmp_path / "c").exists, job)
        stopped = ranks_of(job, tmp_path)[-1]
        os.kill(stopped, signal.SIGSTOP)
        if limit:
            _, err = job.communicate(timeout=120)
            assert job.returncode == 0, err
            assert "has waited 2s for the other ranks, one of which hangs: ending the job" in err
            assert err.count("a rank was hanging (mpiexec ended with 124): starting again from c") == 1
            assert digest(load(tmp_path / "model")) == digest(load(tmp_path / "one"))
        else:
            time.sleep(4)
            assert job.poll() is None
            os.kill(stopped, signal.SIGCONT)
            assert job.wait(timeout=120) == 0


@slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_twenty_kills_with_other_numbers_of_ranks(folder, tmp_path):
    """Each start goes on within five seconds, with the bits of the training that nobody killed."""
    begin = f"train {folder / 'text'} {FLAGS.replace('--epochs 3', '--epochs 400')} --quiet --save-model"
    assert main([*begin.split(), str(tmp_path / "one")]) == 0
    line = f"-m fastsg {begin} model --checkpoint c --checkpoint-every 0.05s".split()
    checkpoint, draw, starts = tmp_path / "c", random.Random(5), list[tuple[int, float]]()
    for _ in range(20):
        ranks, begun = draw.choice([1, 2, 3, 4]), time.monotonic()
        before = checkpoint.stat().st_mtime_ns if starts else None
        job = start(ranks, *line, *(["--resume", "c"] if starts else []), folder=tmp_path)
        wait_for(lambda old=before: checkpoint.exists() and checkpoint.stat().st_mtime_ns != old, job)
        starts.append((ranks, time.monotonic() - begun))
        time.sleep(draw.uniform(0, 0.3))
        os.kill(draw.choice(ranks_of(job, tmp_path)), signal.SIGKILL)
        job.communicate(timeout=60)
        assert job.returncode != 0
    code, _, err = mpiexec(3, *line, "--resume", "c", folder=tmp_path)
    assert code == 0, err
    assert digest(load(tmp_path / "model")) == digest(load(tmp_path / "one"))
    assert len({ranks for ranks, _ in starts}) == 4
    assert max(seconds for _, seconds in starts) < 5, starts


def outlives() -> bool:
    """Whether this MPI's jobs can go on without a rank that has died."""
    command = [MPIEXEC, "--with-ft", "ulfm", "-n", "1", "true"]
    return subprocess.run(command, env=environment(), capture_output=True).returncode == 0


def killed_and_gone_on(ranks, line, folder, draw, victims=1):
    """(exit code, standard error) of a job some ranks of which are killed, one after the other."""
    flags = ["--with-ft", "ulfm", "-n", str(ranks), sys.executable, "-m", "fastsg", *line.split()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    job = subprocess.Popen([MPIEXEC, *flags], cwd=folder, env=environment(), **pipes)
    wait_for((folder / "c").exists, job)
    for _ in range(victims):
        time.sleep(draw.uniform(0, 0.2))
        if job.poll() is None and (alive := ranks_of(job, folder)):
            os.kill(draw.choice(alive), signal.SIGKILL)
    try:
        _, err = job.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        raise
    return job.returncode, err


def check_survivors(folder, tmp_path, kills, ranks, victims):
    """Kills at random moments; whenever a rank is left, it ends with the bits of one process."""
    begin = f"train {folder / 'text'} {LONG} --quiet --save-model"
    assert main([*begin.split(), str(tmp_path / "one")]) == 0
    want, draw, met = digest(load(tmp_path / "one")), random.Random(7), 0
    for _ in range(kills):
        for name in ("c", "c.1", "model"):
            (tmp_path / name).unlink(missing_ok=True)
        line = f"{begin} model --checkpoint c --checkpoint-every 0.05s"
        _, err = killed_and_gone_on(ranks, line, tmp_path, draw, victims)
        met += "a rank has died: the other" in err
        assert digest(load(tmp_path / "model")) == want, err
    assert met >= max(kills // 2, 1)  # the others came when the training was over


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_survivors_go_on_within_the_job(folder, tmp_path):
    if not outlives():
        pytest.skip("needs an MPI with ULFM: Open MPI 5")
    check_survivors(folder, tmp_path, kills=2, ranks=3, victims=1)


@slow
@pytest.mark.timeout(3000)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_a_hundred_kills_are_survived(folder, tmp_path):
    if not outlives():
        pytest.skip("needs an MPI with ULFM: Open MPI 5")
    check_survivors(folder, tmp_path, kills=100, ranks=3, victims=1)


@pytest.mark.parametrize(
    "line, message",
    [
        ("launch -n 0 -- train t -o v", "--ranks is 0; allowed are integers >= 1"),
        ("launch -n 2 --restarts -1 -- train t -o v", "--restarts is -1"),
        ("launch -n 2 --restarts 1 -- train t -o v", "--restarts needs a training with --checkpoint"),
        ("launch -n 2 -- eval v", "runs fastsg train; behind -- there is 'eval'"),
        ("launch -n 2 --mpiexec nothing-there -- train t -o v", "--mpiexec: No such file or directory"),
    ],
)
def test_launch_refuses(line, message, capsys):
    assert main(line.split()) == 1
    assert message in capsys.readouterr().err
