"""Hugging Face transformers on PyTorch, as `generate()` calls it: one device; a cache that grows, is reserved, packed or left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...amount import Component, Evidence, Factor, Lever, Moment, Number, Term
from ...blocks.mlp import DenseBesideExperts, MixtureOfExperts
from ...deployment import Deployment
from ...errors import InputError
from ...model_shape import ModelShape
from ...scenario import Scenario
from ...tensors import CacheEntry
from ..engine import Engine
from .buffers import buffers
from .images import images_left_out
from .modeling import code_of
from .modeling_code import ModelingCode
from .moments import phase_moments
from .passes import held_in_phase
from .products import check_products, gpu_decides, without_unpacking
from .quantized import CODE_BITS, check_quantized
from .unpacked import as_it_stays, is_unpacked
from .weight_formats import COMPRESSED, conditions, doubts_about_products


class Transformers(Engine):
    """transformers 5.23.0 on torch 2.13.0; cache rules: cache_utils.py DynamicLayer, DynamicSlidingWindowLayer."""

    own_options = ("step_tokens", "use_cache", "cache_implementation")
    phases = ("peak", "prefill", "decode", "first_decode")

    def check(self, scenario: Scenario) -> None:
        """Raise InputError for options that `generate()` refuses together, or that were not measured together."""
        super().check(scenario)
        implementation, chunked = scenario.cache_implementation, scenario.step_tokens is not None
        if not scenario.use_cache and implementation != "dynamic":
            raise InputError(f"cache_implementation: {implementation} needs a cache; leave it out, or use_cache true")
        if not scenario.use_cache and scenario.phase == "first_decode":
            raise InputError("phase: without a cache every token is like the first; use decode")
        if not scenario.use_cache and chunked:
            raise InputError("step_tokens: a prefill in chunks needs a cache (generate() refuses it); leave it out")
        if chunked and implementation != "dynamic":
            raise InputError(f"step_tokens: chunks into a {implementation} cache are not modelled; use dynamic")
        if implementation != "dynamic" and scenario.phase == "first_decode":
            raise InputError(
                f"phase: first_decode is told apart for a dynamic cache only, not {implementation}; use decode"
            )

    def check_deployment(self, deployment: Deployment) -> None:
        """Raise InputError for a cache or weights that the model's class refuses."""
        check_products(deployment.model, deployment.scheme)
        options = deployment.options
        kept = options.cache_implementation != "dynamic" or options.step_tokens is not None
        caches = code_of(deployment.model).caches
        if kept and caches == "none":
            raise InputError(
                f"{deployment.model.modeling} keeps no cache: leave out cache_implementation and step_tokens"
            )
        stored = (deployment.cache_format.key, deployment.cache_format.value)
        if options.cache_implementation == "quantized":
            check_quantized(deployment.model, stored, deployment.scheme.name)
        elif any(number_format.name in ("int4", "int2") for number_format in stored):
            raise InputError(
                "kv_cache: int4 and int2 are formats of a quantized cache; set cache_implementation quantized"
            )
        if caches == "own" and (options.cache_implementation == "static" or options.step_tokens):
            raise InputError(f"{deployment.model.modeling} has a cache class of its own: no static cache, no chunks")

    def settled(self, deployment: Deployment) -> Deployment:
        """Without a cache where the model's class keeps none, whatever is asked for."""
        if code_of(deployment.model).caches == "none":
            return replace(deployment, options=replace(deployment.options, use_cache=False))
        return deployment

    def phases_of_peak(self, deployment: Deployment) -> tuple[str, ...]:
        """With the first token after the prompt, for models with experts and windows.

        That step copies experts' weights while windows keep the whole prompt alive: up to 6 % more than both in
        MiMo-V2-Flash, with 256 sequences of 600 tokens. Models without experts were never larger on grids of contexts,
        batches and chunks: the prefill's activations outweigh the old window that the step keeps.
        """
        both = super().phases_of_peak(deployment)
        options = deployment.options
        if not options.use_cache or options.cache_implementation != "dynamic" or not _has_experts(deployment.model):
            return both
        windows = any(entry.window for group in deployment.model.layers if group.mixer for entry in group.mixer.cache())
        return (*both, "first_decode") if windows else both

    def attention(self, asked: str | None, model: ModelShape) -> str:
        """sdpa where the model's class supports it, else eager."""
        supported = self.facts.attention if code_of(model).sdpa else ("eager",)
        if asked is None:
            return supported[0]
        if asked in self.facts.attention and asked not in supported:
            raise InputError(
                f"attention: {model.modeling} has no {asked} in transformers {self.facts.version.split()[0]}; use eager"
            )
        return super().attention(asked, model)

    def cache_format_of(self, scenario: Scenario, model: ModelShape) -> str:
        """The one asked for, else the type that keys and values are computed in: float32 with float32 weights."""
        computed = "fp32" if scenario.weights == "fp32" else self.default_cache_format(model)
        return scenario.kv_cache or computed

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
            note = f"all of the prompt, until the answer begins; then the window of {entry.window:,}"
            return Factor("tokens", held, Lever.WORKLOAD, note)
        return Factor("tokens held", held, Lever.MODEL, f"at most the window of {entry.window:,}")

    def heads_held(self, entry: CacheEntry) -> int:
        """All query heads where the modeling code repeats keys and values before it caches them (Falcon)."""
        return entry.repeated_heads or entry.heads

    def width_held(self, entry: CacheEntry, deployment: Deployment) -> int:
        """With the column that a view keeps alive once tokens are decoded (RecurrentGemma's conv1d_state)."""
        return entry.width + (0 if deployment.workload.phase == "prefill" else entry.behind_view)

    def as_it_stays(self, deployment: Deployment) -> Deployment:
        """With matrices in 16 bits where compressed-tensors loads them."""
        return as_it_stays(deployment)

    def weights(self, deployment: Deployment) -> Component:
        """As they are stored, or as the first pass leaves them where it unpacks them."""
        if not is_unpacked(deployment):
            return super().weights(deployment)
        stored = super().weights(deployment).bytes
        return replace(
            super().weights(as_it_stays(deployment)),
            evidence=Evidence.MEASURED,
            note=f"{COMPRESSED}; the checkpoint stores {stored:,} bytes",
        )

    def kv_cache(self, deployment: Deployment) -> Component:
        """What the cache object keeps alive; nothing without one."""
        if not deployment.options.use_cache:
            return Component("kv_cache", (Moment("without a cache", ()),), Evidence.EXACT)
        found = super().kv_cache(deployment)
        if images := images_left_out(deployment.model, int(deployment.value_bytes.value)):
            found = replace(found, note=images)
        code = code_of(deployment.model)
        if code.missed:
            return replace(found, evidence=Evidence.MEASURED, note=code.missed)
        if deployment.options.cache_implementation == "quantized" and deployment.cache_format.key.name in CODE_BITS:
            note = "what rounds packed codes up to whole rows, 64 bytes a tensor at most, is not counted"
            return replace(found, evidence=Evidence.MEASURED, note=note)
        return found

    def activations(self, deployment: Deployment) -> Component:
        """The busiest moment of a forward pass, from the live tensors of the model's own modeling code."""
        return _activations(deployment, tuple(phase_moments(deployment, code_of(deployment.model))))

    def activations_within(self, deployment: Deployment, room: Number) -> Component | None:
        """The same, unless one of the moments takes more; those after it are not worked out."""
        moments = []
        for moment in phase_moments(deployment, code_of(deployment.model)):
            if moment.bytes > room:
                return None
            moments.append(moment)
        return _activations(deployment, tuple(moments))

    def measured_as(self, component: str, deployment: Deployment) -> str:
        """By the kind of cache and pass; weights are counted, not measured."""
        if component != "activations":
            return "KV cache and states" if component == "kv_cache" else ""
        options, workload = deployment.options, deployment.workload
        if not options.use_cache:
            mode = "no cache"
        elif options.cache_implementation != "dynamic":
            mode = f"{options.cache_implementation} cache"
        elif deployment.scheme.name == "fp32":
            mode = "float32"
        elif deployment.scheme.name not in ("bf16", "fp16"):
            mode = "quantised weights"
        elif workload.phase == "prefill" and options.step_tokens:
            mode = "prefill in chunks"
        else:
            mode = "first token" if workload.phase == "first_decode" else workload.phase
        return f"activations, {mode}"

    def overhead(self, deployment: Deployment) -> Component:
        """The driver's context, cuBLAS workspace on an NVIDIA device, buffers of the model that are not parameters."""
        facts, device = self.facts, deployment.device
        terms = list(buffers(deployment, code_of(deployment.model)))
        if device is None:
            note = "without a device: no driver context is counted"
            return Component("overhead", (Moment("always", tuple(terms)),), Evidence.EXACT, note)
        context, note = facts.driver_context(device), f"nothing is known for {device.vendor}: counted as 0"
        if context is not None:
            terms.append(context)
            note = "of the context both ends that public messages of torch give, by driver and kernels used; not measured here"
        if device.vendor == "NVIDIA":
            workspaces = facts.workspace_bytes or {}
            workspace = workspaces.get(device.generation, workspaces.get("other", 0))
            terms.append(Term("cuBLAS workspace", (Factor("bytes", workspace, Lever.ENGINE),), facts.workspace_source))
        always = Moment("always", tuple(terms))
        between = self.overhead_between(int(always.bytes), device)
        return Component("overhead", (always,), Evidence.ASSUMED, note, between)


