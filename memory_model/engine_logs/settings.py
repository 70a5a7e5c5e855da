"""The settings that a log names, as scenario keys, and those that its lines show without naming them."""

from __future__ import annotations

import re
from typing import Any

from .log import EngineLog, Printed, first

CACHE_NAMES = {"fp8": "fp8", "fp8_e4m3": "fp8", "fp8_e5m2": "fp8", "f16": "fp16", "f32": "fp32", "bf16": "bf16"}
FILE_TYPES = re.compile(r"file type +(?:= +|: )?(\S+)(?: - (Small|Medium|Large))?")
SIZES = {"Small": "_s", "Medium": "_m", "Large": "_l"}
IS = r"""['"]?(?: is)?[ =:(]{1,3}"""
"""What stands between an option and its value: `=`, `': `, a space on a command line, ` (` in a sentence."""
LONGEST_OF_V0, STEP_OF_V0, SEQUENCES_OF_V0 = 32_768, 2048, 256
"""The V0 engine of vLLM reads a prompt in one step up to this context, beyond it in steps of 2,048 tokens, and keeps 256
sequences (vllm/engine/arg_utils.py at 0.6.6 create_engine_config)."""
V0_ENGINE = re.compile(r"V0 LLM engine|non_torch_memory takes|# (?:GPU|CUDA|cuda|rocm) blocks:")

BEFORE_V1 = "0.10 or older"
"""What is known of a log of the V0 engine that names no version: 0.11 has none."""
CONSUMED = re.compile(r"GiB for consumed memory")
WITH_CONSUMED = "0.27 or newer"
"""Since when the start-up names weights and memory outside torch's allocator together."""


def understood(engine: str, writer: str, text: str, printed: tuple[Printed, ...]) -> EngineLog:
    """The log with its settings; keys that it does not name are left out."""
    if engine == "llama.cpp":
        found, model, version = (
            _llama_cpp(text, printed),
            _llama_cpp_model(text),
            first(r"\bbuild(?:_info)?(?: =|:) (\S{1,40})", text),
        )
    else:
        found, model = _server(text), _server_model(text)
        version = first(
            r"\(v(\d+\.\d+[\w.]*)\)|API server version (\d[\w.]*)|(?:version |:v)(0\.\d{1,2}\.\d[\w.]*)", text
        )
        if engine == "vllm" and V0_ENGINE.search(text):
            found, version = _of_v0(text) | found, version or BEFORE_V1
        elif engine == "vllm" and CONSUMED.search(text):
            version = version or WITH_CONSUMED
    return EngineLog(engine, writer, version, model, printed, {"engine": engine} | found)


def _option(name: str, value: str, text: str) -> str:
    """The value of an option by its name with underscores, however it is written; looked for only where it stands."""
    spellings = [name, name.replace("_", "-"), name.replace("gpu_", "GPU ").replace("_", " ")]
    named = [spelling for spelling in spellings if spelling in text]
    return first(r"\b(?:" + "|".join(named) + ")" + IS + value, text) if named else ""


def _server(text: str) -> dict[str, Any]:
    """vLLM's and SGLang's own names for their options, in the configuration that they print."""
    found: dict[str, Any] = {}
    for key, names in (
        ("tensor_parallel", ("tensor_parallel_size", "tp_size")),
        ("pipeline_parallel", ("pipeline_parallel_size", "pp_size")),
        ("context_length", ("max_seq_len", "max_model_len", "context_len")),
        ("step_tokens", ("max_num_batched_tokens", "chunked_prefill_size")),
        ("max_num_seqs", ("max_num_seqs",)),
    ):
        for name in names:
            if value := _option(name, r"(\d{1,9})\b", text):
                found[key] = int(value)
                break
    for key in ("gpu_memory_utilization", "mem_fraction_static"):
        if value := _option(key, r"(0?\.\d{1,6}|1\.0)", text):
            found[key] = float(value)
    if (cache := CACHE_NAMES.get(_option("kv_cache_dtype", r"'?(\w+)", text))) is not None:
        found["kv_cache"] = cache
    if caching := _option("enable_prefix_caching", r"(True|False)", text):
        found["prefix_caching"] = caching == "True"
    ranks = {int(rank) for rank in re.findall(r"TP(?<!HTTP)(\d{1,3})\b", text)}
    if "tensor_parallel" not in found and len(ranks) > 1 and (count := max(ranks) + 1) & (count - 1) == 0:
        found["tensor_parallel"] = count
    if tokens := first(r"Maximum concurrency for (\d[\d,]{0,11}) tokens", text):
        found["context_length"] = int(tokens.replace(",", ""))
    return found


