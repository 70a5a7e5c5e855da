"""The tensors of a GGUF file, on the device and on the host."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ...amount import Component, Factor, Lever, Moment, Term
from ...gguf.tensors import GgufTensor, gguf_tensors
from ...model_shape import ModelShape
from ...number_formats import Formats
from ...units import round_up
from .cache import ROW
from .context import Context
from .placement import GPU_ALIGNMENT, HOST, HOST_ALIGNMENT, Placement

HOST_ONLY = (
    "token_embd.weight",
    "per_layer_token_embd.weight",
    "position_embd.weight",
    "token_types.weight",
)
"""Tensors of the input layer, which stays in host memory (llama-arch.cpp LLM_TENSOR_LAYER_INPUT; llama-model.cpp dev_input is the CPU)."""
NOT_ON_GPU = ("tq1_0", "tq2_0")
"""Types of tensors that a GPU neither multiplies with nor looks rows up in (ggml-cuda.cu supports_op)."""
STRETCHED_IF_FULL = ("gemma4_text",)
"""Language models where only layers that see everything hold what stretches the rotation (gemma4.cpp), not all."""
TIED = "token_embd.weight"
SOURCE = "llama-model.cpp at 0c1e57098"


@lru_cache(maxsize=256)
def stays_on_host(model: ModelShape, mix: str) -> bool:
    """Whether a GPU leaves some tensors on the host, and with them what is computed of them."""
    return any(tensor.type in NOT_ON_GPU for tensor in gguf_tensors(model, mix) if tensor.name not in HOST_ONLY)


def weights_at(context: Context, place: int) -> Component:
    """What one GPU or the host holds, in bytes with the padding of each tensor.

    The GPU with the output layer has its own copy of a tied embedding.
    """
    deployment = context.deployment
    terms = _stored(deployment.model, deployment.scheme.name, deployment.formats, context.placement, place)
    note = "" if terms or place != HOST else "all tensors are on the GPU"
    return Component("weights", (Moment("always", terms),), note=note)


@lru_cache(maxsize=1024)
def _stored(model, mix: str, formats: Formats, placement: Placement, place: int) -> tuple[Term, ...]:  # type: ignore[no-untyped-def]
    alike = _alike(model, mix)
    tied = all(tensor.name != "output.weight" for tensor, _ in alike)
    stretched = _stretched(model, placement)
    chosen = []
    for tensor, held in alike:
        of_none = place in _places(tensor, placement, stretched, tied=tied)
        by_layer = tensor.type not in NOT_ON_GPU
        numbers = [
            number
            for layer, number in held
            if (_of_layer(placement, layer) == place if by_layer and layer >= 0 else of_none)
        ]
        if numbers:
            chosen.append((numbers[0], tensor, len(numbers)))
    in_order = [(tensor, count) for _, tensor, count in sorted(chosen)]
    return tuple(_terms(in_order, formats, alignment=HOST_ALIGNMENT if place == HOST else GPU_ALIGNMENT))


@lru_cache(maxsize=32)
def _alike(model: ModelShape, mix: str) -> tuple[tuple[GgufTensor, tuple[tuple[int, int], ...]], ...]:
    """The first of all tensors that differ in their layer alone, and the layer and the number in the file of each."""
    found: dict[tuple[object, ...], tuple[GgufTensor, list[tuple[int, int]]]] = {}
    for number, tensor in enumerate(gguf_tensors(model, mix)):
        _, held = found.setdefault((_role(tensor), *tensor[2:]), (tensor, []))
        held.append((tensor.layer, number))
    return tuple((tensor, tuple(held)) for tensor, held in found.values())


def _role(tensor: GgufTensor) -> str:
    return tensor.name.split(".", 2)[2] if tensor.layer >= 0 else tensor.name


def _of_layer(placement: Placement, layer: int) -> int:
    """Where a layer lies; one behind the last, which predicts further tokens, with the output."""
    return placement.layers[layer] if layer < len(placement.layers) else placement.output


def _stretched(model: ModelShape, placement: Placement) -> set[int]:
    """Where layers lie that hold what stretches the rotation (TENSOR_DUPLICATED)."""
    groups = model.layers
    if model.modeling in STRETCHED_IF_FULL:
        groups = tuple(group for group in groups if not getattr(group.mixer, "window", None))
    return {placement.layers[index] for group in groups for index in group.layers}


def _places(tensor: GgufTensor, placement: Placement, stretched: set[int], *, tied: bool) -> set[int]:
    """Where a tensor of no layer is held, or one that no GPU computes with."""
    role = _role(tensor)
    if role == TIED and tied:
        return {HOST, placement.output}
    if role in HOST_ONLY or tensor.type in NOT_ON_GPU:
        return {HOST}
    if role.startswith("rope_"):
        return stretched
    return {placement.layers[0] if role.startswith(("per_layer_", "token_embd_norm")) else placement.output}


def _terms(tensors: Iterable[tuple[GgufTensor, int]], formats: Formats, alignment: int) -> Iterable[Term]:
    """One term for equal tensors of so many layers, and one for all that padding adds."""
    filled = 0
    for tensor, layers in tensors:
        role, (rows, columns, copies, type_name) = _role(tensor), tensor[2:]
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
        room = -columns % ROW if alignment == GPU_ALIGNMENT and number_format.block > 1 else 0
        allocated = round_up(size + room // plane.columns * plane.bits // 8, alignment)
        filled += layers * (allocated - size)
    if filled:
        note = f"each tensor to a multiple of {alignment} bytes"
        note += f", quantised ones with room for a row of {ROW}" if alignment == GPU_ALIGNMENT else ""
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