def _activations(deployment: Deployment, moments: tuple[Moment, ...]) -> Component:
    """The component of all moments, how far it can be trusted, and why."""
    doubts = _doubts(deployment, code_of(deployment.model))
    evidence = Evidence.ASSUMED if doubts else Evidence.MEASURED
    if any(not e.grows for group in deployment.model.layers if group.mixer for e in group.mixer.cache()):
        kernels = "without optional kernels (mamba_ssm, fla, causal_conv1d), which need less"
    else:
        kernels = ""
    exact = "byte for byte, by running the modeling code under fake CUDA tensors"
    how = conditions(deployment)
    note = "; ".join(part for part in ("; ".join(doubts) or exact, how, kernels) if part)
    found = Component("activations", moments, evidence, note)
    if gpu_decides(deployment) and not isinstance(found.bytes, np.ndarray):
        return replace(found, between=(int(without_unpacking(moments)), int(found.bytes)))
    return found


def _doubts(deployment: Deployment, code: ModelingCode) -> list[str]:
    """What of a deployment was not measured."""
    doubts = [code.missed or code.assumed] if code.missed or code.assumed else []
    stored = (deployment.cache_format.key, deployment.cache_format.value)
    options = deployment.options
    other = not options.use_cache or options.step_tokens is not None or options.cache_implementation != "dynamic"
    if other and code.measured_caches == "default":
        doubts.append("measured with the default cache and whole prompts only")
    if options.cache_implementation == "static" and code.measured_caches == "not static":
        doubts.append("a static cache was not measured")
    if options.cache_implementation == "quantized":
        if _has_experts(deployment.model):
            doubts.append("a quantized cache was measured without experts only")
    elif any(f.planes[0].bits != 8 * deployment.value_bytes.value for f in stored):
        doubts.append(
            "a dynamic or static cache keeps the type that is computed in; set cache_implementation quantized"
        )
    if deployment.scheme.name not in ("bf16", "fp16", "fp32"):
        doubts.extend(doubts_about_products(deployment))
    elif deployment.model.quantization and deployment.model.quantization.scheme == deployment.scheme.name:
        doubts.append("what rounding inputs to 8 bits takes (AutoBitLinear) is not counted")
    return doubts


def _has_experts(model: ModelShape) -> bool:
    return any(isinstance(group.mlp, (MixtureOfExperts, DenseBesideExperts)) for group in model.layers)
