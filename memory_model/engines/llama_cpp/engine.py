"""llama.cpp: cells in multiples of 256, tensors of a GGUF file, compute buffers reserved for one micro-batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...amount import Component, Evidence, Factor, Lever, Moment, Number, Term, largest
from ...deployment import Deployment, Device, EngineOptions
from ...errors import InputError
from ...gguf.mix import mixes
from ...model_shape import ModelShape
from ...precision import half
from ...scenario import Scenario
from ...tensors import CacheEntry
from ..engine import Engine
from ..vllm.without_class import DROPPED, has_class
from .cache import cache_at
from .context import Context
from .divided import compute_at, of_fullest
from .expanded import with_expanded
from .fall_back import falls_back
from .geometry import caches_of
from .placement import HOST
from .room import check_room, starts
from .stored import weights_at

CACHE_TYPES = ("fp32", "fp16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
"""What --cache-type-k and --cache-type-v take (common/arg.cpp)."""
PLAIN = ("fp32", "bf16", "fp16")
BUILD = "0c1e57098"
UNKNOWN = (
    "aria_text", "ernie4_5_vl_moe_text", "mllama_text_model", "molmo2_text", "molmo2_text, norms behind", "phi4_multimodal",
    "axk1", "axk2", "biogpt", "codegen", "cwm", "diffllama", "doge", "flex_olmo", "flint", "gpt_neo", "gpt_neox_japanese",
    "gptj", "helium", "hyperclovax", "kolibri1", "lfm3", "longcat_flash", "ministral", "modernbert-decoder",
    "nanochat", "olmo_hybrid", "opt", "persimmon", "recurrent_gemma", "vaultgemma", "xglm", "zamba2",
    "blip-2", "instructblip", "instructblipvideo", "moss_transcribe_diarize", "pp_chart2table", "fun_asr_nano",
    "vibevoice_asr",
    "cohere_compass_text", "cosmos3_edge_text", "cosmos3_omni", "fast_vlm", "granite_docling_text", "jetmoe",
    "mistral_large4_text", "musicflamingo", "mimo", "openai-gpt", "perception_lm", "rwkv", "shieldgemma2", "xlstm", "zamba", "zaya",
)  # fmt: skip
"""Language models, or wrappers, that no version has: they stand neither in LLM_ARCH_NAMES (src/llama-arch.cpp) nor among the models
that the converter knows (conversion/__init__.py), not even of the later build b11549."""
UNMODELLED = ("glm5_next_text", "hy_v4")
"""Language models that the engine runs, whose files, caches and graphs are not modelled here."""
STEP_TOKENS = 512
"""n_ubatch (common.h)."""
NOTHING = Moment("always", ())


class LlamaCpp(Engine):
    """llama.cpp 0c1e57098 (ggml 0.25.3), layers on GPUs or in host memory; the file's language model only."""

    own_options = (
        "step_tokens", "kv_unified", "swa_full", "placement", "gpu_layers", "kv_offload", "pipeline_parallel",
    )  # fmt: skip
    lists_slowly = True

    def measured_as(self, component: str, deployment: Deployment) -> str:
        """By the device that computes."""
        compute = "CPU alone" if deployment.options.placement == "cpu" else "device"
        names = {"weights": "weights", "kv_cache": "KV cache and states", "activations": f"compute buffer, {compute}"}
        return names.get(component, "")

    def parts(self, asked: str, model: ModelShape) -> str:
        """The language model: a vision tower is another file, loaded with --mmproj."""
        return "text"

    def published_scheme(self, model: ModelShape) -> str:
        """A file in the checkpoint's own 16-bit type; MXFP4_MOE for experts that are published in MXFP4.

        convert_hf_to_gguf.py unpacks fp8 and other quantised checkpoints, and keeps MXFP4 as it is.
        """
        stated = model.quantization.scheme if model.quantization else ""
        if stated in mixes():
            return stated
        if stated == "mxfp4":
            return "mxfp4_moe"
        return model.dtype if model.dtype in PLAIN else half(model)

    def default_cache_format(self, model: ModelShape) -> str:
        """f16, whatever the model's own type (common.h cache_type_k)."""
        return "fp16"

    def options(self, scenario: Scenario, device: Device | None) -> EngineOptions:
        """n_ubatch is 512 unless asked for."""
        return EngineOptions(
            step_tokens=scenario.step_tokens or STEP_TOKENS,
            kv_unified=scenario.kv_unified,
            swa_full=scenario.swa_full,
            placement=scenario.placement,
            gpu_layers=scenario.gpu_layers,
            kv_offload=scenario.kv_offload,
            pipeline_parallel=scenario.pipeline_parallel,
            asks_for_attention=scenario.attention is not None,
        )

    def settled(self, deployment: Deployment) -> Deployment:
        """With the model as the engine runs it, and without flash attention where that is left to it and no kernel fits."""
        deployment = replace(deployment, model=with_expanded(deployment.model))
        return replace(deployment, attention="plain") if falls_back(deployment) else deployment

    def check_deployment(self, deployment: Deployment) -> None:
        """Refuses what the engine's own start refuses, and formats that no GGUF file has."""
        deployment = self.settled(deployment)
        if deployment.model.modeling in UNKNOWN or deployment.model.model_type in UNKNOWN:
            raise InputError(
                f"model: llama.cpp {BUILD} has no architecture for model_type {deployment.model.model_type}; "
                f"use {_others(deployment.model)}"
            )
        if deployment.model.modeling in UNMODELLED:
            raise InputError(
                f"model: what llama.cpp {BUILD} makes of model_type {deployment.model.model_type} is not modelled here; "
                f"use {_others(deployment.model)}"
            )
        scheme, cache = deployment.scheme.name, deployment.cache_format
        if scheme not in mixes() and scheme not in PLAIN:
            raise InputError(
                f"weights: {scheme} has no GGUF equivalent, which llama.cpp needs; use bf16, q8_0 or q4_k_m"
            )
        for number_format in (cache.key, cache.value):
            if number_format.name not in CACHE_TYPES:
                raise InputError(
                    f"kv_cache: {number_format.name} is not an option of llama.cpp; known: {', '.join(CACHE_TYPES)}"
                )
        if cache.value.block > 1 and deployment.attention != "flash":
            raise InputError("kv_cache: llama.cpp needs flash attention for quantised values; use attention flash")
        self._check_placement(deployment)
        context = Context(deployment)
        _check_blocks(context)
        check_room(context)
        one_row = context.compresses or any(found.latent is not None for found in caches_of(context))
        if one_row and cache.key != cache.value:
            raise InputError(
                f"kv_cache: {cache.name} differs for keys and values, but latent attention stores one row for both; "
                f"use {cache.key.name}"
            )

    def _check_placement(self, deployment: Deployment) -> None:
        options, layers = deployment.options, deployment.model.num_hidden_layers
        if options.placement == "cpu" and (options.gpu_layers or options.pipeline_parallel > 1):
            key = "gpu_layers" if options.gpu_layers else "pipeline_parallel"
            raise InputError(f"{key}: placement cpu has no GPU; use placement one-gpu, or leave {key} out")
        most = layers + 1 if options.gpu_layers is None else min(options.gpu_layers, layers + 1)
        if options.pipeline_parallel > max(1, most):
            raise InputError(
                f"pipeline_parallel: {options.pipeline_parallel} GPUs are more than the {most:,} layers to divide, "
                "the output layer included; use fewer"
            )

    def starts(self, deployment: Deployment) -> Any:
        """Whether it takes so many sequences, and has room for their graph."""
        return starts(Context(deployment))

    def phases_of_peak(self, deployment: Deployment) -> tuple[str, ...]:
        """One stands for both: buffers are reserved at start, for the largest prompt graph, and never change."""
        return ("prefill",)

    def tokens_held(self, entry: CacheEntry, deployment: Deployment) -> Factor:
        """Cells of one sequence's stream, or of the shared one."""
        return Context(deployment).cell_factors(entry.window)[-1]

    def weights(self, deployment: Deployment) -> Component:
        """Tensors on the GPU, on the fullest of several."""
        return self._on_gpu(deployment, weights_at, "weights")

    def kv_cache(self, deployment: Deployment) -> Component:
        """Cells and states on the GPU, on the fullest of several."""
        return self._on_gpu(deployment, cache_at, "kv_cache")

    def kept_bytes(self, deployment: Deployment) -> Number:
        """Of every GPU weights and cache alone: which is the fullest with its compute buffer takes a replay of each."""
        context = Context(deployment)
        gpus = range(context.placement.gpus)
        return largest([weights_at(context, gpu).bytes + cache_at(context, gpu).bytes for gpu in gpus])

    def activations(self, deployment: Deployment) -> Component:
        """The GPU's compute buffer, that of the fullest of several."""
        return self._on_gpu(deployment, compute_at, "activations")

    def _on_gpu(self, deployment: Deployment, part: Callable[[Context, int], Component], name: str) -> Component:
        context = Context(deployment)
        if context.on_gpu:
            return of_fullest(context, part)
        return Component(name, (NOTHING,), Evidence.EXACT, "everything is in host memory")

    def overhead(self, deployment: Deployment) -> Component:
        """Context, kernels and pool of the driver; nothing on the CPU."""
        facts, device = self.facts, deployment.device
        if device is None or deployment.options.placement == "cpu":
            note = "without a device: no driver context is counted"
            return Component("overhead", (NOTHING,), Evidence.EXACT, note)
        context = facts.driver_context(device)
        if context is None:
            note = f"nothing is known for {device.vendor}: counted as 0"
            return Component("overhead", (NOTHING,), Evidence.ASSUMED, note)
        always = Moment("always", (replace(context, label=f"{context.label}, kernels and pool"),))
        note = "both ends of bare contexts and of what llama.cpp leaves unaccounted in public logs; not measured here"
        between = self.overhead_between(int(always.bytes), device)
        return Component("overhead", (always,), Evidence.ASSUMED, note, between)

    def host(self, deployment: Deployment) -> tuple[Component, ...]:
        """The input layer, the layers that no GPU holds, the host's compute buffer and the output buffer."""
        context = Context(deployment)
        compute, output = compute_at(context, HOST), _output_buffer(context)
        moments = tuple(Moment(moment.name, (*moment.terms, output), moment.source) for moment in compute.moments)
        note = (
            compute.note
            if context.on_gpu
            else f"{compute.note}; the CPU's one compute buffer; thread buffers not counted"
        )
        activations = Component("activations", moments, compute.evidence, note)
        return (weights_at(context, HOST), cache_at(context, HOST), activations)


def _others(model: ModelShape) -> str:
    """Engines that take a model which llama.cpp lacks."""
    if not has_class(model):
        return "transformers"
    return "transformers or sglang" if model.model_type in DROPPED else "transformers or vllm"


def _check_blocks(context: Context) -> None:
    """Heads whose rows are not whole blocks: the start refuses them, or a view of them aborts (llama-context.cpp; ggml_row_size)."""
    for row in (row for cache in caches_of(context) for row in cache.rows):
        if row.width % row.format.block:
            raise InputError(
                f"kv_cache: {row.format.name} has blocks of {row.format.block} values, which do not divide "
                f"{row.label} of {row.width}; use fp16"
            )


def _output_buffer(context: Context) -> Term:
    """One float32 row of logits a sequence at start; more rows once a batch asks for more."""
    vocabulary = Factor("vocabulary", context.deployment.model.vocab_size, Lever.MODEL)
    size = Factor("bytes per value", 4, Lever.ENGINE, "float32")
    return Term("output buffer", (context.deployment.workload.sequences, vocabulary, size), "llama-context.cpp")
