"""What readers do with files that random damage has gone through.

Run ``python benchmarks/fuzz_files.py``. NIfTI-1 and NIfTI-2 files, plain, gzipped and in pairs,
Analyze, MGH and NRRD files have a few bytes of their headers (or of their gzip streams) replaced;
texts of b-values and of directions are damaged likewise. Every file is listed, opened, and opened
with everything allowed. Nothing but an image or our own error may come of it; printed are how many
there were, the slowest, the peak of memory, and how often each error was given.
"""

from __future__ import annotations

import argparse
import collections
import functools
import gzip
import importlib.util
import re
import tempfile
import time
import traceback
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan import list_series, open_image
from napari_dwi.scan.allowances import ALLOWANCES

_SHAPE = (6, 5, 4, 3)
_AFFINE = np.diag([-2.0, 2.5, 5.0, 1.0])
_B_TEXT = b"0 100 800\n"
_DIRECTION_TEXT = b"0 1 0\n0 0 1\n0 0 0\n"
_TEXT_BYTES = b"0123456789.,+-eEnaif \t\r\n\xef\xbb\xbf\x00_"
_SLOWEST_S, _LARGEST_BYTES = 2.0, 200e6

_ACTIONS: dict[str, Callable[[Path], object]] = {
    "list": list_series,
    "open": open_image,
    "allow": functools.partial(open_image, allow=ALLOWANCES),
}

Damage = Callable[[bytearray, np.random.Generator], None]


def _numbers_in(first: int, end: int) -> Damage:
    def damage(content: bytearray, random: np.random.Generator) -> None:
        for _ in range(random.integers(1, 7)):
            place = int(random.integers(first, min(end, len(content))))
            width = int(random.choice([1, 1, 1, 2, 4, 8]))
            extremes = [bytes(width), b"\xff" * width, b"\x7f" + b"\xff" * (width - 1), random.bytes(width)]
            content[place : place + width] = extremes[random.integers(len(extremes))]

    return damage


def _text(content: bytearray, random: np.random.Generator) -> None:
    for _ in range(random.integers(1, 5)):
        place = int(random.integers(0, len(content) + 1))
        letter = _TEXT_BYTES[random.integers(len(_TEXT_BYTES))]
        what = random.integers(3)
        if what == 0:
            content.insert(place, letter)
        elif content:
            place = min(place, len(content) - 1)
            if what == 1:
                content[place] = letter
            else:
                del content[place]


def _cases(folder: Path) -> list[tuple[str, Path, Path, Damage]]:
    """Name, image to open, file to damage, and how."""
    signal = np.random.default_rng(0).uniform(1, 900, _SHAPE).astype(np.int16)
    found: list[tuple[str, Path, Path, Damage]] = []

    def beside(image: Path, stem: str) -> None:
        image.with_name(f"{stem}.bval").write_bytes(_B_TEXT)
        image.with_name(f"{stem}.bvec").write_bytes(_DIRECTION_TEXT)

    for kind, size, maker in (("nifti1", 348, nib.Nifti1Image), ("nifti2", 540, nib.Nifti2Image)):
        plain = folder / kind / "scan.nii"
        plain.parent.mkdir()
        nib.save(maker(signal, _AFFINE), plain)
        beside(plain, "scan")
        found.append((f"{kind} header", plain, plain, _numbers_in(0, size)))
        packed = folder / f"{kind}gz" / "scan.nii.gz"
        packed.parent.mkdir()
        packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
        beside(packed, "scan")
        found.append((f"{kind} header, gzipped", packed, packed, _through_gzip(_numbers_in(0, size))))
        found.append((f"{kind} gzip stream", packed, packed, _numbers_in(0, 10**6)))
    text = folder / "text" / "scan.nii"
    text.parent.mkdir()
    nib.save(nib.Nifti1Image(signal, _AFFINE), text)
    beside(text, "scan")
    found.append(("b-values", text, text.with_suffix(".bval"), _text))
    found.append(("directions", text, text.with_suffix(".bvec"), _text))
    pair = folder / "pair" / "scan.hdr"
    pair.parent.mkdir()
    nib.save(nib.Nifti1Pair(signal, _AFFINE), pair)
    beside(pair, "scan")
    found.append(("pair header", pair, pair, _numbers_in(0, 348)))
    analyze = folder / "analyze" / "scan.hdr"
    analyze.parent.mkdir()
    nib.save(nib.AnalyzeImage(signal, _AFFINE), analyze)
    beside(analyze, "scan")
    found.append(("Analyze header", analyze, analyze, _numbers_in(0, 348)))
    mgh = folder / "mgh" / "scan.mgh"
    mgh.parent.mkdir()
    nib.save(nib.MGHImage(signal, _AFFINE), mgh)
    beside(mgh, "scan")
    found.append(("MGH header", mgh, mgh, _numbers_in(0, 284)))
    if importlib.util.find_spec("SimpleITK") is not None:
        nrrd = folder / "nrrd" / "scan.nrrd"
        nrrd.parent.mkdir()
        nrrd.write_bytes(_nrrd_header() + signal.transpose(3, 0, 1, 2).tobytes(order="F"))
        found.append(("NRRD header", nrrd, nrrd, _numbers_in(0, len(_nrrd_header()))))
    return found


