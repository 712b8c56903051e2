"""Every method there is: each file of a science package that declares ``METHOD``."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Method, Task

# Looked up by name, so that this floor does not depend on those above it.
_PACKAGES = ("napari_dwi.denoise", "napari_dwi.fit", "napari_dwi.superres")


@functools.cache
def all_methods() -> tuple[Method, ...]:
    """All methods in alphabetical order of their titles, package by package.

    A method is one module of ``denoise/``, ``fit/`` or ``superres/`` with a ``METHOD``; modules
    whose names begin with an underscore are shared parts.
    """
    found: list[Method] = []
    for package_name in _PACKAGES:
        if importlib.util.find_spec(package_name) is None:
            continue
        package = importlib.import_module(package_name)
        modules = [
            importlib.import_module(f"{package_name}.{module.name}")
            for module in pkgutil.iter_modules(package.__path__)
            if not module.name.startswith("_")
        ]
        methods = [module.METHOD for module in modules if hasattr(module, "METHOD")]
        found += sorted(methods, key=lambda method: method.title.lower())
    return tuple(found)


def methods_of(task: Task) -> tuple[Method, ...]:
    """The methods of one task."""
    return tuple(method for method in all_methods() if method.task == task)


def find_method(name: str, task: Task | None = None) -> Method:
    """The method of that name.

    Raises
    ------
    BadInputError
        If there is none, naming those there are.
    """
    candidates = all_methods() if task is None else methods_of(task)
    for method in candidates:
        if method.name == name:
            return method
    raise BadInputError(
        f"no method is called {name}",
        expected="one of " + ", ".join(method.name for method in candidates),
        remedy="See napari-dwi methods.",
    )
