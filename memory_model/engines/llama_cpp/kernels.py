"""Which kernel of a GPU attends, and what it needs (ggml-cuda fattn.cu of llama.cpp 0c1e57098)."""

from __future__ import annotations

from typing import Any

from ...blocks.attention import Attention
from ...blocks.compressed_attention import CompressedAttention
from ...blocks.latent_attention import LatentAttention
from ...blocks.sparse_attention import IndexedLatentAttention
from ...precision import CacheFormat
from ...tensors import Mixer

UNFUSED = ("iq4_nl",)
"""Types of a cache that no fused kernel reads (ggml_cuda_fattn_kv_type_supported)."""
HEADS = (40, 64, 72, 80, 96, 112, 128, 256)
"""Head sizes that have a fused kernel, where values are as wide as keys (ggml_cuda_get_best_fattn_kernel)."""
WIDE_HEADS = {192: (128, 8), 320: (256, 32), 512: (512, 2), 576: (512, 2)}
"""Wider ones, with the width of their values, and of what the query heads of a group must be a multiple."""
INDEXER_HEADS, INDEXER_WIDTH = (32, 64), 128
"""Heads of an indexer, and values of each, that have a fused kernel (ggml_cuda_lightning_indexer_supported)."""
BY_VECTOR = (64, 128, 256)
"""Head sizes of the kernel that attends for few tokens (can_use_vector_kernel)."""
READ_BY_VECTOR = ("q4_0", "q8_0")
"""Quantised types that it reads as they are, for keys and values alike, in builds without GGML_CUDA_FA_QUANTS."""
LARGE_GROUP, LARGE_HEAD, MANY_CELLS = 4, 256, 8192
"""Query heads of a key head above which, and values of a head or cells from which, BF16 is copied for one token, too (the same)."""
FEW_TOKENS = {"turing": 1, "ampere": 1}
"""Tokens of a stream up to which it is taken for quantised rows; other generations: 2 (the same function)."""


def few_tokens(generation: str, cache: CacheFormat) -> int:
    """Tokens of a stream for which rows may be read as they are; 0 where none are."""
    if max(cache.key.block, cache.value.block) > 1:
        return FEW_TOKENS.get(generation, 2)
    return int(cache.key == cache.value and cache.key.name == "bf16")


def reads_alone(generation: str) -> bool:
    """Whether a token alone in its context has a kernel of its own for rows in BF16: on Ada and newer."""
    return generation not in FEW_TOKENS


def has_kernel(mixer: Mixer | None) -> bool:
    """Whether a fused kernel takes such heads; true of a mixer that does not attend."""
    keys, values, group = _heads(mixer)
    if keys in WIDE_HEADS:
        width, multiple = WIDE_HEADS[keys]
        return values == width and group % multiple == 0
    return not keys or (keys in HEADS and values == keys)


def has_indexer_kernel(mixer: Any, key_format: str) -> bool:
    """Whether a fused kernel scores tokens for this indexer; true of a mixer without one."""
    if not isinstance(mixer, IndexedLatentAttention | CompressedAttention) or not mixer.index_n_heads:
        return True
    fits = mixer.index_n_heads in INDEXER_HEADS and mixer.index_head_dim == INDEXER_WIDTH
    return fits and key_format not in UNFUSED


def reads_as_stored(width: int, group: int, key_format: str, value_format: str, *, alone: bool, many: bool) -> bool:
    """Whether the kernel for few tokens reads rows of such heads as they are, without a float16 copy.

    `group`: query heads of a key head. Rows in BF16 are read so where the other kernel has nothing to gain: from groups of one
    head; or by GPUs of Ada and newer for one token `alone` in its context, unless the groups are large and so are the heads,
    or `many` the cells.
    """
    if width not in BY_VECTOR or key_format != value_format:
        return False
    if key_format != "bf16":
        return key_format in READ_BY_VECTOR
    return group < 2 or (alone and not (group > LARGE_GROUP and (width >= LARGE_HEAD or many)))


def _heads(mixer: Any) -> tuple[int, int, int]:
    """Widths of a head's keys and values as they meet the cache, and query heads of a group."""
    mixer = getattr(mixer, "attention", mixer)
    if isinstance(mixer, LatentAttention):
        return mixer.kv_lora_rank + mixer.qk_rope_head_dim, mixer.kv_lora_rank, mixer.num_attention_heads
    if isinstance(mixer, Attention):
        return mixer.head_dim, mixer.v_head_dim, mixer.num_attention_heads // mixer.num_key_value_heads
    return 0, 0, 1
