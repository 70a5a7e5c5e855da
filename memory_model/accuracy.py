"""How close the numbers come to what engines measured, computed from the tables in `tests/measured`."""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .architectures import read_config
from .deployment import Deployment
from .errors import InputError
from .estimate import breakdown
from .model_shape import ModelShape
from .resolve import resolve
from .scenario import Scenario
from .units import GIB

MEASURED = Path(__file__).parent.parent / "tests" / "measured"
ALIKE = {"meta-llama/Llama-3.2-1B": "llama-3.2-1b-instruct"}
"""Models without a preset of their own, and one of the same shape."""
NO_PRESET = ("state-spaces/mamba2-2.7b",)
"""A model whose repository holds no config.json that transformers reads."""
Row = dict[str, str]
Pair = tuple[str, float, float]
"""A quantity, its prediction and its measurement, in bytes."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One engine's quantity, or that of one of its versions, over all its measured cases; errors are shares of the measurement."""

    engine: str
    quantity: str
    cases: int
    exact: int
    median_error: float
    worst_error: float


def accuracy() -> tuple[Accuracy, ...]:
    """Every engine's quantities. Raises InputError where the tables are not at hand, as in an installed package."""
    cases: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for engine, (quantity, predicted, measured) in (
        *(("transformers", pair) for pair in transformers_pairs()),
        *(("llama.cpp", pair) for pair in llama_cpp_pairs()),
        *sorted(vllm_pairs(), key=lambda found: found[0]),
        *(("sglang", pair) for pair in sglang_pairs()),
    ):
        cases.setdefault((engine, quantity), []).append((predicted, measured))
    return tuple(_accuracy(engine, quantity, found) for (engine, quantity), found in cases.items())


def _accuracy(engine: str, quantity: str, cases: list[tuple[float, float]]) -> Accuracy:
    errors = [
        abs(predicted - measured) / measured if measured else float(predicted > 0) for predicted, measured in cases
    ]
    exact = sum(predicted == measured for predicted, measured in cases)
    return Accuracy(engine, quantity, len(cases), exact, statistics.median(errors), max(errors))


def table(name: str) -> list[Row]:
    """The rows of a measured table. Raises InputError where it is not at hand."""
    try:
        return list(csv.DictReader((MEASURED / name).read_text(encoding="utf-8").splitlines()))
    except OSError:
        raise InputError(f"{name}: the measured tables are not here; run this in a clone of the repository") from None


@lru_cache(maxsize=512)
def measured_shape(config: str) -> ModelShape:
    """The model of a measured row of transformers: a real one, cut to a few layers."""
    path = MEASURED / "configs" / f"{config}.json"
    return read_config(json.loads(path.read_text(encoding="utf-8")), config)


def transformers_pairs() -> Iterator[Pair]:
    """Cache and activations of prefill and decode."""
    for row in table("transformers.csv"):
        for phase, tokens in (("prefill", row["context_length"]), ("decode", row["decode_context_length"])):
            if not row[f"{phase}_activations"]:
                continue
            memory = breakdown(transformers_deployment(row, phase, tokens))
            yield "KV cache and states", int(memory["kv_cache"].bytes), int(row[f"{phase}_cache"])
            yield f"activations, {phase}", int(memory["activations"].bytes), int(row[f"{phase}_activations"])
    for row in table("transformers_modes.csv"):
        memory = breakdown(transformers_mode(row))
        yield "KV cache and states", int(memory["kv_cache"].bytes), int(row["cache"])
        yield f"activations, {_mode(row)}", int(memory["activations"].bytes), int(row["activations"])


def _mode(row: Row) -> str:
    """What a row of `transformers_modes.csv` is about, in words."""
    if row["use_cache"] == "false":
        return "no cache"
    if row["cache_implementation"]:
        return f"{row['cache_implementation']} cache"
    if row["weights"] == "fp32":
        return "float32"
    return "first token" if row["phase"] == "first_decode" else "prefill in chunks"


def transformers_mode(row: Row) -> Deployment:
    """What ran in a row of `transformers_modes.csv`: its columns are keys of a scenario."""
    keys = {key: value for key, value in row.items() if value and key not in ("config", "cache", "activations")}
    scenario = Scenario.from_mapping({**keys, "model": row["config"]})
    return resolve(scenario, measured_shape(row["config"]))


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


def llama_cpp_pairs() -> Iterator[Pair]:
    """Weights, cache and compute buffers on device and host; the output buffer is added to the measured host buffer."""
    for row in table("llamacpp.csv"):
        if row["model"] in NO_PRESET:
            continue
        deployment = resolve(llama_cpp_scenario(row))
        memory = breakdown(deployment)
        host = {part.name: int(part.bytes) for part in memory.host}
        output = 4 * int(row["n_seq"]) * deployment.model.vocab_size
        on_gpu = row["placement"] == "one-gpu"
        weights = int(row["weights_device"]) + int(row["weights_host"])
        yield "weights", int(memory["weights"].bytes) + host.get("weights", 0), weights
        cache = int(row["context_device"]) + int(row["context_host"])
        yield "KV cache and states", int(memory["kv_cache"].bytes) + host.get("kv_cache", 0), cache
        if on_gpu:
            yield "compute buffer, device", int(memory["activations"].bytes), int(row["compute_device"])
        where = "host beside a GPU" if on_gpu else "CPU alone"
        yield f"compute buffer, {where}", host.get("activations", 0), int(row["compute_host"]) + output


