"""The moments of a QuantizedCache: what quantising new keys and values takes, and reading them back in every step.

Backends: `fp8`, with one scale for a tensor, and quanto, the default, with 4 or 2 bits in groups of 64 values and up to
127 tokens in 16 bits, which the 128th quantises anew with all others. A decoding step is that one, the largest.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ...amount import Factor, Lever, Moment, Number, Term
from ...blocks.attention import Attention
from ...blocks.sparse_attention import BlockSparseAttention
from ...errors import InputError
from ...model_shape import ModelShape
from ...number_formats import NumberFormat
from ...units import smaller
from .live import FLOAT32, NOT_YET, Forward, Held, cached_key_width, width

FORMATS = ("fp8", "int4", "int2")
RESIDUAL = 128
"""Tokens that are kept in 16 bits before they are quantised (cache_utils.py QuantizedCache, residual_length)."""
CODE_BITS = {"int4": 4, "int2": 2}
GROUP = 64
"""Values with a scale and a shift of their own (q_group_size)."""
FP8 = "cache_utils.py Fp8QuantizedLayer.update"
QUANTO = "cache_utils.py QuantizedLayer.update; optimum-quanto 0.2.7 quantize_affine"


def check_quantized(model: ModelShape, stored: tuple[NumberFormat, NumberFormat], weights: str) -> None:
    """Raise InputError for formats and models that QuantizedCache refuses, or that are not modelled."""
    if stored[0].name not in FORMATS or stored[0] != stored[1]:
        asked = stored[0].name if stored[0] == stored[1] else f"{stored[0].name}:{stored[1].name}"
        raise InputError(f"kv_cache: a quantized cache stores {', '.join(FORMATS)}, not {asked}; name one of them")
    if weights == "fp32" and stored[0].name in CODE_BITS:
        raise InputError(
            f"kv_cache: with fp32 weights quanto keeps scales in float32, and {stored[0].name} here has 16 bits; use fp8, or bf16 weights"
        )
    for group in model.layers:
        mixer = group.mixer
        indexed = isinstance(mixer, BlockSparseAttention)
        if not isinstance(mixer, Attention) or mixer.window is not None or indexed:
            raise InputError(
                "cache_implementation: QuantizedCache takes models with full attention in every layer (latent attention is not modelled); use dynamic"
            )
        values = cached_key_width(mixer)
        if stored[0].name != "fp8" and values % GROUP:
            raise InputError(f"cache_implementation: quanto has groups of {GROUP} values, keys have {values}; use fp8")


def residual(forward: Forward) -> Number:
    """Tokens in 16 bits before the step that quantises them: none with fp8."""
    if forward.cache != "quantized" or forward.is_prefill or stored(forward).name == "fp8":
        return 0
    return smaller(forward.past, RESIDUAL - 1)  # type: ignore[no-any-return]


def stored(forward: Forward) -> NumberFormat:
    """The format of keys and values in the cache."""
    return forward.deployment.cache_format.key


def quantized_updates(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Moments of the update. `held`: queries, new keys and values, and all around them."""
    if stored(forward).name == "fp8":
        yield from _fp8(forward, mixer, held)
    else:
        yield _quanto(forward, mixer, held)


def read_back(forward: Forward, mixer: Attention) -> Held:
    """Keys and values of all tokens, in the type that attention computes in."""
    keys, values = _rows(mixer)
    return forward.per_key("keys read back", None, keys), forward.per_key("values read back", None, values)


def _rows(mixer: Attention) -> tuple[Factor, Factor]:
    values = (mixer.repeated_heads or mixer.num_key_value_heads) * mixer.v_head_dim
    return width("key width", cached_key_width(mixer)), width("value width", values)


def _fp8(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    keys, values = _rows(mixer)
    both = width("key and value width", int(keys.value) + int(values.value))
    byte = Factor("bytes per value", 1, Lever.PRECISION, "fp8")
    floats = Factor("tensors", 2, Lever.ENGINE, "float32, scaled")
    if forward.is_prefill:
        unwritten = Term("values, not written yet", (*forward.new, values, byte, NOT_YET))
        copies = Term("values in float32", (*forward.new, values, floats, FLOAT32))
        yield Moment("quantising", (*held, unwritten, copies), FP8)
        return
    before = Factor("tokens before", forward.past, Lever.WORKLOAD)
    yield Moment(
        "reading the cache back",
        (
            *held,
            forward.per_token("new keys and values in fp8", both, size=byte),
            Term("old keys and values while new ones are joined", (forward.sequences, before, both, byte)),
            forward.per_key("keys read back", None, keys),
            Term("values in float32", (forward.sequences, forward.keys(None), values, floats, FLOAT32)),
        ),
        FP8,
    )


def _quanto(forward: Forward, mixer: Attention, held: Held) -> Moment:
    keys, values = _rows(mixer)
    code = Factor("bytes per code", Fraction(CODE_BITS[stored(forward).name], 8), Lever.PRECISION, stored(forward).name)
    steps = Factor("bytes", 2 * int(forward.value.value) + 1, Lever.ENGINE, "rounded, clamped, as whole numbers")
    new = (forward.sequences, forward.keys(None), values)
    held = (
        *held,
        Term("codes of the values, not written yet", (*new, code, NOT_YET)),
        Term("values being quantised", (*new, steps)),
    )
    if forward.is_prefill:
        copy = Term("contiguous copy of the values", (*new, forward.value), "cache_utils.py QuantizedLayer.update")
        return Moment("quantising", (*held, copy), QUANTO)
    waiting = residual(forward)
    quantised = Factor("tokens quantised before", forward.past - waiting, Lever.WORKLOAD)
    unquantised = Factor("tokens in 16 bits", waiting, Lever.WORKLOAD)
    both = width("key and value width", int(keys.value) + int(values.value))
    heads = width("KV heads", mixer.repeated_heads or mixer.num_key_value_heads)
    row = stored(forward).row_factors(heads, width("head size", mixer.v_head_dim))
    return Moment(
        "quantising all tokens anew",
        (
            *held,
            *read_back(forward, mixer),
            Term("keys and values as they were quantised", (forward.sequences, quantised, both, forward.value)),
            Term("old values, quantised", (forward.sequences, quantised, *row)),
            Term("tokens in 16 bits", (forward.sequences, unquantised, both, forward.value)),
        ),
        QUANTO,
    )
