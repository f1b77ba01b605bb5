"""Vector files made by hand, and what the tests of several files need to know about formats."""

import struct

import numpy as np
import pytest

try:
    import pyarrow
except ImportError:
    pyarrow = None

needs_pyarrow = pytest.mark.skipif(pyarrow is None, reason="pyarrow is not installed")


def fasttext_model(words=(b"the", b"na\xc3\xafve"), *, dim=2, minn=0, maxn=0, bucket=0, model=2, loss=3):
    """A file as fastText writes it."""
    rows = len(words) + bucket
    data = b"\xba\x16\x4f\x2f" + struct.pack("<i", 12)
    data += struct.pack("<12id", dim, 5, 5, 1, 5, 1, loss, model, bucket, minn, maxn, 100, 1e-4)
    data += struct.pack("<iiiqq", len(words), len(words), 0, 100, -1)
    data += b"".join(word + b"\0" + struct.pack("<qb", 100 - i, 0) for i, word in enumerate(words))
    inputs = np.arange(rows * dim, dtype="<f4") / 7
    outputs = -np.arange(len(words) * dim, dtype="<f4")
    data += b"\0" + struct.pack("<qq", rows, dim) + inputs.tobytes()
    return data + b"\0" + struct.pack("<qq", len(words), dim) + outputs.tobytes()
