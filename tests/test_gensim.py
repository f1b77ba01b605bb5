"""The calls of gensim's KeyedVectors, on the same vectors: same answers, or a difference that is listed."""

from __future__ import annotations

import copy
import inspect
import warnings
from typing import Any

import numpy as np
import pytest

from fastsg import KeyedVectors

gensim = pytest.importorskip("gensim", reason="needs gensim (the extra interop)")
pytestmark = pytest.mark.filterwarnings("ignore")  # gensim's own: deprecated NumPy, costly growth

WORDS = ["the", "of", "King", "queen", "man", "woman", "rome", "italy", "paris", "france", "king", "zoo"]
WORDS += [f"w{i}" for i in range(48)]
K, H = len(WORDS), 12

#: Calls that both answer alike, in the order of gensim's documentation. V, M: vectors; F: files.
SAME = """
len(kv)
kv.vector_size
kv.index_to_key
kv.key_to_index
kv.vectors
'king' in kv
'nope' in kv
3 in kv
60 in kv
kv.has_index_for('king')
kv.has_index_for('nope')
kv['king']
kv[2]
kv[['king', 'queen']]
kv[['king', 5]]
kv['nope']
kv[60]
kv[['king', 'nope']]
kv.get_index('king')
kv.get_index(3)
kv.get_index('nope')
kv.get_index('nope', -1)
kv.get_index('nope', default=0)
kv.get_vector('king')
kv.get_vector('king', norm=True)
kv.get_vector('nope')
kv.get_vector('king').flags.writeable
kv.get_vecattr('king', 'count')
kv.get_vecattr('king', 'nope')
kv.get_vecattr('nope', 'count')
(kv.set_vecattr('king', 'year', 7), kv.get_vecattr('king', 'year'), kv.get_vecattr('queen', 'year'))
(kv.set_vecattr('king', 'weight', 0.5), kv.get_vecattr('king', 'weight'), kv.get_vecattr('the', 'weight'))
(kv.set_vecattr('king', 'tag', 'NN'), kv.get_vecattr('king', 'tag'))
(kv.set_vecattr('king', 'count', 7), kv.get_vecattr('king', 'count'), kv.get_vecattr('queen', 'count'))
(kv.set_vecattr('king', 'year', 7), kv.set_vecattr('queen', 'year', 7.5))
kv.set_vecattr('nope', 'year', 7)
kv.get_mean_vector(['king', 'queen'])
kv.get_mean_vector(['king', 'queen'], weights=[1.0, -2.0])
kv.get_mean_vector(['king', 'queen'], weights=V[:2])
kv.get_mean_vector(['king', 'queen'], pre_normalize=False)
kv.get_mean_vector(['king', 'queen'], post_normalize=True)
kv.get_mean_vector(['king', 2, V])
kv.get_mean_vector(['king', 'nope'])
kv.get_mean_vector(['nope'])
kv.get_mean_vector(['king', 'nope'], ignore_missing=False)
kv.get_mean_vector([])
kv.get_mean_vector(['king'], weights=[1.0, 2.0])
(kv.add_vector('new', V), kv['new'], kv.index_to_key, kv.get_vecattr('new', 'count'))
(kv.add_vectors(['new', 'newer'], M), kv.vectors, kv.key_to_index)
(kv.add_vectors(['new', 'king'], M), kv.vectors, kv.key_to_index)
(kv.add_vectors(['new', 'king'], M, replace=True), kv.vectors, kv.key_to_index)
(kv.__setitem__('new', V), kv['new'], len(kv))
(kv.__setitem__('king', V), kv['king'], len(kv))
(kv.__setitem__(['new', 'king'], M), kv[['new', 'king']], len(kv))
(kv.__setitem__('king', V), kv.fill_norms(force=True), kv.most_similar('queen', topn=60))
kv.vectors_for_all(['king', 'nope', 'queen', 'king']).index_to_key
kv.vectors_for_all(['king', 'nope', 'queen', 'king']).vectors
kv.vectors_for_all(['king', 'queen'], copy_vecattrs=True).get_vecattr('queen', 'count')
kv.vectors_for_all(['nope']).vectors
kv.most_similar('king')
kv.most_similar(['king'])
kv.most_similar(2)
kv.most_similar(V)
kv.most_similar([V])
kv.most_similar(M)
kv.most_similar(['king', 'woman'], ['man'])
kv.most_similar(positive=['king', 'woman'], negative='man', topn=3)
kv.most_similar([('king', 2.0), ('woman', 0.5)], [('man', -0.7)])
kv.most_similar(['king', V, (M[0], 0.3)])
kv.most_similar(negative=['king'])
kv.most_similar('king', topn=1)
kv.most_similar('king', topn=1000)
kv.most_similar('king', topn=0)
kv.most_similar('king', topn=-3)
kv.most_similar('king', topn=None)
kv.most_similar('king', topn=np.int64(4))
kv.most_similar('king', clip_start=10, clip_end=30)
kv.most_similar('king', clip_end=30, topn=None)
kv.most_similar('king', clip_end=-5)
kv.most_similar('king', restrict_vocab=20)
kv.most_similar('king', restrict_vocab=20, clip_start=30)
kv.most_similar('nope')
kv.most_similar(['king', 'nope'])
kv.most_similar()
kv.most_similar('king', indexer=INDEXER)
kv.similar_by_word('king')
kv.similar_by_word('king', 3, 20)
kv.similar_by_key('king', topn=5)
kv.similar_by_vector(V)
kv.similar_by_vector(V, topn=None)
kv.most_similar_cosmul(['king', 'woman'], ['man'])
kv.most_similar_cosmul('king')
kv.most_similar_cosmul('king', 'man', topn=3)
kv.most_similar_cosmul(['king'], topn=None)
kv.most_similar_cosmul('king', topn=0)
kv.most_similar_cosmul('nope')
kv.most_similar_cosmul()
kv.rank_by_centrality(['king', 'queen', 'rome', 'paris'])
kv.rank_by_centrality(['king', 'queen', 'rome', 'nope'])
kv.rank_by_centrality(['king', 'queen', 'rome'], use_norm=False)
kv.rank_by_centrality(['nope'])
kv.doesnt_match(['king', 'queen', 'rome', 'paris'])
kv.doesnt_match(['king', 'nope', 'queen', 'rome'])
kv.doesnt_match([])
kv.cosine_similarities(V, M)
kv.distances('king')
kv.distances(V)
kv.distances('king', ['queen', 'man'])
kv.distances('nope')
kv.distance('king', 'queen')
kv.distance('king', 'nope')
kv.similarity('king', 'queen')
kv.similarity('king', 'king')
kv.similarity(2, 3)
kv.similarity('king', 'nope')
kv.n_similarity(['king', 'queen'], ['man', 'rome'])
kv.n_similarity(['king', 'nope'], ['man'])
kv.n_similarity(['nope'], ['man'])
kv.most_similar_to_given('king', ['queen', 'man', 'rome'])
kv.most_similar_to_given('king', [])
kv.closer_than('king', 'queen')
kv.rank('king', 'queen')
kv.rank('king', 'king')
kv.relative_cosine_similarity('king', 'queen')
kv.relative_cosine_similarity('king', 'queen', topn=3)
kv.relative_cosine_similarity('king', 'queen', topn=0)
kv.get_normed_vectors()
(kv.unit_normalize_all(), kv.vectors, kv.most_similar('king'))
(kv.fill_norms(), kv.most_similar('king', topn=2))
(kv.sort_by_descending_frequency(), kv.index_to_key, kv.vectors, kv.get_vecattr('king', 'count'))
kv.evaluate_word_pairs(F['pairs'])
kv.evaluate_word_pairs(F['pairs'])[0].statistic
kv.evaluate_word_pairs(F['pairs'])[1].pvalue
kv.evaluate_word_pairs(F['pairs'], dummy4unknown=True)
kv.evaluate_word_pairs(F['pairs'], case_insensitive=False)
kv.evaluate_word_pairs(F['pairs'], restrict_vocab=9)
kv.evaluate_word_pairs(F['one'])
kv.evaluate_word_pairs(F['pairs'], delimiter=' ')
kv.evaluate_word_analogies(F['analogies'])
kv.evaluate_word_analogies(F['analogies'], dummy4unknown=True)
kv.evaluate_word_analogies(F['analogies'], case_insensitive=False)
kv.evaluate_word_analogies(F['analogies'], restrict_vocab=9)
kv.evaluate_word_analogies(F['empty'])
(SORTED(kv).save_word2vec_format(F['out']), kv.load_word2vec_format(F['out']).vectors)
(SORTED(kv).save_word2vec_format(F['out'], None, True), kv.load_word2vec_format(F['out'], None, True).vectors)
(SORTED(kv).save_word2vec_format(F['out'], F['vocab']), open(F['vocab']).read())
kv.load_word2vec_format(F['in'], F['counts']).get_vecattr('of', 'count')
kv.load_word2vec_format(F['in'], limit=3).index_to_key
kv.load_word2vec_format(F['in'], None, False, 'utf8', 'strict', 3).vectors
kv.load_word2vec_format(F['glove'], no_header=True).vectors
(kv.save(F['out']), kv.load(F['out']).vectors)
(kv.save(F['out']), kv.load(F['out'], mmap='r').get_vecattr('king', 'count'))
(kv.set_vecattr('king', 'tag', 'NN'), kv.save(F['out']), kv.load(F['out']).get_vecattr('king', 'tag'))
""".strip().splitlines()

