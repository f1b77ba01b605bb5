"""What users give as tokenizer."""

from types import SimpleNamespace

import pytest

from fastsg.text.tokenizers import line_tokenizer


@pytest.mark.parametrize(
    "tokenizer, expected",
    [
        (str.split, ["a", "b"]),
        (lambda s: s.split(), ["a", "b"]),
        (SimpleNamespace(encode=lambda s: SimpleNamespace(tokens=s.split(), ids=[1, 2])), ["a", "b"]),
        (SimpleNamespace(encode=lambda s: SimpleNamespace(ids=[1, 2])), ["1", "2"]),
        (
            SimpleNamespace(encode=lambda s: SimpleNamespace(ids=[1, 2]), id_to_token="?#".__getitem__),
            ["#", "?"],
        ),
        (SimpleNamespace(encode=lambda s: [1, 2]), ["1", "2"]),
        (SimpleNamespace(encode=lambda s: s.split()), ["a", "b"]),
    ],
)
def test_line_tokenizers(tokenizer, expected):
    if hasattr(tokenizer, "id_to_token"):
        tokenizer.id_to_token = {1: "#", 2: "?"}.__getitem__
    assert list(line_tokenizer(tokenizer)("a b")) == expected


def test_wrong_tokenizers():
    with pytest.raises(ValueError, match="tokenizer is 'words'; allowed are 'space', 'char'"):
        line_tokenizer("words")
    with pytest.raises(TypeError, match=r"tokenizer must be .*, got int"):
        line_tokenizer(3)
