"""Where each layer lies: on which GPU, or in host memory (llama-model.cpp load_tensors at 0c1e57098)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any

from ...deployment import Deployment
from ...model_shape import ModelShape

HOST = -1
"""Host memory; GPUs count from 0."""
HOST_ALIGNMENT, GPU_ALIGNMENT = 32, 128
"""Bytes of a tensor are a multiple of it (ggml-impl.h TENSOR_ALIGNMENT; ggml-cuda.cu
ggml_backend_cuda_buffer_type_get_alignment)."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The memory of every layer's weights and of its cache, and that of the output layer. The input layer is on the host."""

    layers: tuple[int, ...]
    output: int
    caches: tuple[int, ...]
    gpus: int

    @property
    def is_whole(self) -> bool:
        """Whether everything but the input layer is on one GPU, or everything on the host."""
        return (
            self.gpus <= 1
            and {*self.layers, *self.caches, self.output} in ({0}, {HOST})
            and self.output == self.gpus - 1
        )

    @property
    def is_offloaded(self) -> bool:
        """Whether GPUs hold all layers and the output layer, wherever caches lie."""
        return HOST not in (*self.layers, self.output)

    @property
    def input_copies(self) -> int:
        """Copies of every input, so that several GPUs work at once (GGML_SCHED_MAX_COPIES; llama-context.cpp)."""
        return 4 if self.gpus > 1 and HOST not in (*self.layers, *self.caches, self.output) else 1

    def of(self, layers: Sequence[int]) -> Placement:
        """That of some of the layers."""
        lie, caches = (tuple(places[layer] for layer in layers) for places in (self.layers, self.caches))
        return replace(self, layers=lie, caches=caches)


def placement_of(deployment: Deployment) -> Placement:
    """The last `gpu_layers` of all layers, of which the output layer is the very last, in equal parts on the GPUs."""
    options, layers = deployment.options, deployment.model.num_hidden_layers
    gpus = options.pipeline_parallel if options.placement == "one-gpu" else 0
    asked = layers + 1 if options.gpu_layers is None else min(options.gpu_layers, layers + 1)
    found = _placement(layers, asked if gpus else 0, gpus, options.kv_offload)
    read = _caches_read(deployment.model)
    return replace(found, caches=tuple(found.caches[layer] for layer in read)) if read else found


@lru_cache(maxsize=1024)
def _placement(layers: int, on_gpu: int, gpus: int, kv_offload: bool) -> Placement:
    first = layers + 1 - on_gpu
    units = tuple(HOST if index < first else (index - first) * gpus // on_gpu for index in range(layers + 1))
    caches = units[:-1] if kv_offload else (HOST,) * layers
    return Placement(units[:-1], units[-1], caches, gpus)


@lru_cache(maxsize=256)
def _caches_read(model: ModelShape) -> tuple[int, ...]:
    """The layer whose cache each layer reads, where some read those of earlier ones (Gemma 3n, Gemma 4); else nothing."""
    mixers: dict[int, Any] = {layer: group.mixer for group in model.layers for layer in group.layers}
    latest: dict[bool, int] = {}
    found = []
    for layer, mixer in sorted(mixers.items(), key=itemgetter(0)):
        windowed = getattr(mixer, "window", None) is not None
        if not getattr(mixer, "shares_kv", False):
            latest[windowed] = layer
        found.append(latest[windowed])
    return () if found == sorted(mixers) else tuple(found)
