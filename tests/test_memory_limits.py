"""Trainings, loads and saves in ever less address space: they succeed or raise MemoryError.

A process of its own forks a child for each action and limit, in steps of 4 MiB above what the process has
already; steps of 1 MiB with FASTSG_SLOW=1.
"""

import json
import sys
from collections import Counter

import pytest
from commands import python
from conftest import SLOW

STEP = 1 << 20 if SLOW else 4 << 20

PROGRAM = """
import ctypes, json, os, resource, signal, sys, tempfile
import numpy as np
import fastsg
from fastsg import CooccurrenceCounts, EncodedCorpus, SkipGram
from fastsg.io import load_vectors, save_vectors
os.chdir(tempfile.mkdtemp())
text = [[f"w{(i * j) % 3000}" for i in range(1, 40)] for j in range(1, 300)]
open("text", "w").write("\\n".join(map(" ".join, text)))
common = {"vector_size": 200, "min_count": 1, "epochs": 1, "sample": 0, "progress": False}
model = SkipGram(text[:50], workers=1, **common)
model.save("model")
words = [f"w{i}" for i in range(3000)]
for name in ("v.vec", "v.bin", "v.npz"):
    save_vectors(name, words, np.ones((3000, 400), np.float32))
fastsg.load("model")  # imports what is imported late
corpus = EncodedCorpus.from_iter(text, min_count=1)
CooccurrenceCounts.from_corpus(corpus).save("counts")

def planted():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    ctypes.memset(libc.malloc(40 << 20), 1, 40 << 20)

actions = {
    "counts": lambda: SkipGram(corpus, workers=2, **common),
    "sgd": lambda: SkipGram(corpus, workers=2, solver="sgd", **common),
    "text": lambda: EncodedCorpus.from_files("text", min_count=1, workers=1),
    "count": lambda: CooccurrenceCounts.from_corpus(corpus, window=10),
    "load": lambda: fastsg.load("model"),
    "save": lambda: model.save("new"),
    "load counts": lambda: CooccurrenceCounts.load("counts"),
    **{name: lambda name=name: load_vectors(name) for name in ("v.vec", "v.bin", "v.npz")},
    "ask": lambda: model.wv.most_similar("w3"),
    "planted": planted,
}
step, found = int(sys.argv[1]), {}
for name, action in actions.items():
    ended = found[name] = []
    for n in range(64):
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            # After the fork, which gives threads back.
            pages = int(open("/proc/self/statm").read().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + n * step,) * 2)
            try:
                action()
            except MemoryError:
                os._exit(10)
            except BaseException as error:
                os.write(2, f"{name}: {error!r}".encode())
                os._exit(11)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        ended.append(os.waitstatus_to_exitcode(status))
        if ended[-3:] == [0, 0, 0]:
            break
print(json.dumps(found))
"""

ACTIONS = ["counts", "sgd", "text", "count", "load", "save", "load counts", "v.vec", "v.bin", "v.npz", "ask"]

#: So small that what Python has in reserve may do.
SMALL = {"count", "load counts", "save"}

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture(scope="module")
def sweep():
    """How the children of each action ended, and what the others said."""
    # Else the process has free memory of its own, and room that it has reserved for threads.
    own = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    done = python("-c", PROGRAM, STEP, timeout=250, **own)
    assert done.returncode == 0, done.stderr
    return {name: Counter(ended) for name, ended in json.loads(done.stdout).items()}, done.stderr


@pytest.mark.parametrize("action", ACTIONS)
def test_ever_less_memory(sweep, action):
    ended, said = sweep[0][action], sweep[1]
    assert set(ended) <= {0, 10}, (ended, said)
    assert ended[0] >= 3
    assert ended[10] or action in SMALL


def test_control_memory_that_nobody_asked_for(sweep):
    assert sweep[0]["planted"][-11]
