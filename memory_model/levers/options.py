"""Changes of the engine and of its own options, of the hardware, and of what is asked of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..presets import devices, engines
from ..scenario import DEFAULTS, OWN_OF_ENGINE
from .change import Asked, Change, Price, model_of, refuse, setting


def _only(engine: str, apply: Callable[[Asked], Asked]) -> Callable[[Asked], Asked]:
    """The change, on one engine only."""

    def checked(asked: Asked) -> Asked:
        if asked.scenario.engine != engine:
            raise refuse("engine", f"{asked.scenario.engine} has no such option")
        return apply(asked)

    return checked


def _engine(name: str) -> Callable[[Asked], Asked]:
    def apply(asked: Asked) -> Asked:
        scenario = asked.scenario
        if name not in engines():
            raise refuse("engine", f"{name} is not known")
        if name == scenario.engine:
            raise refuse("engine", f"it is {name} already")
        device = devices().get(scenario.device)
        if device and engines()[name].facts.refusal(device):
            raise refuse("engine", f"{name} does not run on {device.name}")
        back = {key: DEFAULTS[key] for key in (*OWN_OF_ENGINE, "kv_cache")}
        return replace(asked, scenario=replace(scenario, engine=name, **back))

    return apply


def _gpus(count: int) -> Callable[[Asked], Asked]:
    """Every layer on all of them, or where the engine cannot divide a layer, some of the layers on each."""

    def apply(asked: Asked) -> Asked:
        scenario, known = asked.scenario, engines()[asked.scenario.engine].own_options
        if (now := scenario.tensor_parallel * scenario.pipeline_parallel) >= count:
            raise refuse("tensor_parallel", f"there are {now} already")
        if "tensor_parallel" in known:
            return replace(asked, scenario=replace(scenario, tensor_parallel=count, pipeline_parallel=1))
        device = devices().get(scenario.device)
        if "pipeline_parallel" not in known or (device and device.kind == "unified"):
            raise refuse("tensor_parallel", f"{scenario.engine} divides no model over several of this device")
        return replace(asked, scenario=replace(scenario, pipeline_parallel=count))

    return apply


def _gpu_layers(numerator: int, denominator: int) -> Callable[[Asked], Asked]:
    def apply(asked: Asked) -> Asked:
        layers = model_of(asked).num_hidden_layers + 1  # the output layer counts as one
        kept = layers * numerator // denominator
        if (now := asked.scenario.gpu_layers) is not None and now <= kept:
            raise refuse("gpu_layers", f"there are {now} already")
        return replace(asked, scenario=replace(asked.scenario, gpu_layers=kept))

    return apply


def _share(key: str, value: int) -> Callable[[Asked], Asked]:
    """The workload's number divided by `value`."""

    def apply(asked: Asked) -> Asked:
        now = getattr(asked.scenario, key)
        if now < value:
            raise refuse(key, f"{now} cannot be divided")
        return replace(asked, scenario=replace(asked.scenario, **{key: now // value}))

    return apply


def _steps(tokens: int) -> Callable[[Asked], Asked]:
    def apply(asked: Asked) -> Asked:
        now = asked.scenario.step_tokens
        if now is not None and now <= tokens:
            raise refuse("step_tokens", f"there are {now} already")
        return replace(asked, scenario=replace(asked.scenario, step_tokens=tokens))

    return apply


def _reading(tokens: int) -> Change:
    words = f"The prompt is read {tokens:,} tokens at a time; the fewer, the fewer intermediate values live together."
    return Change(
        f"steps-{tokens}",
        f"Prompt in steps of {tokens:,}",
        words,
        "engine",
        Price.NOTHING,
        "step_tokens",
        _steps(tokens),
    )


SAME = (
    *(_reading(tokens) for tokens in (2048, 512, 128)),
    Change("attention-sdpa", "Fused attention", "Attention in one kernel (sdpa), which never writes the scores out.", "engine", Price.NOTHING, "attention", _only("transformers", setting(attention="sdpa"))),
    Change("attention-flash", "Flash attention", "Attention in one kernel, which never writes the scores out.", "engine", Price.NOTHING, "attention", _only("llama.cpp", setting(attention="flash"))),
    Change("logits-last", "Logits of the last token", "Only the next token's scores over the vocabulary, not those of the whole prompt.", "engine", Price.NOTHING, "logits", _only("transformers", setting(logits="last"))),
    Change("text-only", "No vision or audio tower", "Only the language model is loaded.", "engine", Price.NOTHING, "parts", setting(parts="text")),
    Change("cache-windowed", "Window layers keep windows", "Layers with a window keep their window only, not every token (swa_full off).", "cache", Price.NOTHING, "swa_full", setting(swa_full=False)),
    Change("cache-unified", "One cache for all sequences", "All sequences share one pool of cells (--kv-unified).", "cache", Price.NOTHING, "kv_unified", setting(kv_unified=True)),
    Change("cache-dynamic", "Cache that grows", "The cache grows with the text instead of being reserved in full at the start.", "cache", Price.NOTHING, "cache_implementation", setting(cache_implementation="dynamic")),
    Change("cache-int4", "int4 cache", "Old keys and values are kept in 4 bits, the newest in full (cache_implementation=quantized).", "cache", Price.CACHE_4_BIT, "kv_cache", _only("transformers", setting(cache_implementation="quantized", kv_cache="int4"))),
    Change("cache-static", "Static cache", "The cache is reserved in full at the start, so that the step can be compiled.", "cache", Price.NOTHING, "cache_implementation", setting(cache_implementation="static")),
)  # fmt: skip
ENGINES = (
    Change("engine-vllm", "vLLM", "Pages of the cache, prompts in steps, one share of the GPU.", "engine", Price.OTHER_ENGINE, "engine", _engine("vllm")),
    Change("engine-sglang", "SGLang", "A pool of tokens, prompts in steps.", "engine", Price.OTHER_ENGINE, "engine", _engine("sglang")),
    Change("engine-llama.cpp", "llama.cpp", "GGUF files, the prompt in micro-batches of 512.", "engine", Price.OTHER_ENGINE, "engine", _engine("llama.cpp")),
    Change("engine-transformers", "transformers", "The model's own code, the whole prompt in one pass.", "engine", Price.OTHER_ENGINE, "engine", _engine("transformers")),
)  # fmt: skip
SLOWER = (
    Change("cache-on-host", "Cache in host memory", "Keys and values stay in the computer's own memory (--no-kv-offload).", "cache", Price.TIME, "kv_offload", setting(kv_offload=False)),
    Change("gpu-layers-three-quarters", "3/4 of the layers on the GPU", "A quarter of the layers stays in the computer's own memory and is computed there.", "engine", Price.TIME, "gpu_layers", _gpu_layers(3, 4)),
    Change("gpu-layers-half", "Half of the layers on the GPU", "Half of the layers stay in the computer's own memory and are computed there.", "engine", Price.TIME, "gpu_layers", _gpu_layers(1, 2)),
    Change("gpu-layers-quarter", "1/4 of the layers on the GPU", "Three quarters of the layers stay in the computer's own memory and are computed there.", "engine", Price.TIME, "gpu_layers", _gpu_layers(1, 4)),
    Change("no-cache", "No cache", "Nothing is kept: every token is computed anew from the whole text.", "cache", Price.ALL_ANEW, "use_cache", setting(use_cache=False)),
)  # fmt: skip
GPUS = tuple(
    Change(f"gpus-{count}", f"{count} GPUs share it", f"The model is divided over {count} GPUs: every layer (tensor parallel), or in llama.cpp its layers; bytes are those of the fullest.", "parallelism", Price.MORE_DEVICES, "tensor_parallel", _gpus(count))
    for count in (2, 3, 4, 6, 8)
)  # fmt: skip
LESS = (
    Change("context-half", "Half the context", "Half as many tokens per sequence.", "workload", Price.LESS_WORK, "context_length", _share("context_length", 2)),
    Change("context-quarter", "A quarter of the context", "A quarter as many tokens per sequence.", "workload", Price.LESS_WORK, "context_length", _share("context_length", 4)),
    Change("batch-half", "Half the sequences", "Half as many sequences at once.", "workload", Price.LESS_WORK, "batch_size", _share("batch_size", 2)),
    Change("batch-one", "One sequence at a time", "One sequence after the other.", "workload", Price.LESS_WORK, "batch_size", setting(batch_size=1)),
)  # fmt: skip
OPTIONS = (*SAME, *ENGINES, *SLOWER, *GPUS, *LESS)
