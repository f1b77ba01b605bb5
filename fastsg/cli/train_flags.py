"""The flags of fastsg train: Python's names, with the aliases of word2vec.c and fastText."""

from __future__ import annotations

import argparse

from ..io import VIEWS
from .flags import Given, Group, add_quiet, add_read_vocab, add_reading, add_setting, parse_bias, parse_span
from .outputs import add_write_format


def add_train_flags(parser: argparse.ArgumentParser) -> None:
    """Declare them all."""
    _add_inputs(parser.add_argument_group("input"))
    _add_outputs(parser.add_argument_group("output"))
    _add_model(parser.add_argument_group("model"))
    training = parser.add_argument_group("training")
    _add_method(training)
    _add_course(training)
    _add_said(parser.add_argument_group("what is said"))


def _add_inputs(group: Group) -> None:
    group.add_argument("operands", nargs="*", metavar="TEXT", help="the same as --input")
    group.add_argument(
        "--input",
        "--train",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="text files, '-' for standard input, or one corpus from fastsg encode (default: TEXT)",
    )
    group.add_argument(
        "--counts", metavar="F", help="train on the counts in a file from fastsg count, instead of on text"
    )
    group.add_argument(
        "--mmap",
        action="store_true",
        help="map the file of --counts instead of reading it: for files larger than memory; nothing may "
        "shorten it meanwhile, and fastsg verify has to be asked whether it is damaged",
    )
    group.add_argument(
        "--valid",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="held-out text, whose loss is measured after each epoch",
    )
    add_read_vocab(group)
    group.add_argument(
        "--resume",
        metavar="F",
        help="continue from a checkpoint; it holds settings and vocabulary, but name the same texts again",
    )
    add_reading(group)


def _add_outputs(group: Group) -> None:
    group.add_argument(
        "--output",
        "-o",
        metavar="V",
        help="word vectors, by suffix word2vec text (.vec) or binary (.bin), .npz, .safetensors, .parquet "
        "and others, also compressed (.vec.gz); the rows of I unless --vectors says otherwise",
    )
    group.add_argument("--save-output", metavar="V2", help="the rows of the output matrix O, likewise")
    add_write_format(group, "the vectors")
    group.add_argument("--save-vocab", metavar="F", help="a word and its count per line")
    group.add_argument(
        "--save-bias",
        metavar="F",
        help="a word and the constant added to its logit, b_n - log keep(n), per line",
    )
    group.add_argument(
        "--save-model", metavar="F", help="the whole model, a safetensors file for fastsg.load"
    )
    group.add_argument(
        "--checkpoint",
        metavar="F",
        help="save the model after each epoch and now and then inside it, to continue after an interruption; "
        "the previous one is kept as F.1 (with --resume, by default the file resumed)",
    )
    group.add_argument(
        "--checkpoint-every",
        type=parse_span,
        action=Given,
        default="5m",
        metavar="TIME",
        help="time from one checkpoint to the next inside an epoch, such as 30s, 5m, 1h; where writing takes "
        "long, it is more",
    )
    group.add_argument("--report", metavar="F", help="what was trained and what it took, as JSON")
    group.add_argument(
        "--json-log", metavar="F", help="a JSON object per epoch and line; '-' is standard output"
    )


def _add_model(group: Group) -> None:
    add_setting(group, "vector_size", "--size", "--dim", type=int, help="H, the coordinates of a vector")
    add_setting(group, "window")
    add_setting(
        group,
        "shrink_windows",
        metavar="true|false|harmonic|random",
        help="weigh distance d in a window of z words by (z-d+1)/z, not at all, by 1/d, or draw the size of "
        "each window as word2vec does",
    )
    add_setting(group, "min_count")
    add_setting(group, "max_final_vocab")
    add_setting(
        group,
        "sample",
        help="threshold for thinning frequent words; 0 keeps every token; by default 1e-4, with the solver "
        "sgd 1e-3, more for small vocabularies",
    )
    add_setting(
        group,
        "vectors",
        choices=VIEWS,
        help="what --output holds: rows of I, rows of O, the sum of both at unit length, rows of I less "
        "their mean, or centered and whitened rows of I with a tenth of those of O, the best for similarity",
    )
    add_setting(
        group,
        "output_bias",
        type=parse_bias,
        metavar="none|unigram",
        help="fixed output bias; none is the model of the paper",
    )


