from __future__ import annotations

import importlib.util

import pytest

from napari_dwi.denoise.bm4d import METHOD
from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.running import run_method

from ..synthetic import make_series


@pytest.mark.skipif(importlib.util.find_spec("bm4d") is not None, reason="the extra bm4d is installed")
def test_without_the_extra_it_is_named() -> None:
    with pytest.raises(
        BadInputError, match=r"BM4D is not installed; expected the extra napari-dwi\[bm4d\]"
    ) as (caught):
        run_method(METHOD, METHOD.settings(), Inputs(make_series().series))
    assert "pip install" in str(caught.value)
    assert "non-commercial" in str(caught.value)


def test_its_licence_is_said_before_it_is_used() -> None:
    assert "non-commercial" in METHOD.title
    assert "non-commercial" in METHOD.summary
