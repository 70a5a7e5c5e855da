"""Hugging Face transformers on PyTorch, as `generate()` calls it: one device, a DynamicCache, bf16 or fp16."""

from __future__ import annotations

from dataclasses import replace

from ...amount import Component, Evidence, Factor, Lever, Moment, Term
from ...deployment import Deployment
from ...errors import InputError
from ...model_shape import ModelShape
from ...tensors import CacheEntry
from ..engine import Engine
from .modeling import CODE, ModelingCode
from .moments import phase_moments
from .passes import held_in_phase

BUFFER_BYTES = {"": 2, "bf16": 2, "fp32": 4, "int64": 8}
"""Bytes of a value in a buffer of the model, by the type that transformers keeps it in."""


class Transformers(Engine):
    """transformers 5.23.0 on torch 2.13.0; cache rules: cache_utils.py DynamicLayer, DynamicSlidingWindowLayer."""

    own_options = ("step_tokens", "use_cache", "cache_implementation")
    phases = ("peak", "prefill", "decode", "first_decode")

    def attention(self, asked: str | None, model: ModelShape) -> str:
        """sdpa where the model's class supports it, else eager."""
        code = CODE.get(model.modeling)
        supported = self.facts.attention if code is None or code.sdpa else ("eager",)
        if asked is None:
            return supported[0]
        if asked in self.facts.attention and asked not in supported:
            raise InputError(
                f"attention: {model.modeling} has no {asked} in transformers {self.facts.version.split()[0]}; use eager"
            )
        return super().attention(asked, model)

    def tokens_held(self, entry: CacheEntry, deployment: Deployment) -> Factor:
        """All tokens after a prefill, since a window layer keeps a view of the whole; the window in steady decoding."""
        workload = deployment.workload
        context = workload.context_length
        if entry.every > 1:
            return Factor("rows", context // entry.every, Lever.WORKLOAD, f"one for {entry.every} whole tokens")
        held = held_in_phase(workload, deployment.options, entry.window)
        if entry.window is None:
            return Factor("tokens", held, Lever.WORKLOAD)
        if workload.phase == "prefill" and deployment.options.cache_implementation == "dynamic":
            note = f"a view of the last {entry.window - 1:,} keeps what was joined last alive"
            return Factor("tokens", held, Lever.WORKLOAD, note)
        return Factor("tokens held", held, Lever.MODEL, f"at most the window of {entry.window:,}")

    def heads_held(self, entry: CacheEntry) -> int:
        """All query heads where the modeling code repeats keys and values before it caches them (Falcon)."""
        return entry.repeated_heads or entry.heads

    def kv_cache(self, deployment: Deployment) -> Component:
        """What the cache object keeps alive; nothing without one."""
        if not deployment.options.use_cache:
            return Component("kv_cache", (Moment("without a cache", ()),), Evidence.EXACT)
        found = super().kv_cache(deployment)
        code = CODE.get(deployment.model.modeling)
        return replace(found, evidence=Evidence.MEASURED, note=code.missed) if code and code.missed else found

    def activations(self, deployment: Deployment) -> Component:
        """The busiest moment of a forward pass, from the live tensors of the model's own modeling code."""
        code = CODE.get(deployment.model.modeling)
        doubts = []
        if code is None:
            doubts.append(f"{deployment.model.modeling} is treated like llama")
        elif code.missed:
            doubts.append(code.missed)
        if deployment.value_bytes.value != 2:
            doubts.append("measured in 16 bits only")
        if any(f.planes[0].bits != 16 for f in (deployment.cache_format.key, deployment.cache_format.value)):
            doubts.append("measured with a 16-bit cache only")
        if deployment.scheme.name not in ("bf16", "fp16", "fp32"):
            doubts.append("what unpacking quantised weights takes is not counted")
        evidence = Evidence.ASSUMED if doubts else Evidence.MEASURED
        if any(not e.grows for group in deployment.model.layers if group.mixer for e in group.mixer.cache()):
            kernels = "without optional kernels (mamba_ssm, fla, causal_conv1d), which need less"
        else:
            kernels = ""
        exact = "byte for byte, by running the modeling code under fake CUDA tensors"
        note = "; ".join(part for part in ("; ".join(doubts) or exact, kernels) if part)
        return Component("activations", phase_moments(deployment, code or ModelingCode()), evidence, note)

    def overhead(self, deployment: Deployment) -> Component:
        """CUDA context and cuBLAS workspace on an NVIDIA device; buffers of the model that are not parameters."""
        facts, device = self.facts, deployment.device
        terms = []
        for layers, tensor in deployment.model.tensors(deployment.parts):
            if tensor.buffer:
                size = Factor("bytes per value", BUFFER_BYTES[tensor.pinned], Lever.FIXED, tensor.pinned or "16-bit")
                factors = (
                    Factor("layers", len(layers), Lever.MODEL),
                    Factor("values", tensor.values, Lever.MODEL),
                    size,
                )
                terms.append(Term(tensor.role, factors, "persistent buffer, in the checkpoint but no parameter"))
        evidence = Evidence.EXACT
        note = "without a device: no driver context is counted"
        if device is not None and device.vendor == "NVIDIA":
            workspaces = facts.workspace_bytes or {}
            workspace = workspaces.get(device.generation, workspaces.get("other", 0))
            terms.append(
                Term(
                    "CUDA context",
                    (Factor("bytes", facts.cuda_context_bytes, Lever.DEVICE),),
                    facts.cuda_context_source,
                )
            )
            terms.append(Term("cuBLAS workspace", (Factor("bytes", workspace, Lever.ENGINE),), facts.workspace_source))
            evidence, note = Evidence.ASSUMED, "0.3 to 0.6 GB by driver and kernels used; not yet measured here"
        elif device is not None:
            evidence, note = Evidence.ASSUMED, f"nothing is known for {device.vendor}: counted as 0"
        return Component("overhead", (Moment("always", tuple(terms)),), evidence, note)