def llama_cpp_scenario(row: Row) -> Scenario:
    """The context that llama.cpp created in a row of `llamacpp.csv`."""
    sequences = int(row["n_seq"])
    return Scenario(
        model=ALIKE.get(row["model"], row["model"]),
        engine="llama.cpp",
        weights=row.get("gguf_type", "q8_0").lower(),  # compute buffers do not depend on it
        kv_cache=f"{row['type_k']}:{row['type_v']}",
        attention="flash" if row["flash_attention"] == "1" else "plain",
        context_length=int(row["n_ctx"]) // sequences,
        batch_size=sequences,
        logits=row["outputs"],
        step_tokens=int(row["n_ubatch"]),
        kv_unified=row["kv_unified"] == "1",
        swa_full=row["swa_full"] == "1",
        placement=row.get("placement", "one-gpu"),
    )


def vllm_pairs() -> Iterator[tuple[str, Pair]]:
    """What vLLM printed at its start, to two or three digits, each with the version whose constants stand for it."""
    for row in table("vllm.csv"):
        version = f"vllm {row['engine_version']}"
        found = vllm_deployment(row)
        memory = breakdown(found)
        if row["pool_gib"] and (row["tokens"] or row["max_concurrency"]):
            per_token = int(memory["kv_cache"].bytes) / int(row["context_length"])
            yield version, ("KV bytes per token", per_token, printed_bytes_per_token(row))
        if row["pipeline_parallel"] != "1":
            continue  # of several stages the log shows another one
        if row["weights_gib"]:
            yield version, ("weights of a GPU", int(memory["weights"].bytes), float(row["weights_gib"]) * GIB)
        if row["activations_gib"]:
            yield version, ("activation peak", int(memory["activations"].bytes), float(row["activations_gib"]) * GIB)
        if row["gpu"] == "H100-80GB" and row["pool_gib"]:
            yield version, ("pool", found.engine.pool(found).bytes, float(row["pool_gib"]) * GIB)


def printed_bytes_per_token(row: Row) -> float:
    """The pool that vLLM printed by the tokens that it holds: by the sequences, where both are printed."""
    pool = float(row["pool_gib"]) * GIB
    if row["max_concurrency"]:
        return pool / float(row["max_concurrency"]) / int(row["context_length"])
    return pool / int(row["tokens"])


def vllm_deployment(row: Row) -> Deployment:
    """The server that started in a row of `vllm.csv`, with its own share of the GPU."""
    share = row["gpu_memory_utilization"]
    scenario = Scenario(
        model=row["model"],
        engine="vllm",
        engine_version=row["engine_version"],
        weights=row["weights"],
        kv_cache=row["kv_cache"] or None,
        context_length=int(row["context_length"]),
        step_tokens=int(row["step_tokens"]),
        max_num_seqs=int(row["max_num_seqs"]) if row["max_num_seqs"] else None,
        tensor_parallel=int(row["tensor_parallel"]),
        pipeline_parallel=int(row["pipeline_parallel"]),
        gpu_memory_utilization=float(share) if share else None,
        device="h100-sxm-80gb",
    )
    return resolve(scenario)


SGLANG_DEVICES = {"DGX Spark GB10": "dgx-spark", "4x H100 80GB": "h100-sxm-80gb"}
"""Machines of SGLang's logs that are presets; Ascend's are none."""


def sglang_pairs() -> Iterator[Pair]:
    """What SGLang printed: bytes per token of pools of a GiB and more, weights, pools of GPUs with a memory of their own."""
    for row in table("sglang.csv"):
        if row["kv_cache"] == "fp4":
            continue  # a format that no scenario names
        found = sglang_deployment(row)
        memory = breakdown(found)
        pool = float(row["pool_gib"] or 0) * GIB
        if pool >= GIB:
            per_token = int(memory["kv_cache"].bytes) / int(row["context_length"])
            yield "KV bytes per token", per_token, pool / int(row["tokens"])
        if row["weights_gib"] and row["attention_parallel"] == row["tensor_parallel"]:
            yield "weights of a GPU", int(memory["weights"].bytes), float(row["weights_gib"]) * GIB
        if "H100" in row["gpu"]:
            yield "pool", found.engine.pool(found).bytes, pool


def sglang_deployment(row: Row) -> Deployment:
    """The server of a row of `sglang.csv`, with as many GPUs as share a layer's attention; bf16 for fp4."""
    share, step = row["mem_fraction_static"], row["step_tokens"]
    cache = "bf16" if row["kv_cache"] == "fp4" else row["kv_cache"]
    scenario = Scenario(
        model=row["model"],
        engine="sglang",
        weights=row["weights"],
        kv_cache=cache or None,
        context_length=int(row["context_length"]),
        step_tokens=int(step) if step else None,
        tensor_parallel=int(row["attention_parallel"]),
        mem_fraction_static=float(share) if share else None,
        device=SGLANG_DEVICES.get(row["gpu"], "none"),
    )
    return resolve(scenario)
