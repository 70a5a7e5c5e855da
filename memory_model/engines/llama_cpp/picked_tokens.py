"""How many tokens of the cache indexers pick, and in blocks of how many."""

from __future__ import annotations

from ...blocks.compressed_attention import CompressedAttention
from ...blocks.sparse_attention import BlockSparseAttention, IndexedLatentAttention
from ...model_shape import ModelShape

INDEX_TOPK = 2048
"""What a config that does not state it means (transformers configuration_deepseek_v32.py, configuration_glm_moe_dsa.py)."""
COMPRESSED_TOPK = 512
"""The same of rows that stand for several tokens (configuration_deepseek_v4.py)."""


def picked_tokens(model: ModelShape) -> int:
    """How many tokens indexers pick of those in the cache; 0 without indexers."""
    sparse = _block_sparse(model)
    if sparse:
        return sparse.index_block_size * sparse.index_topk_blocks
    mixers = [group.mixer for group in model.layers]
    compressed = any(isinstance(mixer, CompressedAttention) for mixer in mixers)
    if not compressed and not any(isinstance(mixer, IndexedLatentAttention) for mixer in mixers):
        return 0
    stated = model.text_config.get("index_topk")
    if isinstance(stated, int) and stated > 0:
        return stated
    return COMPRESSED_TOPK if compressed else INDEX_TOPK


def token_block(model: ModelShape) -> int:
    """Tokens of a block that indexers pick, or leave out, as a whole (minimax-m3.cpp); 0 where they pick none."""
    sparse = _block_sparse(model)
    return sparse.index_block_size if sparse else 0


def _block_sparse(model: ModelShape) -> BlockSparseAttention | None:
    return next((group.mixer for group in model.layers if isinstance(group.mixer, BlockSparseAttention)), None)
