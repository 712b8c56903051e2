from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import napari_dwi.denoise
from napari_dwi.errors import BadInputError
from napari_dwi.methods.registry import all_methods, find_method, methods_of

NEW_FILE = """
from napari_dwi.denoise._denoising import DenoiseParameters, denoiser
from napari_dwi.methods.method import Method

METHOD = Method(
    name="as-it-is",
    title="As it is",
    task="denoise",
    summary="Leaves the series as it is.",
    reference="-",
    parameters=DenoiseParameters,
    run=denoiser("as-it-is", lambda inputs, parameters, context, targets: inputs.series.signal[..., targets]),
)
"""


@pytest.fixture
def another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files count as files of denoise/ too."""
    monkeypatch.setattr(napari_dwi.denoise, "__path__", [*napari_dwi.denoise.__path__, str(tmp_path)])
    all_methods.cache_clear()
    yield tmp_path
    all_methods.cache_clear()
    for name in ("as_it_is", "not_a_method"):
        sys.modules.pop(f"napari_dwi.denoise.{name}", None)


def test_every_file_of_denoise_is_a_method() -> None:
    files = Path(napari_dwi.denoise.__path__[0]).glob("[!_]*.py")
    expected = {file.stem.replace("_", "-") for file in files}
    assert {method.name for method in methods_of("denoise")} == expected
    assert {"bl-inr", "gaussian"} <= expected


def test_a_new_file_appears_by_itself(another_folder: Path) -> None:
    (another_folder / "as_it_is.py").write_text(NEW_FILE)
    assert find_method("as-it-is", "denoise").title == "As it is"


def test_files_without_a_method_and_shared_parts_are_no_methods(another_folder: Path) -> None:
    before = {method.name for method in all_methods()}
    all_methods.cache_clear()
    (another_folder / "not_a_method.py").write_text("VALUE = 1\n")
    (another_folder / "_as_it_is.py").write_text(NEW_FILE)
    assert {method.name for method in all_methods()} == before


def test_names_are_unique_and_titles_in_order() -> None:
    methods = methods_of("denoise")
    assert len({method.name for method in all_methods()}) == len(all_methods())
    titles = [method.title.lower() for method in methods]
    assert titles == sorted(titles)


def test_each_method_is_found_by_its_name() -> None:
    for method in all_methods():
        assert find_method(method.name) is method
        assert find_method(method.name, method.task) is method


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match=r"no method is called gausian; expected one of .*gaussian"):
        find_method("gausian")


def test_a_method_of_another_task_is_not_found() -> None:
    with pytest.raises(BadInputError, match="no method is called gaussian"):
        find_method("gaussian", "fit")
