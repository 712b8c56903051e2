from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_every_fault_has_its_row() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "faults.md").read_text(), flags=re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 46))


def test_tests_named_in_the_table_of_faults_exist() -> None:
    named = re.findall(r"`(tests/[\w/.]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "faults.md").read_text())
    assert len(named) > 100
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file() or (name and f"def {name}(" not in (ROOT / file).read_text())
    ]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_scripts_named_exist(document: Path) -> None:
    for script in re.findall(r"`(?:python )?((?:benchmarks|tools)/[\w.]+)", document.read_text()):
        assert (ROOT / script).exists(), script
