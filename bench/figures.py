"""The tables of measurements in README.md and docs/: written from the files in bench/results/, never by hand.

usage: python bench/figures.py [--check]

What stands between ``<!-- figures: NAME -->`` and ``<!-- end -->`` is written anew from
bench/results/NAME.json; the first word of the name tells how. --check changes nothing, and says which page is
not what the files give. A file comes from a bench, by its --json:

    quality_en100   python bench/quality.py TEXT --valid VALID --json bench/results/quality_en100.json
    quality_bf16    the same on a CPU with AVX512_BF16, with --peer-seeds 1
    step            python bench/step.py --repeats 5 --json bench/results/step.json
    kernels, busy, scale    likewise; scale, kernels and step are runs of before there were such files
    texts           figures of several benches, put together by hand from what each has printed or written
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from figure_tables import WRITERS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
_MARKED = re.compile(r"(<!-- figures: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """The pages that have such tables."""
    candidates = [*ROOT.glob("README*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in candidates if _MARKED.search(path.read_text(encoding="utf-8"))]


def rewritten(text: str, results: Path = RESULTS) -> str:
    """A page with its figures written anew."""

    def written(match: re.Match[str]) -> str:
        result = json.loads((results / f"{match[2]}.json").read_text(encoding="utf-8"))
        return f"{match[1]}\n{WRITERS[match[2].partition('_')[0]](result)}\n\n"

    return _MARKED.sub(written, text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    args = parser.parse_args()
    stale = [path for path in pages() if rewritten(text := path.read_text(encoding="utf-8")) != text]
    for path in stale:
        print(path.relative_to(ROOT), "is not what bench/results gives" if args.check else "is written anew")
        if not args.check:
            path.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")
    return int(args.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
