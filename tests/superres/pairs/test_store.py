from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_dwi.errors import BadInputError, CannotWriteError, Stopped
from napari_dwi.superres.pairs.store import PairStore
from napari_dwi.superres.pairs.subjects import KnownPairError

from ...synthetic import files_below
from .scans import make_facts, make_images


@pytest.fixture
def store(tmp_path: Path) -> PairStore:
    """With one pair, ``a-1``."""
    made = PairStore.create(tmp_path / "pairs.zarr")
    facts = make_facts()
    made.add(facts, *make_images(facts))
    return made


def test_what_was_added_is_there_to_the_last_slice(store: PairStore) -> None:
    low, high = make_images(make_facts())
    again = PairStore(store.path)
    assert again.facts() == (make_facts(),)
    for z in range(5):
        np.testing.assert_array_equal(again.low("a-1", z), low[z])
        np.testing.assert_array_equal(again.high("a-1", z), high[z])
    assert again.high("a-1", 4).dtype == np.float32


def test_it_is_zarr_v3_with_a_slice_a_chunk_and_few_files(store: PairStore) -> None:
    group = zarr.open_group(store.path, mode="r")
    assert group.metadata.zarr_format == 3
    low = group["a-1/low"]
    assert low.chunks == (1, 8, 9)
    np.testing.assert_array_equal(low[:], make_images(make_facts())[0])
    assert len(files_below(store.path / "a-1")) == 5


def test_pairs_are_listed_by_name_and_removed_without_trace(store: PairStore) -> None:
    before = files_below(store.path)
    for name in ("Z", "b 2"):
        facts = make_facts(name, "b")
        store.add(facts, *make_images(facts))
    assert [facts.name for facts in store.facts()] == ["Z", "a-1", "b 2"]
    store.remove("Z")
    store.remove("b 2")
    assert files_below(store.path) == before


def test_slices_are_left_out_and_come_back(store: PairStore) -> None:
    store.exclude("a-1", [4, 0, 4])
    assert store.facts()[0].excluded == (0, 4)
    assert store.facts()[0].used == (1, 2, 3)
    store.exclude("a-1", [2])
    assert store.facts()[0].excluded == (2,)
    np.testing.assert_array_equal(store.low("a-1", 2), make_images(make_facts())[0][2])


def test_slices_without_values_are_kept_out(store: PairStore) -> None:
    facts = make_facts("b-1", "b", excluded=(3,))
    low, high = make_images(facts)
    high[3, 2, 2] = np.nan
    store.add(facts, low, high)
    with pytest.raises(BadInputError, match=r"no value .* in slices 3\. Leave these slices out"):
        store.exclude("b-1", [1])
    assert store.facts_of("b-1").excluded == (3,)
    store.exclude("b-1", [1, 3])
    low[1, 0, 0] = np.inf
    with pytest.raises(BadInputError, match=r"no value .* in slices 1\."):
        store.add(make_facts("b-2", "b", excluded=(3,)), low, high)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "A-1"}, "there is a pair called a-1 already"),
        ({"subject": " A"}, "written in another way in the store; expected a, found"),
        ({"subject": "b", "sources": ("low", "high")}, "in the store already as one of subject a"),
    ],
    ids=["name", "spelling", "image of another subject"],
)
def test_pairs_and_subjects_are_kept_apart(store: PairStore, changes: dict[str, str], message: str) -> None:
    facts = make_facts("a-2", sources=("low", "other"))
    store.add(facts, *make_images(facts))
    before = files_below(store.path)
    again = make_facts(**({"name": "a-3", "sources": ("x", "y")} | changes))
    with pytest.raises(BadInputError, match=message):
        store.add(again, *make_images(again))
    assert files_below(store.path) == before


