"""Predictions beside what vLLM and SGLang printed at their start."""

from __future__ import annotations

from collections.abc import Iterator

from ..deployment import Deployment
from ..estimate import breakdown
from ..resolve import resolve
from ..scenario import Scenario
from ..units import GIB
from .measured import Pair, Row, table


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
        parts=row["parts"] or "all",
        context_length=int(row["context_length"]),
        step_tokens=int(row["step_tokens"]),
        max_num_seqs=int(row["max_num_seqs"]) if row["max_num_seqs"] else None,
        tensor_parallel=int(row["tensor_parallel"]),
        pipeline_parallel=int(row["pipeline_parallel"]),
        gpu_memory_utilization=float(share) if share else None,
        device="h100-sxm-80gb",
    )
    return resolve(scenario)


SGLANG_DEVICES = {
    "DGX Spark GB10": "dgx-spark",
    "4x H100 80GB": "h100-sxm-80gb",
    "16x H100 80GB": "h100-sxm-80gb",
    "4x L4": "l4",
    "2x RTX 4090": "rtx-4090",
    "B200": "b200-sxm",
    "GB300": "gb300",
}
"""Machines of SGLang's logs that are presets; Ascend's are none, and some logs do not name their GPU."""
SHARED = ("DGX Spark GB10", "Ascend NPU")
"""Whose fall of free memory is more than what SGLang took: unified memory, and a driver that is not known."""


def sglang_pairs() -> Iterator[Pair]:
    """What SGLang printed: bytes per token of pools of a GiB and more, weights, pools of GPUs with a memory of their own."""
    for row in table("sglang.csv"):
        if row["kv_cache"] == "fp4" or not row["model"]:
            continue  # a format and a model that no scenario names
        found = sglang_deployment(row)
        memory = breakdown(found)
        pool = float(row["pool_gib"] or 0) * GIB
        if pool >= GIB:
            per_token = found.engine.cache_by_token(found) / int(row["context_length"])
            yield "KV bytes per token", per_token, pool / int(row["tokens"])
        if row["weights_gib"] and row["gpu"] not in SHARED:
            yield "weights of a GPU", int(memory["weights"].bytes), float(row["weights_gib"]) * GIB
        if pool and row["gpu"] in SGLANG_DEVICES and row["gpu"] not in SHARED:
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
