"""Texts counted in pieces under a limit of memory: the bytes of counting at once, whatever the pieces."""

import contextlib
import errno
import functools
import itertools
import os
import string
import weakref

import numpy as np
import pytest
from commands import python
from containers import resealed

from fastsg import CooccurrenceCounts, EncodedCorpus, Vocab, _counting
from fastsg.cooccurrence import Window, adding, counting, needs_of_counting, pieces
from fastsg.cooccurrence.pieces import Pieces
from fastsg.system import growing_file

K = 40
WORDS = [f"w{k:02}" for k in range(K)]
VOCAB = Vocab(WORDS, np.arange(K, 0, -1) ** 2)


@pytest.fixture
def in_pieces(monkeypatch):
    """Lets pieces be as small as the limit says."""
    monkeypatch.setattr(pieces, "LEAST_PIECE", 0)
    monkeypatch.setattr(pieces, "_PIECE_OF_A_WORD", 0)


def lines(rng, sentences=400, shortest=0):
    """Sentences whose words are about as frequent as 1 / (k + 1); some may be empty, one is very long."""
    sizes = rng.integers(shortest, 14, sentences)
    sizes[sentences // 3] = 700
    return [[WORDS[int(K ** rng.random()) - 1] for _ in range(size)] for size in sizes]


def text(rng, **options):
    """A corpus of lines."""
    return EncodedCorpus.from_iter(lines(rng, **options), vocab=VOCAB)


def saved(counts, path):
    """The bytes of their file: everything that they hold."""
    counts.save(path)
    return path.read_bytes()


def limit_of(corpus, number, ids=12):
    """A limit that makes about so many pieces of the thinned text, and more of the text itself."""
    return 2 * ids * corpus.n_tokens // number


WAYS = [
    {},
    {"window": (2, 7), "draws": 1},
    {"window": (0, 3)},
    {"window": None, "draws": 2},
    {"shrink_windows": "harmonic", "window": 22},
    {"shrink_windows": "harmonic", "window": 40, "draws": 1},
    {"shrink_windows": False, "sample": 0.0},
    {"draws": 0},
    {"draws": 0, "window": (4, 1), "shrink_windows": "harmonic"},
]


@pytest.mark.parametrize("number", [2, 3, 10, 50])
@pytest.mark.parametrize("options", WAYS, ids=str)
def test_pieces_give_the_bytes_of_the_whole(rng, tmp_path, in_pieces, options, number):
    corpus, options = text(rng), {"sample": 0.01} | options
    limit = limit_of(corpus, number)
    limited = {"memory_limit": limit, "folder": str(tmp_path)}
    for count in (CooccurrenceCounts.for_training, CooccurrenceCounts.from_corpus):
        want = count(corpus, workers=1, **options)
        for workers in (1, 2):
            got = count(corpus, workers=workers, **limited, **options)
            assert not list(tmp_path.iterdir())  # the files have no names
            assert saved(got, tmp_path / "got") == saved(want, tmp_path / "want")
            for path in tmp_path.iterdir():
                path.unlink()


def test_there_are_pieces(rng, in_pieces, monkeypatch):
    """The control of the others: so many were counted, none larger than its limit but a long sentence."""
    corpus, seen = text(rng), []
    count_rows = pieces.count_rows

    def watched(texts, *rest, **named):
        seen.append([(len(tokens), len(offsets) - 1) for tokens, offsets in texts])
        return count_rows(texts, *rest, **named)

    monkeypatch.setattr(pieces, "count_rows", watched)
    CooccurrenceCounts.from_corpus(corpus, memory_limit=2 * 12 * 200)
    assert sum(tokens for ((tokens, _),) in seen) == corpus.n_tokens and len(seen) > 10
    large = [(tokens, sentences) for ((tokens, sentences),) in seen if tokens + sentences > 200]
    assert large == [(700, 1)]
    seen.clear()
    CooccurrenceCounts.from_corpus(corpus, memory_limit=10**9)
    assert len(seen) == 1
    seen.clear()
    CooccurrenceCounts.from_corpus(corpus, sample=1e-2, memory_limit=2 * 12 * 200)
    assert all(len(draws) == 3 for draws in seen) and len(seen) > 10


def test_pieces_are_sized_by_the_text(rng, in_pieces, monkeypatch):
    """Not by a vocabulary from elsewhere, after whose counts hardly a token would be kept."""
    words = Vocab(WORDS, [10**12, *[1] * (K - 1)])
    corpus = EncodedCorpus(rng.integers(1, K, 60_000).astype(np.int32), np.arange(0, 60_001, 10), words)
    seen, count_rows = [], pieces.count_rows

    def watched(texts, *rest, **named):
        seen.append(sum(len(tokens) + len(offsets) for tokens, offsets in texts))
        return count_rows(texts, *rest, **named)

    monkeypatch.setattr(pieces, "count_rows", watched)
    CooccurrenceCounts.from_corpus(corpus, sample=1e-6, window=1, memory_limit=2 * 12 * 30_000)
    assert len(seen) > 5 and max(seen) <= 30_000


def test_pieces_are_sized_where_thinning_varies(rng, in_pieces, monkeypatch):
    """The first half of the text is of a word that is nearly always dropped, the second of one that stays."""
    monkeypatch.setattr(pieces, "_CHUNK", 1000)
    tokens = np.repeat(np.array([0, 1], np.int32), 30_000)
    corpus = EncodedCorpus(tokens, np.arange(0, 60_001, 10), Vocab(["a", "b"], [10**9, 1]))
    draws = pieces._Draws(corpus, np.array([0.01, 1.0]), want_settings())
    borders = draws.borders(2 * 12 * 3000)
    sizes = [sum(len(part[0]) for part in draws.of(*pair)) for pair in itertools.pairwise(borders)]
    assert max(sizes) <= 6000 and borders[1] > 2 * (borders[-1] - borders[-2])


def test_a_text_is_freed_while_its_rows_are_counted(rng, monkeypatch):
    refs, alive, thin, row_parts = [], [], pieces.thin, counting.row_parts

    def thinned(*args):
        found = thin(*args)
        refs.append(weakref.ref(found[0]))
        return found

    def parts(*args):
        alive.extend(ref() is not None for ref in refs)
        return row_parts(*args)

    monkeypatch.setattr(pieces, "thin", thinned)
    monkeypatch.setattr(counting, "row_parts", parts)
    CooccurrenceCounts.from_corpus(text(rng), sample=0.01)
    assert alive == [False] * 3


@pytest.mark.parametrize("sample", [0, 0.01])
def test_pieces_are_added_up_in_several_ranges(rng, tmp_path, in_pieces, monkeypatch, sample):
    corpus, calls = text(rng), []
    want = saved(CooccurrenceCounts.for_training(corpus, sample=sample), tmp_path / "want")
    monkeypatch.setattr(pieces, "add_up", functools.partial(adding.add_up, part=100))
    monkeypatch.setattr(adding, "check", lambda: calls.append(1))
    got = CooccurrenceCounts.for_training(corpus, sample=sample, memory_limit=limit_of(corpus, 10))
    assert saved(got, tmp_path / "got") == want and len(calls) > 10


def test_without_empty_sentences(rng, tmp_path, in_pieces):
    corpus = text(rng, shortest=1)
    assert corpus.numbers is None
    want = CooccurrenceCounts.for_training(corpus, sample=0.01)
    got = CooccurrenceCounts.for_training(corpus, sample=0.01, memory_limit=limit_of(corpus, 7))
    assert saved(got, tmp_path / "got") == saved(want, tmp_path / "want")


def test_control_pieces_that_forget_their_numbers(rng, tmp_path, in_pieces, monkeypatch):
    """Thinned as if each were a text of its own, they give other counts, which other tests would notice."""
    corpus, thin = text(rng), pieces.thin
    want = CooccurrenceCounts.for_training(corpus, sample=0.01)
    monkeypatch.setattr(pieces, "thin", lambda *args: thin(*args[:5]))
    got = CooccurrenceCounts.for_training(corpus, sample=0.01, memory_limit=limit_of(corpus, 3))
    assert saved(got, tmp_path / "got") != saved(want, tmp_path / "want")


@pytest.mark.parametrize("sentences", [[["a"]] * 50 + [["a", "a"]], [["a", "b"]], [["a"] * 40] * 3], ids=len)
@pytest.mark.parametrize("draws", [0, 1, 2])
def test_few_words(tmp_path, in_pieces, sentences, draws):
    corpus = EncodedCorpus.from_iter(sentences, min_count=1)
    options = {"sample": 0.5, "draws": draws}
    want = CooccurrenceCounts.for_training(corpus, **options)
    got = CooccurrenceCounts.for_training(corpus, memory_limit=64, **options)
    assert saved(got, tmp_path / "got") == saved(want, tmp_path / "want")


def test_shards_in_pieces(rng, tmp_path, in_pieces):
    path = tmp_path / "text"
    path.write_text("".join(" ".join(line) + "\n" for line in lines(rng)))
    options = {"vocab": VOCAB, "progress": False}
    whole = CooccurrenceCounts.for_training(EncodedCorpus.from_files(path, **options), sample=0.01)
    parts = []
    for i in (1, 2, 3):
        corpus = EncodedCorpus.from_files(path, shard=(i, 3), folder=str(tmp_path), **options)
        parts.append(CooccurrenceCounts.for_training(corpus, sample=0.01, memory_limit=12 * 200))
    merged = CooccurrenceCounts.merge(parts)
    assert saved(merged, tmp_path / "got") == saved(whole, tmp_path / "want")


# ---- what does not fit, and what is left -------------------------------------------------------------------


def test_a_text_of_too_many_ids_is_counted_in_pieces(rng, tmp_path, monkeypatch):
    """Positions have 32 bits, so that there are pieces without a limit too; a long sentence is refused."""
    corpus = text(rng)
    want = saved(CooccurrenceCounts.for_training(corpus, sample=0.01), tmp_path / "want")
    for module in (pieces, _counting):
        monkeypatch.setattr(module, "MOST_IDS", 2200)
    assert len(pieces._Draws(corpus, None, want_settings()).borders(None)) > 2
    got = CooccurrenceCounts.for_training(corpus, sample=0.01)
    assert got.counts.base is None and saved(got, tmp_path / "got") == want
    monkeypatch.undo()
    endless, weights = np.broadcast_to(np.int32(0), 2**32 - 1), [np.zeros(0, np.int64)] * 2
    with pytest.raises(
        ValueError, match=r"texts have 4294967297 ids and ends of sentences over all draws; 4.* cut the"
    ):
        counting.Counter([(endless, np.array([0, 1]))], 1, 1, 1, 1, *weights, np.zeros(0), 1)


@pytest.mark.parametrize("length", [1, 2, 7])
@pytest.mark.parametrize("sample", [0, 0.5])
def test_a_full_piece_has_room_for_the_ends_of_its_draws(monkeypatch, length, sample):
    tokens = np.tile(np.array([0, 1], np.int32), 2100)
    corpus = EncodedCorpus(tokens, np.arange(0, 4201, length), Vocab(["a", "b"], [2100, 2100]))
    want = CooccurrenceCounts.from_corpus(corpus, sample=sample)
    for module in (pieces, _counting):
        monkeypatch.setattr(module, "MOST_IDS", 1500)
    got = CooccurrenceCounts.from_corpus(corpus, sample=sample)
    assert got.counts.tobytes() == want.counts.tobytes()


def want_settings():
    return pieces.CountSettings(Window.parse(5, True), 0.0, 1, 1)


@pytest.mark.parametrize("limit", [0, 12 * 500])
def test_a_folder_that_takes_nothing(rng, tmp_path, in_pieces, monkeypatch, limit):
    corpus = text(rng)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        CooccurrenceCounts.from_corpus(corpus, memory_limit=limit, folder=str(tmp_path / "nowhere"))
    full = lambda dir: open("/dev/full", "r+b", buffering=0)  # noqa: E731, SIM115
    monkeypatch.setattr(growing_file.tempfile, "TemporaryFile", full)
    with pytest.raises(OSError) as caught:
        CooccurrenceCounts.from_corpus(corpus, memory_limit=limit, folder=str(tmp_path))
    assert caught.value.errno == errno.ENOSPC and not list(tmp_path.iterdir())
    assert caught.value.filename == str(tmp_path)


@pytest.mark.parametrize("folder", [3, ["x"], b"/tmp\0", ""])
def test_a_folder_that_is_no_path(rng, tmp_path, folder):
    """With a limit or without."""
    (tmp_path / "text").write_text("a b\n")
    for limit in (None, 0):
        with pytest.raises((TypeError, ValueError), match="folder must be a "):
            CooccurrenceCounts.from_corpus(text(rng), folder=folder, memory_limit=limit)
    with pytest.raises((TypeError, ValueError), match="folder must be a "):
        EncodedCorpus.from_files(tmp_path / "text", folder=folder)


def test_what_counting_does_not_take_is_refused_by_name(rng):
    with pytest.raises(TypeError, match=r"of_windows\(\) got an unexpected keyword argument 'held'"):
        CooccurrenceCounts.of_windows(text(rng), Window.parse(5, True), held=1)


@pytest.mark.parametrize("where", ["pieces", "counting", "adding"])
def test_an_interrupt_leaves_nothing(rng, tmp_path, in_pieces, monkeypatch, where):
    corpus, calls = text(rng), []

    def interrupt():
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(f"fastsg.cooccurrence.{where}.check", interrupt)
    monkeypatch.setattr(pieces, "add_up", functools.partial(adding.add_up, part=100))
    with pytest.raises(KeyboardInterrupt):
        CooccurrenceCounts.for_training(
            corpus, sample=0.01, memory_limit=limit_of(corpus, 10), folder=str(tmp_path)
        )
    assert not list(tmp_path.iterdir())


def test_bars(rng, capsys, tmp_path, in_pieces):
    corpus = text(rng)
    options = {"sample": 0.01, "memory_limit": limit_of(corpus, 5)}
    CooccurrenceCounts.for_training(corpus, progress=True, **options).save(tmp_path / "c", progress=True)
    shown = capsys.readouterr().err
    for label in ("counting: ", "counting thinned text: ", "adding up: ", "saving: "):
        assert label in shown
    CooccurrenceCounts.for_training(corpus, progress=False, **options).save(tmp_path / "c")
    assert capsys.readouterr().err == ""


def test_rows_of_pieces_are_read_apart(tmp_path):
    """Large sums too: those of a piece end where the next one's begin."""
    taken = Pieces(str(tmp_path))
    for number in (1, 2):

        def fill(contexts, counts, number=number):
            contexts[:], counts[:] = [0, 1], [number, 2**30 * number]

        taken.add(2, fill)
        taken.add_large(np.array([2**30 * number]))
        taken.end(np.array([0, 1, 2]))
    for number, source in enumerate(taken.sources(), 1):
        assert source.sizes(2).tolist() == [1, 1]
        row_ptr, contexts, counts, large = source.rows(0, 2)
        assert (row_ptr.tolist(), contexts.tolist()) == ([0, 1, 2], [0, 1])
        assert counts.tolist() == [number, 2**30 * number] and large.tolist() == [2**30 * number]


# ---- texts in files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokenizer", ["space", "char", str.split])
def test_ids_in_a_file_are_those_in_memory(rng, tmp_path, tokenizer):
    path, folder = tmp_path / "text", tmp_path / "folder"
    folder.mkdir()
    path.write_text("\n\n".join(" ".join(line) for line in lines(rng)))
    options = {"tokenizer": tokenizer, "min_count": 3, "progress": False, "_block_bytes": 100}
    want = EncodedCorpus.from_files(path, **options)
    got = EncodedCorpus.from_files(path, folder=str(folder), **options)
    assert not list(folder.iterdir())
    assert got.vocab == want.vocab and got.lines == want.lines
    for name in ("tokens", "offsets", "numbers"):
        assert getattr(got, name).tobytes() == getattr(want, name).tobytes()
    assert isinstance(got.tokens.base, np.memmap) and not isinstance(want.tokens.base, np.memmap)
    assert saved(got, tmp_path / "got") == saved(want, tmp_path / "want")


def test_a_mapped_corpus_with_ids_of_no_word_is_refused(rng, tmp_path):
    """Mapped ids are seen first when they are counted, or thinned."""
    text(rng).save(tmp_path / "c")

    def planted(_, tensors):
        tensors["tokens"] = np.full(len(tensors["tokens"]) // 4, 10**6, np.int32).tobytes()

    (tmp_path / "c").write_bytes(resealed((tmp_path / "c").read_bytes(), planted))
    corpus = EncodedCorpus.load(tmp_path / "c", mmap=True)
    for sample in (0, 0.01):
        with pytest.raises(ValueError, match=r"tokens\[0\] is 1000000; ids must lie in"):
            CooccurrenceCounts.from_corpus(corpus, sample=sample)


def test_the_place_of_an_id_of_no_word_is_the_corpus_own(rng, tmp_path, in_pieces):
    text(rng).save(tmp_path / "c")

    def planted(_, tensors):
        tokens = np.frombuffer(tensors["tokens"], np.int32).copy()
        tokens[2000] = -1
        tensors["tokens"] = tokens.tobytes()

    (tmp_path / "c").write_bytes(resealed((tmp_path / "c").read_bytes(), planted))
    corpus = EncodedCorpus.load(tmp_path / "c", mmap=True)
    for sample in (0, 0.01):
        with pytest.raises(ValueError, match=r"tokens\[2000\] is -1; ids must lie in"):
            CooccurrenceCounts.from_corpus(corpus, sample=sample, memory_limit=limit_of(corpus, 10))


def mapped_twice(corpus, path):
    """The corpus, its ids mapped from a file; and another map of these that can be written."""
    corpus.tokens.tofile(path)
    tokens = np.memmap(path, np.int32, "r").view(np.ndarray)
    mapped = EncodedCorpus(tokens, corpus.offsets, corpus.vocab, corpus.numbers)
    return mapped, np.memmap(path, np.int32, "r+")


def writing_after(check, tokens):
    """The check, after which every id is one of no word."""

    def checked(*args):
        check(*args)
        tokens[:] = 2**30

    return checked


def test_ids_that_are_written_while_they_are_counted(rng, tmp_path, monkeypatch):
    """They are checked again where they were copied to."""
    corpus, tokens = mapped_twice(text(rng), tmp_path / "ids")
    monkeypatch.setattr(_counting, "check_corpus", writing_after(_counting.check_corpus, tokens))
    with pytest.raises(ValueError, match="tokens hold ids from -1 to 1073741824 since they were checked"):
        CooccurrenceCounts.from_corpus(corpus)


def test_ids_that_are_written_while_they_are_thinned(rng, tmp_path, monkeypatch):
    """What was checked is a copy."""
    whole = text(rng)
    want = saved(CooccurrenceCounts.from_corpus(whole, sample=0.01), tmp_path / "want")
    corpus, tokens = mapped_twice(whole, tmp_path / "ids")
    monkeypatch.setattr(pieces._core, "check_corpus", writing_after(pieces._core.check_corpus, tokens))
    assert saved(CooccurrenceCounts.from_corpus(corpus, sample=0.01), tmp_path / "got") == want


# ---- memory ------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
import numpy as np
from fastsg import CooccurrenceCounts, EncodedCorpus, Vocab
from fastsg.system.memory import peak_rss_bytes
n, K = 6_000_000, 200
tokens = (K * np.random.default_rng(0).random(n, np.float32)).astype(np.int32)
words = Vocab([f"w{k:03}" for k in range(K)], [n // K] * K)
corpus = EncodedCorpus(tokens, np.arange(0, n + 1, 100), words)
CooccurrenceCounts.from_corpus(corpus.part(0, 10))
before, limit = peak_rss_bytes(), None if sys.argv[1] == "none" else int(sys.argv[1])
counts = CooccurrenceCounts.from_corpus(corpus, window=1, sample=1.5e-3, draws=6, memory_limit=limit)
print(peak_rss_bytes() - before, int(counts.total))
"""


def test_memory_is_bounded():
    """Six draws of some five million tokens: 12 bytes each in core, a piece of 64 MiB under a limit."""
    grown, totals = {}, set()
    for limit in ("none", "0"):
        done = python("-c", PROGRAM, limit)
        assert done.returncode == 0, done.stderr
        grown[limit], total = map(int, done.stdout.split())
        totals.add(total)
    assert grown["none"] > 250 * 2**20 > 120 * 2**20 > grown["0"] and len(totals) == 1


def test_needs_say_what_a_limit_promises():
    window = Window.parse(5, True)
    free, limited = (needs_of_counting(10**10, 400_000, window, 3, limit) for limit in (None, 6 << 30))
    assert free.memory > 30 << 30 and limited.memory < 7 << 30
    assert limited.disk == free.disk and limited.temporary > free.temporary == 0
    threads = [needs_of_counting(10**10, 10**6, window, 3, 0, workers).memory for workers in (1, 3)]
    assert threads[1] - threads[0] == 2 * 16 * 10**6
    small = [needs_of_counting(1000, 10, window, 3, limit).memory for limit in (None, 6 << 30)]
    assert small[0] == small[1]


def bytes_without_a_name():
    """Of all files that this process has open, each once."""
    files = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the list itself was one, and is closed
            found = os.stat(f"/proc/self/fd/{name}")
            files[found.st_dev, found.st_ino] = 0 if found.st_nlink else found.st_size
    return sum(files.values())


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
@pytest.mark.parametrize(
    "options", [{"window": 5}, {"window": 22, "shrink_windows": "harmonic"}], ids=["random", "harmonic"]
)
def test_needs_bound_the_disk(rng, tmp_path, in_pieces, monkeypatch, options):
    """Of a text in which all pairs are different ones, as they say; nearly all of "harmonic" are large."""
    size, n = 2000, 4000
    words = sorted(map("".join, itertools.islice(itertools.product(string.ascii_letters, repeat=4), size)))
    tokens = rng.permutation(np.repeat(np.arange(size, dtype=np.int32), n // size))
    corpus = EncodedCorpus(tokens, np.arange(0, n + 1, 500), Vocab(words, [n // size] * size))
    found = []
    monkeypatch.setattr(adding, "check", lambda: found.append(bytes_without_a_name()))
    limits = {"memory_limit": 2 * 12 * 3 * 1000, "folder": str(tmp_path)}
    counts = CooccurrenceCounts.for_training(corpus, sample=0.35 / size, **limits, **options)
    window = Window.parse(options["window"], options.get("shrink_windows", True))
    needs = needs_of_counting(5 * n, size, window, 3, 0)
    assert needs.temporary / 4 < max(found) <= needs.temporary
    assert needs.disk / 4 < len(saved(counts, tmp_path / "c")) <= needs.disk + 20 * size
