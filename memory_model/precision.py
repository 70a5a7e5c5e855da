"""Which tensor gets which number format: weight schemes, and the formats of keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .errors import InputError
from .gguf_tensors import typed_view
from .model_shape import ModelShape
from .number_formats import NumberFormat
from .tensors import CacheEntry, Tensor


@dataclass(frozen=True, slots=True, eq=False)
class WeightScheme:
    """How the matrices and vectors of a model are stored. Compared by identity: there is one of each name."""

    name: str
    label: str
    matrices: str = ""
    vectors: str = ""
    keep: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    gguf_mix: bool = False
    source: str = ""

    def format_name(self, model: ModelShape, tensor: Tensor) -> str:
        """The number format of one tensor."""
        if tensor.pinned:
            return tensor.pinned
        kept = (tensor.part in self.keep or tensor.role in self.keep) or (self.only and tensor.part not in self.only)
        if tensor.is_vector or kept:
            return self.vectors or half(model)
        return self.matrices


def half(model: ModelShape) -> str:
    """The model's own 16-bit type."""
    return "fp16" if model.dtype == "fp16" else "bf16"


@dataclass(frozen=True, slots=True)
class CacheFormat:
    """The formats of keys and of values; latent rows, which serve as both, take the one of the keys."""

    key: NumberFormat
    value: NumberFormat

    @property
    def name(self) -> str:
        """One name, or `k:v` where they differ."""
        return self.key.name if self.key == self.value else f"{self.key.name}:{self.value.name}"

    def of(self, entry: CacheEntry, formats: dict[str, NumberFormat]) -> NumberFormat:
        """The format of one entry of the cache."""
        if entry.pinned:
            return formats[entry.pinned]
        return self.value if entry.role == "value" else self.key


@lru_cache(maxsize=256)
def stored(model: ModelShape, scheme: WeightScheme, parts: str) -> tuple[tuple[int, Tensor, str], ...]:
    """Triples of (how many layers hold it so, tensor, name of its number format), buffers left out."""
    counted: dict[tuple[Tensor, str], int] = {}
    for copies, tensor, name in (
        _of_file(model, scheme, parts) if scheme.gguf_mix else _of_modules(model, scheme, parts)
    ):
        counted[tensor, name] = counted.get((tensor, name), 0) + copies
    return tuple((count, tensor, name) for (tensor, name), count in counted.items())


def _of_modules(model: ModelShape, scheme: WeightScheme, parts: str) -> Iterator[tuple[int, Tensor, str]]:
    for layers, tensor in model.tensors(parts):
        if not tensor.buffer:
            yield len(layers), tensor, scheme.format_name(model, tensor)


def _of_file(model: ModelShape, scheme: WeightScheme, parts: str) -> Iterator[tuple[int, Tensor, str]]:
    """The tensors of a GGUF file; towers are in a second file, as f16."""
    for _, _, tensor, name in typed_view(model, scheme.name):
        yield 1, tensor, name
    for tower in model.towers if parts == "all" else ():
        for copies, tensor in tower.tensors:
            yield copies, tensor, "f32" if tensor.is_vector else "f16"


def published_scheme(model: ModelShape) -> str:
    """The name of the scheme that the checkpoint is stored in.

    Raises InputError for a model whose quantisation is not understood.
    """
    if model.quantization == "unknown":
        raise InputError(f"{model.name}: its stored format is not understood; choose a weight format")
    return model.quantization or model.dtype
