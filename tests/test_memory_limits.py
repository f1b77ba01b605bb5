"""Trainings, loads and saves in ever less address space: they succeed or raise MemoryError.

A process of its own forks a child for each limit, in steps of 4 MiB above what the process has already; steps
of 1 MiB with FASTSG_SLOW=1.
"""

import json
import os
import sys
from collections import Counter

import pytest
from commands import python

STEP = 1 << 20 if os.environ.get("FASTSG_SLOW") else 4 << 20

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
action, step = actions[sys.argv[1]], int(sys.argv[2])
ended = []
for n in range(64):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        pages = int(open("/proc/self/statm").read().split()[0])  # after the fork, which gives threads back
        resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + n * step,) * 2)
        try:
            action()
        except MemoryError:
            os._exit(10)
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(11)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    ended.append(os.waitstatus_to_exitcode(status))
    if ended[-3:] == [0, 0, 0]:
        break
print(json.dumps(ended))
"""

ACTIONS = ["counts", "sgd", "text", "count", "load", "save", "load counts", "v.vec", "v.bin", "v.npz", "ask"]

#: So small that what Python has in reserve may do.
SMALL = {"count", "load counts", "save"}

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def sweep(action):
    """How the children ended, and what the others said."""
    # Else the process has free memory of its own, and room that it has reserved for threads.
    own = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    done = python("-c", PROGRAM, action, STEP, timeout=250, **own)
    assert done.returncode == 0, done.stderr
    return Counter(json.loads(done.stdout)), done.stderr


@pytest.mark.parametrize("action", ACTIONS)
def test_ever_less_memory(action):
    ended, said = sweep(action)
    assert set(ended) <= {0, 10}, (ended, said)
    assert ended[0] >= 3
    assert ended[10] or action in SMALL


def test_control_memory_that_nobody_asked_for():
    ended, _ = sweep("planted")
    assert ended[-11]