def _of_v0(text: str) -> dict[str, Any]:
    """What the V0 engine does where nothing is asked; its log does not name it."""
    found: dict[str, Any] = {"max_num_seqs": SEQUENCES_OF_V0}
    length = first(r"Maximum concurrency for (\d[\d,]{0,11}) tokens|max_seq_len=(\d{1,9})", text).replace(",", "")
    if length:
        whole = int(length) <= LONGEST_OF_V0
        found["step_tokens"] = max(int(length), STEP_OF_V0) if whole else STEP_OF_V0
    return found


def _server_model(text: str) -> str:
    name = r"([\w./\-]{1,120})"
    return first(
        rf"\bmodel(?:_path)?['\"]?(?:=|: )['\"]{name}|\bmodel(?:_path)?={name}|load model {name}|vllm serve {name}",
        text,
    ).rstrip(".")


def _llama_cpp(text: str, printed: tuple[Printed, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    unified = bool(first(r"kv_unified +[=:] +'?(true)", text))
    total = first(r"\bn_ctx +[=:] +(\d{1,9})|--ctx-size[ =](\d{1,9})", text)
    cells = re.search(r"\( *(\d{1,9}) cells, +\d+ layers, +\d+/ ?(\d{1,4}) seqs\)", text)
    if not total and cells is not None:
        total = str(int(cells.group(1)) * int(cells.group(2)))
    if total:
        sequences = _sequences(text, int(total), unified)
        found |= {"batch_size": sequences, "context_length": max(1, int(total) // sequences)}
    if step := first(r"n_ubatch +[=:] +(\d{1,8})|--ubatch-size[ =](\d{1,8})", text):
        found["step_tokens"] = int(step)
    if unified:
        found["kv_unified"] = True
    if attention := first(r"flash_attn +[=:] +(\w+)", text):
        found["attention"] = "plain" if attention in ("0", "disabled", "false") else "flash"
    if (types := re.search(r"K \((\w+)\): +[\d.]+ MiB, V \((\w+)\)", text)) is not None:
        keys, values = (CACHE_NAMES.get(name, name) for name in types.groups())
        found["kv_cache"] = keys if keys == values else f"{keys}:{values}"
    if (file := FILE_TYPES.search(text)) is not None:
        found["weights"] = _mix(file.group(1), file.group(2))
    if logits := _logits(text):
        found["logits"] = logits
    return found | _placed(text, printed)


def _logits(text: str) -> str:
    """Rows of logits that are reserved: builds that print no most of outputs reserve those of every token."""
    most = first(r"n_outputs_max +[=:] +(\d{1,8})", text)
    step = first(r"n_ubatch +[=:] +(\d{1,8})", text)
    if not most:
        return "all" if step else ""
    if int(most) <= int(first(r"n_seq_max +[=:] +(\d{1,6})", text) or 1):
        return "server"
    return "all" if step and int(most) >= int(step) else ""


def _sequences(text: str, total: int, unified: bool) -> int:
    named = first(r"n_seq_max +[=:] +(\d{1,6})|layers, +(\d{1,6})(?:/ ?\d+)? seqs", text)
    if not named and "kv_unified" in text:
        named = first(r"n_slots = (\d{1,6})", text)
    if named:
        return max(1, int(named))
    each = first(r"n_ctx_(?:per_)?seq +[=:] +(\d{1,9})", text)
    return max(1, total // int(each)) if each and int(each) and not unified else 1


def _placed(text: str, printed: tuple[Printed, ...]) -> dict[str, Any]:
    """Where layers lie, by the line that says so and by the devices that buffers are on."""
    contexts = [figure for figure in printed if figure.quantity in ("kv_cache", "compute") and figure.place]
    devices = {figure.device for figure in contexts if not figure.on_host}
    layers = re.search(r"offloaded (\d{1,4})/(\d{1,4}) layers", text)
    count, most = (int(group) for group in layers.groups()) if layers is not None else (1, 1)
    if contexts and not devices:
        return {"placement": "cpu"}
    if count == 0 and not devices:
        return {"placement": "cpu"}
    found: dict[str, Any] = {"gpu_layers": count} if count < most else {}
    return found | ({"pipeline_parallel": len(devices)} if len(devices) > 1 else {})


def _mix(name: str, grade: str | None) -> str:
    """`Q4_K - Medium` as `q4_k_m`; the plain types as they are called here."""
    text = name.lower().strip(",") + SIZES.get(grade or "", "")
    return {"f16": "fp16", "f32": "fp32", "all": "fp32", "mxfp4": "mxfp4_moe"}.get(text, text)


def _llama_cpp_model(text: str) -> str:
    for pattern in (r"general\.name +(?:str +)?= +(.{1,80})", r"general\.basename +(?:str +)?= +(.{1,80})"):
        if name := first(pattern, text).strip():
            return name
    return ""
