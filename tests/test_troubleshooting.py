"""docs/troubleshooting.md has every message that a user can cause, and none that nothing says."""

from pathlib import Path

import messages
import pytest
from architecture.sources import PACKAGE, ROOT, read
from conftest import needs_checkout

pytestmark = needs_checkout
PAGE = read(ROOT / "docs" / "troubleshooting.md") if (ROOT / "docs").is_dir() else ""
#: What is said to no user in trouble, with the reason.
INTERNAL = {
    "…, … walks, … nodes visited": "what fastsg walk has done",
    "seconds   read …   walk …   write …": "how long it took",
}
#: The families of errors of arguments, which match many messages; every other pattern matches 15 at most.
FAMILIES = messages.patterns(PAGE.partition("## Arguments\n")[2].partition("\n## ")[0])


@pytest.fixture(scope="module")
def found():
    return [message for message in messages.messages(PACKAGE) if message.text not in INTERNAL]


def test_every_message_has_its_entry(found):
    assert len(found) > 600
    assert messages.uncovered(found, messages.patterns(PAGE)) == []


def test_every_entry_has_its_message(found):
    assert len(messages.patterns(PAGE)) > 300
    assert messages.unused(found, messages.patterns(PAGE)) == []


def test_what_is_internal_is_there():
    texts = {message.text for message in messages.messages(PACKAGE)}
    assert set(INTERNAL) <= texts


def test_no_entry_takes_them_all(found):
    """Else a new message would have an entry before it has one."""
    wide = {
        pattern: n
        for pattern in messages.patterns(PAGE)
        if pattern not in FAMILIES
        and (n := sum(bool(messages.expression(pattern).fullmatch(m.text)) for m in found)) > 15
    }
    assert wide == {}


def test_every_entry_has_a_cure():
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            assert len(line.split("|")[-2].split()) >= 2, line


SOURCE = """
import logging
LIMIT = "there are {most} words too many"
logger = logging.getLogger()


def f(x):
    if not x:
        raise ValueError(f"x is {x!r}; it must be an even number")
    if x > 3:
        raise TypeError(LIMIT.format(most=x))
    try:
        logger.warning("%d of %s lines were left out", x, "a")
    except OSError as error:
        raise KeyError(f"{x}: the file " + f"is gone ({error})" if x else "no x was given") from None
    raise StopIteration(str(x))
"""


def test_control_messages_are_found(tmp_path: Path):
    (tmp_path / "a.py").write_text(SOURCE)
    assert [message.text for message in messages.messages(tmp_path)] == [
        "x is …; it must be an even number",
        "there are … words too many",
        "… of … lines were left out",
        "…: the file is gone (…)",
        "no x was given",
    ]


def test_control_a_message_without_an_entry_and_an_entry_without_a_message(tmp_path: Path):
    (tmp_path / "a.py").write_text(SOURCE)
    page = "| message | what to do |\n|---|---|\n| `x is …; it must …` `…: the file …` | Do it |\n"
    page += "| `… of … lines were left out` `no y was given` | a\\|b |\n\n| `other` | table |\n"
    known = messages.patterns(page)
    assert known == ["x is …; it must …", "…: the file …", "… of … lines were left out", "no y was given"]
    found = list(messages.messages(tmp_path))
    assert [line.split(": ", 1)[1] for line in messages.uncovered(found, known)] == [
        "there are … words too many",
        "no x was given",
    ]
    assert messages.unused(found, known) == ["no y was given"]
