"""Weights that compressed-tensors unpacks in the first pass and keeps in 16 bits: what stays, and what unpacking them takes.

compressed-tensors 0.20 compressors/base.py decompress_module, which a hook calls for one nn.Linear after the other before
the first forward pass. Experts are unpacked while the checkpoint is loaded, and keep no scales (transformers 5.23
integrations/compressed_tensors.py CompressedTensorsDequantize).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from ...amount import Factor, Lever, Moment, Number, Term
from ...deployment import Deployment
from ...errors import InputError
from ...model_shape import ModelShape
from ...number_formats import Formats, NumberFormat, Plane
from ...precision import WeightScheme, without_file
from ...tensors import Tensor
from .fp8 import FP8
from .live import only_where, width
from .modeling import code_of

SCHEMES = ("w4a16", "w8a8", "fp8-channel", "nvfp4")
"""Weight schemes that only compressed-tensors loads."""
OTHERS = (*FP8, "mxfp4")
"""Those that it loads where the checkpoint's own file says so."""
MIXERS = ("recurrence", "attention")
"""The order in which layers that register their MLP first register what mixes tokens."""
WITH_ZERO_POINTS = ("int4-128", "int4-64", "int4-32")
NOT_AS_EXPERTS = ("int8-channels", "fp8-128x128")
"""Number formats that CompressedTensorsDequantize does not unpack, or with scales of the wrong shape."""
HOOK = "compressed-tensors 0.20 model_compressor.py ct_decompress_hook"


@dataclass(frozen=True, slots=True)
class Unpacking:
    """How one matrix of a number format is unpacked."""

    code: Fraction
    """Bytes of a value as it is stored."""
    steps: int
    """Bytes a value of all that is made until the matrix is there, at their most."""
    scale_columns: int = 0
    """Values that share a scale of one byte, which becomes two."""
    tables: int = 0
    """Bytes whatever the matrix."""


INT4 = Unpacking(Fraction(1, 2), 5)
BYTE = Unpacking(Fraction(1), 4)
UNPACKING = {
    **dict.fromkeys(("int4-128-symmetric", "int4-64-symmetric", "int4-32-symmetric", "int4-channels-symmetric"), INT4),
    **dict.fromkeys(("int8-channels", "fp8-tensor", "fp8-tensor-dynamic", "fp8-rows", "fp8-128x128"), BYTE),
    "int8-128-symmetric": Unpacking(Fraction(1), 9, tables=768),
    "nvfp4": Unpacking(Fraction(1, 2), 23, 16, 32),
    "nvfp4-weights": Unpacking(Fraction(1, 2), 23, 16, 32),
    "mxfp4": Unpacking(Fraction(1, 2), 23, 32, 32),
}
"""By number format: codes of 4 bits in int8, then in 16 bits; of fp4 as int64 numbers of a table of float32."""


def is_unpacked(deployment: Deployment) -> bool:
    """Whether compressed-tensors loads the weights."""
    return _is_unpacked(deployment.model, deployment.scheme)


def check_unpacked(model: ModelShape, scheme: WeightScheme) -> None:
    """Raise InputError for checkpoints that transformers 5.23 does not load, or of which it unpacks nothing."""
    if not _is_unpacked(model, scheme):
        return
    if code_of(model).linear == "Conv1D":
        raise InputError(
            f"weights: compressed-tensors leaves every matrix of {model.modeling} as it is, since it takes nn.Linear and not Conv1D; use bf16"
        )
    for layers, tensor in model.tensors("text"):
        name = scheme.format_name(model, tensor, layers[-1])
        if name in WITH_ZERO_POINTS:
            raise InputError(
                "weights: transformers fails to load zero points of compressed-tensors, which it expects unpacked; use awq-int4"
            )
        if tensor.part == "experts" and name in NOT_AS_EXPERTS:
            raise InputError(
                f"weights: transformers fails to load experts in {name}, which it cannot stack unpacked; use fp8-channel or w4a16"
            )


@lru_cache(maxsize=256)
def _is_unpacked(model: ModelShape, scheme: WeightScheme) -> bool:
    stated = stated_quantization(model, scheme)
    if not stated:
        return scheme.name in SCHEMES
    return scheme.name in SCHEMES + OTHERS and stated.get("quant_method") == "compressed-tensors"


def stated_quantization(model: ModelShape, scheme: WeightScheme) -> Mapping[str, object]:
    """The section of the config that says how the checkpoint is stored, if the scheme is its own; it may stand under `text_config`."""
    if model.quantization is None or model.quantization.scheme != scheme.name:
        return {}
    for config in (model.config, model.text_config):
        section = config.get("quantization_config")
        if isinstance(section, Mapping):
            return section
    return {}


