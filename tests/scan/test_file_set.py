from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from napari_dwi.errors import CannotWriteError
from napari_dwi.scan.file_set import check_writable, file_set

from .builder import names_in


def test_files_get_their_names_only_when_all_are_written(tmp_path: Path) -> None:
    with file_set(tmp_path) as files:
        files.add(tmp_path / "a.bin", lambda file: file.write(b"\x00\x01") and None)
        files.add_text(tmp_path / "b.txt", "Größe")
        assert not {"a.bin", "b.txt"} & set(names_in(tmp_path))
    assert names_in(tmp_path) == ["a.bin", "b.txt"]
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\x01"
    assert (tmp_path / "b.txt").read_text("utf-8") == "Größe"


def test_what_is_written_can_be_checked_before_it_gets_its_name(tmp_path: Path) -> None:
    with file_set(tmp_path) as files:
        assert files.add_text(tmp_path / "a.txt", "whole").read_text() == "whole"


def test_earlier_files_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with file_set(tmp_path) as files:
        files.add_text(tmp_path / "a.txt", "new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_raises_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(error), file_set(tmp_path) as files:  # noqa: PT012 - raising in the block is the point
        files.add_text(tmp_path / "a.txt", "new")
        files.add_text(tmp_path / "b.txt", "new")
        raise error
    assert names_in(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_writer_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    def write(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"), file_set(tmp_path / "new" / "deep") as files:
        files.add(tmp_path / "new" / "deep" / "a.bin", write)
    assert names_in(tmp_path) == []


def test_folders_are_made_and_those_that_were_there_are_kept(tmp_path: Path) -> None:
    deep = tmp_path / "Größe (1)" / "b"
    with file_set(deep) as files:
        files.add_text(deep / "a.txt", "text")
    with pytest.raises(ZeroDivisionError), file_set(deep) as files:
        files.add_text(deep / "c.txt", str(1 / 0))
    assert names_in(deep) == ["a.txt"]


def test_folders_of_a_set_come_and_go_with_it(tmp_path: Path) -> None:
    def interrupted() -> None:
        with file_set(tmp_path / "out") as files:
            for folder in (tmp_path / "out" / "maps" / "of-one", tmp_path / "kept"):
                files.add_text(files.add_folder(folder) / "a.txt", "a")
            raise ValueError("stop")

    (tmp_path / "kept").mkdir()
    with pytest.raises(ValueError, match="stop"):
        interrupted()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept"]
    with file_set(tmp_path / "out") as files:
        files.add_text(files.add_folder(tmp_path / "out" / "maps") / "a.txt", "a")
    assert (tmp_path / "out" / "maps" / "a.txt").read_text() == "a"


def test_inputs_are_never_overwritten_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("input")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "in.txt")
    (tmp_path / "second.txt").hardlink_to(tmp_path / "in.txt")
    for name in ("in.txt", "folder/../in.txt", "link.txt", "second.txt"):
        with (
            pytest.raises(CannotWriteError, match="never overwritten"),
            file_set(tmp_path, [tmp_path / "in.txt"]) as files,
        ):
            files.add_text(tmp_path / name, "new")
    assert (tmp_path / "in.txt").read_text() == "input"
    assert names_in(tmp_path) == ["folder", "in.txt", "link.txt", "second.txt"]


def test_a_path_below_a_file_is_refused_and_the_file_kept(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("old")
    with (
        pytest.raises(CannotWriteError, match="cannot be written; found Not a directory") as caught,
        file_set(tmp_path / "plain" / "deep"),
    ):
        pytest.fail("the block must not run")
    assert caught.value.file == tmp_path / "plain" / "deep"
    assert (tmp_path / "plain").read_text() == "old"


def test_a_folder_under_the_name_of_a_file_harms_none_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(CannotWriteError, match="folder of that name"), file_set(tmp_path) as files:
        files.add(files.add_text(tmp_path / "a.txt", "new").with_name("b.txt"), lambda _: None)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names_in(tmp_path) == ["a.txt", "b.txt"]


def test_the_longest_name_a_file_may_have_can_be_written(tmp_path: Path) -> None:
    name = "ü" * 127 + "x"
    with file_set(tmp_path) as files:
        files.add_text(tmp_path / name, "text")
    assert names_in(tmp_path) == [name]


def test_a_name_too_long_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(CannotWriteError, match="too long"), file_set(tmp_path / "new" / ("x" * 300)):
        pytest.fail("the block must not run")
    with pytest.raises(CannotWriteError, match="too long"), file_set(tmp_path) as files:
        files.add_text(tmp_path / ("x" * 300), "text")
    assert names_in(tmp_path) == []


def test_one_name_added_twice_leaves_the_later_text_and_nothing_else(tmp_path: Path) -> None:
    with file_set(tmp_path) as files:
        files.add_text(tmp_path / "a.txt", "first")
        files.add_text(tmp_path / "a.txt", "second")
    assert names_in(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "second"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_leaves_the_earlier_files_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old a")
    (tmp_path / "b.txt").write_text("old b")
    script = """
        import resource, signal, sys
        from pathlib import Path
        from napari_dwi.errors import CannotWriteError
        from napari_dwi.scan.file_set import file_set

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        folder = Path(sys.argv[1])
        try:
            with file_set(folder) as files:
                files.add_text(folder / "a.txt", "fits")
                files.add_text(folder / "b.txt", "x" * 5000)
        except CannotWriteError as err:
            sys.exit(str(err))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"{tmp_path / 'b.txt'}: cannot be written; found File too large" in done.stderr
    assert names_in(tmp_path) == ["a.txt", "b.txt"]
    assert (tmp_path / "a.txt").read_text() == "old a"
    assert (tmp_path / "b.txt").read_text() == "old b"


def test_asking_whether_a_folder_can_be_written_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "deep")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_beforehand(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CannotWriteError, match="cannot be written"):
        check_writable(tmp_path / "file" / "out")


def test_a_rename_that_fails_half_way_puts_the_earlier_files_back(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old a")
    before = (tmp_path / "a.txt").stat()
    with pytest.raises(CannotWriteError, match=r"c\.txt: cannot be written"), file_set(tmp_path) as files:  # noqa: PT012
        for name in ("a.txt", "b.txt", "c.txt"):
            files.add_text(tmp_path / name, "new")
        (tmp_path / "c.txt").mkdir()
    assert names_in(tmp_path) == ["a.txt", "c.txt"]
    assert (tmp_path / "a.txt").read_text() == "old a"
    after = (tmp_path / "a.txt").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_folder_that_goes_away_meanwhile_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "unplugged"
    with pytest.raises(CannotWriteError, match="found No such file"), file_set(folder) as files:  # noqa: PT012
        files.add_text(folder / "a.txt", "new").unlink()
        folder.rmdir()
    assert names_in(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_no_space_left_is_told_in_its_own_words_and_the_earlier_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")

    def write(file: object) -> None:
        # From here on the file is the full device: what it refuses comes from the system itself.
        with open("/dev/full", "wb") as full:
            os.dup2(full.fileno(), file.fileno())  # type: ignore[attr-defined]
        file.write(b"new")  # type: ignore[attr-defined]

    with (
        pytest.raises(CannotWriteError, match=r"a\.txt: cannot be written; found No space left") as caught,
        file_set(tmp_path) as files,
    ):
        files.add(tmp_path / "a.txt", write)
    assert caught.value.exit_code == 2
    assert "free space" in str(caught.value)
    assert names_in(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device")
def test_a_device_is_never_replaced_by_a_file() -> None:
    with pytest.raises(CannotWriteError, match="no ordinary file"), file_set(Path("/dev")) as files:
        files.add_text(Path("/dev/full"), "text")
    assert Path("/dev/full").is_char_device()


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process at a point of its own choosing")
def test_a_process_killed_at_any_moment_leaves_whole_files_and_its_litter_goes_with_the_next_set(
    tmp_path: Path,
) -> None:
    script = """
        import os, signal, sys
        from pathlib import Path
        from napari_dwi.scan.file_set import file_set

        def write(file):
            for _ in range(3):
                file.write(b"new " * 1000)
                file.flush()
                sys.audit("a third is written")

        def save(folder):
            with file_set(folder) as files:
                for name in ("a.bin", "b.bin"):
                    files.add(folder / name, write)
                files.add_text(folder / "c.txt", "new")

        def dies(folder, moment):
            child = os.fork()
            if child == 0:
                left = [moment]
                def count(event, args):
                    left[0] -= 1
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                sys.addaudithook(count)
                save(folder)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            return os.WIFSIGNALED(status)

        top, moment, litter = Path(sys.argv[1]), 0, 0
        while True:
            moment += 1
            folder = top / str(moment)
            folder.mkdir()
            (folder / "a.bin").write_bytes(b"old")
            if not dies(folder, moment):
                break
            found = {file.name for file in folder.iterdir() if not file.name.startswith(".")}
            assert found <= {"a.bin", "b.bin", "c.txt"}, found
            assert (folder / "a.bin").read_bytes() in (b"old", b"new " * 3000), moment
            for name, whole in (("b.bin", b"new " * 3000), ("c.txt", b"new")):
                assert not (folder / name).exists() or (folder / name).read_bytes() == whole, moment
            litter += any(file.name.startswith(".") for file in folder.iterdir())
            save(folder)
            assert sorted(file.name for file in folder.iterdir()) == ["a.bin", "b.bin", "c.txt"], moment
        print(moment, litter)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    moments, with_litter = (int(word) for word in done.stdout.split())
    assert moments > 15
    assert with_litter > 5
