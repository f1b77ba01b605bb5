"""Valid calls of everything public, for test_api_fuzz.py: what is called, and its arguments by name."""

from importlib.util import find_spec

import numpy as np

import fastsg
from fastsg import (
    Checkpoint,
    CooccurrenceCounts,
    EarlyStopping,
    EncodedCorpus,
    KeyedVectors,
    SkipGram,
    SoftmaxModel,
    Vocab,
    loss_and_gradient,
)
from fastsg.compat import Word2Vec
from fastsg.explorer import make_page
from fastsg.graph import Graph, random_walks
from fastsg.io import (
    load_bias,
    load_counts,
    load_vectors,
    load_word2vec,
    save_bias,
    save_vectors,
    save_word2vec,
)
from fastsg.plotting import plot_analogy, plot_comparison, plot_heatmap, plot_loss, plot_map, plot_neighbours
from fastsg.vectors import project

TEXT = [["a", "b", "c", "a"], ["c", "b"], ["a", "c", "b"]] * 3
WORDS, COUNTS = ["a", "b", "c"], [12, 9, 9]
VOCAB = Vocab(WORDS, COUNTS)
IDS, ROWS, BIAS = np.array([0, 1, 2], np.int32), np.ones((3, 4), np.float32), np.zeros(3, np.float32)
SMALL = {"vector_size": 2, "min_count": 1, "epochs": 1, "progress": False, "workers": 1}
SETTINGS = SMALL | {
    "window": 2,
    "shrink_windows": True,
    "max_final_vocab": 9,
    "sample": 0.1,
    "alpha": 0.1,
    "min_alpha": 0.01,
    "lr_schedule": "linear",
    "batch_size": 8,
    "seed": 1,
    "dtype": "float32",
    "precision": "float32",
    "solver": "counts",
    "optimizer": "newton",
    "prior": 1.0,
    "output_bias": "unigram",
    "init": "svd",
    "draws": 1,
    "head": 0.9,
    "vectors": "input",
    "tokenizer": None,
    "errors": "replace",
    "encoding": "utf-8",
    "lower": False,
    "validation": None,
    "callbacks": (),
}
READING = {"tokenizer": None, "errors": None, "encoding": None, "lower": None}
COUNTED = {
    "window": 2,
    "shrink_windows": True,
    "sample": 0.1,
    "draws": 1,
    "seed": 1,
    "memory_limit": None,
    "folder": None,
    "workers": 1,
}
CUT = {"vocab": None, "min_count": 1, "max_final_vocab": None, "lower": False, "progress": False}
LIMITS = {"allow_nonfinite": False, "max_word_bytes": 99, "max_decompressed": None}
DECODED = {"encoding": "utf8", "errors": "strict"}
GENSIM_DECODED = {"binary": False, "encoding": "utf8", "unicode_errors": "strict"}
JUDGED = {"restrict_vocab": 3, "case_insensitive": True, "dummy4unknown": False}


def vectors():
    made = KeyedVectors(WORDS, np.eye(3, 4, 1, np.float32) + 0.5, COUNTS)
    made.set_vecattr("a", "weight", 1.5)
    return made


def corpus():
    return EncodedCorpus.from_iter(TEXT, min_count=1)


def counts():
    return CooccurrenceCounts.from_corpus(corpus())


def softmax(**given):
    return SoftmaxModel(**({"vocab": VOCAB, "I": ROWS, "O": ROWS} | given))


def new():
    return SkipGram(**SMALL)


def trained():
    return SkipGram(TEXT, **SMALL)


def call(make, /, **valid):
    """What is called, made anew each time as it may change, and its arguments."""
    return make, valid


