from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.cli import main
from napari_dwi.scan import Volume, open_volume
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.regions import Regions, add_regions
from napari_dwi.superres.pairs.request import Crop, parse_b_value, parse_crop, parse_slices
from napari_dwi.superres.pairs.store import PairStore

from ..superres.pairs.scans import Scans, make_scans
from ..synthetic import files_below

SCANS = [make_scans(seed=0), make_scans(seed=1, shift=(0.5, 0.5), n_slices=6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``a_low``, ``a_high``, ``b_low`` and ``b_high``, and a table of both; b is displaced."""
    for name, scans in zip("ab", SCANS, strict=True):
        scans.save(tmp_path, name)
    write_table(tmp_path, "A\ta_low.nii.gz\ta_high.nii.gz\t0", "B\tb_low.nii.gz\tb_high.nii.gz\t")
    return tmp_path


def write_table(folder: Path, *rows: str, header: str = "subject\tlow\thigh\texclude") -> None:
    (folder / "pairs.tsv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8-sig")


def pairs(folder: Path, *words: str) -> int:
    return main(["pairs", words[0], str(folder / "s.zarr"), *words[1:]])


def add(folder: Path, *more: str, name: str = "a", subject: str = "A") -> int:
    low, high = (str(folder / f"{name}_{which}.nii.gz") for which in ("low", "high"))
    return pairs(folder, "add", "--low", low, "--high", high, "--subject", subject, *more)


def test_a_pair_is_added_listed_changed_and_removed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(folder, "--exclude", "0,2", "--plane", "oblique", "--name", "first", "--crop", "4:,:30") == 0
    said = capsys.readouterr()
    assert said.out.startswith("first: 2 slices, factor 2, noise ")
    assert pairs(folder, "list", "--json") == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert (facts["name"], facts["subject"], facts["plane"]) == ("first", "A", "oblique")
    assert (facts["excluded"], facts["shape_low"]) == ([0, 2], [28, 30, 4])
    np.testing.assert_array_equal(PairStore(folder / "s.zarr").high("first", 3), SCANS[0].high[8:, :60, 3])
    assert pairs(folder, "list") == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["name", "subject", "plane", "factor"]
    assert row.split()[:6] == ["first", "A", "oblique", "2", "28x30x4", "56x60x4"]
    assert pairs(folder, "exclude", "first", "3") == 0
    assert capsys.readouterr().out == "first: 3 left out, 3 slices are learnt from\n"
    assert pairs(folder, "exclude", "first", "none") == 0
    assert capsys.readouterr().out == "first: no slice left out, 4 slices are learnt from\n"
    assert pairs(folder, "remove", "first") == 0
    assert PairStore(folder / "s.zarr").facts() == ()


def test_a_table_is_added_and_can_be_added_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = ["--table", str(folder / "pairs.tsv")]
    assert pairs(folder, "add", *table) == 0
    said = capsys.readouterr()
    assert [line.split(",")[0] for line in said.out.splitlines()] == [
        "A-axial: 3 slices",
        "B-axial: 6 slices",
    ]
    assert "! B-axial: the high-resolution images were displaced by" in said.err
    assert "! A-axial" not in said.err
    before = files_below(folder)
    assert pairs(folder, "add", *table) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("already, left as it is") == 2
    assert files_below(folder) == before


def test_a_row_that_cannot_be_added_is_named_and_those_before_it_stay(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(folder, "A\ta_low.nii.gz\ta_high.nii.gz\t", "B\tb_low.nii.gz\ta_high.nii.gz\t")
    assert pairs(folder, "add", "--table", str(folder / "pairs.tsv")) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(
        f"napari-dwi: {folder}/pairs.tsv, line 3: {folder}/b_low.nii.gz and {folder}/a_high"
    )
    assert "the two volumes do not show the same slices" in line
    assert [facts.name for facts in PairStore(folder / "s.zarr").facts()] == ["A-axial"]


ROW = "A\ta_low.nii.gz\ta_high.nii.gz\t"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            ("subject\tlow", "A\tx"),
            "pairs.tsv: not a table of pairs; expected the columns subject, low, high",
        ),
        (("subject\tlow\thigh\tslices", ROW), "found subject, low, high, slices and 1 rows"),
        (("subject,low,high", "A,b,c"), "Columns are separated by tabs."),
        (("subject\tlow\thigh\texclude",), "and 0 rows"),
        (("subject\tlow\thigh\texclude", "A\tx"), "line 2: this row does not have as many columns"),
        (("subject\tlow\thigh\texclude", ROW, ROW + "\tmore"), "line 3: this row does not have as many"),
        (("subject\tlow\thigh\texclude", ROW, "\tx\ty\t"), "line 3: there is no subject"),
        (
            ("subject\tlow\thigh\texclude", ROW, ROW + "0;1"),
            "line 3: not slice numbers; expected numbers as in",
        ),
        (("subject\tlow\thigh\tcrop", ROW, ROW + "1:2"), "line 3: not a part of a slice"),
        (("subject\tlow\thigh\tb", ROW, ROW + "high"), "line 3: not a b-value"),
        (("subject\tlow\thigh\texclude", "A\tx.nii\ty.nii\t"), "line 2: "),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else str(len(value)),
)
def test_a_table_with_a_fault_is_one_line_and_no_store(
    folder: Path, capsys: pytest.CaptureFixture[str], table: tuple[str, ...], message: str
) -> None:
    write_table(folder, *table[1:], header=table[0])
    assert pairs(folder, "add", "--table", str(folder / "pairs.tsv")) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("napari-dwi:")]
    assert len(said) == 1
    assert message in said[0]
    assert not (folder / "s.zarr").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "--low", "x.nii"], "--high, --subject not given. Give them all, or --table."),
        (["add", "--table", "x.tsv", "--subject", "A"], "--subject does not go with --table"),
        (["add", "--table", "none.tsv"], "none.tsv: cannot be read; expected a table of pairs"),
        (["list"], "s.zarr: cannot be read; expected a store of pairs"),
        (["remove", "x"], "s.zarr: cannot be read"),
        (["exclude", "x", "0"], "s.zarr: cannot be read"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_bad_choices_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    before = files_below(folder)
    assert pairs(folder, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert files_below(folder) == before


def test_what_is_not_in_the_store_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(folder) == 0
    capsys.readouterr()
    for words, message in (
        (["exclude", "x", "0"], "no pair is called x; expected one of: A-axial"),
        (["exclude", "A-axial", "4"], "no such slice; expected numbers from 0 to 3, found 4"),
        (["exclude", "A-axial", "0-2"], "not slice numbers"),
        (["exclude", "A-axial", "0,1,2,3"], "no slice of A-axial would be left"),
        (["remove", "x"], "no pair is called x"),
    ):
        assert pairs(folder, *words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line


def test_scans_that_make_no_pair_are_one_line_and_no_store(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = SCANS[0]
    Scans(one.high, one.low, one.high_grid, one.low_grid).save(folder, "swapped")
    assert add(folder, name="swapped") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "resolutions of the two volumes do not make a pair" in line
    assert line.endswith("Are the two swapped?")
    assert not (folder / "s.zarr").exists()


def test_slices_parts_and_b_values_are_read_as_typed() -> None:
    assert parse_slices("0, 5,17") == (0, 5, 17)
    assert parse_slices("none") == parse_slices(" ") == ()
    assert parse_crop("10:140,20:") == Crop((10, 140), (20, None))
    assert parse_crop(":,:5") == Crop((0, None), (0, 5))
    assert parse_crop("") == Crop()
    assert (parse_b_value("800"), parse_b_value("")) == (800.0, None)


def score(folder: Path, *more: str) -> int:
    return pairs(
        folder, "score", "--method", "zero-fill", "--device", "cpu", "--out", str(folder / "o"), *more
    )


def draw_regions(folder: Path) -> Path:
    """A region and a background in the second slice of the low-resolution scan."""
    labels = np.zeros(SCANS[0].low_grid.shape, np.float32)
    labels[8:14, 8:14, 1], labels[16:28, 4:28, 1] = 1, 2
    regions = Regions(Volume(labels, SCANS[0].low_grid, "labels"), {1: "lesion", 2: "background"})
    (folder / "rois").mkdir()
    with file_set(folder / "rois") as files:
        add_regions(files, regions, folder / "rois" / "A-axial.nii.gz")
    return folder / "rois"


def test_pairs_are_scored_with_the_contrast_of_regions(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(folder)
    capsys.readouterr()
    assert score(folder, "--rois", str(draw_regions(folder))) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split()[:2] == ["pair", "slices"]
    assert said[1].split()[:2] == ["A-axial", "4"]
    assert "lesion" in said[-1]
    out = folder / "o"
    slices = [line.split("\t") for line in (out / "slices.tsv").read_text().splitlines()]
    assert slices[0][:5] == ["pair", "subject", "plane", "slice", "mse_low"]
    assert [row[3] for row in slices[1:]] == ["0", "1", "2", "3"]
    header, row = (line.split("\t") for line in (out / "cnr.tsv").read_text().splitlines())
    found = dict(zip(header, row, strict=True))
    assert (found["subject"], found["plane"], found["slice"], found["region"]) == (
        "A",
        "axial",
        "1",
        "lesion",
    )
    assert all(np.isfinite(float(found[key])) for key in ("cnr_low", "cnr_made", "cnr_high"))
    how = json.loads((out / "scores.json").read_text())
    assert (how["Method"], how["Pairs"]) == ("zero-fill", ["A-axial"])
    made = open_volume(out / "A-axial_desc-superres_image.nii.gz")
    assert made.grid.same_as(SCANS[0].high_grid)
    left = [
        open_volume(out / f"A-axial_desc-{name}_image.nii.gz").data
        for name in ("lowresidual", "superresresidual")
    ]
    np.testing.assert_allclose(left[1], SCANS[0].high - made.data, atol=0.01)
    assert left[0].shape == left[1].shape
    assert (out / "A-axial_residuals.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--rois", "nowhere"), "no regions for any of these pairs"),
        (("--pairs", "C"), "no pair is called C"),
        (("--checkpoint", "x.safetensors"), "zero-fill takes no checkpoint"),
    ],
    ids=["regions", "pair", "checkpoint"],
)
def test_what_cannot_be_scored_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], said: str
) -> None:
    add(folder)
    capsys.readouterr()
    assert score(folder, *more) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "o" / "slices.tsv").exists()
