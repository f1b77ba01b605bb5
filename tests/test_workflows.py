"""What runs elsewhere: actions that nobody can exchange, rights given one by one, scripts that are there."""

import re
from pathlib import Path

import pytest
from conftest import PROJECT, needs_checkout

yaml = pytest.importorskip("yaml", reason="needs PyYAML")

WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yaml"))
#: Actions named by a tag, since the commit of that tag was not at hand.
BY_TAG = {
    "pypa/cibuildwheel@v3.2.1",
    "actions/attest-build-provenance@v3",
    "github/codeql-action/init@v3",
    "github/codeql-action/analyze@v3",
}
pytestmark = needs_checkout


def complaints(text: str) -> list[str]:
    """What is wrong with a workflow."""
    workflow = yaml.safe_load(text)
    found = [] if workflow.get("permissions") == {} else ["rights for all jobs"]
    for name, job in workflow["jobs"].items():
        found += [] if "permissions" in job else [f"{name}: rights are not said"]
        for step in job["steps"]:
            action = step.get("uses")
            if action and action not in BY_TAG and not re.search(r"@[0-9a-f]{40}$", action):
                found.append(f"{name}: {action} may change")
            scripts = re.findall(
                r"(?:^|\s)((?:tools|\.ci)/\w+)", re.sub(r"test ! -e \S+.*", "", step.get("run", ""))
            )
            found += [
                f"{name}: there is no {script}" for script in scripts if not (PROJECT / script).is_file()
            ]
            if re.search(r"\$\{\{ *github\.event", step.get("run", "")):
                found.append(f"{name}: text of strangers in a command")
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows(path: Path):
    assert complaints(path.read_text(encoding="utf-8")) == []


def test_every_python_is_tried():
    jobs = yaml.safe_load((PROJECT / ".github/workflows/tests.yaml").read_text(encoding="utf-8"))["jobs"]
    assert jobs["suite"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14", "3.14t"]


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        ("permissions: {}", "permissions: write-all", "rights for all jobs"),
        ("    permissions: {contents: read}\n", "", "lint: rights are not said"),
        ("@11bd71901bbe5b1630ceea73d27597364c9af683", "@main", "lint: actions/checkout@main may change"),
        ("run: tools/check", "run: tools/gone", "lint: there is no tools/gone"),
        ("run: tools/check", "run: echo ${{ github.event.x }}", "lint: text of strangers in a command"),
    ],
)
def test_control_slips_are_seen(old: str, new: str, complaint: str):
    text = (PROJECT / ".github/workflows/tests.yaml").read_text(encoding="utf-8")
    assert complaint in complaints(text.replace(old, new, 1))
