"""What stands in `presets/engines` about an engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..amount import Factor, Lever, Term
from ..deployment import OWN_VENDOR, Device


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """One version of an engine, with its constants and where they come from."""

    name: str
    label: str
    version: str
    attention: tuple[str, ...]
    """Implementations of attention; the first is the default."""
    logits: tuple[str, ...]
    """Which logits can be asked for; the first is the default."""
    source: str
    runs_on: dict[str, str]
    """The backend by vendor of the device, as its makers say; what is not listed is not guessed."""
    offered_weights: tuple[str, ...]
    """Weight formats that are offered as changes, from the mildest to the strongest; it loads more."""
    offered_caches: tuple[str, ...] = ()
    """Formats of keys and values that are."""
    weights_by_kernels: bool = False
    """Whether it holds some weights differently on GPUs with other kernels (Device.kernels)."""
    pool_in_log: str = ""
    """What its start-up log calls the pool that it reserves, if it does."""
    prefix_block: int = 0
    """Tokens of a common beginning that its sequences share together; 0 where each keeps its own."""
    prompt_in_one_pass: bool = False
    """Whether it reads a question in one pass, whose peak is that of the whole; else the cache grows step by step."""
    allocates_whole_context: bool = False
    """Whether it allocates the cache of the longest context when it starts."""
    expands_latent_rows: bool = False
    """Whether latent attention expands the rows of the past in every step, instead of multiplying by them as they are."""
    cuda_context_bytes: int = 0
    cuda_context_source: str = ""
    """A CUDA context and what the libraries load into it, in bytes, on a GPU whose multiprocessors are not known."""
    cuda_context_between: tuple[int, int] | None = None
    """The least and the most that was seen of it, in bytes, where that is known."""
    cuda_context_per_multiprocessor: int = 0
    """The same for each multiprocessor of the GPU: contexts of 107 to 649 MiB differ by no more than 1.7 times so."""
    cuda_context_per_multiprocessor_between: tuple[int, int] = (0, 0)
    other_contexts: dict[str, list[int]] = field(default_factory=dict)
    """Of other vendors than NVIDIA, a driver's context in bytes, with the least and the most that was seen."""
    other_contexts_source: dict[str, str] = field(default_factory=dict)
    workspace_bytes: dict[str, int] | None = None
    """cuBLAS workspace by GPU generation; `other` for those not named."""
    workspace_source: str = ""
    constants: dict[str, float] = field(default_factory=dict)
    """Numbers of this version that a formula of the engine uses, by name."""
    sources: dict[str, str] = field(default_factory=dict)
    """Where each constant comes from, by the same names."""

    def refusal(self, device: Device) -> str:
        """Why the engine does not run on a device, empty where it does; of a vendor of the user's own, they say so."""
        known = device.vendor in self.runs_on or device.vendor == OWN_VENDOR
        return "" if known else f"{self.label} does not run on {device.vendor} GPUs"

    def driver_context(self, device: Device) -> Term | None:
        """What the driver and libraries take on a GPU; None for a vendor of which nothing is known."""
        if device.vendor == "NVIDIA":
            return Term("CUDA context", self._cuda_context(device), self.cuda_context_source)
        if device.vendor not in self.other_contexts:
            return None
        counted = Factor("bytes", self.other_contexts[device.vendor][0], Lever.DEVICE)
        return Term("driver context", (counted,), self.other_contexts_source[device.vendor])

    def _cuda_context(self, device: Device) -> tuple[Factor, ...]:
        if device.multiprocessors is None:
            return (Factor("bytes", self.cuda_context_bytes, Lever.DEVICE),)
        each = Factor("bytes for each", self.cuda_context_per_multiprocessor, Lever.ENGINE)
        return (Factor("multiprocessors", device.multiprocessors, Lever.DEVICE), each)

    def driver_context_range(self, device: Device) -> tuple[int, int] | None:
        """The least and the most that it is taken to be on a GPU, in bytes; None where nothing was seen of it."""
        if device.vendor != "NVIDIA":
            ends = self.other_contexts.get(device.vendor)
            return (ends[1], ends[2]) if ends else None
        if device.multiprocessors is None:
            return self.cuda_context_between
        low, high = self.cuda_context_per_multiprocessor_between
        return low * device.multiprocessors, high * device.multiprocessors

    @property
    def short_version(self) -> str:
        """The version as people name it: `0.19` of `0.19.0 (V1 engine)`, `0c1e57098` of `0c1e57098 (ggml 0.25.3)`."""
        return ".".join(self.version.split()[0].split(".")[:2])

    def is_version(self, asked: str) -> bool:
        """Whether a version that somebody names is this one: in full, short, or a patch of it such as `0.19.2`."""
        return asked in (self.version, self.short_version) or asked.startswith(f"{self.short_version}.")
