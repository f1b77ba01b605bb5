"""Numbers in files: plain decimals, whatever Python's float() would take."""

import numpy as np
import pytest

from fastsg import FormatError, KeyedVectors
from fastsg.checks import number_in
from fastsg.graph import Graph
from fastsg.io import load_bias, load_vectors

LOOSE = [
    "-1.2459111_000",
    "1_0",
    "1.5\x0b",
    "\x0c1.5",
    "\x1c2",
    "\u0661",
    "1,5",
    "0x10",
    "--1",
    "1e",
    "e5",
    "+",
]
PLAIN = ["1", "-1.5", "+.5", "5.", "1e-3", "1E+3", "0", "-0.0"]


@pytest.mark.parametrize("field", LOOSE)
def test_loose_numbers_are_none(field):
    assert number_in(field) is None and number_in(field.encode()) is None


@pytest.mark.parametrize("field", [*PLAIN, "inf", "-Infinity", "NaN"])
def test_plain_numbers(field):
    np.testing.assert_equal(number_in(field), float(field))


def test_control_python_takes_more():
    taken = []
    for field in LOOSE:
        try:
            taken.append(float(field))
        except ValueError:
            continue
    assert len(taken) == 5


@pytest.mark.parametrize("field", LOOSE)
def test_every_reader(field, tmp_path):
    path = tmp_path / "f"
    for name, content in (
        ("v.vec", f"2 2\na {field} 1\nb 1 2\n"),
        ("v.glove", f"a 1 {field}\nb 1 2\n"),
        ("bias", f"a {field}\n"),
    ):
        path = tmp_path / name
        path.write_bytes(content.encode())
        with pytest.raises(FormatError):
            load_bias(path, ["a"]) if name == "bias" else load_vectors(path)
    (tmp_path / "edges").write_text(f"1 2 {field}\n", encoding="utf-8", newline="")
    if field.strip() != field:
        return  # white space, which separates the words of a text
    with pytest.raises(ValueError, match="number for the weight"):
        Graph.from_file(tmp_path / "edges")
    vectors = KeyedVectors(["a", "b"], np.eye(2, dtype=np.float32))
    with pytest.raises(ValueError, match="1 of 1 pairs"):  # the line is left out
        vectors.evaluate_word_pairs([f"a\tb\t{field}", "b\ta\t1"])


def test_legal_files_of_others_load(tmp_path):
    """NBSP, other spaces and marks within words; fastText's trailing space; GloVe without a header; CRLF."""
    words = ["a\u00a0b", "\u200b", "c\u2028d", "\ufffd", "…", "1", "-0.5", "e\u0301", "\x7f", "\x85"]
    rows = np.float32([[i, -0.25 * i] for i in range(len(words))])
    for form, header in (("{} {:g} {:g} \n", True), ("{} {:g} {:g}\n", False), ("{}\t{:e}\t{:g}\r\n", True)):
        text = f"{len(words)} 2\n" * header + "".join(form.format(w, *row) for w, row in zip(words, rows))
        (tmp_path / "v.txt").write_bytes(text.encode())
        table = load_vectors(tmp_path / "v.txt")
        assert table.words == words and np.array_equal(table.matrix, rows)