# fmt: off
VALID = [
    # models
    call(lambda: SkipGram, **SETTINGS),
    call(lambda: SkipGram, sentences=TEXT, **SETTINGS),
    call(lambda: SkipGram, corpus_file="text", **SMALL),
    call(lambda: new().build_vocab, sentences=TEXT, corpus_file=None, vocab=None, update=False,
         trained_on=None),
    call(lambda: new().build_vocab, sentences=TEXT, vocab=VOCAB),
    call(lambda: new().build_vocab, vocab=VOCAB),
    call(lambda: trained().build_vocab, sentences=TEXT, update=True, trained_on=None),
    call(lambda: new().build_from_counts, counts=counts()),
    call(lambda: new().fit_counts, counts=counts(), epochs=1, callbacks=(), resume=False),
    call(lambda: trained().fit_pairs, centers=[0, 1], contexts=[1, 2], weights=[1, 2], epochs=1,
         resume=False),
    call(lambda: trained().train, corpus=TEXT, corpus_file=None, total_examples=None, epochs=1, callbacks=(),
         resume=False),
    call(lambda: trained().partial_fit, sentences=TEXT, corpus_file=None, trained_on=None),
    call(lambda: trained().encode, sentences=TEXT, corpus_file=None, all_words=False),
    call(lambda: trained().export, path="v.vec", format="text", which="input", neighbors=None, sif=None),
    call(lambda: trained().save, path="m"),
    call(lambda: trained().batch_size, units=5),
    call(lambda: trained().predict_context, word="a", topn=2),
    call(lambda: trained().score, corpus=TEXT),
    call(lambda: trained().nll, corpus=corpus()),
    call(lambda: fastsg.load, path="model", mmap=False, verify=None, allow_nonfinite=False, workers=1,
         validation=None, callbacks=(), progress=False, **READING),
    call(lambda: fastsg.load_checkpoint, path="model", workers=1),
    call(lambda: Checkpoint, path="m", every=1),
    call(lambda: EarlyStopping, monitor="valid_nll", patience=1, min_delta=0.0, restore_best=True),
    call(lambda: lambda **given: softmax(**given).predict_proba(["a"]), vocab=VOCAB, I=ROWS, O=ROWS,
         bias=BIAS),
    call(lambda: lambda **given: softmax(**given).score(TEXT), I=ROWS, O=ROWS, window=2, shrink_windows=True,
         workers=1),
    call(lambda: softmax().predict_context, word="a", topn=2),
    call(lambda: softmax().predict_proba, centers=["a", 1]),
    call(lambda: softmax().log_prob, centers=["a", 1], contexts=["b", 0]),
    call(lambda: softmax().nll, corpus=corpus(), workspace=None),
    call(lambda: softmax().score, corpus=TEXT),
    call(lambda: softmax().perplexity, corpus=TEXT),
    call(lambda: loss_and_gradient, centers=IDS, contexts=IDS, I_kh=ROWS, O_kh=ROWS, weights=None, bias=None,
         num_threads=1),
    call(lambda: Word2Vec, sentences=TEXT, vector_size=2, min_count=1, epochs=1, workers=1, window=2, seed=1),
    # texts and counts
    call(lambda: Vocab, words=WORDS, counts=COUNTS, raw_types=5, raw_tokens=50),
    call(lambda: Vocab.from_counts, words=WORDS, counts=COUNTS, min_count=1, max_final_vocab=2),
    call(lambda: Vocab.load, path="vocab"),
    call(lambda: VOCAB.save, path="vocab2"),
    call(lambda: VOCAB.keep_probabilities, sample=0.1),
    call(lambda: VOCAB.suggest, word="A", n=2),
    call(lambda: VOCAB.__getitem__, word="a"),
    call(lambda: EncodedCorpus, tokens=IDS, offsets=np.array([0, 3]), vocab=VOCAB, raw_tokens=3,
         invalid_bytes_replaced=0, tokenizer=None, lower=None),
    call(lambda: EncodedCorpus.from_iter, sentences=TEXT, **CUT),
    call(lambda: EncodedCorpus.from_files, paths="text", tokenizer="space", errors="replace",
         encoding="utf-8", max_word_bytes=99, workers=1, shard=(1, 1), **CUT),
    call(lambda: EncodedCorpus.load, path="corpus", mmap=False),
    call(lambda: corpus().save, path="corpus2"),
    call(lambda: corpus().part, start=0, stop=1),
    call(lambda: CooccurrenceCounts, row_ptr=np.array([0, 1, 2, 2]), contexts=IDS[:2],
         counts=np.ones(2, np.float32), vocab=VOCAB, keep=None, thinned=None),
    call(lambda: CooccurrenceCounts.from_corpus, corpus=corpus(), **COUNTED),
    call(lambda: CooccurrenceCounts.for_training, corpus=corpus(), **COUNTED),
    call(lambda: CooccurrenceCounts.from_arrays, centers=IDS, contexts=IDS, counts=[1, 2, 3], vocab=VOCAB),
    call(lambda: CooccurrenceCounts.from_arrays, centers=IDS, contexts=IDS, counts=[1, 2, 3], vocab=None),
    call(lambda: CooccurrenceCounts.load, path="counts", mmap=False),
    call(lambda: counts().leading, words=2),
    call(lambda: CooccurrenceCounts.merge, parts=[counts(), counts()]),
    call(lambda: counts().save, path="counts2"),
    # vectors
    call(lambda: KeyedVectors, words=WORDS, matrix=ROWS, counts=COUNTS),
    call(lambda: vectors().add_vector, key="d", vector=ROWS[0]),
    call(lambda: vectors().add_vectors, keys=["d", "e"], weights=ROWS[:2], extras=None, replace=False),
    call(lambda: vectors().closer_than, key1="a", key2="b"),
    call(lambda: KeyedVectors.cosine_similarities, vector_1=ROWS[0], vectors_all=ROWS),
    call(lambda: vectors().distance, w1="a", w2="b"),
    call(lambda: vectors().distances, word_or_vector="a", other_words=["b"]),
    call(lambda: vectors().doesnt_match, words=WORDS),
    call(lambda: vectors().evaluate_word_analogies, analogies=[": x", "a b c a"],
         similarity_function="most_similar", **JUDGED),
    call(lambda: vectors().evaluate_word_pairs, pairs=["a\tb\t1", "b\tc\t2"], delimiter="\t", encoding="utf8",
         **JUDGED),
    call(lambda: vectors().fill_norms, force=False),
    call(lambda: vectors().get_index, key="a", default=None),
    call(lambda: vectors().get_mean_vector, keys=["a", ROWS[0]], weights=[1, 2], pre_normalize=True,
         post_normalize=False, ignore_missing=True),
    call(lambda: vectors().get_vecattr, key="a", attr="weight"),
    call(lambda: vectors().get_vector, key="a", norm=False),
    call(lambda: vectors().has_index_for, key="a"),
    call(lambda: lambda key: vectors()[key], key="a"),
    call(lambda: vectors().intersect_word2vec_format, fname="v.txt", lockf=0.0, **GENSIM_DECODED),
    call(lambda: KeyedVectors.load, fname="kv", mmap=None),
    call(lambda: KeyedVectors.load_word2vec_format, fname="v.txt", fvocab=None, limit=None,
         datatype=np.float32, no_header=False, **GENSIM_DECODED),
    call(lambda: vectors().most_similar, positive=["a"], negative=["b"], topn=2, clip_start=0, clip_end=None,
         restrict_vocab=None, indexer=None),
    call(lambda: vectors().most_similar_batch, queries=["a", "b"], topn=2, clip_start=0, clip_end=None,
         restrict_vocab=None),
    call(lambda: vectors().most_similar_cosmul, positive=["a"], negative=["b"], topn=2, restrict_vocab=None),
    call(lambda: vectors().most_similar_to_given, key1="a", keys_list=["b", "c"]),
    call(lambda: vectors().n_similarity, ws1=["a"], ws2=["b", "c"]),
    call(lambda: vectors().rank, key1="a", key2="b"),
    call(lambda: vectors().rank_by_centrality, words=WORDS, use_norm=True),
    call(lambda: vectors().relative_cosine_similarity, wa="a", wb="b", topn=2),
    call(lambda: vectors().save, fname="kv2"),
    call(lambda: vectors().save_word2vec_format, fname="v2.txt", fvocab=None, binary=False,
         write_header=True),
    call(lambda: vectors().set_vecattr, key="a", attr="weight", val=2.0),
    call(lambda: vectors().similar_by_key, key="a", topn=2, restrict_vocab=None),
    call(lambda: vectors().similar_by_vector, vector=ROWS[0], topn=2, restrict_vocab=None),
    call(lambda: vectors().similar_by_word, word="a", topn=2, restrict_vocab=None),
    call(lambda: vectors().similarity, w1="a", w2="b"),
    call(lambda: vectors().vectors_for_all, keys=["a", "z"], allow_inference=True, copy_vecattrs=False),
    call(lambda: project, matrix=ROWS, method="pca", seed=1),
    call(lambda: make_page, vectors=vectors(), outputs=ROWS, bias=BIAS, title="x", projection="pca", limit=2,
         seed=1),
    # files
    call(lambda: load_bias, path="bias", words=WORDS),
    call(lambda: save_bias, path="bias2", words=WORDS, bias=BIAS),
    call(lambda: load_counts, path="vocab", **DECODED),
    call(lambda: load_vectors, path="v.txt", format=None, which=None, limit=None, **DECODED, **LIMITS),
    call(lambda: load_word2vec, path="v.txt", binary=False, limit=None, no_header=False, **DECODED, **LIMITS),
    call(lambda: save_vectors, path="v3.txt", words=WORDS, matrix=ROWS, format=None, counts=COUNTS,
         neighbors=None, sif=None),
    call(lambda: save_word2vec, path="v4.txt", words=WORDS, matrix=ROWS, counts=COUNTS, binary=False,
         write_header=True, fvocab=None),
    # graphs
    call(lambda: Graph.from_edges, edges=[(0, 1), (1, 2)], weights=None, directed=False),
    call(lambda: Graph.from_file, path="edges", layout="edges", directed=False, weighted=None, workers=1),
    call(lambda: random_walks, graph=Graph.from_edges([(0, 1), (1, 2)]), walks_per_node=1, walk_length=3,
         p=1.0, q=2.0, seed=1, workers=1),
]
if find_spec("matplotlib"):
    VALID += [
        call(lambda: plot_loss, source=trained(), ax=None),
        call(lambda: plot_map, vectors=vectors(), words=["a", "b"], around=None, topn=2, projection="pca",
             seed=1, ax=None),
        call(lambda: plot_neighbours, vectors=vectors(), word="a", topn=2, model=softmax(), ax=None),
        call(lambda: plot_analogy, vectors=KeyedVectors([*"abcd"], np.eye(4)), questions=[("a", "b", "c")],
             ax=None),
        call(lambda: plot_heatmap, vectors=vectors(), words=["a", "b"], ax=None),
        call(lambda: plot_comparison, first=vectors(), second=vectors(), word="a", topn=2, names=("x", "y"),
             ax=None),
    ]
# fmt: on
