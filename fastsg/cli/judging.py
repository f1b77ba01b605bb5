"""fastsg eval and analogies: how good vectors are, and what they answer to "a is to b as c is to"."""

from __future__ import annotations

import argparse
import math
from typing import Any

from ..checks import printable
from ..io import open_text
from ..model.report import json_text
from ..model.skipgram import SkipGram
from ..vectors.keyed_vectors import KeyedVectors
from .columns import BOLD, cell, columns, styled
from .flags import Commands, add_command, add_json, add_quiet, add_reading
from .reading import given_reading
from .terminal import EXIT_ERROR, EXIT_OK, asked_words, print_ranked, say_error
from .vector_files import add_format, load_table

_METHODS = {"add": "most_similar", "mul": "most_similar_cosmul"}
_MEASURES = {"add": "cosine", "mul": "score"}
_NUMBER, _NAME = 11, 12  # columns of a number, and of a name where there is hardly any room
_ALL_WORDS = 2**31 - 1


# ---- eval ----


def add_eval(commands: Commands) -> None:
    """Declare fastsg eval."""
    parser = add_command(
        commands,
        "eval",
        run_eval,
        help="judge vectors by word similarity, analogies and held-out text",
        description="Compare cosines with human scores of word pairs (lines 'word word score'), answer "
        "analogies (lines 'a b c d' under ': section' lines, as in questions-words.txt), and take the "
        "perplexity of texts. Words that are not known are left out and counted.",
        examples="""
            fastsg eval words.vec --pairs pairs.txt --analogies questions.txt
            fastsg eval words.vec --pairs pairs.txt --restrict-vocab 30000 --json
            fastsg eval model --perplexity held-out.txt
        """,
    )
    parser.add_argument("vectors", help="the vectors; for --perplexity a whole model")
    for name, metavar, what in (
        ("--pairs", "FILE", "files of word pairs"),
        ("--analogies", "FILE", "files of analogies"),
        ("--perplexity", "TEXT", "texts to take the loss of"),
    ):
        parser.add_argument(
            name, nargs="+", action="extend", default=[], metavar=metavar, help=f"{what} (default: none)"
        )
    parser.add_argument(
        "--restrict-vocab",
        type=int,
        default=300_000,
        metavar="N",
        help="only the first N words count as known and as answers; 0 takes all",
    )
    parser.add_argument(
        "--case-sensitive",
        action="store_true",
        help="tell upper from lower case (default: compare in upper case)",
    )
    parser.add_argument(
        "--unknown-is-wrong",
        action="store_true",
        help="what has unknown words counts, as similarity 0 or as wrong (default: it is left out)",
    )
    _add_method(parser)
    parser.add_argument("--json", action="store_true", help="print JSON (default: tables)")
    add_quiet(parser, "lines for the sections of analogies, only their totals")
    add_format(parser)
    add_reading(parser.add_argument_group("how texts are read"))


def _add_method(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--method",
        choices=tuple(_METHODS),
        default="add",
        help="how analogies are answered: sums of cosines, or products (3CosMul)",
    )


def run_eval(args: argparse.Namespace) -> int:
    """Judge, and print tables or JSON."""
    if not (args.pairs or args.analogies or args.perplexity):
        raise ValueError("there is nothing to judge by: give --pairs, --analogies or --perplexity")
    if args.restrict_vocab < 0:
        raise ValueError(f"--restrict-vocab is {args.restrict_vocab}; it must be 0 (all words) or more")
    found: dict[str, Any] = {"vectors": args.vectors, "pairs": [], "analogies": [], "perplexity": []}
    if args.perplexity:
        model = SkipGram.load(args.vectors, **given_reading(args))
        found["perplexity"] = [_text(model, path) for path in args.perplexity]
    if args.pairs or args.analogies:
        vectors = KeyedVectors(*load_table(args.vectors, args.format))
        found["words"] = min(len(vectors), args.restrict_vocab or _ALL_WORDS)
        found["pairs"] = [_pairs(vectors, path, args) for path in args.pairs]
        found["analogies"] = [_analogies(vectors, path, args) for path in args.analogies]
    print(json_text(found) if args.json else _tables(found, args.quiet))
    return EXIT_OK


def _pairs(vectors: KeyedVectors, path: str, args: argparse.Namespace) -> dict[str, Any]:
    (pearson, pearson_p), (spearman, spearman_p), oov = vectors.evaluate_word_pairs(
        path,
        delimiter=_delimiter(path),
        restrict_vocab=args.restrict_vocab or _ALL_WORDS,
        case_insensitive=not args.case_sensitive,
        dummy4unknown=args.unknown_is_wrong,
    )
    return {
        "file": path,
        "spearman": float(spearman),
        "spearman_p": float(spearman_p),
        "pearson": float(pearson),
        "pearson_p": float(pearson_p),
        "unknown_percent": float(oov),
    }


def _delimiter(path: str) -> str | None:
    """What separates the columns of a file: tabs, commas, or else any white space."""
    with open_text(path, errors="replace") as file:
        lines = (line for line in file if line.strip() and not line.startswith("#"))
        first = next(lines, "")
    return next((sign for sign in ("\t", ",") if first.count(sign) >= 2), None)


