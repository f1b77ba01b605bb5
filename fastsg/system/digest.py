"""SHA-256 of arrays: of the bytes that a file would hold, the same on every machine."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def sha256(*parts: NDArray[Any] | memoryview | bytes) -> str:
    """Digest of the parts end to end, in hexadecimal; arrays row by row, little-endian."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            part = np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data
        digest.update(memoryview(part).cast("B"))
    return digest.hexdigest()
