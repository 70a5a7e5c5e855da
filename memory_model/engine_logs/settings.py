"""The settings that a log names, as scenario keys."""

from __future__ import annotations

import re
from typing import Any

from .log import EngineLog, Printed, first

CACHE_NAMES = {"fp8": "fp8", "fp8_e4m3": "fp8", "fp8_e5m2": "fp8", "f16": "fp16", "f32": "fp32", "bf16": "bf16"}
FILE_TYPES = re.compile(r"file type +(?:= +|: )?(\S+)(?: - (Small|Medium|Large))?")
SIZES = {"Small": "_s", "Medium": "_m", "Large": "_l"}


def understood(engine: str, writer: str, text: str, printed: tuple[Printed, ...]) -> EngineLog:
    """The log with its settings; keys that it does not name are left out."""
    if engine == "llama.cpp":
        found, model, version = _llama_cpp(text), _llama_cpp_model(text), first(r"build: (\S{1,40})", text)
    else:
        found, model = _server(text), first(r"model(?:_path)?='?([\w./\-]{1,120})", text)
        version = first(r"\(v(\d+\.\d+[\w.]*)\)", text) or first(r"vLLM API server version (\d[\w.]*)", text)
    return EngineLog(engine, writer, version, model, printed, {"engine": engine} | found)


def _server(text: str) -> dict[str, Any]:
    """vLLM's and SGLang's own names for their options, in the configuration that they print."""
    found: dict[str, Any] = {}
    for key, pattern in (
        ("tensor_parallel", r"(?:tensor_parallel_size|tp_size)=(\d{1,4})"),
        ("pipeline_parallel", r"(?:pipeline_parallel_size|pp_size)=(\d{1,4})"),
        ("context_length", r"(?:max_seq_len|max_model_len|context_len)=(\d{1,9})"),
        ("step_tokens", r"(?:max_num_batched_tokens|chunked_prefill_size)=(\d{1,8})"),
        ("max_num_seqs", r"max_num_seqs=(\d{1,6})"),
    ):
        if value := first(pattern, text):
            found[key] = int(value)
    for key in ("gpu_memory_utilization", "mem_fraction_static"):
        if value := first(key + r"=(0?\.\d{1,6}|1\.0)", text):
            found[key] = float(value)
    if (cache := CACHE_NAMES.get(first(r"kv_cache_dtype='?(\w+)", text))) is not None:
        found["kv_cache"] = cache
    if tokens := first(r"Maximum concurrency for (\d[\d,]{0,11}) tokens", text):
        found["context_length"] = int(tokens.replace(",", ""))
    return found


def _llama_cpp(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    total = first(r"\bn_ctx +[=:] +(\d{1,9})", text)
    sequences = max(1, int(first(r"n_seq_max +[=:] +(\d{1,6})", text) or 1))
    if total:
        found |= {"batch_size": sequences, "context_length": max(1, int(total) // sequences)}
    if step := first(r"n_ubatch +[=:] +(\d{1,8})", text):
        found["step_tokens"] = int(step)
    if first(r"kv_unified +[=:] +(true)", text):
        found["kv_unified"] = True
    attention = first(r"flash_attn +[=:] +(\w+)", text)
    if attention:
        found["attention"] = "plain" if attention in ("0", "disabled", "false") else "flash"
    if (types := re.search(r"K \((\w+)\): +[\d.]+ MiB, V \((\w+)\)", text)) is not None:
        keys, values = (CACHE_NAMES.get(name, name) for name in types.groups())
        found["kv_cache"] = keys if keys == values else f"{keys}:{values}"
    if (file := FILE_TYPES.search(text)) is not None:
        found["weights"] = _mix(file.group(1), file.group(2))
    if (layers := re.search(r"offloaded (\d{1,4})/(\d{1,4}) layers", text)) is not None:
        count, most = (int(group) for group in layers.groups())
        if count == 0:
            found["placement"] = "cpu"
        elif count < most:
            found["gpu_layers"] = count
    return found


def _mix(name: str, grade: str | None) -> str:
    """`Q4_K - Medium` as `q4_k_m`; the plain types as they are called here."""
    text = name.lower().strip(",") + SIZES.get(grade or "", "")
    return {"f16": "fp16", "f32": "fp32", "all": "fp32", "mxfp4": "mxfp4_moe"}.get(text, text)


def _llama_cpp_model(text: str) -> str:
    for pattern in (r"general\.name +(?:str +)?= +(.{1,80})", r"general\.basename +(?:str +)?= +(.{1,80})"):
        if name := first(pattern, text).strip():
            return name
    return ""
