"""The house of CONTRIBUTING.md: imports go downwards only, and importing is cheap."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
PACKAGE = SOURCE / "napari_dwi"

# From the ground up; those on one floor do not know each other.
FLOORS = (
    {"napari_dwi"},
    {"errors", "text"},
    {"scan"},
    {"physics"},
    {"measure"},
    {"methods"},
    {"denoise", "fit", "superres"},
    {"cohort"},
    {"cli"},
    {"__main__"},
    {"gui"},
)
HEIGHT = {part: height for height, parts in enumerate(FLOORS) for part in parts}

WINDOWS = {"magicgui", "napari", "pyqtgraph", "qtpy", "superqt", "vispy", "PyQt6", "PySide6"}
SLOW = {"dask", "distributed", "matplotlib", "optuna", "scipy", "skimage", "torch", "zarr"}


class Import(NamedTuple):
    """One name that one module imports."""

    line: int
    target: str


def part_of(module: str) -> str:
    """The part of the house a module belongs to: ``scan`` for ``napari_dwi.scan.grid``."""
    return module.split(".")[1] if "." in module else module


def module_name(file: Path) -> str:
    names = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imports_of(file: Path) -> list[Import]:
    """Every import in a file, wherever it stands, with relative ones made absolute."""
    package = list(file.relative_to(SOURCE).parts[:-1])
    found: list[Import] = []

    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.extend(Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            if base == "napari_dwi":
                # `from napari_dwi import scan` reaches the part `scan`; other names live in __init__.
                names = (alias.name for alias in node.names)
                targets = [f"{base}.{name}" if is_part(name) else base for name in names]
            else:
                targets = [base]
            found.extend(Import(node.lineno, target) for target in targets)
    return found


def is_part(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def broken_rules(file: Path) -> list[str]:
    """What a file imports that it must not know, one line each."""
    part = part_of(module_name(file))
    broken = []
    for line, target in imports_of(file):
        root = target.split(".")[0]
        if root in WINDOWS and part != "gui":
            broken.append(f"line {line}: {target} may be imported in gui/ only")
        if root != "napari_dwi" or part_of(target) == part:
            continue
        below = part_of(target)
        if HEIGHT[below] >= HEIGHT[part]:
            broken.append(f"line {line}: {part} must not know {below}")
    return broken


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_a_module_imports_only_from_the_floors_below(file: Path) -> None:
    assert part_of(module_name(file)) in HEIGHT, "a new part of the house needs a floor in FLOORS"
    assert broken_rules(file) == []


@pytest.mark.parametrize(
    ("module", "line", "rule"),
    [
        ("scan/x.py", "from napari_dwi.methods import Method", "scan must not know methods"),
        ("scan/x.py", "from napari_dwi import measure", "scan must not know measure"),
        ("fit/x.py", "from ..denoise import tmppca", "fit must not know denoise"),
        ("denoise/x.py", "def f():\n    import napari_dwi.superres", "denoise must not know superres"),
        ("cli/x.py", "import napari_dwi.gui", "cli must not know gui"),
        ("measure/x.py", "from qtpy.QtCore import QObject", "qtpy.QtCore may be imported in gui/ only"),
    ],
)
def test_the_check_of_the_floors_sees_what_breaks_them(
    module: str, line: str, rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = tmp_path / "napari_dwi"
    for part in ("measure", "methods"):
        (house / part).mkdir(parents=True)
    file = house / module
    file.parent.mkdir(exist_ok=True)
    file.write_text(line)
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    monkeypatch.setitem(globals(), "PACKAGE", house)
    assert [text.split(": ")[1] for text in broken_rules(file)] == [rule]


def first_importers(modules: list[str], unwanted: set[str]) -> dict[str, str]:
    """Import modules one after the other in a fresh Python: unwanted package -> who brought it in."""
    script = """if True:
        import importlib, json, sys
        modules, unwanted = json.loads(sys.argv[1])
        culprits = {}
        for module in modules:
            importlib.import_module(module)
            for root in {name.partition(".")[0] for name in sys.modules} & set(unwanted):
                culprits.setdefault(root, module)
        print(json.dumps(culprits))
    """
    ran = subprocess.run(
        [sys.executable, "-c", script, json.dumps([modules, sorted(unwanted)])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_importing_the_package_brings_in_nothing_large() -> None:
    assert first_importers(["napari_dwi"], WINDOWS | SLOW | {"numpy", "nibabel", "pydicom"}) == {}


def test_importing_all_below_the_windows_brings_in_neither_windows_nor_slow_libraries() -> None:
    modules = [module_name(file) for file in FILES]
    below = [name for name in modules if part_of(name) not in ("gui", "__main__")]
    # A module with an underscore is a part of a method, imported when its job starts.
    public = [name for name in below if not name.rpartition(".")[2].startswith("_")]
    assert first_importers(public, WINDOWS | SLOW) == {}
