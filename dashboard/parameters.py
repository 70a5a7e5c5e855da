"""Every key of the page's link: its default, and how its text is read. What comes from outside is checked here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from memory_model import InputError, load_model
from memory_model.conversation import MOST_TURNS
from memory_model.conversation_kinds import conversation_kinds
from memory_model.errors import unknown
from memory_model.model_shape import ModelShape
from memory_model.presets import devices, engines, find_preset, weight_schemes
from memory_model.resolve import cache_format
from memory_model.scenario import CHOICES, MOST_SEQUENCES, MOST_TOKENS, WHOLE_NUMBERS, whole_number
from memory_model.training.training import CHOICES as TRAINING
from memory_model.training.training import MOST_RANK

from . import kept, story_files
from .hardware.own_device import FASTEST_GBPS, FASTEST_TFLOPS, LARGEST_GIB, VENDORS
from .hardware.prices import read_prices, write_prices
from .levers.chain import read_changes, read_edit
from .own_models import is_own, shape
from .wording import UNITS

Value = str | int | float | bool | None
"""What a control holds; None where an engine's own default stands."""
OWN = ""
"""Stands for the model's or the engine's own default in a select box; never written into a link."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of the link: the page's default, and how its text is read (raises InputError)."""

    key: str
    default: Value
    read: Callable[[str], Value]


def _model(text: str) -> str:
    if is_own(text):
        shape(text)
        return text
    return find_preset(text).id


def named(what: str, known: Callable[[], object]) -> Callable[[str], str]:
    """Reads one of the names that `known` gives at the time."""

    def read(text: str) -> str:
        names = list(known())  # type: ignore[call-overload]
        if text not in names:
            raise unknown(what, text, names)
        return text

    return read


def _cache(text: str) -> str:
    cache_format(text, _any_model())
    return text


def _any_model() -> ModelShape:
    return load_model(str(DEFAULTS["model"]))


def _version(text: str) -> str:
    """The short name of an engine's version, whichever way it is written."""
    versions = [facts for engine in engines().values() for facts in engine.versions]
    for facts in versions:
        if facts.is_version(text):
            return facts.short_version
    raise unknown("version", text, [facts.short_version for facts in versions])


def whole(most: int, least: int = 1) -> Callable[[str], int]:
    """Reads a whole number such as 8192 or 128k, within bounds."""

    def read(text: str) -> int:
        number = whole_number(text)
        if not least <= number <= most:
            raise InputError(f"{number:,} is outside {least:,} to {most:,}")
        return number

    return read


def decimal(least: float, most: float) -> Callable[[str], float]:
    """Reads a number such as 0.9 or 2.5, within bounds."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise InputError(f"expected a number such as 0.9, got {text!r:.60}") from None
        if not least <= number <= most:  # also refuses what is not a number
            raise InputError(f"{text:.40} is outside {least:g} to {most:g}")
        return number

    return read


def listed(read: Callable[[str], str], most: int) -> Callable[[str], str]:
    """Reads several names with commas between them; nothing means the view's own choice."""

    def read_all(text: str) -> str:
        names = [name for name in text.split(",") if name]
        if len(names) > most:
            raise InputError(f"{len(names)} names, at most {most} are shown")
        return ",".join(dict.fromkeys(read(name) for name in names))

    return read_all


def _kinds(field: str) -> list[str]:
    return ["all", *dict.fromkeys(getattr(device, field) for device in devices().values())]


def _formats(text: str) -> str:
    weights, _, cache = text.partition("+")
    named("weight format", lambda: ["published", *weight_schemes()])(weights)
    return f"{weights}+{_cache(cache)}" if cache else weights


def flag(text: str) -> bool:
    """Reads true or false."""
    if text.lower() not in ("true", "false"):
        raise InputError(f"expected true or false, got {text!r:.60}")
    return text.lower() == "true"


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
    Parameter("tensor_parallel", 1, whole(WHOLE_NUMBERS["tensor_parallel"])),
    Parameter("pipeline_parallel", 1, whole(WHOLE_NUMBERS["pipeline_parallel"])),
    Parameter("step_tokens", None, whole(WHOLE_NUMBERS["step_tokens"])),
    Parameter("max_num_seqs", None, whole(WHOLE_NUMBERS["max_num_seqs"])),
    Parameter("kv_unified", False, flag),
    Parameter("swa_full", False, flag),
    Parameter("placement", "one-gpu", named("placement", lambda: CHOICES["placement"])),
    Parameter("use_cache", True, flag),
    Parameter("cache_implementation", "dynamic", named("cache", lambda: CHOICES["cache_implementation"])),
    Parameter("gpu_layers", None, whole(WHOLE_NUMBERS["gpu_layers"], 0)),
    Parameter("kv_offload", True, flag),
    Parameter("gpu_memory_utilization", None, decimal(0.01, 1)),
    Parameter("mem_fraction_static", None, decimal(0.01, 1)),
    Parameter("context_length", 8192, whole(WHOLE_NUMBERS["context_length"])),
    Parameter("batch_size", 1, whole(WHOLE_NUMBERS["batch_size"])),
)
PAGE = (
    Parameter("unit", "GiB", named("unit", lambda: UNITS)),
    Parameter("present", False, flag),
    Parameter("story", "", named("story", lambda: ["", *story_files.names()])),
    Parameter("story_step", 1, whole(99)),
)
VIEW_NAMES = ("memory", "trade-offs", "conversation", "levers", "compare", "hardware", "numbers", "model")
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
        Parameter("numbers_optimizer", "adamw", named("optimizer", lambda: TRAINING["optimizer"])),
        Parameter("numbers_precision", "mixed", named("precision", lambda: TRAINING["precision"])),
        Parameter("numbers_train_tokens", 2048, whole(MOST_TOKENS)),
        Parameter("numbers_train_batch", 1, whole(MOST_SEQUENCES)),
        Parameter("numbers_lora_rank", 16, whole(MOST_RANK)),
        Parameter("numbers_checkpointing", False, flag),
    ),
}
"""What each view adds, by the view's name; the keys begin with it."""
PARAMETERS = (*SCENARIO, *PAGE, *(parameter for added in VIEWS.values() for parameter in added))
DEFAULTS = {parameter.key: parameter.default for parameter in PARAMETERS}
