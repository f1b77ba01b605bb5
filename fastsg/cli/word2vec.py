"""fastsg word2vec: the command line of word2vec.c, carried out by fastsg train.

Flags have one dash there. What has no meaning for the exact softmax is refused or, where the vectors are
those that were asked for all the same, ignored with a note.
"""

from __future__ import annotations

import argparse

from ..model.skipgram import SkipGram
from .corpora import add_vocab
from .flags import Commands, Parser, add_command
from .terminal import say
from .train import add_train


def add_word2vec(commands: Commands) -> None:
    """Declare fastsg word2vec."""
    parser = add_command(
        commands,
        "word2vec",
        run_word2vec,
        help="train with the command line of word2vec.c",
        description="Train skip-gram by the exact softmax with the flags of word2vec.c. Differences: lines "
        "are sentences of any length; </s> is no word; -threads changes no bit of the result.",
        examples="""
            fastsg word2vec -train text.txt -output vectors.bin -cbow 0 -size 200 \\
              -window 8 -negative 25 -hs 0 -sample 1e-4 -threads 20 -binary 1 -iter 3
            fastsg word2vec -train text.txt -save-vocab vocab.txt
        """,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-train", required=True, metavar="FILE", help="the text; '-' is standard input (no default)")
    add("-output", metavar="FILE", help="the word vectors (default: none; then only -save-vocab is done)")
    add("-size", type=int, default=100, metavar="N", help="coordinates of a vector")
    add("-window", type=int, default=5, metavar="N", help="words to either side, weighed by distance")
    add("-sample", type=float, default=1e-3, metavar="X", help="threshold for thinning frequent words")
    add("-hs", type=int, default=0, metavar="0", help="hierarchical softmax; 1 is refused")
    add("-negative", type=int, metavar="N", help="negative samples; ignored (default: 0)")
    add("-threads", type=int, metavar="N", help="threads, at most as many as allowed (default: so many)")
    add("-iter", type=int, default=5, metavar="N", help="passes")
    add("-min-count", "-min_count", type=int, default=5, metavar="N", help="drop rarer words")
    add("-alpha", type=float, metavar="X", help="rate of word2vec's own steps; ignored (default: fastsg's)")
    add("-classes", type=int, default=0, metavar="0", help="word classes; more than 0 is refused")
    add("-debug", type=int, default=2, metavar="N", help="0 says nothing")
    add("-binary", type=int, choices=(0, 1), default=0, help="1 writes a binary file")
    add("-save-vocab", metavar="FILE", help="write words and counts (default: none)")
    add("-read-vocab", metavar="FILE", help="read words and counts (default: count the text's words)")
    add("-cbow", type=int, metavar="0", help="1 is refused (default: 0; in word2vec.c 1)")


def run_word2vec(args: argparse.Namespace) -> int:
    """Refuse and note what must be, then run fastsg train, or fastsg vocab if there is no -output."""
    _refuse(args)
    if args.output is None and args.save_vocab is None:
        raise ValueError("there is no output: give -output FILE for the vectors")
    if args.debug > 0 and args.output is not None:
        _note(args)
    translated = translation(args)
    return int(translated.run(translated))


def translation(args: argparse.Namespace) -> argparse.Namespace:
    """The same as arguments of fastsg train or vocab."""
    line = ["--quiet"] * (args.debug <= 0)
    line += [f"--min-count={args.min_count}"] if args.read_vocab is None else []
    line += [f"--read-vocab={args.read_vocab}"] if args.read_vocab is not None else []
    if args.threads is not None:  # more than there are would only be in each other's way
        line.append(f"--workers={min(args.threads, SkipGram().workers)}")
    if args.output is None:
        line = ["vocab", *line, f"--output={args.save_vocab}"]
    else:
        line = ["train", *line, f"--output={args.output}", f"--vector-size={args.size}"]
        line += [f"--window={args.window}", f"--sample={args.sample}", f"--epochs={args.iter}"]
        line += [f"--format={'binary' if args.binary else 'text'}"]
        line += [f"--save-vocab={args.save_vocab}"] if args.save_vocab is not None else []
    parser = Parser(prog="fastsg")
    commands = parser.add_subparsers(dest="command")
    for add in (add_train, add_vocab):
        add(commands)
    return parser.parse_args([*line, "--", args.train], argparse.Namespace(argv=args.argv))


def _refuse(args: argparse.Namespace) -> None:
    """ValueError for what would be another model or another file."""
    if args.cbow:
        raise ValueError(
            f"-cbow {args.cbow} is the bag-of-words model, and fastsg trains skip-gram only: give -cbow 0"
        )
    if args.hs:
        raise ValueError(
            f"-hs {args.hs} is the hierarchical softmax, an approximation; fastsg takes the exact softmax "
            "over all words: give -hs 0"
        )
    if args.classes:
        raise ValueError(f"-classes {args.classes} asks for clusters of words, which fastsg does not make")


def _note(args: argparse.Namespace) -> None:
    """Say what is ignored."""
    if args.cbow is None:
        say("note: without -cbow word2vec.c trains CBOW; this is skip-gram, as with -cbow 0")
    if args.negative:
        say(f"note: -negative {args.negative} is ignored; the exact softmax has no negative samples")
    if args.alpha is not None:
        say(f"note: -alpha {args.alpha:g} is ignored; it is a rate for word2vec's own steps")
