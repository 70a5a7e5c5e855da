"""A dense MLP and experts side by side in a training step, each between norms of its own: Gemma4TextDecoderLayer."""

from __future__ import annotations

from ..blocks.mlp import DenseBesideExperts
from ..engines.transformers.live import width
from .batch import Batch
from .experts import passed, routing
from .feed_forward import dense
from .kernels import add, scale, weigh
from .norms import rms_norm
from .tape import Tape, Value


def dense_beside_experts(tape: Tape, batch: Batch, mlp: DenseBesideExperts, value: Value, stream: Value) -> Value:
    """The MLP reads the normed stream; router and experts read the `stream`, normed on their own."""
    learns, kind, moe = batch.method.learns, batch.code.norm, mlp.experts
    first = rms_norm(tape, dense(tape, batch, mlp.dense, value), "post_feedforward_layernorm_1", kind, learns)
    rows = (*batch.rows, width("active experts", moe.num_experts_per_tok))
    with tape.naming(stream, first):
        normed = rms_norm(tape, stream, "", kind, learns)
        weighed = weigh(tape, normed, "router.scale", stream.size, learns, "router input")
        weights = routing(tape, batch, moe, scale(tape, weighed, "scaled router input"), rows, scaled=True)
        own = rms_norm(tape, stream, "pre_feedforward_layernorm_2", kind, learns)
        second = passed(tape, batch, moe, own, weights, rows)
        second = rms_norm(tape, second, "post_feedforward_layernorm_2", kind, learns)
        return add(tape, first, second, "sum of MLP and experts")
