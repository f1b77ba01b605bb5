"""The documentation site: what Sphinx is told. `tools/docs` builds it; docs/_ext has what is made for it."""

import os
import sys
from pathlib import Path
from typing import Any

os.environ["NO_COLOR"] = "1"  # in the help of commands
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import fastsg

project = "fastsg"
project_copyright = "the authors of fastsg, MIT licence"
version = release = fastsg.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "two_columns",
    "command_pages",
    "two_language_search",
]
exclude_patterns = ["_ext"]
nitpicky = True

# Pages are Markdown as GitHub reads it, and their headings have GitHub's anchors.
myst_heading_anchors = 4
myst_links_external_new_tab = False

# Types stand in the docstrings. What is inherited from these is described elsewhere.
_STRANGERS = (
    *("object", "tuple", "dict", "Exception", "BaseException"),
    *("BaseEstimator", "TransformerMixin", "_MetadataRequester", "_SetOutputMixin"),
)
default_role = "code"
smartquotes = False
autodoc_typehints = "none"
autodoc_member_order = "groupwise"
autodoc_default_options = {
    "members": True,
    "inherited-members": ",".join(_STRANGERS),
}
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"fastsg {release}"
html_search_language = "en-zh"
html_show_sphinx = False
html_copy_source = False
pygments_style = "default"
pygments_dark_style = "github-dark"

#: Pages that show, on the site, what links on GitHub lead to beside docs/.
_SHOWN_BY = {"../README.md": "measured.md", "../CONTRIBUTING.md": "internals.md"}


def setup(app: Any) -> None:
    """Let links of pages stay within the site."""
    app.connect("source-read", _stay_within)


def _stay_within(app: Any, name: str, source: list[str]) -> None:
    for link, page in _SHOWN_BY.items():
        source[0] = source[0].replace(f"]({link}", f"]({page}")