def _nrrd_header() -> bytes:
    lines = [
        "NRRD0005",
        "type: short",
        "dimension: 4",
        "space: left-posterior-superior",
        "sizes: 3 6 5 4",
        "space directions: none (2,0,0) (0,2.5,0) (0,0,5)",
        "kinds: list domain domain domain",
        "endian: little",
        "encoding: raw",
        "space origin: (1,2,3)",
        "measurement frame: (1,0,0) (0,1,0) (0,0,1)",
        "modality:=DWMRI",
        "DWMRI_b-value:=800",
        "DWMRI_gradient_0000:=0 0 0",
        "DWMRI_gradient_0001:=1 0 0",
        "DWMRI_gradient_0002:=0 1 0",
    ]
    return "\n".join([*lines, "", ""]).encode()


def _through_gzip(damage: Damage) -> Damage:
    def packed(content: bytearray, random: np.random.Generator) -> None:
        inside = bytearray(gzip.decompress(bytes(content)))
        damage(inside, random)
        content[:] = gzip.compress(bytes(inside), 1, mtime=0)

    return packed


def _kind_of(err: BadInputError) -> str:
    return re.sub(r"[\d.]+", "N", err.what)


def main() -> None:
    """Damage, open, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    outcomes: collections.Counter[str] = collections.Counter()
    slowest, largest, wrong = (0.0, ""), (0, ""), []
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as root:
        cases = _cases(Path(root))
        whole = {file: file.read_bytes() for _, _, file, _ in cases}
        tracemalloc.start()
        for n in range(options.examples):
            name, image, file, damage = cases[n % len(cases)]
            content = bytearray(whole[file])
            damage(content, random)
            file.write_bytes(content)
            tracemalloc.reset_peak()
            before, start = tracemalloc.get_traced_memory()[0], time.perf_counter()
            for action, opened in _ACTIONS.items():
                try:
                    opened(image)
                    outcomes[f"{action}: read"] += 1
                except BadInputError as err:
                    outcomes[f"{action}: {_kind_of(err)}"] += 1
                except Exception as err:  # noqa: BLE001 - what is looked for
                    place = traceback.extract_tb(err.__traceback__)[-1]
                    where = f"{Path(place.filename).name}:{place.lineno}"
                    wrong.append(f"{name}, example {n}, {action}: {type(err).__name__} at {where}: {err}")
            seconds = time.perf_counter() - start
            peak = tracemalloc.get_traced_memory()[1] - before
            slowest, largest = max(slowest, (seconds, name)), max(largest, (peak, name))
            file.write_bytes(whole[file])
    print(f"{options.examples} damaged files of {len(cases)} kinds, seed {options.seed}")
    print(f"slowest {slowest[0]:.3f} s ({slowest[1]}), at most {_SLOWEST_S:g} s wanted")
    print(f"peak memory {largest[0] / 1e6:.1f} MB ({largest[1]}), at most {_LARGEST_BYTES / 1e6:g} MB wanted")
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:7d}  {outcome}")
    print(f"{len(wrong)} errors that are not ours")
    for line in wrong[:20]:
        print("   ", line)
    failed = wrong or slowest[0] > _SLOWEST_S or largest[0] > _LARGEST_BYTES
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
