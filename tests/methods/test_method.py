from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Context, Inputs, Method, Output, OutputImage
from napari_dwi.methods.parameters import Parameters, whole
from napari_dwi.scan import Grid, Volume

from ..synthetic import make_grid, make_series


@dataclass(frozen=True, kw_only=True)
class Settings(Parameters):
    passes: int = whole(3, low=1, high=9, help="How often.")


def nothing(inputs: Inputs, parameters: Settings, context: Context) -> Output:  # noqa: ARG001
    return Output(())


METHOD = Method(
    "none", "None", "denoise", "Does nothing.", "-", Settings, nothing, presets={"thorough": {"passes": 9}}
)


@pytest.fixture
def inputs() -> Inputs:
    scan = make_series()
    mask = Volume(scan.tissue.astype(np.float32), scan.series.grid, "mask", name="mask")
    return Inputs(scan.series, (scan.anatomy,), mask)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("margin", [0, 1, 2])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_slab_holds_the_slice_and_its_neighbours_where_they_were(
    inputs: Inputs, axis: int, margin: int, place: str
) -> None:
    size = inputs.series.grid.shape[axis]
    index = {"first": 0, "middle": size // 2, "last": size - 1}[place]
    slab, index_in_slab = inputs.slab(axis, index, margin)

    first, last = max(0, index - margin), min(size - 1, index + margin)
    kept = np.arange(first, last + 1)
    assert kept[index_in_slab] == index
    assert slab.mask is not None
    assert inputs.mask is not None
    np.testing.assert_array_equal(slab.series.signal, inputs.series.signal.take(kept, axis))
    np.testing.assert_array_equal(slab.anatomy[0].data, inputs.anatomy[0].data.take(kept, axis))
    np.testing.assert_array_equal(slab.mask.data, inputs.mask.data.take(kept, axis))

    corner = np.zeros(3)
    corner[axis] = first
    grid = slab.series.grid
    np.testing.assert_allclose(grid.to_mm((0, 0, 0)), inputs.series.grid.to_mm(corner))
    np.testing.assert_allclose(grid.to_mm((1, 1, 1)), inputs.series.grid.to_mm(corner + 1))
    assert grid.affine_source == inputs.series.grid.affine_source
    assert slab.series.b_values is inputs.series.b_values
    assert slab.series.source is inputs.series.source


def test_a_slab_without_anatomy_and_mask_has_none(inputs: Inputs) -> None:
    slab, _ = Inputs(inputs.series).slab(2, 1, 1)
    assert slab.anatomy == ()
    assert slab.mask is None


@pytest.mark.parametrize(
    "grid",
    [
        make_grid((20, 18, 5)),
        make_grid(spacing_mm=(2.0, 2.5, 5.1)),
        Grid(make_grid().shape, np.diag([2.0, 2.5, 5.0, 1.0])),
    ],
    ids=["size", "spacing", "place"],
)
@pytest.mark.parametrize("part", ["anatomy", "mask"])
def test_an_image_that_lies_elsewhere_is_refused(inputs: Inputs, grid: Grid, part: str) -> None:
    elsewhere = Volume(np.ones(grid.shape, np.float32), grid, name="T2")
    with pytest.raises(BadInputError, match="T2 does not lie on the grid of the series"):
        replace(inputs, **{part: (elsewhere,) if part == "anatomy" else elsewhere})


def test_chunks_shrink_with_the_scale_and_never_vanish() -> None:
    assert Context().chunk(1000) == 1000
    assert Context(chunk_scale=0.25).chunk(1000) == 250
    assert Context(chunk_scale=0.25).chunk(3) == 1


def test_an_output_gives_its_images_by_role(inputs: Inputs) -> None:
    first = OutputImage("denoised", "desc-a_dwi", inputs.series, "The result")
    second = OutputImage("residual", "desc-b_dwi", inputs.anatomy[0], "The rest")
    output = Output((first, second))
    assert output.image("denoised") is inputs.series
    assert output.image("residual") is inputs.anatomy[0]


def test_settings_are_the_defaults_or_a_preset() -> None:
    assert METHOD.settings() == Settings()
    assert METHOD.settings("thorough") == Settings(passes=9)


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match="none has no preset quick; expected one of thorough"):
        METHOD.settings("quick")
    with pytest.raises(BadInputError, match="expected no preset"):
        replace(METHOD, presets={}).settings("quick")
