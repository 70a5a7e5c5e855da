"""A scenario with its names resolved to values: what the formulas work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .amount import Factor, Lever, Number
from .model_shape import ModelShape
from .number_formats import Formats, NumberFormat
from .precision import CacheFormat, WeightScheme, half
from .tensors import CacheEntry

OWN_VENDOR = "other"
"""The vendor of a user's own device that none of the presets is like."""
SMALL_GB = 35
"""Below it no GPU of a data centre has NVLink: T4, L4, A10G."""
WITHOUT_FP8 = ("volta", "turing", "ampere")
"""NVIDIA's generations before compute capability 8.9."""


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU or another machine that holds a model. Bytes are those of one device."""

    id: str
    name: str
    vendor: str
    kind: str
    usable_bytes: int
    """What a program can allocate at most."""
    marketed_gb: float
    reported_mib: float | None
    """What the vendor's driver tool prints."""
    evidence: str
    """`measured` where programs printed the usable memory, else `assumed`."""
    note: str = ""
    bandwidth_gbps: float | None = None
    bf16_tflops: float | None = None
    generation: str = ""
    """`hopper`, `ampere` ...: decides the size of cuBLAS workspaces, and which kernels take fp8."""
    multiprocessors: int | None = None
    """What the size of a CUDA context goes with; None where it is not known."""

    @property
    def kernels(self) -> str:
        """Whose kernels servers run on it: its vendor's.

        On NVIDIA's Hopper and Blackwell for data centres those of `hopper` and `sm100`, and on GPUs without fp8 `marlin`.
        """
        if self.generation in WITHOUT_FP8:
            return "marlin"
        if self.generation == "hopper":
            return "hopper"
        return "sm100" if (self.kind, self.generation) == ("datacenter", "blackwell") else self.vendor.lower()

    @property
    def without_nvlink(self) -> bool:
        """Whether several of these GPUs are taken to speak over PCIe: NVIDIA's but the large ones of data centres."""
        small = self.marketed_gb < SMALL_GB
        return self.vendor == "NVIDIA" and (self.kind in ("consumer", "workstation") or small)


@dataclass(frozen=True, slots=True)
class Workload:
    """Ints at a point; float64 arrays that broadcast together over a grid."""

    context_length: Number
    batch_size: Number
    phase: str
    """`prefill` or `decode`."""
    logits: str
    past: Number = 0
    """Of the tokens of a prefill, how many the cache held before: only the others are new, as in a later turn."""

    @property
    def tokens(self) -> Factor:
        """Tokens that one sequence has by now: prompt and output."""
        return Factor("tokens", self.context_length, Lever.WORKLOAD)

    @property
    def sequences(self) -> Factor:
        """Sequences at once."""
        return Factor("sequences", self.batch_size, Lever.WORKLOAD)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What a user sets on the engine itself, with the engine's defaults filled in; None where it has no such option."""

    step_tokens: int | None = None
    """Tokens processed in one step."""
    max_num_seqs: int | None = None
    kv_unified: bool = False
    swa_full: bool = False
    placement: str = "one-gpu"
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    use_cache: bool = True
    cache_implementation: str = "dynamic"
    gpu_layers: int | None = None
    """Layers on the GPU, the output layer included; None for all."""
    kv_offload: bool = True
    asks_for_attention: bool = True
    """Whether the implementation of attention was asked for, or left to the engine (llama.cpp's `-fa auto`)."""
    gpu_memory_utilization: float | None = None
    prefix_caching: bool | None = None
    mem_fraction_static: float | None = None

    @property
    def devices(self) -> int:
        """How many devices hold the model together."""
        return self.tensor_parallel * self.pipeline_parallel


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model in its formats, on one engine, with one workload."""

    model: ModelShape
    parts: str
    scheme: WeightScheme
    cache_format: CacheFormat
    formats: Formats
    engine: Any
    """An `engines.Engine`; not typed here, since engines read deployments."""
    attention: str
    workload: Workload
    device: Device | None = None
    options: EngineOptions = EngineOptions()

    def format_of(self, entry: CacheEntry) -> NumberFormat:
        """The number format of one cache entry: pinned ones (states, norms of keys) do not follow the cache format."""
        if entry.pinned == "model16":
            return self.formats["fp32" if self.scheme.name == "fp32" else half(self.model)]
        return self.cache_format.of(entry, self.formats)

    @property
    def value_bytes(self) -> Factor:
        """Bytes per value of what is computed: 4 with float32 weights, else 2."""
        full = self.scheme.name == "fp32"
        return Factor("bytes per value", 4 if full else 2, Lever.PRECISION, "float32" if full else "16-bit")

    @property
    def is_float16(self) -> bool:
        """Whether 16-bit values are float16: the weights are, or they are quantised and the model's own type is."""
        plain = self.scheme.name in ("fp32", "fp16", "bf16")
        return (self.scheme.name if plain else half(self.model)) == "fp16"
