"""Naming live tensors: each becomes a term whose factors are the tensor's dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...amount import Factor, Lever, Moment, Number, Term
from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from ...blocks.parallel import AttentionAndMamba2
from ...blocks.shared_transformer import SharedAttention
from ...deployment import Deployment
from ...model_shape import LayerGroup
from ...tensors import Mixer
from ...units import smaller, where
from .modeling_code import ModelingCode
from .passes import Pass, after_prefill

Held = tuple[Term, ...]
"""Terms that are alive together."""
LARGEST = 2**53
"""A stated number beyond this, or no number at all, switches nothing on."""
FLOAT32 = Factor("bytes per value", 4, Lever.ENGINE, "float32")
INT32 = Factor("bytes per value", 4, Lever.ENGINE, "int32")
INT64 = Factor("bytes per value", 8, Lever.ENGINE, "int64")
NOT_YET = Factor("not yet", -1, Lever.ENGINE, "counted in the cache, which is complete only after the pass")
BOOL = Factor("bytes per value", 1, Lever.ENGINE, "bool")


def width(name: str, values: int) -> Factor:
    """A dimension that the model's config decides."""
    return Factor(name, values, Lever.MODEL)


def times(count: int, note: str) -> tuple[Factor, ...]:
    """A factor for several equal tensors, none for a single one."""
    return (Factor("tensors", count, Lever.ENGINE, note),) if count != 1 else ()


@dataclass(frozen=True)
class Forward:
    """One forward pass: the prompt or a chunk of it in prefill, one token per sequence in decoding with a cache.

    Without slots, so that what hundreds of terms ask for is worked out once.
    """

    deployment: Deployment
    code: ModelingCode
    call: Pass

    @cached_property
    def is_prefill(self) -> bool:
        """Whether many tokens of a sequence are new: also in every step without a cache."""
        reads = self.sorts_experts and not self.call.is_single
        return reads or self.code.mixes_sequences or not self.deployment.options.use_cache

    @cached_property
    def sorts_experts(self) -> bool:
        """Whether rows are sorted by expert: `generate()` copies weights for every row once the prompt is read."""
        return self.deployment.workload.phase == "prefill"

    @property
    def cache(self) -> str:
        """`dynamic`, `static` or `quantized`, `none` without one."""
        options = self.deployment.options
        return options.cache_implementation if options.use_cache else "none"

    @property
    def past(self) -> Number:
        """Tokens of a sequence that are cached before the pass."""
        return self.call.past

    @cached_property
    def behind_others(self) -> Any:
        """Whether several tokens are new behind cached ones, as in the later chunks of a prefill."""
        return (self.call.past > 0) & (self.call.new > 1)

    @property
    def is_eager(self) -> bool:
        """Whether attention scores are written out."""
        return self.deployment.attention == "eager"

    @property
    def first(self) -> Factor:
        """1 where nothing is cached before the pass, else 0."""
        return Factor("first pass", where(self.call.past > 0, 0, 1), Lever.ENGINE, "nothing is cached before")

    @property
    def later(self) -> Factor:
        """0 where nothing is cached before the pass, else 1."""
        return Factor("later pass", where(self.call.past > 0, 1, 0), Lever.ENGINE, "behind cached tokens")

    @property
    def context(self) -> Number:
        """Tokens of a sequence after the pass."""
        return self.call.past + self.call.new

    @cached_property
    def tokens(self) -> Factor:
        """New tokens of a sequence."""
        chunked = self.deployment.options.step_tokens is not None
        return Factor("tokens of a chunk" if chunked else "tokens", self.call.new, Lever.WORKLOAD)

    @cached_property
    def sequences(self) -> Factor:
        """Sequences at once."""
        return self.deployment.workload.sequences

    @cached_property
    def new(self) -> tuple[Factor, ...]:
        """Dimensions of the new tokens: sequences and, in prefill, the tokens of each."""
        return (self.sequences, self.tokens) if self.is_prefill else (self.sequences,)

    @property
    def queries(self) -> tuple[Factor, ...]:
        """New tokens of one sequence, where they are more than one."""
        return (self.tokens,) if self.is_prefill else ()

    @cached_property
    def value(self) -> Factor:
        """Bytes of a computed value."""
        return self.deployment.value_bytes

    @property
    def table_value(self) -> Factor:
        """Bytes of a value of the rotation tables."""
        size = max(self.code.rope_table_bytes, 4 if self.is_float32 else 2)
        return Factor("bytes per value", size, Lever.ENGINE, "rotation tables")

    @cached_property
    def is_float32(self) -> bool:
        """Whether everything is computed in float32, so that no copy is made for it."""
        return bool(self.value.value == 4)

    def stated(self, key: str, otherwise: int = 0) -> int:
        """A whole number of the language model's config that is no dimension of a block; `otherwise` where it is missing."""
        value = self.deployment.model.text_config.get(key, otherwise)
        return int(value) if isinstance(value, (int, float)) and 0 < value < LARGEST else 0

    @property
    def chunk(self) -> int:
        """Tokens that a recurrent block processes together, as the config states it or the modeling code sets it."""
        return self.stated("mamba_chunk_size") or self.stated("chunk_size") or self.code.chunk

    @cached_property
    def hidden(self) -> Factor:
        """The width of the residual stream."""
        return width("hidden size", self.deployment.model.hidden_size)

    def keys(self, window: int | None) -> Factor:
        """Tokens that a layer attends to: the new ones, and of those before at most its window less one."""
        if window is None or (isinstance(self.past, int) and self.past == 0):
            return Factor("tokens attended to", self.context, Lever.WORKLOAD)
        attended = smaller(self.past, window - 1) + self.call.new
        return Factor("tokens attended to", attended, Lever.MODEL, f"window of {window:,}")

    def held_before(self, window: int | None) -> Number:
        """Tokens whose memory a layer of a DynamicCache keeps alive before the pass, for one sequence."""
        if window is None:
            return self.past
        workload, chunk = self.deployment.workload, self.deployment.options.step_tokens
        if workload.phase == "decode":
            return smaller(self.past, window)  # type: ignore[no-any-return]
        return after_prefill(self.past, window, chunk, workload.past if workload.phase == "prefill" else 0)

    def held_after(self, window: int | None) -> Number:
        """The same after the pass."""
        before: Number = self.past if window is None else smaller(self.past, window - 1)
        return before + self.call.new

    def per_token(
        self, label: str, *dimensions: Factor, count: int = 1, note: str = "", size: Factor | None = None
    ) -> Term:
        """A tensor with one row per new token; 16-bit values unless `size` says otherwise."""
        return Term(label, (*self.new, *dimensions, *times(count, note), size or self.value))

    def per_key(
        self,
        label: str,
        window: int | None,
        *dimensions: Factor,
        count: int = 1,
        note: str = "",
        size: Factor | None = None,
    ) -> Term:
        """A tensor with one row per token attended to."""
        return Term(label, (self.sequences, self.keys(window), *dimensions, *times(count, note), size or self.value))

    def stream(self, label: str) -> Term:
        """A tensor as wide as the residual stream."""
        return self.per_token(label, self.hidden)


