"""What the files of a checkpoint hold, beside what is loaded of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .amount import Term
from .checkpoints.safetensors_files import read_folder
from .checkpoints.stored import checkpoint
from .errors import InputError
from .model_shape import ModelShape
from .precision import stored
from .presets import number_formats
from .resolve import read_model, weight_scheme


@dataclass(frozen=True, slots=True)
class StoredContents:
    """Bytes by name, the largest first."""

    stored: dict[str, int]
    """Of all tensors in the files, by type."""
    loaded: dict[str, int]
    """Of what the model loads, by part and type."""
    left_out: dict[str, int]
    """Of what it does not load, by the reason."""


def stored_contents(path: Path) -> StoredContents:
    """The contents of a checkpoint folder or a `.gguf` file, from its headers.

    Raises InputError for a path that holds no checkpoint, or one that is damaged or not understood.
    """
    model = read_model(str(path.absolute()))
    if not model.stored:
        raise InputError(f"{path}: holds no safetensors or GGUF tensors; give a checkpoint's folder or a .gguf file")
    loaded = _loaded(model)
    if path.suffix == ".gguf":
        by_type: Counter[str] = Counter()
        for name, amount in loaded.items():
            by_type[name.rpartition(", ")[2]] += amount
        return StoredContents(_sorted(by_type), _sorted(loaded), {})
    found = checkpoint(read_folder(path), model)
    reasons: Counter[str] = Counter()
    for _, reason, amount in found.left_out:
        reasons[reason] += amount
    return StoredContents(_sorted(Counter(found.bytes_by_dtype)), _sorted(loaded), _sorted(reasons))


def _loaded(model: ModelShape) -> Counter[str]:
    formats, amounts = number_formats(), Counter[str]()
    for layers, tensor, name in stored(model, weight_scheme("published", model), "all"):
        planes = (Term("", plane.factors(tensor.rows, tensor.columns, name)) for plane in formats[name].planes)
        amounts[f"{tensor.part}, {name}"] += layers * tensor.copies * sum(int(plane.bytes) for plane in planes)
    return amounts


def _sorted(amounts: Counter[str]) -> dict[str, int]:
    return dict(amounts.most_common())