def test_the_very_pair_is_known(store: PairStore) -> None:
    facts = make_facts("a-2", sources=("low", "high"))
    store.add(facts, *make_images(facts))
    with pytest.raises(KnownPairError):
        store.add(facts, *make_images(facts))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../a"}, "not a name for a pair"),
        ({"name": ".a"}, "not a name for a pair"),
        ({"name": "a."}, "not a name for a pair"),
        ({"name": ""}, "not a name for a pair"),
        ({"subject": " "}, "needs a subject"),
        ({"factor": 5}, "not a factor"),
        ({"shape_high": (16, 16, 5)}, "do not fit together"),
        ({"scale": 0.0}, "a scale above 0"),
        ({"sigma_low": float("nan")}, "a scale above 0"),
        ({"excluded": (5,)}, "no such slice; expected numbers from 0 to 4, found 5"),
        ({"excluded": (-1,)}, "no such slice"),
        ({"excluded": range(5)}, "no slice of a-1 would be left"),
    ],
    ids=str,
)
def test_there_are_no_such_pairs(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        make_facts(**changes)  # type: ignore[arg-type]


def test_what_is_not_there_is_told(store: PairStore) -> None:
    for call in (
        store.facts_of,
        store.remove,
        lambda name: store.low(name, 0),
        lambda n: store.exclude(n, ()),
    ):
        for name in ("none", "../pairs.zarr", ".", ""):
            with pytest.raises(BadInputError, match=r"no pair is called .*; expected one of: a-1"):
                call(name)
    with pytest.raises(BadInputError, match=r"a-1: slice 5 \(high resolution\) cannot be read"):
        store.high("a-1", 5)


def test_a_damaged_slice_is_noticed_and_the_others_can_be_read(store: PairStore) -> None:
    file = next(path for path in (store.path / "a-1" / "low" / "c").rglob("*") if path.is_file())
    content = bytearray(file.read_bytes())
    content[300] ^= 1
    file.write_bytes(content)
    readable = list[int]()
    for z in range(5):
        with contextlib.suppress(BadInputError):
            store.low("a-1", z)
            readable.append(z)
    assert len(readable) == 4
    (damaged,) = set(range(5)) - set(readable)
    with pytest.raises(BadInputError, match="remove it and add it again") as caught:
        store.low("a-1", damaged)
    assert len(str(caught.value).splitlines()) == 1


def test_a_lost_file_is_not_taken_for_slices_without_values(store: PairStore) -> None:
    facts = make_facts("b-1", "b", excluded=(2,))
    low, high = make_images(facts)
    low[2] = np.nan
    store.add(facts, low, high)
    assert np.isnan(store.low("b-1", 2)).all()
    for file in (store.path / "b-1" / "low" / "c").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(BadInputError, match=r"slice 1 \(low resolution\) cannot be read; .* is missing"):
        store.low("b-1", 1)
    store.remove("b-1")
    store.add(facts, low, high)
    np.testing.assert_array_equal(store.low("b-1", 1), low[1])


@pytest.mark.parametrize("said", ["{", '{"zarr_format": 3, "node_type": "group", "attributes": {}}', None])
def test_what_is_no_store_is_refused(tmp_path: Path, said: str | None) -> None:
    if said is not None:
        (tmp_path / "zarr.json").write_text(said)
    with pytest.raises(BadInputError, match=r"not a store|cannot be read"):
        PairStore(tmp_path)


def test_a_store_of_the_future_and_a_pair_that_says_nonsense_are_refused(store: PairStore) -> None:
    path = store.path / "a-1" / "zarr.json"
    said = json.loads(path.read_text())
    said["attributes"]["napari-dwi"]["scale"] = "bright"
    path.write_text(json.dumps(said))
    with pytest.raises(BadInputError, match="scale cannot be used; expected a finite number"):
        store.facts()
    path = store.path / "zarr.json"
    path.write_text(path.read_text().replace('"Version": 1', '"Version": 2'))
    with pytest.raises(BadInputError, match="not a store of pairs that this version can read"):
        PairStore(store.path)


def test_nothing_is_made_where_there_is_something(store: PairStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (store.path, tmp_path, tmp_path / "file"):
        with pytest.raises(CannotWriteError, match="something of that name already"):
            PairStore.create(place)
    with pytest.raises(CannotWriteError, match="cannot be written"):
        PairStore.create(tmp_path / "file" / "below")
    (tmp_path / "empty").mkdir()
    assert PairStore.create(tmp_path / "empty").facts() == ()


def test_stopping_leaves_the_store_as_it_was(store: PairStore) -> None:
    before = files_below(store.path)
    facts = make_facts("b-1", "b")

    def stop(share: float) -> None:
        if share > 0:
            raise Stopped

    with pytest.raises(Stopped):
        store.add(facts, *make_images(facts), stop)
    assert files_below(store.path) == before


# Adds a pair in a process of its own and has the system kill it in the middle.
_KILLED = """if True:
    import os, signal, sys
    from napari_dwi.superres.pairs.store import PairStore
    from scans import make_facts, make_images
    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)
    moment, facts = sys.argv[2], make_facts("b-1", "b")
    if moment == "last file":
        os.fsync = die
    report = {"first file": die, "second image": lambda share: die() if share else None}
    PairStore(sys.argv[1]).add(facts, *make_images(facts), report.get(moment, lambda share: None))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["first file", "second image", "last file"])
def test_an_import_that_is_killed_leaves_no_half_pair(store: PairStore, moment: str) -> None:
    before = files_below(store.path)
    ran = subprocess.run(
        [sys.executable, "-c", _KILLED, str(store.path), moment],
        cwd=Path(__file__).parent,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == -9, ran.stderr
    left = files_below(store.path).keys() - before.keys()
    assert left
    assert [facts.name for facts in PairStore(store.path).facts()] == ["a-1"]
    facts = make_facts("b-1", "b")
    store.add(facts, *make_images(facts))
    assert not left & files_below(store.path).keys()
    np.testing.assert_array_equal(store.high("b-1", 4), make_images(facts)[1][4])


_ON_FULL_DISK = """if True:
    import resource, signal, sys
    from napari_dwi.errors import CannotWriteError
    from napari_dwi.superres.pairs.store import PairStore
    from scans import make_facts, make_images
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    facts = make_facts("b-1", "b")
    try:
        PairStore(sys.argv[1]).add(facts, *make_images(facts))
    except CannotWriteError as err:
        print(err)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_one_line_and_leaves_the_store_as_it_was(store: PairStore) -> None:
    before = files_below(store.path)
    ran = subprocess.run(
        [sys.executable, "-c", _ON_FULL_DISK, str(store.path)],
        cwd=Path(__file__).parent,
        check=True,
        capture_output=True,
        text=True,
    )
    (line,) = ran.stdout.splitlines()
    assert "b-1: cannot be written; found File too large" in line
    assert files_below(store.path) == before


def test_a_pair_larger_than_the_disk_is_refused_before_anything_is_written(
    store: PairStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_below(store.path)
    monkeypatch.setattr("napari_dwi.superres.pairs.store._SPARE_DISK", 1e12)
    facts = make_facts("b-1", "b")
    with pytest.raises(CannotWriteError, match=r"no room for this pair; expected .* GB, found .* GB free"):
        store.add(facts, *make_images(facts))
    assert files_below(store.path) == before


def test_without_zarr_the_extra_is_named(tmp_path: Path) -> None:
    script = f"""if True:
        import sys
        sys.modules["zarr"] = None
        from napari_dwi.superres.pairs.store import PairStore
        PairStore.create({str(tmp_path / "new")!r})"""
    ran = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert "extra 'train', which is not installed. Run pip install \"napari-dwi[train]\"." in ran.stderr
