from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from napari_dwi.errors import CannotWriteError
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.recovery import (
    FOLDER_VARIABLE,
    abandoned_sessions,
    keep_session,
    recovery_folder,
    remove_old_sessions,
    take_over,
)
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import Result, run_method
from napari_dwi.methods.session import Session
from napari_dwi.methods.session_opening import open_session

from ..synthetic import make_series


@pytest.fixture(autouse=True)
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture(scope="module")
def result() -> Result:
    method = find_method("gaussian")
    return run_method(method, method.settings(), Inputs(make_series().series))


def test_sessions_are_kept_where_the_variable_says_and_else_among_the_users_own_data(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recovery_folder() == top
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert recovery_folder().parts[-2:] == ("napari-dwi", "recovery")
    assert Path.home() in recovery_folder().parents


@pytest.mark.skipif(sys.platform == "win32", reason="asks for the rights of files")
def test_only_the_user_can_read_them(top: Path) -> None:
    kept = keep_session()
    assert top.stat().st_mode & 0o777 == 0o700
    assert kept.folder.stat().st_mode & 0o777 == 0o700
    kept.discard()


def test_a_living_session_is_not_offered_an_abandoned_one_is_and_a_discarded_one_is_gone(
    result: Result, top: Path
) -> None:
    kept = keep_session()
    kept.files.write(Session(results=(kept.files.add_result(result, "Gaussian"),)))
    assert abandoned_sessions() == ()
    assert take_over(kept.folder) is None
    kept.close()
    (found,) = abandoned_sessions()
    assert found.folder == kept.folder
    assert [entry.title for entry in found.session.results] == ["Gaussian"]
    again = take_over(found.folder)
    assert again is not None
    assert abandoned_sessions() == ()
    again.discard()
    assert list(top.iterdir()) == []


def test_the_latest_is_offered_first(result: Result) -> None:
    kept = [keep_session() for _ in range(2)]
    for one, title in zip(kept, ("earlier", "later"), strict=True):
        one.files.write(Session(results=(one.files.add_result(result, title),)))
        one.close()
    assert [one.session.results[0].title for one in abandoned_sessions()] == ["later", "earlier"]


def test_nothing_complete_is_nothing_to_offer(result: Result) -> None:
    empty, unfinished, damaged = (keep_session() for _ in range(3))
    empty.files.write(Session())
    unfinished.files.add_result(result, "not yet named")
    (damaged.folder / "session.json").write_text("{")
    for kept in (empty, unfinished, damaged):
        kept.close()
    assert abandoned_sessions() == ()


def test_old_sessions_are_removed_and_younger_living_and_foreign_ones_are_not(top: Path) -> None:
    long_ago = time.time() - 31 * 24 * 3600
    kept = [keep_session() for _ in range(3)]
    living, old, young = (one.folder for one in kept)
    for one in kept:
        one.files.write(Session())
    foreign = top / "my thesis"
    foreign.mkdir()
    for folder in (living, old, foreign):
        for path in (*folder.iterdir(), folder):
            os.utime(path, (long_ago, long_ago))
    kept[1].close()
    kept[2].close()
    assert remove_old_sessions() == 1
    assert set(top.iterdir()) == {living, young, foreign}
    kept[0].discard()


def test_where_nothing_can_be_kept_that_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "kept"))
    with pytest.raises(CannotWriteError, match=f"name another folder by {FOLDER_VARIABLE}"):
        keep_session()
    assert abandoned_sessions() == ()
    assert remove_old_sessions() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process at a point of its own choosing")
def test_whenever_the_process_is_killed_the_complete_results_are_there_and_no_other() -> None:
    script = """
        import os, signal, sys
        import numpy as np
        from pathlib import Path
        from napari_dwi.methods.method import Inputs
        from napari_dwi.methods.recovery import keep_session
        from napari_dwi.methods.registry import find_method
        from napari_dwi.methods.running import run_method
        from napari_dwi.methods.session import Session
        from napari_dwi.scan import BValues, DwiSeries, Grid

        signal_of = np.random.default_rng(0).uniform(1, 9, (4, 4, 2, 3)).astype(np.float32)
        series = DwiSeries(signal_of, Grid((4, 4, 2), np.eye(4)), BValues([0, 400, 800]), "brain")
        method = find_method("gaussian")
        result = run_method(method, method.settings(), Inputs(series))
        kept = keep_session()
        kept.close()
        moment, children = 1, 0
        while True:
            moment += 3
            children += 1
            child = os.fork()
            if child == 0:
                kept = keep_session()
                first = kept.files.add_result(result, "first")
                kept.files.write(Session(results=(first,)))
                left = [moment]
                def count(event, args):
                    if event.startswith(("open", "os.")):
                        left[0] -= 1
                        if left[0] == 0:
                            os.kill(os.getpid(), signal.SIGKILL)
                sys.addaudithook(count)
                second = kept.files.add_result(result, "second")
                kept.files.write(Session(results=(first, second)))
                os._exit(0)
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                break
        print(children)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = abandoned_sessions()
    assert len(found) == int(done.stdout) > 10
    titles = [[entry.title for entry in one.session.results] for one in found]
    assert all(title in (["first"], ["first", "second"]) for title in titles)
    assert ["first"] in titles
    # The one that lived to the end, and those killed while they tidied up.
    assert ["first", "second"] in titles
    for one in (found[0], found[len(found) // 2], found[-1]):
        assert open_session(one.folder).problems == ()


def test_a_process_killed_from_outside_gives_up_its_session() -> None:
    script = (
        "import sys; from napari_dwi.methods.recovery import keep_session;"
        "kept = keep_session(); print(kept.folder, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert take_over(folder) is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = take_over(folder)
    assert kept is not None
    kept.discard()
