"""Rows of sparse latent attention (DeepSeek V3.2, GLM-5) in vLLM and SGLang: not all values are of the cache's format."""

from __future__ import annotations

from ...amount import Factor, Lever
from ...blocks.sparse_attention import IndexedLatentAttention
from ...deployment import Deployment
from ...tensors import CacheEntry

SCALED = 128
"""Values in 8 bits that share a scale in float32 (deepseek_v2.py DeepseekV32IndexerCache, memory_pool.py NSATokenToKVPool)."""


def sparse_row(deployment: Deployment, entry: CacheEntry) -> tuple[Factor, ...] | None:
    """Bytes of one layer's row, or None where the cache format alone decides.

    The indexer's key is in 8 bits whatever the format. In fp8 so is the latent row, and the rotated key stays in 16 bits,
    656 bytes in all, but on Blackwell of a data centre, whose kernels take plain fp8.
    """
    if not any(
        isinstance(group.mixer, IndexedLatentAttention) and entry in group.mixer.cache()
        for group in deployment.model.layers
    ):
        return None
    if entry.role == "key":
        return _scaled(entry, "8 bits and scales, whatever the cache format")
    plain = deployment.device is not None and deployment.device.kernels == "sm100"
    if plain or not deployment.format_of(entry).name.startswith("fp8"):
        return None
    if entry.label == "latent":
        return _scaled(entry, "8 bits and scales")
    return (Factor("bytes", 2 * entry.width, Lever.ENGINE, "16 bits in fp8 too"),)


def _scaled(entry: CacheEntry, note: str) -> tuple[Factor, ...]:
    return (Factor("bytes", entry.width + 4 * -(-entry.width // SCALED), Lever.ENGINE, note),)
