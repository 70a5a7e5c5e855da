"""A GGUF file, or the first of several, as a model with the exact tensors that it holds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from math import prod
from pathlib import Path

from ..architectures import read_config
from ..errors import InputError
from ..gguf.mix import mixes
from ..gguf.names import NAMES
from ..model_shape import ModelShape, Quantization
from ..tensors import Tensor
from .gguf_config import config_of
from .gguf_header import FileTensor, GgufHeader, read_header

FILE_TYPES = {
    0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1", 10: "q2_k", 11: "q3_k_s", 12: "q3_k_m",
    13: "q3_k_l", 14: "q4_k_s", 15: "q4_k_m", 16: "q5_k_s", 17: "q5_k_m", 18: "q6_k", 19: "iq2_xxs", 20: "iq2_xs",
    21: "q2_k_s", 22: "iq3_xs", 23: "iq3_xxs", 24: "iq1_s", 25: "iq4_nl", 26: "iq3_s", 27: "iq3_m", 28: "iq2_s",
    29: "iq2_m", 30: "iq4_xs", 31: "iq1_m", 32: "bf16", 36: "tq1_0", 37: "tq2_0", 38: "mxfp4_moe",
}  # fmt: skip
"""Mixes by `general.file_type` (llama.h llama_ftype)."""
SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
PARTS = {
    "token_embd": "embedding", "per_layer_token_embd": "embedding", "position_embd": "embedding", "output": "head",
    "ffn_gate_inp": "router", "exp_probs_b": "router",
}  # fmt: skip
ROLES = {name: role for role, name in NAMES.items()}


def read_gguf(path: Path) -> ModelShape:
    """The model of a file, in the mix that the file states, with its exact tensors.

    Raises InputError for a file that is damaged, incomplete, or of an architecture that is not understood.
    """
    header = _whole(path)
    shape = read_config(config_of(header, str(path)), str(path))
    stored = tuple(_stored(tensor) for tensor in header.tensors)
    return replace(
        shape, quantization=Quantization(_mix(header)), stored=stored, stored_as_gguf=True, dtype_stated=True
    )


def _whole(path: Path) -> GgufHeader:
    """The header of a file and, where it is the first of several, the tensors of the others."""
    header = read_header(path)
    count = header.metadata.get("split.count", 1)
    if not isinstance(count, int) or count <= 1:
        return header
    match = SPLIT.search(path.name)
    if match is None or int(match[1]) != 1 or int(match[2]) != count or count > 999:
        raise InputError(
            f"{path}: is one of {count} files; name the first, model-00001-of-{count:05}.gguf, on the command line, with the others beside it"
        )
    tensors = list(header.tensors)
    for index in range(2, count + 1):
        name = f"{path.name[: match.start()]}-{index:05}-of-{count:05}.gguf"
        tensors += read_header(path.with_name(name)).tensors
    return GgufHeader(header.metadata, tuple(tensors))


def _mix(header: GgufHeader) -> str:
    """The mix that the file states; else the first whose base type most of its values have."""
    number = header.metadata.get("general.file_type")
    stated = FILE_TYPES.get(number) if isinstance(number, int) else None
    if stated:
        return stated
    values: Counter[str] = Counter()
    for tensor in header.tensors:
        values[tensor.type] += tensor.values
    base = values.most_common(1)[0][0]
    return next((name for name, mix in mixes().items() if base in (mix.base, mix.experts)), "f16")


def _stored(tensor: FileTensor) -> tuple[str, int, Tensor, str]:
    match = re.match(r"blk\.(\d+)\.(.*)", tensor.name)
    layer, short = (int(match[1]), match[2]) if match else (-1, tensor.name)
    base = short.removesuffix(".weight").removesuffix(".bias")
    columns, *outer = tensor.dimensions
    rows, copies = (outer[0], prod(outer[1:])) if outer else (1, 1)
    role = ROLES.get(base, base) + (".bias" if short.endswith(".bias") else "")
    if len(tensor.dimensions) == 1:
        return tensor.name, layer, Tensor(role, columns, part=_part(base)), tensor.type
    return tensor.name, layer, Tensor(role, rows, columns, copies, part=_part(base)), tensor.type


def _part(base: str) -> str:
    if base in PARTS:
        return PARTS[base]
    for part, mark in (("norms", "norm"), ("experts", "_exps"), ("shared experts", "_shexp"), ("attention", "attn")):
        if mark in base:
            return part
    if base.startswith(("ssm", "shortconv", "time_mix")):
        return "recurrence"
    return "mlp" if base.startswith("ffn") else "other"