#: Deliberate differences: call -> reason. The documentation's list of them is made from this.
DIFFERENCES = {
    "repr(kv)": "says how many words there are, of which size and type",
    "list(kv)": "iterating gives the words; gensim has no iteration of its own, gives vectors and ends in a "
    "KeyError",
    "kv[[]]": "no keys are a matrix (0, H); gensim's stacking fails",
    "kv.most_similar('king', restrict_vocab=0)": "0 words are no words, None is all; gensim takes 0 as all",
    "kv.most_similar('king', clip_end=0)": "the same",
    "kv.most_similar('king', topn=5.0)": "TypeError that names topn; gensim's comes from NumPy",
    "kv.most_similar(('king', 2.0))": "a (word, weight) pair alone is a list of one; gensim raises TypeError",
    "kv.most_similar_cosmul(negative='king')": "answered; gensim demands a positive word",
    "kv.most_similar_cosmul(2)": "a row number stands for its word, as everywhere; gensim multiplies by it",
    "kv.most_similar_cosmul(V)": "vectors are brought to length 1 first, so that all cosines lie in [0, 1]; "
    "gensim takes them as they are",
    "kv.most_similar_cosmul('king', restrict_vocab=20)": "the limit holds; gensim ignores it",
    "kv.n_similarity([], ['king'])": "ValueError that names the arguments; gensim raises ZeroDivisionError",
    "kv.add_vector('king', V)": "ValueError: the word is there; gensim keeps the old vector and returns the "
    "number of a row that does not exist",
    "kv.add_vector(99, V)": "words are strings; gensim also has other keys",
    "(kv.add_vectors(['new', 'new'], M), len(kv))": "ValueError; gensim adds the word twice and finds the "
    "second only",
    "(kv.add_vectors(['new'], M[:1], extras={'year': np.ones(1)}), kv.get_vecattr('new', 'year'))": "works; "
    "gensim trips over the name of the attribute",
    "(kv.__setitem__('new', list(V)), len(kv))": "any array-like is taken; gensim needs an array",
    "(kv.fill_norms(), kv.__setitem__('king', V), kv.most_similar('queen', topn=60))": "norms follow when "
    "vectors are replaced; gensim goes on with the old ones, or fails",
    "(kv.set_vecattr('king', 'w', 0.5), kv.set_vecattr('queen', 'w', 1), kv.get_vecattr('queen', 'w'))": "a "
    "value that the type of the attribute holds exactly is taken; gensim raises TypeError",
    "(kv.set_vecattr('king', 'tag', 'NN'), kv.get_vecattr('queen', 'tag'))": "words without a text have an "
    "empty one; gensim has 0",
    "kv.set_vecattr('king', 'thing', [1, 2])": "attributes are numbers and texts, which files can hold",
    "kv.vectors_for_all([3]).index_to_key": "a row number stands for its word; gensim makes it a key",
    "kv.vectors_for_all(['king', 'queen']).get_vecattr('queen', 'count')": "no attributes unless asked for; "
    "gensim makes up counts that fall from word to word",
    "kv.rank_by_centrality(['queen', 'king'])": "equal words stay as they are; gensim sorts them by name",
    "(kv.set_vecattr('zoo', 'count', 8), kv.sort_by_descending_frequency(), kv.index_to_key)": "equal counts "
    "stay as they are; gensim turns them round",
    "KeyedVectors(kv.vector_size)": "made of words and their matrix; gensim allocates empty rows",
    "kv.evaluate_word_pairs(F['extra'])": "further columns are ignored; gensim skips such lines",
    "kv.evaluate_word_pairs(F['nothing'])": "FormatError, a ValueError that names the file",
    "kv.evaluate_word_analogies(F['nowhere'])": "questions without a known word give 0.0 when nothing could "
    "be asked; a file without any question is a FormatError, gensim divides by zero",
    "kv.evaluate_word_analogies(F['analogies'], similarity_function='nope')": "ValueError; gensim ignores it",
    "kv.load(F['pickle'])": "pickles are never opened: FormatError that says what to do",
    "kv.intersect_word2vec_format(F['in'])": "works on vectors alone and returns how many words took the "
    "file's; gensim needs a model's lock factors",
    "(kv.save_word2vec_format(F['out']), kv.load_word2vec_format(F['out']).index_to_key)": "files have the "
    "words in the order of the index; gensim writes them by falling count",
    "kv.save_word2vec_format(F['out'], append=True)": "files are written whole or not at all; prefix, "
    "total_vec, append and sort_attr are missing",
    "kv.wmdistance(['king'], ['queen'])": "missing: needs the package POT in gensim as well",
    "kv.init_sims()": "missing: deprecated in gensim, use fill_norms; so are word_vec and words_closer_than",
    "kv.resize_vectors()": "missing, as allocate_vecattrs is: rows are never there without a vector",
    "kv.norms": "missing: norms are cached as 1 / norm; numpy.linalg.norm(kv.vectors, axis=1) gives them",
    "kv.add_lifecycle_event('read')": "missing: no events are recorded",
}
#: Of these, both are errors of one kind, and only the message is better.
MESSAGES = {"kv.most_similar('king', topn=5.0)"}
#: Names of gensim's class that are missing here, all under one of the reasons above.
MISSING = {
    "add_lifecycle_event", "allocate_vecattrs", "init_sims", "log_accuracy", "log_evaluate_word_pairs",
    "resize_vectors", "similarity_unseen_docs", "wmdistance", "word_vec", "words_closer_than",
}  # fmt: skip


