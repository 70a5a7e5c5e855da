"""vLLM: one process a GPU, which reserves all that is left of its share for pages of the KV cache."""

from __future__ import annotations

from dataclasses import replace

from ...amount import Component, Factor
from ...deployment import Deployment, Device, EngineOptions
from ...errors import InputError
from ...model_shape import ModelShape
from ...scenario import Scenario
from ...tensors import CacheEntry
from ...units import GIB
from ..engine import Engine, Pool
from .compressed import is_compressed
from .outside import graph_bytes, non_torch, outside_torch
from .pages import BLOCK, Pages, needed
from .parallel import check_parallel, stages
from .profile import peak
from .runner import runner_of
from .states import has_states
from .stored import gpu_weights
from .without_class import DROPPED, check_class

CACHE_TYPES = ("bf16", "fp16", "fp32", "fp8")
"""What --kv-cache-dtype takes (config/cache.py), fp32 as the model's own type."""
LARGE_GPU = 70 * GIB
"""GPUs from this size on have the larger defaults (arg_utils.py get_batch_defaults)."""
STEP_TOKENS = 2048
"""max_num_batched_tokens of the server on smaller GPUs (get_batch_defaults); `LLM()` has four times as many."""
MANY_SEQUENCES, SEQUENCES = 1024, 256
"""max_num_seqs."""


class Vllm(Engine):
    """vLLM with its V1 engine; bytes are those of one GPU, of the fullest pipeline stage."""

    own_options = (
        "step_tokens", "max_num_seqs", "tensor_parallel", "pipeline_parallel", "gpu_memory_utilization", "prefix_caching",
    )  # fmt: skip

    def options(self, scenario: Scenario, device: Device | None) -> EngineOptions:
        """The version's many tokens a step and 1,024 sequences on a large GPU, and where none is known; else 2,048 and 256."""
        constants = self.facts.constants
        large = device is None or _is_large(device, bool(constants["a100_is_large"]))
        many = int(constants["step_tokens_of_large_gpus"])
        return replace(
            super().options(scenario, device),
            step_tokens=scenario.step_tokens or (many if large else STEP_TOKENS),
            max_num_seqs=scenario.max_num_seqs or (MANY_SEQUENCES if large else SEQUENCES),
            gpu_memory_utilization=scenario.gpu_memory_utilization or constants["gpu_memory_utilization"],
        )

    def settled(self, deployment: Deployment) -> Deployment:
        """With prefix caching where it is not asked for: in models without recurrent states, and from 0.28 on in all."""
        options = deployment.options
        if options.prefix_caching is None:
            on = not has_states(deployment.model) or bool(self.facts.constants["states_cached_unasked"])
            options = replace(options, prefix_caching=on)
        return replace(deployment, options=options)

    def default_cache_format(self, model: ModelShape) -> str:
        """fp8 for DeepSeek-V4, whose rows only FlashInfer keeps in 16 bits; else the model's own 16-bit type."""
        return "fp8" if is_compressed(model) else super().default_cache_format(model)

    def check_deployment(self, deployment: Deployment) -> None:
        """Refuses models and cache formats that vLLM lacks, and numbers of GPUs that do not divide the model."""
        check_class(deployment.model, self.facts.label)
        if (kind := deployment.model.model_type) in DROPPED:
            raise InputError(f"model: {self.facts.label} has no {kind} any more; use transformers or sglang")
        self._check_cache_types(deployment, CACHE_TYPES)
        check_parallel(deployment.model, deployment.options.tensor_parallel, deployment.options.pipeline_parallel)

    def tokens_held(self, entry: CacheEntry, deployment: Deployment) -> Factor:
        """Whole blocks, as many as the fullest stage's block makes them."""
        pages = Pages(deployment, stages(deployment.model, deployment.options.pipeline_parallel)[0])
        return pages.tokens_held(entry.window, pages.block(pages.groups()))

    def weights(self, deployment: Deployment) -> Component:
        """The share of one GPU."""
        return gpu_weights(deployment)

    def kv_cache(self, deployment: Deployment) -> Component:
        """What the workload needs of the pool."""
        return needed(deployment)

    def activations(self, deployment: Deployment) -> Component:
        """The peak of the start-up profile, which stays reserved; the same in every phase."""
        return peak(deployment, self.facts)

    def overhead(self, deployment: Deployment) -> Component:
        """Driver context, libraries, CUDA graphs."""
        return outside_torch(deployment, self.facts)

    def requested(self, deployment: Deployment) -> int:
        """gpu_memory_utilization of the GPU. Raises InputError for a deployment without a device."""
        return int(super().memory_limit(deployment) * (deployment.options.gpu_memory_utilization or 1))

    def memory_limit(self, deployment: Deployment) -> int:
        """The requested share and what this version keeps outside it, at most the GPU.

        The driver's context is outside the share; so are CUDA graphs, but for the first runner from 0.21 on.
        """
        return min(super().memory_limit(deployment), self.requested(deployment) + self._beside(deployment))

    def pool(self, deployment: Deployment) -> Pool | None:
        """The pool by the sequences of the workload's length that it holds."""
        left = self.pool_bytes(deployment)
        one = replace(deployment, workload=replace(deployment.workload, batch_size=1))
        per_sequence = int(self.kv_cache(one).bytes)
        context = int(deployment.workload.context_length)
        if not per_sequence:
            return Pool(left, 0, 0.0, 0)
        tokens = left * context // per_sequence // BLOCK * BLOCK
        stage = stages(deployment.model, deployment.options.pipeline_parallel)[0]
        by_group = Pages(deployment, stage).tokens_by_group(left) if self.facts.constants["tokens_by_group"] else None
        printed = tokens if by_group is None else by_group
        return Pool(left, tokens, round(left / per_sequence, 2), printed)

    def pool_bytes(self, deployment: Deployment) -> int:
        """What the share leaves beside weights, activation peak and non-torch memory, whatever the workload."""
        taken = int(self.weights(deployment).bytes) + int(self.activations(deployment).bytes)
        taken += int(self.overhead(deployment).bytes) - self._beside(deployment)
        return max(0, self.requested(deployment) - taken)

    def _beside(self, deployment: Deployment) -> int:
        """Bytes of the overhead that this version does not count into the requested share."""
        inside = int(non_torch(deployment, self.facts) * GIB)
        if runner_of(deployment, self.facts).graphs_within_share:
            inside += graph_bytes(self.facts)
        return int(self.overhead(deployment).bytes) - inside


def _is_large(device: Device, a100: bool) -> bool:
    """As vLLM asks NVML, which knows no size of memory that NVIDIA's processor shares with the system: taken as none."""
    shared = device.vendor == "NVIDIA" and device.kind == "unified"
    return device.usable_bytes >= LARGE_GPU and not shared and (a100 or "a100" not in device.name.lower())