def _add_method(group: Group) -> None:
    add_setting(
        group,
        "solver",
        choices=("counts", "sgd"),
        help="counts walks the rows of the co-occurrence matrix, sgd the text, batch by batch; the loss is "
        "the same",
    )
    add_setting(
        group,
        "optimizer",
        choices=("newton", "adagrad", "sgd"),
        help="damped Newton steps for I and row-wise Adagrad for O, Adagrad for both, or plain gradient "
        "descent; by default newton, with the solver sgd adagrad",
    )
    add_setting(
        group,
        "prior",
        type=float,
        help="solver counts with newton: precision of a Gaussian prior on the rows of I, in whose favour the "
        "loss is minimised; by default .3 H; 0 is none",
    )
    add_setting(
        group,
        "init",
        "--pretrained-vectors",
        type=str,
        metavar="svd|random|FILE",
        help="where I and O start; by default svd, with the solver sgd random; of a file of vectors or of a "
        "model, its words start there (./svd for a file of that name)",
    )
    add_setting(group, "draws")
    add_setting(
        group,
        "head",
        type=float,
        help="the epochs between the first and the last train on this share of the vocabulary, the most "
        "frequent words; by default .5 above 16,384 words, or 1,024 with more than 5 epochs; 1 trains on all "
        "words in every epoch",
    )
    add_setting(
        group,
        "precision",
        choices=("float32", "bfloat16"),
        help="of the matrix products; bfloat16 needs a CPU with AVX512_BF16 or AMX",
    )


def _add_course(group: Group) -> None:
    add_setting(
        group,
        "alpha",
        "--lr",
        type=float,
        help="learning rate at the start (default: for newton .05 to .15, by how many pairs there are "
        "for each number of a matrix, .2 for adagrad; for sgd .003, on counts 1 / pairs of the heaviest row "
        "in a batch)",
    )
    add_setting(group, "min_alpha", type=float, help="learning rate at the end; by default a tenth of alpha")
    add_setting(
        group,
        "lr_schedule",
        choices=("linear", "constant"),
        help="linear: from alpha to min_alpha; constant: always alpha",
    )
    add_setting(
        group,
        "epochs",
        "--iter",
        type=int,
        help="passes over the counts, or with the solver sgd over the text; by default 5, with the solver "
        "counts 6, and 10 or 20 for at most 16,384 words",
    )
    add_setting(
        group,
        "batch_size",
        type=int,
        help="rows of counts, or with the solver sgd center positions, in a batch; by default about 64 "
        "batches per epoch, 28 of counts of up to 5,376 words",
    )
    add_setting(group, "workers")
    add_setting(group, "seed")
    group.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="stop when the held-out loss has reached no new minimum in N epochs in a row, and keep the best "
        "epoch; epochs on thinned text do not count (default: do all epochs)",
    )
    group.add_argument(
        "--hang-limit",
        type=parse_span,
        metavar="TIME",
        help="under mpiexec: end the job when a rank waits so long for another, such as 10m; it must be more "
        "than a batch and the writing of a checkpoint take (default: wait for ever)",
    )


def _add_said(group: Group) -> None:
    add_quiet(group, "progress and no summary")
    group.add_argument(
        "--json",
        action="store_true",
        help="print the report as JSON on standard output, in place of the summary (default: the summary)",
    )
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="do not train: say how many words there are and what time, operations, memory and disk a "
        "training will take, from a part of the text and some seconds of trials; reads the text, unless "
        "--read-vocab or --counts tell its words (default: train)",
    )
