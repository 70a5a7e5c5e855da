"""Models that visitors bring: read as data, never from a path that they name.

A link to such a model opens on the server that still remembers it; elsewhere the page says that the file is needed.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from memory_model import InputError, Scenario, load_model
from memory_model.checkpoints.gguf_files import read_gguf
from memory_model.deployment import Deployment
from memory_model.levers import Asked
from memory_model.levers import deployed as deployed_as_asked
from memory_model.model_shape import ModelShape

from .brought import Brought

_models: Brought[ModelShape] = Brought("own-")


def keep(model: ModelShape, content: bytes) -> str:
    """Remember a model that was read from `content`, and return the name that stands for it."""
    return _models.keep(model, content)


def read_gguf_content(content: bytes, name: str) -> ModelShape:
    """The model of a GGUF file's first bytes; `name` stands for the file in errors. Raises InputError."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        path.write_bytes(content)
        try:
            return read_gguf(path)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from None


def is_own(name: str) -> bool:
    """Whether a name stands for a model that somebody brought."""
    return name.startswith(_models.prefix)


def shape(name: str) -> ModelShape:
    """The model of a preset or of a name that `keep` returned. Raises InputError for one that is not known."""
    if not is_own(name):
        return load_model(name)
    found = _models.get(name)
    if found is None:
        raise InputError("model: this link names a model that somebody brought; bring its file in the Model view")
    return found


def deployed(scenario: Scenario, model: ModelShape | None = None) -> Deployment:
    """The deployment, where its bytes lie, of `model` or of the scenario's preset or brought one. Raises InputError."""
    return deployed_as_asked(Asked(scenario, model) if model else asked(scenario))


def asked(scenario: Scenario) -> Asked:
    """What levers work on: the scenario, with its model where that was brought. Raises InputError."""
    return Asked(scenario, shape(scenario.model) if is_own(scenario.model) else None)
