"""The methods of a comparison: which, under which names, and with which parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Method, Task
from napari_dwi.methods.parameters import Parameters
from napari_dwi.methods.registry import find_method, methods_of

# They become names of folders.
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, eq=False)
class Contestant:
    """One method of a comparison.

    Parameters
    ----------
    label : str
        The name it goes by: that of the method, unless the user chose another.
    method : Method
        What it runs.
    parameters : Parameters
        How.
    """

    label: str
    method: Method
    parameters: Parameters

    def has(self, name: str) -> bool:
        """Whether it has a parameter of that name."""
        return any(parameter.name == name for parameter in self.parameters.declared())

    def at_default(self, name: str) -> bool:
        """Whether it has a parameter of that name, which nobody has set."""
        defaults = {parameter.name: parameter.default for parameter in self.parameters.declared()}
        return name in defaults and getattr(self.parameters, name) == defaults[name]

    def told(self, **values: Any) -> Contestant:
        """The same with some parameters set, where it has them and nobody has set them."""
        new = {name: value for name, value in values.items() if self.at_default(name)}
        return replace(self, parameters=self.parameters.from_values(self.parameters.as_dict() | new))


def contestants(
    words: str, task: Task, model: str | None, settings: Sequence[str], preset: str | None = None
) -> tuple[Contestant, ...]:
    """The methods named on the command line.

    Parameters
    ----------
    words : str
        Names separated by commas; ``label=name`` gives a method another name, so that one method can
        be compared with itself under other settings.
    task : str
        ``"fit"`` or ``"denoise"``.
    model : str or None
        The signal model that all of them fit.
    settings : sequence of str
        ``key=value`` for all that have the parameter, ``label.key=value`` for one.
    preset : str, optional
        A preset, for all that have one of that name.

    Returns
    -------
    tuple of Contestant
        In the order of ``words``.

    Raises
    ------
    BadInputError
        If a name, a label, a setting or the preset cannot be used, or a method does not know the
        model.
    """
    named = [_named(word.strip(), task) for word in words.split(",") if word.strip()]
    labels = [label for label, _ in named]
    if not named:
        raise BadInputError("--methods names no method", remedy="See napari-dwi methods.")
    if len({label.lower() for label in labels}) < len(labels):
        raise BadInputError(
            "two methods go by the same name",
            found=words,
            remedy="Give one another: --methods a=NAME,b=NAME.",
        )
    if preset is not None and not any(preset in method.presets for _, method in named):
        raise BadInputError(f"none of the methods has a preset {preset}")
    for _, method in named:
        if model is not None and model not in method.models:
            able = [other.name for other in methods_of(task) if model in other.models]
            raise BadInputError(
                f"{method.name} does not know the model {model}",
                expected="one of " + ", ".join(method.models),
                remedy=f"Methods that know it: {', '.join(able)}.",
            )
    told = [_setting(word, labels) for word in settings]
    found = []
    for label, method in named:
        parameters = method.settings(preset if preset in method.presets else None)
        keys = {parameter.name for parameter in parameters.declared()}
        own = {} if model is None else {"model": model}
        own |= {key: value for whose, key, value in told if whose == label or (whose == "" and key in keys)}
        found.append(Contestant(label, method, parameters.with_settings(own)))
    for whose, key, _ in told:
        if whose == "" and not any(contestant.has(key) for contestant in found):
            raise BadInputError(
                f"none of the methods has a parameter {key}", remedy="See napari-dwi methods."
            )
    return tuple(found)


def _named(word: str, task: Task) -> tuple[str, Method]:
    label, equals, name = word.rpartition("=")
    method = find_method(name.strip(), task)
    label = label.strip() if equals else method.name
    if not _LABEL.fullmatch(label):
        raise BadInputError(
            "a method cannot go by that name", expected="letters, digits, dots and hyphens", found=repr(label)
        )
    return label, method


def _setting(word: str, labels: Sequence[str]) -> tuple[str, str, str]:
    """Label (empty for all methods), parameter and value."""
    key, equals, value = word.partition("=")
    if not equals:
        raise BadInputError("--set takes KEY=VALUE or METHOD.KEY=VALUE", found=word)
    whose, _, name = key.strip().rpartition(".")
    if whose and whose not in labels:
        raise BadInputError(
            f"--set is for a method that is not compared: {whose}", expected="one of " + ", ".join(labels)
        )
    return whose, name, value.strip()
