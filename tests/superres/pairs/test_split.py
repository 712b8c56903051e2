from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_dwi.errors import BadInputError
from napari_dwi.superres.pairs.split import Split, split_subjects

SUBJECTS = [f"mouse {n}" for n in range(10)]


@given(
    st.sets(st.integers(0, 999), min_size=2, max_size=40),
    st.integers(0, 99),
    st.floats(0, 0.45),
    st.floats(0, 0.45),
)
def test_every_subject_is_in_one_part_and_no_part_that_is_needed_is_empty(
    numbers: set[int], seed: int, validation: float, test: float
) -> None:
    subjects = [f"s{n}" for n in numbers]
    split = split_subjects(subjects, seed=seed, validation=validation, test=test)
    assert sorted(split.subjects) == sorted(subjects)
    assert len(set(split.subjects)) == len(split.subjects)
    assert split.training
    assert split.validation
    assert bool(split.test) == (test > 0 and len(subjects) > 2)


def test_shares_are_kept_and_neither_order_nor_repeats_matter() -> None:
    split = split_subjects(SUBJECTS)
    assert [len(part) for part in (split.training, split.validation, split.test)] == [6, 2, 2]
    assert split_subjects([*reversed(SUBJECTS), *SUBJECTS]) == split
    assert split_subjects(SUBJECTS, seed=1) != split


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((("a", "b"), ("c",), ("a",)), "subject a is in the split twice; .* found training and test"),
        ((("a", "a"), ("c",), ()), "subject a is in the split twice"),
        ((("Mouse 1",), ("mouse  1 ",), ()), "in the split twice"),
        (((), ("c",), ()), "subjects for training and others for validation; found 0 and 1"),
        ((("a",), (), ()), "found 1 and 0"),
    ],
    ids=["training and test", "twice", "spelt differently", "no training", "no validation"],
)
def test_no_subject_is_learnt_from_and_tested_on(parts: tuple[tuple[str, ...], ...], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        Split(*parts)


@pytest.mark.parametrize(
    ("subjects", "shares", "message"),
    [
        (["a"], {}, "pairs of two subjects at least, found a"),
        ([], {}, "found none"),
        (SUBJECTS, {"test": 0.5, "validation": 0.5}, "leave nothing for training"),
        (SUBJECTS, {"test": float("nan")}, "leave nothing for training"),
    ],
    ids=["one subject", "none", "too large shares", "NaN"],
)
def test_what_cannot_be_split_is_told(subjects: list[str], shares: dict[str, float], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        split_subjects(subjects, **shares)