def by_count(kv: Any) -> Any:
    """The vectors, their words in falling order of counts."""
    kv.sort_by_descending_frequency()
    return kv


class Indexer:
    """One answer to everything."""

    def most_similar(self, vector, topn):
        return [("king", float(np.linalg.norm(vector))), ("queen", topn)]


@pytest.fixture
def files(tmp_path, matrix):
    """Paths of small files, by name."""
    lines = {
        "pairs": ["king\tqueen\t8.5", "man\twoman\t7", "rome\tparis\t3", "the\tzoo\t1", "of\tnope\t2", "# x"],
        "one": ["king\tqueen\t8.5"],
        "extra": ["king\tqueen\t8.5\tmore", "man\twoman\t7\tmore", "rome\tparis\t3\tmore"],
        "nothing": ["king queen"],
        "analogies": [": capitals", "rome italy paris france", "italy rome france paris", ": people"],
        "nowhere": [": section"],
        "counts": ["the 9", "of 8", "King 7"],
        "empty": ["rome italy paris france"],
        "in": [f"{3} {H}", *(" ".join([w, *map(str, matrix[i].tolist())]) for i, w in enumerate(WORDS[:3]))],
    }
    lines["analogies"] += ["man woman King queen", "king queen man woman", "a b c d", "nope a the of"]
    lines["glove"] = lines["in"][1:]
    paths = {name: str(tmp_path / name) for name in (*lines, "out", "vocab", "pickle")}
    for name, rows in lines.items():
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    (tmp_path / "pickle").write_bytes(b"\x80\x04K\x01.")
    return paths


