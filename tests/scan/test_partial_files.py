from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.partial_files import is_stale_partial, partial_name

from .builder import names_in


def name_of_another_process(folder: Path) -> tuple[str, subprocess.Popen[str]]:
    """The name of a partial file of a process that lives until its input ends."""
    script = (
        "import sys; from napari_dwi.scan.partial_files import partial_name;"
        "print(partial_name('a.txt', 'ab12'), flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    (folder / name).write_text("half")
    return name, process


def test_files_of_a_living_process_are_left_alone_and_those_of_a_dead_one_removed(tmp_path: Path) -> None:
    name, process = name_of_another_process(tmp_path)
    with process:
        with file_set(tmp_path) as files:
            files.add_text(tmp_path / "b.txt", "text")
        assert names_in(tmp_path) == [name, "b.txt"]
        process.kill()
    with file_set(tmp_path) as files:
        files.add_text(tmp_path / "b.txt", "text")
    assert names_in(tmp_path) == ["b.txt"]


def test_files_of_other_machines_and_of_other_programs_are_left_alone() -> None:
    mine = partial_name("a.txt", "ab12")
    assert not is_stale_partial(mine)
    for other in (
        ".a.txt.0123abcd-999999999-ab12.partial",
        "a.txt.partial",
        ".a.txt.ab12.partial",
        mine.removeprefix("."),
    ):
        assert not is_stale_partial(other)


def test_the_name_fits_where_the_name_of_the_file_is_the_longest_there_may_be() -> None:
    assert len(partial_name("ü" * 127, "0" * 8).encode()) <= 255
