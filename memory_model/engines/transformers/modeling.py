"""What the modeling code of each model_type does that changes which tensors are alive (transformers 5.23.0).

Every trait was read in `models/<type>/modeling_<type>.py` and checked byte for byte by running that code under fake
CUDA tensors and counting every storage (tests/measured/transformers.csv).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelingCode:
    """The habits of one modeling file; the defaults are those of `modeling_llama.py`."""

    norm: str = "rms"
    """`rms`: input and product in float32, cast before the weight; `gemma`: 1 + weight in float32; `late`: weight in
    float32, then cast; `layer`: a LayerNorm without such copies."""
    order: str = "pre"
    """Where the norms stand: `pre`, `sandwich` (before and after), `post`, or `parallel` (attention beside the MLP)."""
    holds_attention_output: bool = False
    """The attention output stays alive through the MLP (gpt2)."""
    holds_normed_input: bool = True
    """The normed input stays alive through the MLP (not in opt, whose MLP overwrites the name)."""
    gelu_new: bool = False
    """A gelu written out in Python keeps its polynomial's parts."""
    qkv_views: bool = False
    """Queries, keys and values are views of the fused projection."""
    qk_norm_after_all: bool = False
    """The three projections exist before queries are normed."""
    rope: str = "half"
    """`half`: q * cos + rotate_half(q) * sin; `joined`: halves are concatenated; `float32`; `none`: learned positions."""
    rope_tables_by_kind: bool = False
    """One pair of cos and sin tables for each kind of layer."""
    rope_table_bytes: int = 2
    rope_table_share: float = 1.0
    """Width of a table against the rotated values of a head."""
    scores: str = "float32"
    """Eager attention: `float32`: scores, a float32 copy, softmax in float32; `plain`: no float32; `sink`: with a
    column for the sink."""
    embeddings: int = 1
    """Embedding tensors (token, position) that `Model.forward` keeps."""
    logit_copies: int = 1
    """2 where logits are soft-capped."""
    masks: str = "own"
    """Which masks are built: of the kinds of layer that the model has; `full`: always the full one too; `both`."""
    position_mask: bool = False
    """float32 ones over all tokens, made for positions (opt)."""
    router_logit_bytes: int = 2
    routing_weight_bytes: int = 2
    sdpa: bool = True
    """Whether the class supports sdpa at all."""


CODE: dict[str, ModelingCode] = {
    "llama": ModelingCode(),
    "mistral": ModelingCode(),
    "mixtral": ModelingCode(routing_weight_bytes=4),
    "qwen2": ModelingCode(masks="full"),
    "qwen3": ModelingCode(masks="full"),
    "qwen3_moe": ModelingCode(),
    "gemma2": ModelingCode(norm="gemma", order="sandwich", logit_copies=2, masks="both", sdpa=False),
    "gemma3_text": ModelingCode(
        norm="gemma", order="sandwich", qk_norm_after_all=True, rope_tables_by_kind=True, masks="both"
    ),
    "phi3": ModelingCode(rope="joined"),
    "deepseek_v2": ModelingCode(rope="joined", router_logit_bytes=4, routing_weight_bytes=4),
    "deepseek_v3": ModelingCode(rope="joined", router_logit_bytes=4, routing_weight_bytes=4),
    "gpt_oss": ModelingCode(norm="late", rope="joined", rope_table_share=0.5, scores="sink", masks="both", sdpa=False),
    "gpt2": ModelingCode(
        norm="layer",
        rope="none",
        scores="plain",
        embeddings=2,
        gelu_new=True,
        qkv_views=True,
        holds_attention_output=True,
    ),
    "opt": ModelingCode(norm="layer", rope="none", embeddings=2, holds_normed_input=False, position_mask=True),
    "gpt_neox": ModelingCode(norm="layer", order="parallel", rope="joined"),
    "olmo2": ModelingCode(norm="late", order="post", rope="float32", rope_table_bytes=4),
}
"""One row a model_type; a type without a row is treated like llama and its activations are marked as assumed."""
