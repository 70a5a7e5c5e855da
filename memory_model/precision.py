"""Which tensor gets which number format: weight schemes, and the formats of keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from .gguf.tensors import typed_view
from .model_shape import ModelShape, Quantization
from .module_names import first_named, names_module
from .number_formats import Formats, NumberFormat
from .tensors import CacheEntry, Tensor


@dataclass(frozen=True, slots=True, eq=False)
class WeightScheme:
    """How the matrices and vectors of a model are stored. Compared by identity: there is one of each name."""

    name: str
    label: str
    matrices: str = ""
    vectors: str = ""
    routers: str = ""
    keep: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    whole_blocks: int = 0
    """Matrices whose rows do not divide into so many values stay unquantised."""
    gguf_mix: bool = False
    source: str = ""
    modules: tuple[tuple[str, str], ...] = ()
    """Pairs of (module, number format) of a checkpoint that stores some modules otherwise; the first that fits counts."""
    ignore: tuple[str, ...] = ()
    """Modules that a checkpoint leaves unquantised."""
    from_file: bool = False
    """Every tensor as the model's own file holds it."""

    @property
    def by_layer(self) -> bool:
        """Whether like tensors of different layers may differ in format."""
        return bool(self.modules or self.ignore)

    def format_name(self, model: ModelShape, tensor: Tensor, layer: int) -> str:
        """The number format of one tensor of one layer, -1 outside the layers."""
        if tensor.pinned:
            return tensor.pinned
        if tensor.is_vector or self._kept(model, tensor) or names_module(self.ignore, tensor, layer):
            return self.vectors or half(model)
        if tensor.part == "router" and self.routers:
            return self.routers
        if not self.modules:
            return self.matrices
        place = first_named(tuple(module for module, _ in self.modules), tensor, layer)
        return self.modules[place][1] if place is not None else self.matrices or half(model)

    def _kept(self, model: ModelShape, tensor: Tensor) -> bool:
        if tensor.part in self.keep or tensor.role in self.keep:
            return True
        if self.whole_blocks and tensor.columns % self.whole_blocks:
            return True
        return bool(self.only) and tensor.part not in self.only and _has_part(model, self.only)


@lru_cache(maxsize=256)
def _has_part(model: ModelShape, parts: tuple[str, ...]) -> bool:
    return any(tensor.part in parts for _, tensor in model.tensors("text"))


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

    def of(self, entry: CacheEntry, formats: Formats) -> NumberFormat:
        """The format of one entry of the cache."""
        if entry.pinned:
            return formats[entry.pinned]
        return self.value if entry.role == "value" else self.key


@lru_cache(maxsize=256)
def stored(model: ModelShape, scheme: WeightScheme, parts: str) -> tuple[tuple[int, Tensor, str], ...]:
    """Triples of (how many layers hold it so, tensor, name of its number format), buffers left out."""
    counted: dict[tuple[Tensor, str], int] = {}
    if scheme.from_file:
        tensors = _of_checkpoint(model, parts)
    elif scheme.gguf_mix:
        tensors = _of_file(model, scheme, parts)
    else:
        tensors = ((len(layers), tensor, name) for layers, tensor, name in of_modules(model, scheme, parts))
    for copies, tensor, name in tensors:
        counted[tensor, name] = counted.get((tensor, name), 0) + copies
    return tuple((count, tensor, name) for (tensor, name), count in counted.items())


def _of_checkpoint(model: ModelShape, parts: str) -> Iterator[tuple[int, Tensor, str]]:
    for _, _, tensor, name in model.stored:
        if parts == "all" or tensor.part not in ("vision", "audio"):
            yield 1, tensor, name


@lru_cache(maxsize=256)
def of_modules(model: ModelShape, scheme: WeightScheme, parts: str) -> tuple[tuple[tuple[int, ...], Tensor, str], ...]:
    """Triples of (layers, tensor, name of its number format) as a scheme says, whatever a file holds; buffers left out."""
    found = []
    for layers, tensor in model.tensors(parts):
        by_name: dict[str, list[int]] = {}
        for layer in () if tensor.buffer else layers if scheme.by_layer else layers[:1]:
            by_name.setdefault(scheme.format_name(model, tensor, layer), []).append(layer)
        found += [(tuple(held) if scheme.by_layer else layers, tensor, name) for name, held in by_name.items()]
    return tuple(found)


def _of_file(model: ModelShape, scheme: WeightScheme, parts: str) -> Iterator[tuple[int, Tensor, str]]:
    """The tensors of a GGUF file; towers are in a second file, as f16."""
    for _, _, tensor, name in typed_view(model, scheme.name):
        yield 1, tensor, name
    for tower in model.towers if parts == "all" else ():
        for copies, tensor in tower.tensors:
            yield copies, tensor, "f32" if tensor.is_vector else "f16"


def published_scheme(model: ModelShape) -> str:
    """The name of the scheme that the checkpoint is stored in: its own type, or what its `quantization_config` says."""
    return model.quantization.scheme if model.quantization else model.dtype


def as_published(model: ModelShape, scheme: WeightScheme) -> WeightScheme:
    """The scheme with the formats and exceptions that the checkpoint states, if it is the one it is stored in.

    Where the checkpoint's own file was read, what the file holds.
    """
    if model.stored:
        return _from_file(scheme)
    stated = model.quantization
    return _as_stated(stated, scheme) if stated and stated.scheme == scheme.name else scheme


@lru_cache(maxsize=256)
def _from_file(scheme: WeightScheme) -> WeightScheme:
    return replace(scheme, from_file=True)


@lru_cache(maxsize=256)
def without_file(model: ModelShape, scheme: WeightScheme) -> WeightScheme:
    """The scheme as the config states it, whatever the checkpoint's own file holds."""
    plain = replace(scheme, from_file=False)
    return _as_stated(model.quantization, plain) if scheme.from_file and model.quantization else scheme


@lru_cache(maxsize=256)
def _as_stated(quantization: Quantization, scheme: WeightScheme) -> WeightScheme:
    keep = (
        tuple(part for part in scheme.keep if part not in ("head", "vision", "audio"))
        if quantization.listed
        else scheme.keep
    )
    return replace(
        scheme,
        matrices="" if quantization.modules else quantization.matrices or scheme.matrices,
        modules=quantization.modules,
        ignore=quantization.ignore,
        keep=keep,
        only=() if quantization.listed else scheme.only,
    )
