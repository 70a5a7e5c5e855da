"""The towers of Gemma 4: a vision transformer of Gemma's own layout, a conformer (transformers modeling_gemma4.py)."""

from __future__ import annotations

from ..config import Config
from ..gemma import NORMS
from .gemma3n_towers import conformer
from .parts import Counted, matrix, scale

VISION = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 16, "num_attention_heads": 12,
    "num_key_value_heads": 12, "head_dim": 64, "patch_size": 16, "position_embedding_size": 10240,
}  # fmt: skip
AUDIO = {
    "hidden_size": 1024, "num_hidden_layers": 12, "num_attention_heads": 8, "subsampling_conv_channels": (128, 32),
    "conv_kernel_size": 5, "output_proj_dims": 1536,
}  # fmt: skip


def vision_tensors(config: Config, text_width: int) -> Counted:
    """Patches, a table of positions for rows and one for columns, gated MLPs, four norms, and the projection."""
    config.must_be("model_type", "gemma4_vision")
    config.must_be("attention_bias", False)
    config.ignore(
        "pooling_kernel_size", "global_head_dim", "standardize", "default_output_length", "max_position_embeddings"
    )
    width, mlp, layers = (
        config.whole("hidden_size"),
        config.whole("intermediate_size"),
        config.whole("num_hidden_layers"),
    )
    head = config.whole("head_dim")
    queries, keys = config.whole("num_attention_heads") * head, config.whole("num_key_value_heads") * head
    yield from matrix("vision", 2, "position_embedding", config.whole("position_embedding_size"), width)
    yield from matrix("vision", 1, "patch_embedding", width, 3 * config.whole("patch_size") ** 2)
    for role, rows in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
        yield from matrix("vision", layers, role, rows, width)
    yield from matrix("vision", layers, "o_proj", width, queries)
    for role in ("q_norm", "k_norm"):
        yield from scale("vision", layers, role, head)
    for role in ("gate_proj", "up_proj"):
        yield from matrix("vision", layers, role, mlp, width)
    yield from matrix("vision", layers, "down_proj", width, mlp)
    for role in NORMS:
        yield from scale("vision", layers, role, width)
    yield from matrix("vision", 1, "embedding_projection", text_width, width)


def audio_tensors(config: Config, text_width: int) -> Counted:
    """Two convolutions that halve the mel bins, conformer blocks, and two projections."""
    config.must_be("model_type", "gemma4_audio")
    config.ignore("residual_weight", "attention_chunk_size", "attention_context_left", "attention_context_right")
    config.ignore("attention_logit_cap", "attention_invalid_logits_value", "use_clipped_linears", "gradient_clipping")
    width, blocks, out = (
        config.whole("hidden_size"),
        config.whole("num_hidden_layers"),
        config.whole("output_proj_dims"),
    )
    channels = config.whole_list("subsampling_conv_channels")
    if len(channels) != 2:
        raise config.error("subsampling_conv_channels", "expected two numbers", "check the file")
    yield from matrix("audio", 1, "conv_0", channels[0], 9)
    yield from matrix("audio", 1, "conv_1", channels[1], channels[0] * 9)
    for index in (0, 1):
        yield from scale("audio", 1, f"conv_{index}.norm", channels[index])
    yield from matrix("audio", 1, "input_proj_linear", width, channels[0] // 4 * channels[1])
    yield from conformer(blocks, width, config.whole("num_attention_heads"), config.whole("conv_kernel_size"))
    yield from matrix("audio", 1, "output_proj", out, width, bias=True)
    yield from matrix("audio", 1, "embedding_projection", text_width, out)
