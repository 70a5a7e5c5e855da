"""The tensors of a GGUF file, on the device and on the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from ...amount import Component, Factor, Lever, Moment, Term
from ...gguf_tensors import GgufTensor, gguf_tensors
from ...number_formats import NumberFormat
from ...units import round_up
from .cache import ROW
from .context import Context

HOST_ONLY = (
    "token_embd.weight",
    "token_embd_norm.weight",
    "token_embd_norm.bias",
    "position_embd.weight",
    "token_types.weight",
)
"""Tensors of the input layer, which stays in host memory (llama-model.cpp: dev_input is the CPU)."""
TIED = "token_embd.weight"
SOURCE = "llama-model.cpp at 0c1e57098"
PLAIN = {"fp32": "f32", "fp16": "f16"}
"""GGUF's names of the unquantised types."""


def device_weights(context: Context) -> Component:
    """What the device holds: everything but the input layer, with its own copy of a tied embedding as output."""
    if not context.on_gpu:
        return Component("weights", (Moment("always", ()),), note="all tensors are in host memory")
    return Component("weights", (Moment("always", _terms(context, on_gpu=True, host=False)),))


def host_weights(context: Context) -> Component:
    """What host memory holds: the input layer, or on the CPU everything."""
    return Component("weights", (Moment("always", _terms(context, on_gpu=context.on_gpu, host=True)),))


def _terms(context: Context, *, on_gpu: bool, host: bool) -> tuple[Term, ...]:
    deployment = context.deployment
    return _stored(deployment.model, deployment.scheme.name, tuple(deployment.formats.values()), on_gpu, host)


@lru_cache(maxsize=256)
def _stored(model, mix: str, formats: tuple[NumberFormat, ...], on_gpu: bool, host: bool) -> tuple[Term, ...]:  # type: ignore[no-untyped-def]
    by_name = {number_format.name: number_format for number_format in formats}
    tensors = gguf_tensors(model, PLAIN.get(mix, mix))
    if on_gpu:
        tied = all(tensor.name != "output.weight" for tensor in tensors)
        chosen = [t for t in tensors if (t.name in HOST_ONLY) == host or (not host and tied and t.name == TIED)]
    else:
        chosen = list(tensors)
    return tuple(_grouped(chosen, by_name, alignment=128 if on_gpu and not host else 32))


def _grouped(tensors: Iterable[GgufTensor], formats: Mapping[str, NumberFormat], alignment: int) -> Iterable[Term]:
    """One term for equal tensors of several layers, and one for all that padding adds."""
    counted: dict[tuple[str, int, int, int, str], int] = {}
    for t in tensors:
        role = t.name.split(".", 2)[2] if t.layer >= 0 else t.name
        key = (role, t.rows, t.columns, t.copies, t.type)
        counted[key] = counted.get(key, 0) + 1
    filled = 0
    for (role, rows, columns, copies, type_name), layers in counted.items():
        number_format = formats[type_name]
        plane = number_format.planes[0]
        term = Term(
            role.removesuffix(".weight"),
            (
                *((Factor("layers", layers, Lever.MODEL),) if layers > 1 else ()),
                *((Factor("experts", copies, Lever.MODEL),) if copies > 1 else ()),
                *plane.factors(rows, columns, type_name),
            ),
            number_format.source,
            part_of(role),
        )
        yield term
        size = int(term.bytes) // layers
        room = -columns % ROW if alignment == 128 and number_format.block > 1 else 0
        allocated = round_up(size + room // plane.columns * plane.bits // 8, alignment)
        filled += layers * (allocated - size)
    if filled:
        note = f"each tensor to a multiple of {alignment} bytes"
        note += f", quantised ones with room for a row of {ROW}" if alignment == 128 else ""
        yield Term("padding", (Factor("bytes", filled, Lever.ENGINE, note),), SOURCE, "padding")


def part_of(role: str) -> str:
    """The share of the weights that a tensor is drawn in, from its name in the file."""
    for part, marks in PARTS:
        if any(mark in role for mark in marks):
            return part
    return "other"


PARTS = (
    ("norms", ("norm",)),
    ("embedding", ("token_embd", "position_embd", "per_layer")),
    ("experts", ("_exps",)),
    ("shared experts", ("_shexp",)),
    ("router", ("ffn_gate_inp", "exp_probs")),
    ("attention", ("attn",)),
    ("mlp", ("ffn",)),
    ("recurrence", ("ssm", "shortconv", "time_mix")),
    ("head", ("output",)),
)
