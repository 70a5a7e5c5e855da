"""Every key of the page's link, with its default and its reader: those of the scenario, the page and each view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from memory_model import load_model
from memory_model.conversation.course import MOST_TURNS
from memory_model.conversation.kinds import conversation_kinds
from memory_model.errors import unknown
from memory_model.model_shape import ModelShape
from memory_model.presets import devices, engines, find_preset, weight_schemes
from memory_model.resolve import cache_format
from memory_model.scenario import CHOICES, KEYS, MOST_SEQUENCES, MOST_TOKENS
from memory_model.training.training import KEYS as TRAINING
from memory_model.training.training import MOST_RANK

from . import kept, story_files
from .hardware.own_device import FASTEST_GBPS, FASTEST_TFLOPS, LARGEST_GIB, VENDORS
from .hardware.prices import read_prices, write_prices
from .levers.chain import read_changes, read_edit
from .own_models import is_own, shape
from .parameter import OWN, Parameter, Value, decimal, flag, listed, named, whole
from .views import ICONS
from .wording import UNITS


def _model(text: str) -> str:
    if is_own(text):
        shape(text)
        return text
    return find_preset(text).id


def _cache(text: str) -> str:
    cache_format(text, _any_model())
    return text


def _any_model() -> ModelShape:
    return load_model(str(DEFAULTS["model"]))


def _number(name: str) -> Callable[[str], int]:
    return whole(KEYS[name].most, KEYS[name].least)


def _version(text: str) -> str:
    """The short name of an engine's version, whichever way it is written."""
    versions = [facts for engine in engines().values() for facts in engine.versions]
    for facts in versions:
        if facts.is_version(text):
            return facts.short_version
    raise unknown("version", text, [facts.short_version for facts in versions])


def _kinds(field: str) -> list[str]:
    return ["all", *dict.fromkeys(getattr(device, field) for device in devices().values())]


def _formats(text: str) -> str:
    weights, _, cache = text.partition("+")
    named("weight format", lambda: ["published", *weight_schemes()])(weights)
    return f"{weights}+{_cache(cache)}" if cache else weights


