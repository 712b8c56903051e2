"""The manifest and the icons live at the top of the repository and are found wherever we are installed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ROOT / "napari.yaml"
ICONS = sorted((ROOT / "icons").glob("*.svg"))


def run_python(*arguments: str, **options: object) -> str:
    ran = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_installed_manifest_is_the_one_at_the_top() -> None:
    (entry_point,) = entry_points(group="napari.manifest", name="napari-dwi")
    module, _, name = entry_point.value.partition(":")
    assert (files(module) / name).read_text(encoding="utf-8") == MANIFEST.read_text(encoding="utf-8")


@pytest.mark.parametrize("icon", ICONS, ids=lambda icon: icon.stem)
def test_an_icon_is_reachable_from_the_installed_package(icon: Path) -> None:
    assert (files("napari_dwi_resources") / "icons" / icon.name).read_bytes() == icon.read_bytes()


def test_the_manifest_is_valid_and_offers_one_command_per_entry() -> None:
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    commands = {command.id: command.python_name for command in manifest.contributions.commands}
    contributions = manifest.contributions
    used = [entry.command for entry in (*contributions.widgets, *contributions.readers)]
    used += [entry.command for entry in contributions.sample_data]
    assert sorted(used) == sorted(commands)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without network by the build tool already installed."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    pip = ["-m", "pip", "--disable-pip-version-check", "wheel"]
    run_python(*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_carries_the_manifest_the_icons_and_the_type_marker(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {"napari_dwi_resources/napari.yaml", "napari_dwi/py.typed"} <= inside
    assert {f"napari_dwi_resources/icons/{icon.name}" for icon in ICONS} <= inside


@pytest.mark.slow
def test_napari_finds_the_plugin_after_an_ordinary_install(wheel: Path, tmp_path: Path) -> None:
    pytest.importorskip("npe2")
    pip = ["-m", "pip", "--disable-pip-version-check", "install"]
    run_python(*pip, "--no-deps", "--target", str(tmp_path), str(wheel))
    script = """if True:
        import sys
        from npe2 import PluginManifest
        # The folder named goes first, before the installation that runs these tests.
        found = [one for one in PluginManifest.discover(paths=sys.argv[1:]) if one.manifest is not None]
        ours = next(one for one in found if one.manifest.name == "napari-dwi")
        docks = [dock.display_name for dock in ours.manifest.contributions.widgets]
        print(ours.distribution.locate_file(""), *docks, sep="\\n")
    """
    folder, *docks = run_python("-c", script, str(tmp_path), cwd=tmp_path).splitlines()
    assert Path(folder) == tmp_path
    assert {"Scan", "Regions", "Denoise"} <= set(docks)
