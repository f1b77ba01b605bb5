"""A reader of our files that was written from docs/formats.md alone: struct, json, hashlib, NumPy, no fastsg.

It checks what the page says of a file, and gives what is in it as plain values, under the names of
kept_files.py.
"""

import gzip
import hashlib
import itertools
import json
import math
import struct

import numpy as np

TYPES = {"I64": "<i8", "F64": "<f8", "I32": "<i4", "F32": "<f4", "U8": "u1"}
VERSIONS = {"fastsg-model": "1", "fastsg-counts": "123", "fastsg-corpus": "123", "fastsg-vectors": "12"}
PIECE = 2**20


class Damaged(Exception):
    """The file is not what the page says."""


def require(condition, what):
    if not condition:
        raise Damaged(what)


class File:
    """A container: its metadata, and its tensors by name; whatever does not fit is Damaged."""

    def __init__(self, data):
        try:
            self._read(data)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise Damaged(repr(error)) from error

    def _read(self, data):
        (length,) = struct.unpack("<Q", data[:8])
        self.start = 8 + length
        require(length <= 2**20 and self.start % 64 == 0 and self.start <= len(data), "length of the header")
        header = json.loads(data[8 : self.start].decode("ascii"))
        self.metadata = header.pop("__metadata__")
        require(all(isinstance(value, str) for value in self.metadata.values()), "metadata")
        self.format = self.metadata.get("format")
        if self.format:
            require(self.metadata["format_version"] in VERSIONS[self.format], "version")
        self.tensors, end = {}, self.start
        for name, about in header.items():
            kind, (first, last) = np.dtype(TYPES[about["dtype"]]), about["data_offsets"]
            require(self.start + first == end and end % kind.itemsize == 0, f"place of {name}")
            require(last - first == math.prod(about["shape"]) * kind.itemsize > 0, f"size of {name}")
            end = self.start + last
            self.tensors[name] = np.frombuffer(data[self.start + first : end], kind).reshape(about["shape"])
        require(end == len(data), "size of the file")
        if self.format == "fastsg-model":
            self._check_digests()
        elif self.format and self.metadata["format_version"] != "1":
            self._check_pieces(data[: self.start])

    def _check_pieces(self, header):
        *tensors, (last, stored) = self.tensors.items()
        require(last == "checksums", "checksums come last")
        digests = [
            hashlib.sha256(raw[start : start + PIECE]).digest()
            for raw in (tensor.tobytes() for _, tensor in tensors)
            for start in range(0, len(raw), PIECE)
        ]
        seal = hashlib.sha256(header + b"".join(digests)).digest()
        require(stored.tobytes() == b"".join(digests) + seal, "checksums")

    def _check_digests(self):
        digests = json.loads(self.metadata["sha256"])
        sealed = {name: value for name, value in self.metadata.items() if not name.startswith("format")}
        del sealed["sha256"]
        text = json.dumps(sealed, sort_keys=True, separators=(",", ":"))
        found = {name: hashlib.sha256(tensor.tobytes()).hexdigest() for name, tensor in self.tensors.items()}
        require(digests == found | {"__metadata__": hashlib.sha256(text.encode()).hexdigest()}, "digests")

    def words(self):
        ends, text = self.tensors["word_offsets"].tolist(), self.tensors["words"].tobytes()
        return [text[start:stop].decode() for start, stop in itertools.pairwise(ends)]

    def json(self, name):
        return json.loads(self.metadata[name])

    def list(self, name):
        return self.tensors[name].tolist() if name in self.tensors else None

    def vocab(self, counts, tokens="raw_tokens"):
        raw = [int(self.metadata["raw_types"]), int(self.metadata[tokens])]
        return {"words": self.words(), "counts": self.list(counts), "raw": raw}


def read(path):
    """What is in a file, or in a folder of vectors."""
    if path.is_dir():
        return folder(path)
    if path.suffix in OTHERS:
        return OTHERS[path.suffix](path)
    with open(path, "rb") as opened:
        file = File(opened.read())
    readers = {"fastsg-model": model, "fastsg-counts": counts, "fastsg-corpus": corpus}
    return readers.get(file.format, vectors)(file)


#: In which tensor attributes of a type are; those of all other types are integers.
TABLES = {"bool": "bools", "str": "texts", "float16": "numbers", "float32": "numbers", "float64": "numbers"}


def vectors(file):
    name = "vectors64" if "vectors64" in file.tensors else "vectors"
    columns = {table: iter(file.list(table) or ()) for table in ("integers", "numbers", "bools")}
    if "texts" in file.tensors:
        columns["texts"] = iter(json.loads(file.tensors["texts"].tobytes()))
    attributes = {}
    for attribute, kind in file.json("attributes"):
        column = next(columns[TABLES.get(kind, "integers")])
        shown = "object" if kind == "str" else kind
        attributes[attribute] = [shown, list(map(bool, column)) if kind == "bool" else column]
    kind = str(file.tensors[name].dtype)
    return {"words": file.words(), "matrix": file.list(name), "type": kind, **attributes}