SCENARIO = (
    Parameter("model", "llama-3.1-8b", _model),
    Parameter("device", "h100-sxm-80gb", named("device", lambda: ["none", *devices()])),
    Parameter("weights", "published", named("weight format", lambda: ["published", *weight_schemes()])),
    Parameter("kv_cache", OWN, _cache),
    Parameter("engine", "transformers", named("engine", lambda: engines())),
    Parameter("engine_version", OWN, _version),
    Parameter("attention", OWN, named("attention", lambda: CHOICES["attention"])),
    Parameter("phase", "peak", named("phase", lambda: CHOICES["phase"])),
    Parameter("logits", OWN, named("logits", lambda: CHOICES["logits"])),
    Parameter("parts", "all", named("parts", lambda: CHOICES["parts"])),
    Parameter("tensor_parallel", 1, _number("tensor_parallel")),
    Parameter("pipeline_parallel", 1, _number("pipeline_parallel")),
    Parameter("step_tokens", None, _number("step_tokens")),
    Parameter("max_num_seqs", None, _number("max_num_seqs")),
    Parameter("kv_unified", False, flag),
    Parameter("swa_full", False, flag),
    Parameter("placement", "one-gpu", named("placement", lambda: CHOICES["placement"])),
    Parameter("use_cache", True, flag),
    Parameter("cache_implementation", "dynamic", named("cache", lambda: CHOICES["cache_implementation"])),
    Parameter("gpu_layers", None, _number("gpu_layers")),
    Parameter("kv_offload", True, flag),
    Parameter("gpu_memory_utilization", None, decimal(0.01, 1)),
    Parameter("prefix_caching", None, flag),
    Parameter("mem_fraction_static", None, decimal(0.01, 1)),
    Parameter("context_length", 8192, _number("context_length")),
    Parameter("batch_size", 1, _number("batch_size")),
)
PAGE = (
    Parameter("unit", "GiB", named("unit", lambda: UNITS)),
    Parameter("present", False, flag),
    Parameter("story", "", named("story", lambda: ["", *story_files.names()])),
    Parameter("story_step", 1, whole(99)),
)
VIEW_NAMES = tuple(ICONS)
"""The views by their place in the address."""
HARDWARE_SORTS = ("fit", "free", "context", "batch", "speed", "price")
NUMBERS_SECTIONS = ("terms", "bytes", "accuracy", "training", "log")
VIEWS: dict[str, tuple[Parameter, ...]] = {
    "conversation": (
        Parameter("conversation_kind", "chat", named("kind", lambda: conversation_kinds())),
        Parameter("conversation_axis", "turns", named("axis", lambda: ["turns", "tokens"])),
        Parameter("conversation_system_prompt", 500, whole(MOST_TOKENS, 0)),
        Parameter("conversation_document", 0, whole(MOST_TOKENS, 0)),
        Parameter("conversation_turns", 12, whole(MOST_TURNS)),
        Parameter("conversation_question", 100, whole(MOST_TOKENS)),
        Parameter("conversation_answer", 400, whole(MOST_TOKENS)),
        Parameter("conversation_users", 1, whole(MOST_SEQUENCES)),
        Parameter("conversation_shared", False, flag),
    ),
    "memory": (
        Parameter("memory_bars", "context", named("bars", lambda: ["context", "batch", "levers"])),
        Parameter("memory_parts", False, flag),
    ),
    "compare": tuple(Parameter(f"compare_{n}", "", kept.reader(SCENARIO)) for n in range(1, kept.MOST + 1)),
    "levers": (
        Parameter("levers_changes", "", read_changes),
        Parameter("levers_edit", "", read_edit),
    ),
    "hardware": (
        Parameter("hardware_vendor", "all", named("vendor", lambda: _kinds("vendor"))),
        Parameter("hardware_kind", "all", named("kind", lambda: _kinds("kind"))),
        Parameter("hardware_sort", "fit", named("order", lambda: HARDWARE_SORTS)),
        Parameter("hardware_prices", "", lambda text: write_prices(read_prices(text))),
        Parameter("hardware_own_gib", 0.0, decimal(0, LARGEST_GIB)),
        Parameter("hardware_own_bandwidth", 0.0, decimal(0, FASTEST_GBPS)),
        Parameter("hardware_own_tflops", 0.0, decimal(0, FASTEST_TFLOPS)),
        Parameter("hardware_own_vendor", "NVIDIA", named("vendor", lambda: VENDORS)),
    ),
    "trade_offs": (
        Parameter("trade_offs_section", "fits", named("section", lambda: ["fits", "longest", "growth", "cache"])),
        Parameter("trade_offs_vary", "devices", named("choice", lambda: ["devices", "formats", "engines"])),
        Parameter("trade_offs_devices", "", listed(named("device", lambda: devices()), 6)),
        Parameter("trade_offs_formats", "", listed(_formats, 6)),
        Parameter("trade_offs_engines", "", listed(named("engine", lambda: engines()), 6)),
        Parameter("trade_offs_answer", 256, whole(65_536, 2)),
        Parameter("trade_offs_growth", "context", named("axis", lambda: ["context", "batch"])),
    ),
    "numbers": (
        Parameter("numbers_section", "terms", named("section", lambda: NUMBERS_SECTIONS)),
        Parameter("numbers_optimizer", "adamw", named("optimizer", lambda: TRAINING["optimizer"].choices)),
        Parameter("numbers_precision", "mixed", named("precision", lambda: TRAINING["precision"].choices)),
        Parameter("numbers_train_tokens", 2048, whole(MOST_TOKENS)),
        Parameter("numbers_train_batch", 1, whole(MOST_SEQUENCES)),
        Parameter("numbers_lora_rank", 16, whole(MOST_RANK)),
        Parameter("numbers_checkpointing", False, flag),
    ),
}
"""What each view adds, by the view's name; the keys begin with it."""
PARAMETERS = (*SCENARIO, *PAGE, *(parameter for added in VIEWS.values() for parameter in added))
DEFAULTS = {parameter.key: parameter.default for parameter in PARAMETERS}


def usual(given: Mapping[str, Value]) -> dict[str, Value]:
    """What every key has of which nothing is said: its default, or the number of the kind of conversation that is given."""
    kind = conversation_kinds().get(str(given.get("conversation_kind")))
    own = asdict(kind) if kind else {}
    numbers = {f"conversation_{name}": value for name, value in own.items()}
    numbers["conversation_shared"] = kind.shared_prefix if kind else False
    return DEFAULTS | {key: value for key, value in numbers.items() if key in DEFAULTS}
