"""A model's shape: the integers that decide how much memory it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .tensors import Mixer, Mlp, Tensor


@dataclass(frozen=True, slots=True)
class LayerGroup:
    """Layers that are alike, by their positions: a token mixer, an MLP, and what else they store around the two."""

    layers: tuple[int, ...]
    mixer: Mixer | None
    mlp: Mlp | None
    around: tuple[Tensor, ...] = ()
    """Norms, and vectors that some families learn beside."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """What one layer of the group stores."""
        if self.mixer is not None:
            yield from self.mixer.tensors(hidden_size)
        if self.mlp is not None:
            yield from self.mlp.tensors(hidden_size)
        yield from self.around


@dataclass(frozen=True, slots=True)
class Tower:
    """A vision or audio encoder beside the language model, with what projects its output."""

    name: str
    tensors: tuple[tuple[int, Tensor], ...]
    """Pairs of (how many times, tensor)."""


@dataclass(frozen=True, slots=True)
class Quantization:
    """How a checkpoint is stored, where its `quantization_config` says so."""

    scheme: str
    """The weight scheme that it follows, such as `fp8-block`."""
    matrices: str = ""
    """The number format of its matrices, where it is not the scheme's usual one."""
    modules: tuple[tuple[str, str], ...] = ()
    """Pairs of (module, number format), where modules differ; the first that fits counts, others stay unquantised."""
    ignore: tuple[str, ...] = ()
    """Modules that stay unquantised, as the file names them."""
    listed: bool = False
    """Whether `ignore` names all of them, beside the embedding and routers."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelShape:
    """A model, read from its `config.json`. Compared by identity, so that results about it can be kept."""

    name: str
    model_type: str
    hidden_size: int
    vocab_size: int
    max_position_embeddings: int
    embeddings: tuple[Tensor, ...]
    layers: tuple[LayerGroup, ...]
    head: tuple[Tensor, ...]
    """The final norm and, unless tied to the embedding, the output matrix."""
    modeling: str = ""
    """The model_type of the language model itself: engines choose their code by it."""
    dtype: str = "bf16"
    """The 16-bit or 32-bit type of the checkpoint."""
    dtype_stated: bool = True
    """Whether the file says so itself."""
    quantization: Quantization | None = None
    """How the checkpoint is stored, if it is quantised."""
    towers: tuple[Tower, ...] = ()
    stored: tuple[tuple[str, int, Tensor, str], ...] = ()
    """What its own file holds, where one was read: (name, layer or -1, tensor, number format) of what is loaded."""
    stored_as_gguf: bool = False
    """Whether that file is llama.cpp's."""
    config: dict[str, object] = field(default_factory=dict, repr=False)
    """The keys as read, for views that show what was understood."""

    @property
    def num_hidden_layers(self) -> int:
        """How many layers there are in all groups."""
        return sum(len(group.layers) for group in self.layers)

    @property
    def text_config(self) -> Mapping[str, Any]:
        """The keys of the language model: the section of that name in a file with towers, else the whole file."""
        text = self.config.get("text_config")
        return text if isinstance(text, Mapping) else self.config

    def stated(self, *keys: str) -> Any:
        """The value of the first of these keys, beside the section of the language model or in it; None without."""
        for section in (self.config, self.text_config):
            for key in keys:
                if key in section:
                    return section[key]
        return None

    @property
    def parts(self) -> tuple[str, ...]:
        """`text` and the names of the towers."""
        return ("text", *(tower.name for tower in self.towers))

    def tensors(self, parts: str = "all") -> Iterator[tuple[tuple[int, ...], Tensor]]:
        """Pairs of (positions of the layers that hold it, tensor); position -1 for what is outside the layers.

        `parts`: `text` for the language model alone, `all` with its towers.
        """
        for tensor in self.embeddings:
            yield (-1,), tensor
        for group in self.layers:
            for tensor in group.tensors(self.hidden_size):
                yield group.layers, tensor
        for tensor in self.head:
            yield (-1,), tensor
        if parts == "all":
            for tower in self.towers:
                for copies, tensor in tower.tensors:
                    if copies:
                        yield (-1,) * copies, tensor

    def parameters(self, parts: str = "all") -> int:
        """Parameters that are loaded, counted once when the embeddings are tied."""
        return sum(len(layers) * tensor.values for layers, tensor in self.tensors(parts) if not tensor.buffer)

    def active_parameters(self, parts: str = "all") -> int:
        """Parameters that one token passes through: experts count by the share that is chosen."""
        counted = ((len(layers), tensor) for layers, tensor in self.tensors(parts) if not tensor.buffer)
        return int(sum(copies * tensor.values * tensor.active for copies, tensor in counted))

    def with_stated_parameters(self, stated: dict[str, int]) -> ModelShape:
        """The same model, once its layers add up to the stated counts by part.

        Raises ValueError with the difference when they do not.
        """
        for part, expected in stated.items():
            if part == "all":
                counted = self.parameters("all")
            elif part == "text":
                counted = self.parameters("text")
            else:
                counted = sum(n * t.values for tower in self.towers if tower.name == part for n, t in tower.tensors)
            if counted != expected:
                raise ValueError(
                    f"the {'layers' if part in ('all', 'text') else part} add up to {counted:,} parameters, "
                    f"but the file states {expected:,} (off by {counted - expected:+,})"
                )
        return self
