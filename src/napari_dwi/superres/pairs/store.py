"""A folder of pairs of scans: zarr v3 arrays, of which every slice can be read by itself."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError, CannotWriteError
from napari_dwi.methods.strict_json import from_json, to_json
from napari_dwi.scan.file_set import disk_errors
from napari_dwi.scan.partial_files import is_stale_partial, partial_name
from napari_dwi.superres.pairs.pair import PairFacts, checked_slices
from napari_dwi.superres.pairs.subjects import check_new_pair

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

_WHAT = {"Description": "napari-dwi pairs of low and high resolution", "Version": 1}
_DAMAGED = "If the pair is damaged, remove it and add it again."
# A little more than the voxels take, for what lies around them.
_SPARE_DISK = 1.02


class PairStore:
    """Pairs of scans in one folder.

    The folder is a zarr v3 group with a group for every pair, which holds the arrays ``low`` and
    ``high`` with the axes (slice, row, column), float32 in scanner units, and the `PairFacts` as its
    attributes. A pair is written under a temporary name and gets its own at the end, so that it is there
    whole or not at all, whenever the process may be killed.

    Parameters
    ----------
    path : path or str
        The folder.

    Raises
    ------
    BadInputError
        If it is no such folder, or zarr is not installed.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._opened: dict[tuple[str, str], Any] = {}
        said = _said_of(self.path, "a store of pairs (napari-dwi pairs add makes one)")
        if said != _WHAT:
            raise BadInputError(
                "not a store of pairs that this version can read", file=self.path, expected=_WHAT, found=said
            )

    @staticmethod
    def may_be_made(path: Path | str) -> bool:
        """Whether there is nothing yet where a store is to be, or an empty folder."""
        folder = Path(path)
        return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))

    @classmethod
    def create(cls, path: Path | str) -> PairStore:
        """A new store without pairs.

        Raises
        ------
        CannotWriteError
            If there is something of that name already, or the disk refuses it.
        """
        folder = Path(path)
        files = _zarr_files()
        with disk_errors(folder):
            if not cls.may_be_made(folder):
                raise CannotWriteError(
                    "there is something of that name already",
                    file=folder,
                    remedy="Choose another name for the store.",
                )
            files.make_group(folder, _WHAT)
        return cls(folder)

    def facts(self) -> tuple[PairFacts, ...]:
        """What is known of every pair, in the order of their names."""
        folders = sorted(
            folder
            for folder in self.path.iterdir()
            # Others, such as that of a run, have no place here but do no harm.
            if not folder.name.startswith(".") and (folder / "zarr.json").is_file()
        )
        return tuple(self.facts_of(folder.name) for folder in folders)

    def facts_of(self, name: str) -> PairFacts:
        """What is known of one pair.

        Raises
        ------
        BadInputError
            If there is no such pair, or its folder is damaged.
        """
        folder = self._folder_of(name)
        if not folder.is_dir():
            raise self._no_such_pair(name)
        said = _said_of(folder, "a pair of images", remedy=_DAMAGED)
        facts = from_json(PairFacts, said, folder / "zarr.json")
        # The folder's name is the name: nothing can be found under another.
        return replace(facts, name=name)

    def low(self, name: str, z: int) -> NDArray[np.float32]:
        """One slice of low resolution, shape (h, w), in scanner units."""
        return self._slice(name, "low", z)

    def high(self, name: str, z: int) -> NDArray[np.float32]:
        """One slice of high resolution, shape (H, W), in scanner units.

        Voxel (factor * i, factor * j) lies where voxel (i, j) of the low-resolution slice does: what was
        found displaced at import has been put right in the store (see `PairFacts.corrected`).
        """
        return self._slice(name, "high", z)

    def add(
        self,
        facts: PairFacts,
        low: NDArray[np.float32],
        high: NDArray[np.float32],
        report: Callable[[float], None] = lambda _fraction: None,
    ) -> None:
        """Add a pair, or leave the store as it is.

        Parameters
        ----------
        facts : PairFacts
            What is known of it.
        low, high : ndarray, float32, shape (n_slices, h, w) and (n_slices, H, W)
            Both volumes in scanner units, aligned: ``high[:, factor * i, factor * j]`` lies where
            ``low[:, i, j]`` does. NaN only in slices that are excluded.
        report : callable
            Told the fraction done, 0 to 1, now and then; may raise to stop.

        Raises
        ------
        BadInputError
            If a pair has this name, the subject is written in another way in the store, the images are
            another subject's, or a slice has voxels without a value.
        CannotWriteError
            If the disk has no room or refuses it.
        """
        check_new_pair(facts, self.facts(), self.path)
        _check_images(facts, low, high)
        files = _zarr_files()
        self._remove_leftovers()
        self._check_room(low.nbytes + high.nbytes)
        partial = self.path / partial_name(facts.name, uuid.uuid4().hex[:8])
        try:
            with disk_errors(self._folder_of(facts.name)):
                files.make_group(partial, to_json(facts))
                files.write_images(partial, {"low": low, "high": high}, report)
                _sync(partial)
                # On Unix an empty folder would give way silently, but names are checked above.
                partial.rename(self._folder_of(facts.name))
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def exclude(self, name: str, slices: Collection[int]) -> None:
        """Have exactly these slices left out from now on; those that were left out before come back.

        Raises
        ------
        BadInputError
            If there is no such pair or slice, none would be left, or one that comes back has voxels
            without a value.
        CannotWriteError
            If the disk refuses it.
        """
        facts = self.facts_of(name)
        wanted = checked_slices(tuple(int(z) for z in slices), facts.n_slices, name)
        bad = [
            z
            for z in sorted(set(facts.excluded) - set(wanted))
            if not (np.isfinite(self.low(name, z)).all() and np.isfinite(self.high(name, z)).all())
        ]
        if bad:
            raise _without_value(name, bad)
        with disk_errors(self._folder_of(name)):
            _zarr_files().say_of(self._folder_of(name), to_json(replace(facts, excluded=wanted)))

    def remove(self, name: str) -> None:
        """Delete a pair.

        Raises
        ------
        BadInputError
            If there is none of that name.
        CannotWriteError
            If the disk refuses it.
        """
        folder = self._folder_of(name)
        if not folder.is_dir():
            raise self._no_such_pair(name)
        for side in ("low", "high"):
            self._opened.pop((name, side), None)
        leaving = self.path / partial_name(name, uuid.uuid4().hex[:8])
        with disk_errors(folder):
            # Half a pair must not be listed, should this be interrupted.
            folder.rename(leaving)
            shutil.rmtree(leaving)

    def _slice(self, name: str, side: str, z: int) -> NDArray[np.float32]:
        folder = self._folder_of(name)
        if not folder.is_dir():
            raise self._no_such_pair(name)
        try:
            if (name, side) not in self._opened:
                self._opened[name, side] = _zarr_files().StoredImage(folder, side)
            image: NDArray[np.float32] = self._opened[name, side].slice(z)
        # zarr's codecs have no error of their own for damaged bytes.
        except (OSError, ValueError, RuntimeError, IndexError) as err:
            raise BadInputError(
                f"slice {z} ({side} resolution) cannot be read",
                file=folder,
                found=_first_line(err),
                remedy=_DAMAGED,
            ) from err
        return image

    def _folder_of(self, name: str) -> Path:
        if not name or name.startswith(".") or Path(name).name != name:
            raise self._no_such_pair(name)
        return self.path / name

    def _no_such_pair(self, name: str) -> BadInputError:
        there = ", ".join(facts.name for facts in self.facts()) or "none"
        return BadInputError(f"no pair is called {name}", file=self.path, expected=f"one of: {there}")

    def _check_room(self, n_bytes: int) -> None:
        with disk_errors(self.path):
            free = shutil.disk_usage(self.path).free
        if _SPARE_DISK * n_bytes > free:
            raise CannotWriteError(
                "the disk has no room for this pair",
                file=self.path,
                expected=f"{_SPARE_DISK * n_bytes / 1e9:.3g} GB",
                found=f"{free / 1e9:.3g} GB free",
            )

    def _remove_leftovers(self) -> None:
        for folder in self.path.glob(".*"):
            if is_stale_partial(folder.name):
                shutil.rmtree(folder, ignore_errors=True)