@pytest.fixture
def matrix():
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((K, H)).astype(np.float32)
    for a, b in (("italy", "rome"), ("france", "paris")):
        matrix[WORDS.index(b)] = matrix[WORDS.index(a)] + matrix[0] * 2
    return matrix


@pytest.fixture
def both(matrix):
    ours = KeyedVectors(WORDS, matrix, [i * 7 % 61 + 1 for i in range(K)])
    return ours, ours.to_gensim()


def outcome(call: str, kv: Any, files: dict[str, str], kind: type) -> Any:
    """What a call gives, or its exception."""
    rng = np.random.default_rng(9)
    names = {"kv": kv, "np": np, "F": files, "INDEXER": Indexer(), "KeyedVectors": kind, "SORTED": by_count}
    names |= {"V": rng.standard_normal(H).astype(np.float32), "M": rng.standard_normal((2, H), np.float32)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return eval(call, names)
    except Exception as error:  # noqa: BLE001  whatever it is, it is compared
        return error


def same(ours: Any, theirs: Any) -> bool:
    """Whether two outcomes are the same to a user: numbers to 1e-5, exceptions of one kind."""
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        return isinstance(ours, type(theirs)) or isinstance(theirs, type(ours))
    if isinstance(ours, np.ndarray) or isinstance(theirs, np.ndarray):
        return np.shape(ours) == np.shape(theirs) and np.allclose(ours, theirs, atol=1e-5)
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float | np.floating):
        return isinstance(theirs, float | np.floating) and bool(np.isclose(ours, theirs, atol=1e-5))
    return bool(ours == theirs)


