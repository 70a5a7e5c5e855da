"""Distillation: a smaller model of the same family that reads the same tokens takes the model's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import takewhile

from ..errors import InputError
from ..presets import find_preset, load_model, model_presets, preset_id
from .change import Asked, Change, Price, refuse

PADDING = 512
"""Vocabularies that differ by fewer rows are one vocabulary, padded differently (Qwen2.5: 151,936 and 152,064)."""
MOST = 4
"""Students that are offered."""


@lru_cache(maxsize=256)
def students(teacher: str) -> tuple[Change, ...]:
    """The next smaller presets of the family, at most three quarters of the teacher, the largest first.

    A student learns the teacher's scores token by token, so it has the same vocabulary. Of several with one parameter
    count, the one whose name is most alike, from its start and then from its end. Empty for what is no preset.
    """
    teacher = preset_id(teacher)
    if teacher not in model_presets():
        return ()
    own = model_presets()[teacher]
    taught = load_model(teacher)
    by_size: dict[int, tuple[int, int, str]] = {}
    for preset in model_presets().values():
        size = preset.parameters["all"]
        if preset.family != own.family or 4 * size > 3 * own.parameters["all"]:
            continue
        shape = load_model(preset.id)
        if abs(shape.vocab_size - taught.vocab_size) >= PADDING or (shape.towers and not taught.towers):
            continue
        alike = (_common(preset.id, teacher), _common(preset.id[::-1], teacher[::-1]), preset.id)
        by_size[size] = max(by_size.get(size, alike), alike)
    return tuple(student(by_size[size][2]) for size in sorted(by_size, reverse=True)[:MOST])


def student(name: str) -> Change:
    """The change to one preset. Raises InputError for an unknown name."""
    preset = find_preset(name)
    size = preset.parameters["all"]
    words = f"{preset.name} answers instead: {size / 1e9:.1f} billion parameters, of the same family."
    return Change(
        f"student-{preset.id}", preset.name, words, "distillation", Price.OTHER_MODEL, "model", _to(preset.id)
    )


def _to(name: str) -> Callable[[Asked], Asked]:
    def apply(asked: Asked) -> Asked:
        if asked.scenario.model == name and asked.model is None:
            raise refuse("model", f"it is {name} already")
        return Asked(replace(asked.scenario, model=name))

    return apply


def _common(one: str, other: str) -> int:
    """How many characters two names begin with alike."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def student_of_id(id_: str) -> Change:
    """The change that a link names, such as `student-llama-3.1-8b`. Raises InputError."""
    name = id_.removeprefix("student-")
    if name not in model_presets():
        raise InputError(f"change: {id_[:60]!r} names no preset")
    return student(name)
