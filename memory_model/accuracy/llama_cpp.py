"""Predictions beside what llama.cpp allocated: weights, cache and compute buffers."""

from __future__ import annotations

from collections.abc import Iterator

from ..estimate import breakdown
from ..resolve import resolve
from ..scenario import Scenario
from .measured import Pair, Row, table

ALIKE = {"meta-llama/Llama-3.2-1B": "llama-3.2-1b-instruct"}
"""Models without a preset of their own, and one of the same shape."""
NO_PRESET = ("state-spaces/mamba2-2.7b",)
"""A model whose repository holds no config.json that transformers reads."""


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
