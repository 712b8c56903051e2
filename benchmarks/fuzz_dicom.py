"""What damaged DICOM files do to the reader: random changes of bytes, thousands of them.

Run ``python -m benchmarks.fuzz_dicom 10000`` at the top of the repository. Every example writes a
small series in the dialect of a vendor, damages some of its bytes, and lists and loads the folder.
Only the errors a user is meant to read may come out; printed are how often which, the slowest
example and the most memory one took.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path

from napari_dwi.errors import DwiError
from napari_dwi.scan.dicom import list_series, load_dwi
from tests.scan.dicom.mutation import SEEDS, mutated


def main() -> None:
    """Run the number of examples asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("examples", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    outcomes: Counter[str] = Counter()
    slowest_s, slowest, peak_bytes = 0.0, "", 0
    started = time.perf_counter()
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        originals = {seed: root / "original" / seed for seed in SEEDS}
        for seed, write in SEEDS.items():
            write(originals[seed])
        for number in range(arguments.examples):
            rng = random.Random(arguments.seed + number)
            seed = rng.choice(sorted(originals))
            folder = root / "damaged"
            shutil.rmtree(folder, ignore_errors=True)
            mutated(originals[seed], folder, rng)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            begun = time.perf_counter()
            for what, read in (("list", list_series), ("load", load_dwi)):
                try:
                    read(folder)
                except DwiError as error:
                    outcomes[f"{what}: {type(error).__name__}: {error.what}"] += 1
                except Exception as error:  # noqa: BLE001 - what must never happen is what is counted
                    outcomes[
                        f"{what}: UNEXPECTED {type(error).__name__}: {error} (example {number}, {seed})"
                    ] += 1
                else:
                    outcomes[f"{what}: read"] += 1
            took_s = time.perf_counter() - begun
            if took_s > slowest_s:
                slowest_s, slowest = took_s, f"example {number}, {seed}"
            peak_bytes = max(peak_bytes, tracemalloc.get_traced_memory()[1] - before)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:7d}  {outcome}")
    print(f"{arguments.examples} examples in {time.perf_counter() - started:.0f} s")
    print(f"slowest {slowest_s:.2f} s ({slowest}), most memory {peak_bytes / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
