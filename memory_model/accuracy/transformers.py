"""Predictions beside what transformers measured: caches and activations, by mode."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ..amount import Evidence, MemoryBreakdown
from ..architectures import read_config
from ..deployment import Deployment
from ..estimate import breakdown
from ..model_shape import ModelShape
from ..resolve import resolve
from ..scenario import Scenario
from .measured import MEASURED, Pair, Row, table


@lru_cache(maxsize=512)
def measured_shape(config: str, checkpoint: str = "") -> ModelShape:
    """The model of a measured row of transformers: a real one, cut to a few layers, in a checkpoint of compressed-tensors."""
    keys = _json(f"configs/{config}.json")
    if checkpoint:
        keys["quantization_config"] = _json("compressed_tensors_sections.json")[checkpoint]
    return read_config(keys, config)


def _json(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((MEASURED / name).read_text(encoding="utf-8"))
    return found


def transformers_pairs() -> Iterator[Pair]:
    """Cache and activations of prefill and decode."""
    for row in table("transformers.csv"):
        for phase, tokens in (("prefill", row["context_length"]), ("decode", row["decode_context_length"])):
            if not row[f"{phase}_activations"]:
                continue
            memory = breakdown(transformers_deployment(row, phase, tokens))
            yield _cache(memory), int(memory["kv_cache"].bytes), int(row[f"{phase}_cache"])
            yield _activations(memory, phase), int(memory["activations"].bytes), int(row[f"{phase}_activations"])
    for row in table("transformers_modes.csv"):
        yield from _of_mode(row, _mode(row))
    for kind in ("quantized", "fp8", "marlin", "unpacked"):
        for row in table(f"transformers_{kind}_weights.csv"):
            yield from _of_mode(row, "quantised weights")


def _of_mode(row: Row, mode: str) -> Iterator[Pair]:
    """A row for one phase; of a range the smaller end where the GPU did not unpack weights."""
    memory = breakdown(transformers_mode(row))
    found = memory["activations"]
    predicted = found.between[0] if row.get("unpacks") == "no" and found.between else int(found.bytes)
    yield _cache(memory), int(memory["kv_cache"].bytes), int(row["cache"])
    yield _activations(memory, mode), predicted, int(row["activations"])


def _cache(memory: MemoryBreakdown) -> str:
    """Caches that are said to deviate are counted apart: what is called exact must be."""
    exact = memory["kv_cache"].evidence is Evidence.EXACT
    return "KV cache and states" if exact else "KV cache and states, said to deviate"


def _activations(memory: MemoryBreakdown, mode: str) -> str:
    """Activations that are said to be assumed are counted apart."""
    assumed = memory["activations"].evidence is Evidence.ASSUMED
    return "activations, said to be assumed" if assumed else f"activations, {mode}"


def _mode(row: Row) -> str:
    """What a row of `transformers_modes.csv` is about, in words."""
    if row["use_cache"] == "false":
        return "no cache"
    if row["cache_implementation"]:
        return f"{row['cache_implementation']} cache"
    if row["weights"] == "fp32":
        return "float32"
    return "first token" if row["phase"] == "first_decode" else "prefill in chunks"


NO_KEYS = ("config", "checkpoint", "weight_bytes", "cache", "activations", "unpacks")
"""Columns that are no keys of a scenario."""


def transformers_mode(row: Row) -> Deployment:
    """What ran in a row whose other columns are keys of a scenario: of `transformers_modes.csv` and of quantised weights."""
    keys = {key: value for key, value in row.items() if value and key not in NO_KEYS}
    scenario = Scenario.from_mapping({**keys, "model": row["config"]})
    return resolve(scenario, measured_shape(row["config"], row.get("checkpoint", "")))


def transformers_deployment(row: Row, phase: str, tokens: str) -> Deployment:
    """What ran in a row of `transformers.csv`, in one phase."""
    scenario = Scenario(
        model=row["config"],
        weights="bf16",
        attention=row["attention"],
        phase=phase,
        context_length=int(tokens),
        batch_size=int(row["batch_size"]),
        logits=row["logits"],
    )
    return resolve(scenario, measured_shape(row["config"]))