def _analogies(vectors: KeyedVectors, path: str, args: argparse.Namespace) -> dict[str, Any]:
    _, sections = vectors.evaluate_word_analogies(
        path,
        restrict_vocab=args.restrict_vocab or _ALL_WORDS,
        case_insensitive=not args.case_sensitive,
        dummy4unknown=args.unknown_is_wrong,
        similarity_function=_METHODS[args.method],
    )
    counted = [
        {
            "section": section["section"],
            "correct": len(section["correct"]),
            "asked": len(section["correct"]) + len(section["incorrect"]),
        }
        for section in sections
    ]
    return {"file": path, "questions": _questions(path), **counted.pop(), "sections": counted}


def _questions(path: str) -> int:
    """Lines of four words of a file, whether or not their words are known."""
    with open_text(path) as file:
        return sum(len(line.split()) == 4 for line in file if not line.startswith(":"))


def _text(model: SkipGram, path: str) -> dict[str, Any]:
    corpus = model.encode(corpus_file=path)
    loss = model.nll(corpus)
    return {
        "file": path,
        "nll": loss.nll,
        "perplexity": math.exp(min(loss.nll, 700.0)),
        "unigram_nll": loss.unigram_nll,
        "pairs": loss.pairs,
        "unknown_percent": 100 * (1 - corpus.n_tokens / corpus.raw_tokens),
    }


def _tables(found: dict[str, Any], quiet: bool) -> str:
    """What was found, for people."""
    lines = (
        [f"{printable(found['vectors'])}: {found['words']:,} words considered"] if "words" in found else []
    )
    if found["pairs"]:
        lines += _head("word pairs", "Spearman", "Pearson", "unknown")
    for row in found["pairs"]:
        numbers = f"{row['spearman']:.4f}", f"{row['pearson']:.4f}", f"{row['unknown_percent']:.1f} %"
        lines.append(_line(row["file"], *numbers))
    if found["analogies"]:
        lines += _head("analogies", "right", "asked", "accuracy", "unknown")
    for table in found["analogies"]:
        sections = [] if quiet else table["sections"]
        lines += [_line(f"  {section['section']}", *_right(section), "") for section in sections]
        lines.append(_line(table["file"], *_right(table), f"{table['questions'] - table['asked']:,}"))
    if found["perplexity"]:
        lines += _head("held-out text", "loss", "unigram", "perplexity", "unknown")
    for row in found["perplexity"]:
        losses = f"{row['nll']:.4f}", f"{row['unigram_nll']:.4f}", f"{row['perplexity']:,.1f}"
        lines.append(_line(row["file"], *losses, f"{row['unknown_percent']:.1f} %"))
    return "\n".join(lines).lstrip("\n")


def _right(table: dict[str, Any]) -> tuple[str, str, str]:
    share = f"{100 * table['correct'] / table['asked']:.1f} %" if table["asked"] else "-"
    return f"{table['correct']:,}", f"{table['asked']:,}", share


def _head(*names: str) -> list[str]:
    """What stands above a table."""
    return ["", styled(_line(*names), BOLD)]


def _line(name: str, *numbers: str) -> str:
    """A line of a table: numbers to the right, the name in what they leave of the terminal."""
    cells = "".join(f"{number:>{_NUMBER}}" for number in numbers)
    return (cell(printable(name), max(columns() - len(cells), _NAME)) + cells).rstrip()


# ---- analogies ----


def add_analogies(commands: Commands) -> None:
    """Declare fastsg analogies."""
    parser = add_command(
        commands,
        "analogies",
        run_analogies,
        help="answer 'a is to b as c is to ?'",
        description="Print the words d of 'a is to b as c is to d' for each three words a b c. Unknown words "
        "do not stop the others; the exit code is 1 then.",
        examples="""
            fastsg analogies words.vec cat cats dog -k 3
            fastsg analogies words.vec
        """,
    )
    parser.add_argument("vectors", help="the vectors")
    parser.add_argument(
        "operands",
        metavar="a b c",
        nargs="*",
        help="three words, or three more; without any, standard input is read, three words a line",
    )
    parser.add_argument("-k", "--topn", type=int, default=10, metavar="N", help="how many answers")
    _add_method(parser)
    add_json(parser)
    add_format(parser)


def run_analogies(args: argparse.Namespace) -> int:
    """Answer each question."""
    if args.topn < 1:
        raise ValueError(f"--topn is {args.topn}; it must be at least 1")
    words = args.operands
    if len(words) % 3:
        raise ValueError(f"there are {len(words)} words, and questions have three each: a b c")
    vectors = KeyedVectors(*load_table(args.vectors, args.format))
    answer, measure = getattr(vectors, _METHODS[args.method]), _MEASURES[args.method]
    given = [" ".join(words[i : i + 3]) for i in range(0, len(words), 3)]
    code = EXIT_OK
    for question in asked_words(given, "a b c? "):
        try:
            a, b, c = _three(question)
            found = answer(positive=[b, c], negative=[a], topn=args.topn)
            print_ranked(f"{a} {b} {c}", found, measure, args.json, f"{a} : {b} = {c} : ?")
        except (KeyError, ValueError) as error:
            say_error(error)
            code = EXIT_ERROR
    return code


def _three(question: str) -> list[str]:
    words = question.split()
    if len(words) != 3:
        raise ValueError(f"a question has three words, a b c; {question!r} has {len(words)}")
    return words
