"""What may be given as sentences: Arrow, pandas, wrappers whose len fails; tables and rows are refused."""

import logging

import numpy as np
import pytest

from fastsg import EncodedCorpus, SkipGram
from fastsg.text import file_lines, file_words
from fastsg.text.sentences import number_of, plain_sentences, token_list

SENTENCES = [["to", "be", "or", "not"], ["to", "be"], ["be", "not"]] * 4


class Wrapped:
    """Its len passes the question on, as that of gensim's Phrases[...] does."""

    def __init__(self, inner):
        self.inner = inner

    def __iter__(self):
        return iter(self.inner)

    def __len__(self):
        return len(self.inner)


class Restartable:
    def __iter__(self):
        return iter(SENTENCES)


def words_of(sentences):
    return list(EncodedCorpus.from_iter(sentences, min_count=1))


def test_a_len_that_fails():
    assert number_of(Wrapped(SENTENCES)) == 12 and number_of(Wrapped(Restartable())) is None
    assert words_of(Wrapped(Restartable())) == SENTENCES
    assert SkipGram(Wrapped(Restartable()), vector_size=4, min_count=1, epochs=1).corpus.n_tokens == 32


def test_phrases(tmp_path):
    models = pytest.importorskip("gensim.models")
    path = tmp_path / "text"
    path.write_text("new york is big\nnew york is far\n" * 20)
    lines = models.word2vec.LineSentence(str(path))
    model = SkipGram(models.Phrases(lines, min_count=1, threshold=0.1)[lines], vector_size=4, epochs=1)
    assert "new_york" in model.wv


@pytest.mark.parametrize(
    "make",
    [
        list,
        iter,
        tuple,
        lambda sentences: (iter(sentence) for sentence in sentences),
        lambda sentences: [tuple(sentence) for sentence in sentences],
        lambda sentences: [np.array(sentence) for sentence in sentences],
        lambda sentences: [np.array(sentence, object) for sentence in sentences],
    ],
)
def test_token_lists_of_every_make(make):
    assert words_of(make(SENTENCES)) == SENTENCES


def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": range(12), "tokens": SENTENCES})
    assert words_of(frame["tokens"]) == SENTENCES
    assert words_of(frame.tokens[frame.id > 3]) == SENTENCES[4:]
    with pytest.raises(TypeError, match=r"a DataFrame with the columns 'id', 'tokens': give the one with"):
        SkipGram(frame)


def test_arrow():
    pa = pytest.importorskip("pyarrow")
    array = pa.array(SENTENCES)
    table = pa.table({"id": range(12), "tokens": array})
    for column in (array, array[3:], table["tokens"], pa.chunked_array([array[:5], array[5:]]), list(array)):
        assert words_of(column) == SENTENCES[-len(column) :]
    assert words_of(array.cast(pa.large_list(pa.string()))) == SENTENCES
    for wrong in (table, table.to_batches()[0]):
        with pytest.raises(TypeError, match=r"with the columns 'id', 'tokens'"):
            SkipGram(wrong)
    with pytest.raises(TypeError, match="sentence 0 is a str"):
        SkipGram(pa.array(["to be", "or not"]))
    with pytest.raises(TypeError, match="sentence 1 is None"):
        SkipGram(pa.array([["to"], None]))


def test_long_arrow_columns_come_in_slices(monkeypatch):
    class Column(list):
        def to_pylist(self):
            assert len(self) <= 5
            return list(self)

        def slice(self, start, length):
            return Column(self[start : start + length])

    monkeypatch.setattr("fastsg.text.sentences._ROWS", 5)
    assert list(plain_sentences(Column(SENTENCES))) == SENTENCES


def test_rows_of_data_sets_do_not_train_on_their_keys():
    rows = [{"id": 1, "text": "to be", "tokens": ["to", "be"]}] * 9
    hint = r"sentence 0 is a dict with the keys 'id', 'text', 'tokens'.*row\['tokens'\] for row in rows"
    with pytest.raises(TypeError, match=hint):
        SkipGram(rows, min_count=1)
    with pytest.raises(TypeError, match="sentence 2 is a dict with the keys 'a'"):
        EncodedCorpus.from_iter([["x"], ["y"], {"a": "b"}])
    with pytest.raises(TypeError, match=r"sentences is a dict with the columns 'tokens'.*\['tokens'\]"):
        SkipGram({"tokens": SENTENCES})
    model = SkipGram((row["tokens"] for row in rows), min_count=1, vector_size=4, epochs=1)
    assert model.wv.index_to_key == ["be", "to"]
    with pytest.raises(TypeError, match="a dict with the keys"):
        model.score(rows)


def test_data_sets():
    class Dataset(list):  # Hugging Face's: rows are dicts, a column is a list
        column_names = ("id", "tokens")

    with pytest.raises(TypeError, match=r"a Dataset with the columns 'id', 'tokens'"):
        SkipGram(Dataset([{"id": 1, "tokens": ["to", "be"]}]))


@pytest.mark.parametrize(
    "wrong, message",
    [
        (5, "sentences is 5, a int; it must be an iterable of token lists"),
        ([5], "sentence 0 is 5, a int, not a list of tokens"),
        ([["a"], 0.5], "sentence 1 is 0.5, a float"),
    ],
)
def test_what_is_no_sentence(wrong, message):
    with pytest.raises(TypeError, match=message):
        EncodedCorpus.from_iter(wrong)


def test_control_a_row_would_have_given_its_keys():
    row = {"id": 1, "tokens": ["a"]}
    assert list(row) == ["id", "tokens"]
    with pytest.raises(TypeError):
        token_list(0, row)


# ---- lines and words of a file ----

TEXT = "\ufeffto be\u3000or\r\n\nnot \u00e9t\u00e9\rx\n"


def test_lines_and_words(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    assert list(file_lines(path)) == ["to be\u3000or", "not \u00e9t\u00e9", "x"]
    assert list(file_words(path)) == ["to", "be", "or", "not", "\u00e9t\u00e9", "x"]


def test_compressed_files(tmp_path):
    import bz2
    import gzip

    for suffix, pack in ((".gz", gzip.compress), (".bz2", bz2.compress)):
        path = tmp_path / f"text{suffix}"
        path.write_bytes(pack(b"to be\nor not\n"))
        assert list(file_lines(path)) == ["to be", "or not"]


def test_words_do_not_depend_on_the_blocks(tmp_path, monkeypatch):
    path = tmp_path / "text"
    text = " ".join(f"\u8bcd{i}" for i in range(500))
    path.write_text(text, encoding="utf-8")
    for size in (7, 64, 1 << 20):
        monkeypatch.setattr("fastsg.text.sentences._BLOCK_BYTES", size)
        assert list(file_words(path)) == text.split() and list(file_lines(path)) == [text]


def test_invalid_bytes_are_reported(tmp_path, caplog):
    path = tmp_path / "text"
    path.write_bytes(b"to \xff be\n")
    with caplog.at_level(logging.WARNING, "fastsg"):
        assert list(file_lines(path)) == ["to \ufffd be"] and list(file_words(path, "ignore")) == ["to", "be"]
    assert caplog.text.count("1 invalid UTF-8 sequences") == 2
    with pytest.raises(ValueError, match="invalid UTF-8 at byte offset 3"):
        list(file_lines(path, "strict"))
    with pytest.raises(FileNotFoundError):
        list(file_words(tmp_path / "none"))