def as_it_stays(deployment: Deployment) -> Deployment:
    """The same with its weights as the first pass leaves them; as it is where nothing is unpacked."""
    if not is_unpacked(deployment):
        return deployment
    unpacked = {name: unpacked_format(deployment.formats[name]) for name in UNPACKING}
    formats = {found.name: found for found in unpacked.values()}
    return replace(
        deployment,
        scheme=_scheme(deployment.model, deployment.scheme),
        formats=Formats({**deployment.formats, **formats}),
    )


@lru_cache(maxsize=256)
def _scheme(model: ModelShape, scheme: WeightScheme) -> WeightScheme:
    scheme = without_file(model, scheme)
    return replace(
        scheme,
        matrices=_name(scheme.matrices),
        modules=tuple((module, _name(name)) for module, name in scheme.modules),
        keep=(*scheme.keep, "experts"),
    )


def _name(name: str) -> str:
    return f"{name}, unpacked" if name in UNPACKING else name


@lru_cache(maxsize=64)
def unpacked_format(stored: NumberFormat) -> NumberFormat:
    """What stays of a matrix: its values and scales in 16 bits, and what else is kept beside codes."""
    rest = [Plane("scales", 16, columns=32)] if len(stored.planes) == 1 else []
    for plane in stored.planes[1:]:
        if plane.per_tensor:
            rest.append(replace(plane, bits=plane.bits // 2) if plane.name == "scales" else plane)
        else:
            rest.append(replace(plane, bits=16))
    return NumberFormat(_name(stored.name), (Plane("values", 16), *rest), HOOK)


def unpacking_moments(deployment: Deployment) -> Iterator[Moment]:
    """The moment before the first pass at which most is alive, above the weights that stay and the cache to come."""
    found = _busiest(deployment.model, deployment.scheme, deployment.parts)
    workload = deployment.workload
    if found is None or workload.phase != "prefill":
        return
    matrix, how, later = found
    values = (width("outputs", matrix.rows), width("inputs", matrix.columns))
    steps = Factor("bytes per value", how.code + how.steps - 2, Lever.ENGINE, "codes and all steps, but the result")
    cache: Number = deployment.engine.kv_cache(deployment).bytes
    terms = [
        Term("matrix being unpacked", (*values, steps)),
        Term("tables", (Factor("bytes", how.tables - _grown(matrix, how), Lever.ENGINE, "less scales in 16 bits"),)),
        Term("matrices not unpacked yet", (Factor("bytes", -later, Lever.MODEL),)),
        Term("cache, not written yet", (Factor("bytes", -cache, Lever.WORKLOAD),)),
    ]
    yield from only_where(workload.past == 0, Moment(f"{matrix.role} being unpacked", tuple(terms), HOOK))


@lru_cache(maxsize=256)
def _busiest(model: ModelShape, scheme: WeightScheme, parts: str) -> tuple[Tensor, Unpacking, int] | None:
    """The matrix at which most is alive, how it is unpacked, and what those behind it will take more than they do then."""
    found, most, later = None, Fraction(0), Fraction(0)
    for matrix, how in reversed(list(_in_order(model, without_file(model, scheme), parts))):
        grows = (2 - how.code) * matrix.values + _grown(matrix, how)
        above = how.steps * matrix.values + how.tables - grows - later
        if above > most:
            found, most = (matrix, how, int(later)), above
        later += grows
    return found


def _grown(matrix: Tensor, how: Unpacking) -> int:
    return matrix.rows * -(-matrix.columns // how.scale_columns) if how.scale_columns else 0


def _in_order(model: ModelShape, scheme: WeightScheme, parts: str) -> Iterator[tuple[Tensor, Unpacking]]:
    """Matrices of nn.Linear in the order of modules: towers, layers, head; stacked experts are none."""
    places = [(tensor, -1) for tower in model.towers if parts == "all" for _, tensor in tower.tensors]
    layers = {layer: group for group in model.layers for layer in group.layers}
    for layer in sorted(layers):
        tensors = list(layers[layer].tensors(model.hidden_size))
        if code_of(model).registers_mlp_first:
            tensors.sort(key=lambda tensor: MIXERS.index(tensor.part) if tensor.part in MIXERS else -1)
        places += [(tensor, layer) for tensor in tensors]
    for tensor, layer in (*places, *((tensor, -1) for tensor in model.head)):
        how = UNPACKING.get(scheme.format_name(model, tensor, layer))
        if how is not None and tensor.part != "experts":
            yield tensor, how