def attention_of(group: LayerGroup) -> Attention | LatentAttention | None:
    """The softmax attention of a group, also where it shares the layer with a state space."""
    return softmax_attention(group.mixer)


def softmax_attention(mixer: Mixer | None) -> Attention | LatentAttention | None:
    """The softmax attention of a mixer, None where it has none."""
    if isinstance(mixer, AttentionAndMamba2):
        mixer = mixer.attention
    if isinstance(mixer, SharedAttention):
        mixer = mixer.attention
    return mixer if isinstance(mixer, (Attention, LatentAttention)) else None


def window_of(group: LayerGroup) -> int | None:
    """The window of a group's attention, None where it sees everything or there is none."""
    mixer = attention_of(group)
    return mixer.window if isinstance(mixer, Attention) else None


def kv_heads_repeated(mixer: Attention | LatentAttention) -> bool:
    """Whether keys and values are copied to all query heads (not for one KV head, which is only expanded)."""
    return isinstance(mixer, Attention) and 1 < mixer.num_key_value_heads < mixer.num_attention_heads


def cached_key_width(mixer: Attention) -> int:
    """Values of all key heads of one token as they are cached: of all query heads where they are repeated before."""
    return (mixer.repeated_heads or mixer.num_key_value_heads) * mixer.head_dim


def only_where(condition: object, moment: Moment) -> tuple[Moment, ...]:
    """The moment if the condition holds; over a grid, of 0 bytes where it does not."""
    if isinstance(condition, np.ndarray):
        return (Moment(moment.name, moment.terms, moment.source, condition.astype(np.float64)),)
    return (moment,) if condition else ()


def convolved_before(forward: Forward, channels: int, kernel: int) -> Term:
    """Columns of a convolution's output that a view keeps alive: of tokens of the chunk before, or of the padding.

    A first prompt shorter than the kernel is padded to it (cache_utils.py LinearAttentionLayer.update_conv_state).
    """
    missing: Any = 0
    if forward.is_prefill and forward.cache != "none":
        missing = where(forward.past > 0, 0, kernel - smaller(forward.call.new, kernel))
    columns = where(forward.behind_others, kernel, missing)
    before = Factor("columns", columns, Lever.ENGINE, "of the chunk before, or of the padding")
    return Term(
        "convolved tokens before these", (forward.sequences, width("channels", channels), before, forward.value)
    )