def check_outside_pairs(folder: Path) -> None:
    """Refuse a folder for something else that lies within a folder of pairs, or is one.

    Raises
    ------
    BadInputError
        If it does.
    """
    for place in (folder, *folder.absolute().parents):
        if (place / "zarr.json").exists():
            raise BadInputError(
                "this is a place for pairs alone",
                file=place,
                remedy="Choose a folder beside it.",
            )


def _zarr_files() -> ModuleType:
    try:
        from napari_dwi.superres.pairs import _zarr_files as files
    except ImportError as err:
        raise BadInputError(
            "pairs need the extra 'train', which is not installed",
            remedy='Run pip install "napari-dwi[train]".',
        ) from err
    return files


def _said_of(folder: Path, expected: str, remedy: str | None = None) -> Any:
    files = _zarr_files()
    try:
        return files.said_of(folder)
    # Among what zarr raises of a zarr.json that is none, there is a KeyError too.
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise BadInputError(
            "cannot be read", file=folder, expected=expected, found=_first_line(err), remedy=remedy
        ) from err


def _first_line(err: Exception) -> str:
    return (str(err) or type(err).__name__).splitlines()[0]


def _check_images(facts: PairFacts, low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
    for image, (rows, columns, n_slices) in ((low, facts.shape_low), (high, facts.shape_high)):
        if image.shape != (n_slices, rows, columns) or image.dtype != np.float32:
            raise BadInputError(
                "these are not the images of the pair",
                expected=f"float32 of shape {(n_slices, rows, columns)}",
                found=f"{image.dtype} of shape {image.shape}",
            )
    bad = [z for z in facts.used if not (np.isfinite(low[z]).all() and np.isfinite(high[z]).all())]
    if bad:
        raise _without_value(facts.name, bad)


def _without_value(name: str, slices: list[int]) -> BadInputError:
    numbers = ",".join(map(str, slices))
    return BadInputError(
        f"some voxels of {name} have no value (NaN or infinite)",
        found=f"in slices {numbers}",
        remedy=f"Leave these slices out (exclude {numbers}), or crop.",
    )


def _sync(folder: Path) -> None:
    """Have every file on the disk before it gets the name that says it is whole."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
