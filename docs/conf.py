"""The documentation site: what Sphinx is told. `tools/docs` builds it; docs/_ext has what is made for it."""

import os
import re
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
exclude_patterns = ["_ext", "_static"]
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
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
pygments_style = "default"
pygments_dark_style = "github-dark"

#: Pages that show, on the site, what links on GitHub lead to beside docs/.
_SHOWN_BY = {"../README.md": "measured.md", "../CONTRIBUTING.md": "internals.md"}


def setup(app: Any) -> None:
    """Let links of pages stay within the site, and Chinese pages say that they are."""
    app.connect("source-read", _stay_within)
    app.connect("html-page-context", _tell_language)


def _stay_within(app: Any, name: str, source: list[str]) -> None:
    for link, page in _SHOWN_BY.items():
        source[0] = source[0].replace(f"]({link}", f"]({page}")
    # a link that GitHub shows as a file's name is one with the page's, or the section's, title here
    source[0] = re.sub(r"\[[\w./]+\.md\](?=\([\w./]+\.md)", "[]", source[0])


def _tell_language(app: Any, name: str, template: str, context: dict[str, Any], doctree: object) -> None:
    if name.startswith("zh/"):
        context["language"] = "zh"
