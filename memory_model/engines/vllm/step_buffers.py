"""Buffers for a step of tokens that a model allocates when it is made: the log counts them as weights."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Term
from ...blocks.compressed_attention import CompressedAttention
from ...blocks.sparse_attention import IndexedLatentAttention
from ...deployment import Deployment
from ...model_shape import ModelShape

DRAFT = "models/deepseek_v4 model.py _mtp_hidden_buffer: on the last stage, though nothing speculates"
PICKED = "deepseek_v2.py, models/deepseek_v4 attention.py topk_indices_buffer, int32"


def step_buffers(deployment: Deployment, stage: ModelShape) -> Iterator[Term]:
    """Residual streams of DeepSeek-V4 for a draft that may follow, and the tokens that an indexer picks; whole on every GPU."""
    if not deployment.engine.facts.constants["step_buffers"]:
        return
    mixers = [group.mixer for group in stage.layers]
    step = Factor("tokens in a step", deployment.options.step_tokens or 0, Lever.ENGINE)
    if stage.head and any(isinstance(mixer, CompressedAttention) for mixer in mixers):
        streams = Factor("residual streams", int(stage.stated("hc_mult")), Lever.MODEL)
        hidden = Factor("hidden size", stage.hidden_size, Lever.MODEL)
        yield Term("streams for a draft", (step, streams, hidden, deployment.value_bytes), DRAFT, "other")
    picked = stage.stated("index_topk")
    if picked and any(isinstance(mixer, CompressedAttention | IndexedLatentAttention) for mixer in mixers):
        tokens = Factor("tokens picked", int(picked), Lever.MODEL)
        yield Term("picked tokens", (step, tokens, Factor("bytes", 4, Lever.ENGINE)), PICKED, "other")
