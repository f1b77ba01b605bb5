"""Random damage: bytes changed, cut, repeated or huge; the same behind checksums and inside of archives."""

from __future__ import annotations

import io
import json
import math
import random
import struct
import zipfile
from typing import Any

from containers import put_together, sealed, sealed_model, taken_apart

JUNK: list[Any] = [
    None, True, -1, 0, 1, 7, 2**31, 2**40, 2**63, 2**64, 10**30, 1e300, math.nan, math.inf, "", "x", "sgd",
    "\ud800", "a" * 5000, [], [1, 2], {}, {"a": 1}, [[]], [[[]]], [None], ["a"],
]  # fmt: skip
HUGE = (2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1, 0)
#: What text readers trip over.
TOKENS = (
    b" ", b"\n", b"\t", b"\r", b"\0", b"9" * 30, b"-", b"\xff", b"nan", b"inf", b"e999", b"1_0", b"\xc2\xa0",
    b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"#", b":", b"\x85", b"\xe2\x80\xa8", b"0x1p3",
)  # fmt: skip


def mutant(random_: random.Random, original: bytes) -> bytes:
    """A few random changes."""
    data = bytearray(original)
    for _ in range(random_.choice((1, 1, 2, 4))):
        _change(random_, data)
    return bytes(data)


def _change(random_: random.Random, data: bytearray) -> None:
    at = random_.randrange(len(data) + 1)
    kind = random_.randrange(9)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << random_.randrange(8)
    elif kind == 1:
        del data[at : at + random_.randrange(20)]
    elif kind == 2:
        data[at:at] = data[at : at + random_.randrange(60)]
    elif kind == 3:
        data[at : at + 4] = random_.randbytes(4)
    elif kind == 4:
        data[at : at + 8] = struct.pack("<Q", random_.choice(HUGE))
    elif kind == 5:
        data[at:at] = random_.choice(TOKENS)
    elif kind == 6:  # a header that lies, of formats that begin with one line of two numbers
        line = f"{random_.choice((0, 3, 2**31, 10**12))} {random_.choice((-1, 0, 1, 4, 2**31))}".encode()
        data[: max(data.find(b"\n"), 0)] = line
    elif kind == 7:
        data[at : at + 1] = bytes([random_.randrange(256)])
    else:
        del data[at:]


def json_mutant(random_: random.Random, value: Any) -> Any:
    """A plain value with one of its leaves replaced; JSON inside of strings is opened as well."""
    if isinstance(value, str) and value[:2] in ('{"', "[{") and random_.random() < 0.9:
        return json_text_mutant(random_, value.encode()).decode()
    if not (isinstance(value, dict | list) and value) or random_.random() < 0.1:
        return random_.choice(JUNK)
    key: Any = random_.choice(list(value)) if isinstance(value, dict) else random_.randrange(len(value))
    changed: Any = value.copy()
    if random_.random() < 0.1:
        old = changed.pop(key)
        if isinstance(changed, dict) and random_.random() < 0.5:
            changed[str(random_.choice(JUNK))] = old
        return changed
    changed[key] = json_mutant(random_, value[key])
    return changed


def json_text_mutant(random_: random.Random, data: bytes) -> bytes:
    """The same of a file of JSON."""
    return json.dumps(json_mutant(random_, json.loads(data))).encode()


def container_mutant(random_: random.Random, data: bytes) -> bytes:
    """A file of ours with a changed header or tensor, and the checksums that belong to it."""
    header, tensors = taken_apart(data)
    seal = sealed if "checksums" in header else sealed_model
    if random_.random() < 0.5:
        name = random_.choice([name for name, tensor in tensors.items() if tensor])
        tensors[name] = _overwritten(random_, tensors[name])
    else:
        part = "__metadata__" if random_.random() < 0.5 else random_.choice(list(header))
        header[part] = json_mutant(random_, header[part])
    try:
        return seal(header, b"".join(tensors.values()))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # too odd to be sealed
        return put_together(header, b"".join(tensors.values()))


def _overwritten(random_: random.Random, tensor: bytes) -> bytes:
    """As many bytes, some others."""
    at = random_.randrange(0, len(tensor), random_.choice((1, 4, 8)))
    values = (random_.randbytes(8), struct.pack("<q", random_.choice((-1, 0, 1, 2**31, 2**62))), bytes(8))
    new = random_.choice((*values, struct.pack("<ff", math.nan, -1.0)))[: random_.choice((1, 4, 8))]
    return (tensor[:at] + new + tensor[at + len(new) :])[: len(tensor)]


def zip_mutant(random_: random.Random, data: bytes) -> bytes:
    """An archive one of whose files is changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = random_.choice(list(members))
    members[name] = mutant(random_, members[name])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", random_.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def packed_mutant(codec: Any, random_: random.Random, data: bytes) -> bytes:
    """A compressed file whose content is changed."""
    return codec.compress(mutant(random_, codec.decompress(data)))
