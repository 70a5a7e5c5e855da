"""Latent attention in a training step: compressed queries and keys, expanded to heads again before the kernel."""

from __future__ import annotations

from ..amount import Factor
from ..blocks.attention import Attention
from ..blocks.latent_attention import LatentAttention
from ..engines.transformers.live import width
from .batch import Batch
from .kernels import gradient_of, join, split, strided
from .matrices import linear
from .norms import rms_norm
from .rotation import complex_rotation
from .scores import attended
from .tape import Storage, Tape, Value


def attend_latent(tape: Tape, batch: Batch, mixer: LatentAttention, value: Value) -> Value:
    """The attention of one layer, from its normed input to its projected output: DeepseekV3Attention.forward."""
    hidden = value.dimensions[-1]
    passing, turning = split(tape, _queries(tape, batch, mixer, value), _halves(mixer))
    latent, shared = _compressed(tape, batch, mixer, value)
    turned, shared = (_rotated(tape, batch, one, name) for one, name in ((turning, "queries"), (shared, "key")))
    queries = join(tape, (passing, turned), "queries")
    keys, values = _expanded(tape, batch, mixer, latent, shared)
    heads = mixer.num_attention_heads
    plain = Attention(heads, heads, mixer.head_dim, mixer.v_head_dim)
    found = attended(tape, batch, plain, queries, keys, values)
    flat = tape.shaped(found, *batch.rows, width("output width", mixer.output_width))
    return linear(tape, batch.method, flat, "o_proj", hidden, "projected output", bias=mixer.bias)


def _halves(mixer: LatentAttention) -> tuple[Factor, Factor]:
    return width("unrotated values", mixer.qk_nope_head_dim), width("rotated values", mixer.qk_rope_head_dim)


def _queries(tape: Tape, batch: Batch, mixer: LatentAttention, value: Value) -> Value:
    method, whole = batch.method, width("query width", mixer.query_width)
    if mixer.q_lora_rank is None:
        found = linear(tape, method, value, "q_proj", whole, "query projection")
    else:
        rank = width("compressed query", mixer.q_lora_rank)
        low = linear(tape, method, value, "q_a_proj", rank, "compressed queries", bias=mixer.bias)
        low = rms_norm(tape, low, "q_a_layernorm", batch.code.norm, method.learns)
        found = linear(tape, method, low, "q_b_proj", whole, "query projection")
    heads = width("query heads", mixer.num_attention_heads)
    return tape.shaped(found, *batch.rows, heads, width("head size", mixer.head_dim))


def _compressed(tape: Tape, batch: Batch, mixer: LatentAttention, value: Value) -> tuple[Value, Value]:
    """The latent row of every token, normed, and the part of its key that all heads share."""
    rank = width("latent width", mixer.kv_lora_rank)
    rotated = width("rotated values", mixer.qk_rope_head_dim)
    both = width("latent and rotated values", mixer.kv_lora_rank + mixer.qk_rope_head_dim)
    found = linear(tape, batch.method, value, "kv_a_proj_with_mqa", both, "latent rows", bias=mixer.bias)
    latent, shared = split(tape, found, (rank, rotated))
    return rms_norm(tape, latent, "kv_a_layernorm", batch.code.norm, batch.method.learns), shared


def _expanded(tape: Tape, batch: Batch, mixer: LatentAttention, latent: Value, shared: Value) -> tuple[Value, Value]:
    """Keys, copied together from each head's own part and the shared one, and values, a view of the product."""
    heads, (own, _) = width("heads", mixer.num_attention_heads), _halves(mixer)
    values = width("value head size", mixer.v_head_dim)
    both = width("key and value width", mixer.num_attention_heads * (mixer.qk_nope_head_dim + mixer.v_head_dim))
    product = linear(tape, batch.method, latent, "kv_b_proj", both, "expanded keys and values")
    each = width("key and value of a head", mixer.qk_nope_head_dim + mixer.v_head_dim)
    unrotated, value = split(tape, tape.shaped(product, *batch.rows, heads, each), (own, values))
    shape = (*batch.rows, heads, width("head size", mixer.head_dim))

    def backward(gradient: Storage) -> None:
        copied, left = (Storage("gradient of keys", shape, value.size) for _ in range(2))
        turned = Storage("gradient of rotated keys", (*unrotated.dimensions[:-1], shared.dimensions[-1]), value.size)
        tape.run("copy", gradient, copied, turned)
        summed = gradient_of(shared)
        tape.run("copy", copied, turned, summed)
        tape.give(shared, summed)
        back = gradient_of(unrotated)
        tape.run("copy", copied, left, back)
        tape.give(unrotated, back)

    return tape.record("copy", Storage("keys", shape, value.size), (unrotated, shared), (), backward), value


def _rotated(tape: Tape, batch: Batch, value: Value, name: str) -> Value:
    """Pairs of neighbours are turned, as complex numbers or value by value: apply_rotary_pos_emb_interleave."""
    if batch.code.complex_tables:
        return complex_rotation(tape, batch, value, name)
    half = width("half of the rotated values", int(value.dimensions[-1].value) // 2)
    first, second = strided(tape, value, half), strided(tape, value, half)
    pieces = tuple(_turned(tape, batch, first, second, name) for _ in range(2))
    return join(tape, pieces, f"rotated {name}")


def _turned(tape: Tape, batch: Batch, first: Value, second: Value, name: str) -> Value:
    """x * cos - y * sin: only the tables are kept."""

    def backward(gradient: Storage) -> None:
        for value in (second, first):
            back = gradient_of(value)
            tape.run("rotation", gradient, back)
            tape.give(value, back)

    output = Storage(f"half of the rotated {name}", first.dimensions, first.size)
    return tape.record("rotation", output, (first, second), batch.tables, backward)
