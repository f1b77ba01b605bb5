"""The rules of the house as tables. CONTRIBUTING.md shows readers MAY_IMPORT; a test compares the two."""

from __future__ import annotations

#: Names that stand for several files at the top of the package.
GROUPS = {
    "base": ("errors", "checks", "streams", "_version"),
    "bindings": ("_core", "_counting", "_text", "_walks"),
}

#: What each folder, or file at the top, may import besides `base` and itself; ``__init__``: public names.
MAY_IMPORT = {
    "base": "",
    "kernels": "",
    "bindings": "kernels",
    "system": "bindings",
    "io": "numerics system _text",
    "distributed": "system _core",
    "numerics": "distributed system _core",
    "text": "io system bindings",
    "vectors": "io system _core",
    "cooccurrence": "text io system bindings",
    "training": "cooccurrence text numerics distributed system bindings",
    "model": "training cooccurrence vectors text numerics distributed io system bindings",
    "explorer": "vectors io system",
    "datasets": "",
    "graph": "text system bindings",
    "__init__": "model training cooccurrence vectors text numerics io system",
    "compat": "__init__ text",
    "sklearn": "__init__ text",
    "plotting": "__init__ vectors system",
    "cli": "__init__ model training cooccurrence vectors text distributed io system graph datasets explorer "
    "plotting",
    "__main__": "cli",
}

#: These import of another folder only what its ``__init__`` hands out.
PUBLIC_NAMES_ONLY = {"cli", "compat", "plotting", "sklearn"}

#: Packages that every file may import. Any other is imported inside the function that needs it.
REQUIRED = {"numpy", "tqdm", "safetensors"}

#: Files that import a package at once, since they are of no use without it; nothing of ours imports them.
AT_ONCE = {"sklearn.py": "sklearn"}

#: Roads to running code that a file contains.
PICKLES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}

#: Private names that belong to other projects, and why there is no other way.
FOREIGN_PRIVATE = {
    "_SubParsersAction": "argparse has no public name for what add_subparsers returns",
    "_ArgumentGroup": "argparse has no public name for what add_argument_group returns",
    "_replace": "public method of named tuples, which keep plain names for their fields",
    "_asdict": "the same",
    "_fields": "the same",
    "_make": "the same",
    "_exit": "Python's name for an end that waits for no other thread",
}

#: Most lines of a file, a class, and a function without its docstring.
MOST_LINES = {"file": 450, "class": 300, "function": 60}

#: What may be longer, and why; an exception that is not needed any more is a complaint too.
LONGER: dict[str, str] = {
    "model/skipgram.py": "signatures and docstrings: the reference of every setting and way to train",
    "model/skipgram.py::SkipGram": "the same: without them it has 180 lines",
}

#: Fewest lines of the docstring of a folder.
LEAST_PROSE = 5
