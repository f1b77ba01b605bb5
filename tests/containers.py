"""Files of ours taken apart and sealed again: a helper of several test files that shares no code with the
package.
"""

import hashlib
import json

CHUNK = 1 << 20


def taken_apart(data):
    """(header, the bytes of the tensors by name)"""
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    return header, {name: body[slice(*header[name]["data_offsets"])] for name in names}


def sealed(header, body):
    """The file of a header, dict or bytes, and the bytes behind it; its checksums, the last tensor, anew."""
    entries = [entry for name, entry in header.items() if name != "__metadata__"]
    text = json.dumps(header).encode()
    start = len(text).to_bytes(8, "little") + text
    digests = b"".join(_digests(body, entry) for entry in entries[:-1])
    return start + body[: entries[-1]["data_offsets"][0]] + digests + hashlib.sha256(start + digests).digest()


def _digests(body, entry):
    tensor = body[slice(*entry["data_offsets"])]
    return b"".join(hashlib.sha256(tensor[at : at + CHUNK]).digest() for at in range(0, len(tensor), CHUNK))


def sealed_model(header, body):
    """The file of a model: its checksums stand in the header, one for each tensor and one for the rest."""
    metadata = header["__metadata__"]
    rest = {
        key: metadata[key] for key in sorted(metadata) if key not in ("sha256", "format", "format_version")
    }
    digests = {"__metadata__": _sha256(json.dumps(rest, separators=(",", ":")).encode())}
    for name, entry in header.items():
        if name != "__metadata__":
            try:
                digests[name] = _sha256(body[slice(*entry["data_offsets"])])
            except (TypeError, KeyError):
                digests[name] = ""
    metadata["sha256"] = json.dumps(digests)
    return put_together(header, body)


def put_together(header, body):
    """A file as it is, sealed or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def resealed(data, change=lambda header, tensors: None):
    """The file, changed by `change(header, tensors)`, with the checksums that belong to what it is now."""
    header, tensors = taken_apart(data)
    change(header, tensors)
    return sealed(header, b"".join(tensors.values()))


def unsealed(data):
    """The file as version 1 had it, without checksums."""
    header, tensors = taken_apart(data)
    del header["checksums"], tensors["checksums"]
    header["__metadata__"]["format_version"] = "1"
    return put_together(header, b"".join(tensors.values()))