@pytest.mark.parametrize("call", SAME)
def test_same_answer(call, both, files):
    ours, theirs = both
    a, b = outcome(call, ours, files, KeyedVectors), outcome(call, theirs, files, type(theirs))
    assert same(a, b), f"{a!r}\n{b!r}"


@pytest.mark.parametrize("call", DIFFERENCES)
def test_listed_difference(call, both, files):
    """A listed difference is one, and not because of a slip in the test."""
    ours, theirs = both
    a, b = outcome(call, ours, files, KeyedVectors), outcome(call, theirs, files, type(theirs))
    assert not same(a, b) or type(a) is not type(b) or (call in MESSAGES and str(a) != str(b))
    assert not isinstance(a, NameError | SyntaxError) and not isinstance(b, NameError | SyntaxError)


def test_enough_calls():
    assert len(SAME) == len(set(SAME)) >= 90 and not set(SAME) & set(DIFFERENCES)


def test_every_method_is_called_or_listed():
    """No method of gensim's class is passed over."""
    theirs = {
        name
        for name, value in vars(gensim.models.KeyedVectors).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, classmethod | staticmethod))
    }
    calls = " ".join([*SAME, *DIFFERENCES])
    assert {name for name in theirs - MISSING if f".{name}(" not in calls} == set()
    assert {name for name in theirs if not hasattr(KeyedVectors, name)} == MISSING & theirs


def test_same_signatures():
    """Whoever passes arguments by place, or by name, is understood."""
    for name, value in vars(gensim.models.KeyedVectors).items():
        if name.startswith("_") or not inspect.isfunction(value) or not hasattr(KeyedVectors, name):
            continue
        theirs, ours = (list(inspect.signature(f).parameters) for f in (value, getattr(KeyedVectors, name)))
        if theirs[1:] != ["args", "kwargs"] and name != "save_word2vec_format":
            assert ours[: len(theirs)] == theirs, name


def test_control_same():
    assert same([("a", 0.5)], [("a", np.float32(0.500001))]) and not same([("a", 0.5)], [("b", 0.5)])
    assert not same(0.5, 0.6) and not same([1], [1, 2]) and not same(KeyError("a"), 3)
    assert same(KeyError("a"), KeyError("b")) and not same(KeyError(), ValueError())
    assert not same({"a": 1}, {"a": 2}) and not same(np.zeros(2), np.zeros(3))


def test_to_gensim_is_a_copy(both):
    ours, theirs = both
    assert isinstance(theirs, gensim.models.KeyedVectors)
    before = ours.most_similar("king")
    theirs.unit_normalize_all()
    theirs.add_vector("new", np.ones(H, np.float32))
    theirs.set_vecattr("king", "count", 1)
    assert ours.most_similar("king") == before and "new" not in ours and ours.get_vecattr("king", "count") > 1
    assert copy.deepcopy(theirs).get_vecattr("queen", "count") == ours.get_vecattr("queen", "count")
