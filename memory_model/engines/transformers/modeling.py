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
    float32, then cast; `centred`: a LayerNorm written out in float32; `layer`: a LayerNorm without such copies."""
    order: str = "pre"
    """Where the norms stand: `pre`, `sandwich` (before and after), `post`, or `parallel` (attention beside the MLP)."""
    recurrent_pre_norm: bool = False
    """Recurrent layers have their norms before, whatever `order` says of the others (olmo_hybrid)."""
    holds_attention_output: bool = False
    """The attention output stays alive through the MLP (gpt2)."""
    holds_normed_input: bool = True
    """The normed input stays alive through the MLP (not in opt, whose MLP overwrites the name)."""
    holds_attention_input: bool = False
    """The normed input of the attention stays alive beside that of the MLP (stablelm)."""
    holds_unrotated: bool = False
    """Projections and rotated parts stay alive after they were joined (`rope` is `partial`)."""
    shared_experts_first: bool = False
    """The shared experts run before the routed ones, and their output waits."""
    both_norms_first: bool = False
    """A second norm, for the MLP, is computed before the attention (falcon-40b)."""
    holds_previous_weights: bool = False
    """The attention weights of the layer before stay alive (eager attention in a loop that keeps a layer's outputs)."""
    normed_residual: bool = False
    """The normed stream is the residual: no other one is kept through attention and MLP (minimax)."""
    activation: str = ""
    """An activation written out in Python, which keeps parts of its polynomial alive; see `feed_forward.ACTIVATIONS`."""
    enable_gqa: bool = True
    """Whether fewer KV heads than query heads reach a fused kernel, or the math kernel (falcon-7b)."""
    repeats_kv: bool = True
    """Eager attention copies keys and values to all query heads."""
    unpacks: bool = False
    """Keys and values are copied out of the fused projection."""
    qkv_views: bool = False
    """Queries, keys and values are views of the fused projection."""
    qk_norm_when: str = "each"
    """Queries are normed after their projection (`each`), once all three projections exist (`all`), or `rotated`."""
    rope: str = "half"
    """`half`: q * cos + rotate_half(q) * sin; `joined`: halves are concatenated; `partial`: so are the rotated and the
    other values of each head; `float32`: products in float32; `upcast`: queries and keys are copied to it first;
    `none`: learned positions."""
    rope_in_windows_only: bool = False
    """Layers without a window have no rotation."""
    rope_tables_in_layers: bool = False
    """Every attention layer computes its own tables, which only live as long as it runs (recurrent_gemma)."""
    rope_tables_repeated: bool = False
    """Each layer repeats every value of the tables for its neighbour."""
    rope_tables_by_kind: bool = False
    """One pair of cos and sin tables for each kind of layer."""
    rope_table_bytes: int = 2
    rope_table_share: float = 1.0
    """Width of a table against the rotated values of a head."""
    scores: str = "float32"
    """Eager attention: `float32`: scores, a float32 copy, softmax in float32; `plain`: no float32; `raw`: nor is the
    sum with the mask kept under the same name; `alibi`: as `float32`, and raw and masked scores stay; `sink`: with a
    column for the sink where a layer has one; `shifted`: so, in 16 bits under one name."""
    alibi: bool = False
    """A tensor of linear biases, one for each head and token (arXiv:2108.12409)."""
    embeddings: int = 1
    """Embedding tensors (token, position) that `Model.forward` keeps."""
    embedding_copied: bool = False
    """A copy of the token embedding lives through the pass, for the blocks that read it again (zamba2)."""
    logit_copies: int = 1
    """2 where logits are soft-capped or scaled."""
    float32_logits: bool = False
    """Logits are copied to float32."""
    float32_stream: bool = False
    """The residual stream is float32 (`residual_in_fp32`)."""
    scaled_inputs: bool = False
    """Attention and state space read scaled copies of the normed input (falcon_h1)."""
    chunk: int = 256
    """Tokens of a chunk of a recurrent block unless the config says otherwise."""
    masks: str = "own"
    """Which masks are built: of the kinds of layer that the model has; `full`: always the full one too; `both`."""
    window_of_zero: bool = False
    """A missing window is read as one of 0 tokens: its mask is always needed, though no layer uses it (qwen2_moe)."""
    mask_without_past: bool = False
    """In decoding the mask covers the new token alone: its length is asked of a layer without keys (minimax)."""
    one_norm_is_parallel: bool = False
    """Layers with a single norm run attention and MLP side by side."""
    mask_always: bool = False
    """sdpa gets a full mask where it could do without."""
    position_mask: bool = False
    """float32 ones over all tokens, made for positions (opt)."""
    router_logit_bytes: int = 2
    routing_weight_bytes: int = 2
    sdpa: bool = True
    """Whether the class supports sdpa at all."""

    @property
    def joins_heads(self) -> bool:
        """Rotation leaves the queries contiguous by head, so that the attention output has to be copied."""
        return self.rope in ("joined", "partial")


CODE: dict[str, ModelingCode] = {
    "llama": ModelingCode(),
    "mistral": ModelingCode(),
    "mixtral": ModelingCode(routing_weight_bytes=4),
    "qwen2": ModelingCode(masks="full"),
    "qwen3": ModelingCode(masks="full"),
    "qwen3_moe": ModelingCode(),
    "gemma2": ModelingCode(norm="gemma", order="sandwich", logit_copies=2, masks="both", sdpa=False),
    "gemma3_text": ModelingCode(
        norm="gemma", order="sandwich", qk_norm_when="all", rope_tables_by_kind=True, masks="both"
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
        activation="gelu_new",
        qkv_views=True,
        holds_attention_output=True,
    ),
    "opt": ModelingCode(norm="layer", rope="none", embeddings=2, holds_normed_input=False, position_mask=True),
    "gpt_neox": ModelingCode(norm="layer", order="parallel", rope="joined"),
    "olmo2": ModelingCode(norm="late", order="post", rope="float32", rope_table_bytes=4),
    "olmo3": ModelingCode(
        norm="late", order="post", rope="float32", rope_table_bytes=4, rope_tables_by_kind=True, masks="both"
    ),
    "cohere": ModelingCode(norm="centred", order="parallel", rope="upcast", logit_copies=2),
    "cohere2": ModelingCode(
        norm="centred", order="parallel", rope="upcast", rope_in_windows_only=True, logit_copies=2, masks="both"
    ),
    "smollm3": ModelingCode(masks="full"),
    "glm4": ModelingCode(order="sandwich", rope="partial", rope_tables_repeated=True),
    "glm4_moe": ModelingCode(rope="partial", qk_norm_when="all", router_logit_bytes=4, routing_weight_bytes=4),
    "glm4_moe_lite": ModelingCode(rope="joined", router_logit_bytes=4, routing_weight_bytes=4),
    "exaone4": ModelingCode(order="post", qk_norm_when="all", rope_in_windows_only=True, masks="full"),
    "granite": ModelingCode(logit_copies=2),
    "starcoder2": ModelingCode(norm="layer"),
    "stablelm": ModelingCode(
        norm="layer",
        one_norm_is_parallel=True,
        rope="partial",
        holds_unrotated=True,
        holds_attention_input=True,
        holds_attention_output=True,
    ),
    "seed_oss": ModelingCode(),
    "hunyuan_v1_dense": ModelingCode(qk_norm_when="rotated"),
    "hunyuan_v1_moe": ModelingCode(
        qk_norm_when="rotated", router_logit_bytes=4, routing_weight_bytes=4, shared_experts_first=True
    ),
    "ernie4_5": ModelingCode(rope="float32", rope_table_bytes=4, rope_tables_repeated=True),
    "ernie4_5_moe": ModelingCode(
        rope="float32", rope_table_bytes=4, rope_tables_repeated=True, router_logit_bytes=4, shared_experts_first=True
    ),
    "qwen2_moe": ModelingCode(shared_experts_first=True, masks="both", window_of_zero=True),
    "olmoe": ModelingCode(),
    "phimoe": ModelingCode(norm="layer"),
    "minimax_m2": ModelingCode(rope="partial", routing_weight_bytes=4),
    "falcon": ModelingCode(
        norm="layer",
        order="parallel",
        both_norms_first=True,
        holds_previous_weights=True,
        enable_gqa=False,
        repeats_kv=False,
        unpacks=True,
        scores="raw",
        mask_always=True,
    ),
    "bloom": ModelingCode(
        norm="layer",
        rope="none",
        qkv_views=True,
        holds_previous_weights=True,
        activation="bloom_gelu",
        scores="alibi",
        alibi=True,
        sdpa=False,
    ),
    "ministral3": ModelingCode(),
    "mistral4": ModelingCode(rope="joined", router_logit_bytes=2, routing_weight_bytes=2),
    "minicpm3": ModelingCode(rope="joined"),
    "mimo_v2_flash": ModelingCode(
        rope="partial",
        rope_tables_by_kind=True,
        scores="shifted",
        router_logit_bytes=4,
        routing_weight_bytes=4,
        sdpa=False,
    ),
    "mamba": ModelingCode(rope="none", float32_stream=True, float32_logits=True, sdpa=False),
    "falcon_mamba": ModelingCode(rope="none", float32_stream=True, float32_logits=True, sdpa=False),
    "mamba2": ModelingCode(rope="none", float32_stream=True, float32_logits=True, sdpa=False),
    "jamba": ModelingCode(rope="none"),
    "bamba": ModelingCode(holds_previous_weights=True),
    "granitemoehybrid": ModelingCode(logit_copies=2, router_logit_bytes=4),
    "falcon_h1": ModelingCode(logit_copies=2, scaled_inputs=True),
    "qwen3_next": ModelingCode(norm="gemma", rope="partial", shared_experts_first=True),
    "qwen3_5_text": ModelingCode(norm="gemma", rope="partial"),
    "qwen3_5_moe_text": ModelingCode(norm="gemma", rope="partial", shared_experts_first=True),
    "kimi_linear": ModelingCode(rope="none", router_logit_bytes=4, routing_weight_bytes=4),
    "minimax": ModelingCode(normed_residual=True, mask_without_past=True, routing_weight_bytes=4),
    "olmo_hybrid": ModelingCode(norm="late", order="post", recurrent_pre_norm=True, rope="float32", rope_table_bytes=4),
    "zamba2": ModelingCode(embedding_copied=True),
    "recurrent_gemma": ModelingCode(
        norm="gemma", rope="partial", rope_tables_in_layers=True, holds_attention_input=True, logit_copies=3
    ),
    "lfm2": ModelingCode(),
    "lfm2_moe": ModelingCode(),
    "nemotron_h": ModelingCode(
        rope="none",
        activation="relu2",
        router_logit_bytes=4,
        routing_weight_bytes=4,
        float32_logits=True,
        chunk=128,
    ),
    "phi": ModelingCode(norm="layer", order="parallel", rope="partial", holds_unrotated=True, activation="gelu_new"),
    "apertus": ModelingCode(qk_norm_when="all", activation="xielu"),
}
"""One row a model_type; a type without a row is treated like llama and its activations are marked as assumed."""
