"""How many recurrent states a sequence holds: one, or those that a prefix cache keeps beside it."""

from __future__ import annotations

from math import lcm
from typing import Any

from ...amount import Factor, Lever
from ...deployment import Deployment
from ...model_shape import ModelShape
from ...units import round_up

SOURCE = "v1/kv_cache_interface.py MambaSpec max_memory_usage_bytes"
CHUNKS = {
    "bamba": 256, "falcon_h1": 256, "granitemoehybrid": 256, "jamba": 2048, "nemotron_h": 128, "zamba2": 256,
}  # fmt: skip
"""Language models that keep the state behind every block (SupportsMambaPrefixCaching), and the tokens of a chunk of their
kernels where the file states none: their classes' defaults, and that of vLLM for Mamba 1 (get_mamba_chunk_size)."""


def has_states(model: ModelShape) -> bool:
    """Whether layers keep a state that does not grow."""
    return any(not entry.grows for group in model.layers if group.mixer for entry in group.mixer.cache())


def every_block(deployment: Deployment) -> bool:
    """Whether the state behind every block is kept (`--mamba-cache-mode all`)."""
    return bool(deployment.options.prefix_caching) and deployment.model.modeling in CHUNKS


def chunk(model: ModelShape, block: int) -> int:
    """The tokens of which a block is a multiple where its end has a state (HybridAttentionMambaModelConfig)."""
    stated = model.stated("mamba_chunk_size", "chunk_size")
    tokens = stated if type(stated) is int and stated > 0 else CHUNKS[model.modeling]
    return lcm(tokens, block)


def states_held(deployment: Deployment, block: int) -> tuple[Factor, ...]:
    """States of one sequence in a layer; nothing for one.

    A prefix cache keeps the one at the end of the last whole block beside that of the moment (`align`), or that of
    every block.
    """
    most = int(deployment.engine.facts.constants["states_with_prefix_cache"])
    if every_block(deployment):
        held: Any = round_up(deployment.workload.context_length, block)
        return (
            Factor("states", held // block, Lever.ENGINE, f"prefix caching: one for each block of {block:,} tokens"),
        )
    if deployment.options.prefix_caching and most > 1:
        return (Factor("states", most, Lever.ENGINE, "prefix caching: that of the last whole block, too"),)
    return ()