def model(file):
    config, training = file.json("config"), file.json("training")
    reading = {name: config.pop(name) for name in ("tokenizer", "errors", "encoding", "lower")}
    bias, keep = (file.tensors.get(name, 0.0) for name in ("bias", "keep"))
    best = [file.list("best_I"), file.list("best_O")] if "best_I" in file.tensors else None
    arrays = ("I", "O", "shift", "keep", "sums_I", "sums_O")
    inside = [name for name in ("contexts", "axes", "curvature") if name in file.tensors]
    return {
        "settings": config,
        "reading": reading,
        "vocab": file.vocab("counts"),
        "history": file.json("history"),
        "plan": training["plan"] and {"opening": 0, "coarse": 0} | training["plan"],
        "step": training["step"],
        "begun": training.get("begun"),
        "best": best,
        "bias": (bias - np.log(keep) if "keep" in file.tensors else bias).tolist(),
        **{name: file.list(name) for name in (*arrays, *inside)},
    }


def counts(file):
    is_thinned = "thinned_row_ptr" in file.tensors
    found = rows(file, "", None if is_thinned else "keep")
    found["shard"] = file.json("shard") | {"others": []} if "shard" in file.metadata else None
    thinned = rows(file, "thinned_", "keep") | {"shard": None} if is_thinned else None
    return found | {"vocab": file.vocab("word_counts"), "thinned": thinned}


def rows(file, prefix, keep):
    arrays = [file.list(prefix + name) or [] for name in ("row_ptr", "contexts", "counts")]
    large = (file.list(prefix + "large") or []) if "exact" in file.metadata else None
    about = file.json(prefix + "about")
    if large is not None:
        check_sums(arrays[2], large, units(about, keep and file.list(keep)))
    return {"rows": arrays, "keep": keep and file.list(keep), "about": about, "large": large}


def units(about, keep):
    """Units in a count of 1."""
    left, right = about["window"]
    if not about["shrink_windows"]:
        unit = 1
    elif about["shrink_windows"] == "harmonic":
        unit = math.lcm(*range(1, max(left, right) + 1))
    else:
        unit = math.lcm(*(side for side in (left, right) if side))
    return min(unit, 2**32) * (about["draws"] if keep else 1)


def check_sums(values, large, unit):
    """Every count is that of a whole number of units, and there are as many large ones as are called so."""
    waiting = iter(large)
    for value in values:
        told = round(value * unit) if value * unit < 2**22 else next(waiting, None)
        require(told and np.float32(told / unit) == np.float32(value), "sum of units")
    require(next(waiting, None) is None, "large sums")


def corpus(file):
    sentences = len(file.tensors["offsets"]) - 1
    lower = file.metadata.get("lower")
    return {
        "tokens": file.list("tokens"),
        "offsets": file.list("offsets"),
        "numbers": file.list("numbers") or list(range(sentences)),
        "vocab": file.vocab("counts", "vocab_raw_tokens"),
        "raw_tokens": int(file.metadata["raw_tokens"]),
        "invalid_bytes_replaced": int(file.metadata["invalid_bytes_replaced"]),
        "tokenizer": file.metadata.get("tokenizer"),
        "lower": lower and lower == "True",
    }


def text_lines(path):
    """Words and what stands behind the last space, of a vocabulary or a bias."""
    with open(path, "rb") as file:
        data = file.read().removeprefix(b"\xef\xbb\xbf")
    require(data.endswith(b"\n"), "the last line ends")
    pairs = (line.rpartition(b" ") for line in data[:-1].split(b"\n"))
    return {word.decode(): value.decode() for word, _, value in pairs}


# ---- formats of others ----


def table(words, matrix, counts=None):
    return {"words": words, "matrix": np.asarray(matrix, np.float32).tolist(), "counts": counts}


def word2vec_text(path):
    packed = path.read_bytes()
    lines = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode().split("\n")
    require(lines.pop() == "", "the last line ends")
    header = path.suffix != ".glove" and [int(number) for number in lines.pop(0).split(" ")]
    rows = [line.split(" ") for line in lines]
    require(not header or header == [len(rows), len(rows[0]) - 1], "header")
    return table([row[0] for row in rows], [[float(number) for number in row[1:]] for row in rows])


def word2vec_binary(path):
    header, _, rest = path.read_bytes().partition(b"\n")
    K, H = map(int, header.split(b" "))
    words, rows = [], []
    for _ in range(K):
        word, _, rest = rest.partition(b" ")
        words.append(word.decode())
        rows.append(struct.unpack(f"<{H}f", rest[: 4 * H]))
        require(rest[4 * H : 4 * H + 1] == b"\n", "a row ends")
        rest = rest[4 * H + 1 :]
    require(not rest, "the last row")
    return table(words, rows)


def npz(path):
    with np.load(path, allow_pickle=False) as archive:
        ends, text = archive["word_offsets"].tolist(), archive["words"].tobytes()
        words = [text[start:stop].decode() for start, stop in itertools.pairwise(ends)]
        return table(words, archive["vectors"], archive["counts"].tolist())


def projector(path):
    head, *lines = (path.parent / f"{path.stem}.metadata.tsv").read_text("utf-8").splitlines()
    require(head == "word\tcount", "head of the words")
    words, counts = zip(*(line.split("\t") for line in lines))
    rows = [[float(number) for number in line.split("\t")] for line in path.read_text().splitlines()]
    return table(list(words), rows, list(map(int, counts)))


def folder(path):
    rows = File((path / "model.safetensors").read_bytes()).tensors["embeddings"]
    row_of = json.loads((path / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    words = sorted(row_of, key=row_of.get)
    require(list(row_of.values()) == list(range(len(rows))) and not rows[0].any(), "the unknown word")
    return table(words[1:], rows[1:])


OTHERS = {".vec": word2vec_text, ".gz": word2vec_text, ".glove": word2vec_text, ".bin": word2vec_binary}
OTHERS |= {".npz": npz, ".tsv": projector}
