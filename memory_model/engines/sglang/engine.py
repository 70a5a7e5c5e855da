"""SGLang: weights and a pool of tokens share a fixed part of the GPU; the rest is left for steps and CUDA graphs."""

from __future__ import annotations

from dataclasses import replace

from ...amount import Component, Evidence, Factor
from ...deployment import Deployment, Device, EngineOptions
from ...model_shape import ModelShape
from ...scenario import Scenario
from ...tensors import CacheEntry
from ..engine import Engine, Pool
from ..vllm.compressed import is_compressed
from ..vllm.parallel import check_parallel, stages
from ..vllm.stored import gpu_weights
from ..vllm.without_class import check_class
from .cache import needed, slot_terms
from .settings import WITHOUT_DEVICE, size_class, static_share
from .step import activations, before_loading, overhead

CACHE_TYPES = ("bf16", "fp16", "fp8")
"""What --kv-cache-dtype takes of the formats here (server_args.py); fp4 is SGLang's own, with scales."""
PRINTED_WEIGHTS = (
    "the tensors; SGLang prints how far free memory fell while it loaded: 0.01 to 0.4 GiB more, on machines that share "
    "their memory as much as other programs and the page cache took meanwhile"
)


class Sglang(Engine):
    """SGLang; bytes are those of one GPU, of the fullest pipeline stage. It divides matrices as vLLM does."""

    own_options = ("step_tokens", "tensor_parallel", "pipeline_parallel", "mem_fraction_static")

    def options(self, scenario: Scenario, device: Device | None) -> EngineOptions:
        """Chunks of 2,048 to 16,384 tokens by the GPU's size; the share is completed when the model is known."""
        chunk = size_class(device).chunk if device else WITHOUT_DEVICE
        return replace(super().options(scenario, device), step_tokens=scenario.step_tokens or chunk)

    def settled(self, deployment: Deployment) -> Deployment:
        """With the share that SGLang computes for the GPU and the model, unless one is asked for."""
        options, model, device = deployment.options, deployment.model, deployment.device
        if options.mem_fraction_static is not None or device is None:
            return deployment
        vision = deployment.parts == "all" and any(tower.name == "vision" for tower in model.towers)
        chunk, tensor, pipeline = options.step_tokens or 0, options.tensor_parallel, options.pipeline_parallel
        share = static_share(device, chunk, tensor, pipeline, model.config, vision)
        return replace(deployment, options=replace(options, mem_fraction_static=share))

    def default_cache_format(self, model: ModelShape) -> str:
        """fp8 for DeepSeek-V4, whose rows are kept so whatever is asked for; else the model's own 16-bit type."""
        return "fp8" if is_compressed(model) else super().default_cache_format(model)

    def check_deployment(self, deployment: Deployment) -> None:
        """Refuses cache formats that SGLang lacks, and numbers of GPUs that do not divide the model."""
        check_class(deployment.model, self.facts.label)
        self._check_cache_types(deployment, CACHE_TYPES)
        check_parallel(deployment.model, deployment.options.tensor_parallel, deployment.options.pipeline_parallel)

    def tokens_held(self, entry: CacheEntry, deployment: Deployment) -> Factor:
        """One slot a token."""
        return deployment.workload.tokens

    def weights(self, deployment: Deployment) -> Component:
        """The share of one GPU; SGLang prints more, the fall of free memory while it loads."""
        found = gpu_weights(deployment)
        if deployment.scheme.name == "mxfp4":
            return replace(found, evidence=Evidence.ASSUMED)
        return replace(found, note=found.note or PRINTED_WEIGHTS)

    def kv_cache(self, deployment: Deployment) -> Component:
        """What the workload needs of the pool."""
        return needed(deployment)

    def activations(self, deployment: Deployment) -> Component:
        """A step, for which the share leaves room."""
        return activations(deployment)

    def overhead(self, deployment: Deployment) -> Component:
        """Driver context, communication, CUDA graphs."""
        return overhead(deployment, self.facts)

    def static_bytes(self, deployment: Deployment) -> int:
        """What weights and pool share: mem_fraction_static of what is free before loading.

        Raises InputError for a deployment without a device.
        """
        free = super().memory_limit(deployment) - before_loading(deployment, self.facts)
        return int(free * (deployment.options.mem_fraction_static or 1))

    def memory_limit(self, deployment: Deployment) -> int:
        """The static share and what the workload needs beside it, at most the GPU."""
        beside = int(self.activations(deployment).bytes) + int(self.overhead(deployment).bytes)
        return min(super().memory_limit(deployment), self.static_bytes(deployment) + beside)

    def pool(self, deployment: Deployment) -> Pool | None:
        """What the static share leaves beside the weights (model_runner.py profile_max_num_token)."""
        left = self.pool_bytes(deployment)
        one = replace(deployment, workload=replace(deployment.workload, batch_size=1))
        per_sequence = int(self.kv_cache(one).bytes)
        if not per_sequence:
            return Pool(left, 0, 0.0, 0)
        tokens = left * int(deployment.workload.context_length) // per_sequence
        return Pool(left, tokens, round(left / per_sequence, 2), self._printed_tokens(one, left) or tokens)

    def cache_by_token(self, deployment: Deployment) -> int:
        """The slots of tokens, which have a pool of their own beside states."""
        stage = stages(deployment.model, deployment.options.pipeline_parallel)[0]
        return sum(int(term.bytes) for term in slot_terms(deployment, stage))

    def _printed_tokens(self, one: Deployment, left: int) -> int | None:
        """Tokens of the part of the pool that is theirs; None for a model without both tokens and states."""
        slots = self.cache_by_token(one)
        if not slots or int(self.kv_cache(one).bytes) == slots:
            return None
        share = left / (1 + self.facts.constants["mamba_full_memory_ratio"])
        return int(share * int(one.workload.context_length) / slots)

    def pool_bytes(self, deployment: Deployment) -> int:
        """What the static share leaves beside the weights."""
        return max(0, self.static_bytes(deployment) - int(self.weights(deployment).bytes))
