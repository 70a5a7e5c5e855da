"""What modeling code can do that changes which tensors are alive (transformers 5.23.0).

Every trait was read in `models/<type>/modeling_<type>.py` and checked byte for byte by running that code under fake
CUDA tensors and counting every storage (tests/measured/transformers.csv).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...blocks.attention import Attention


@dataclass(frozen=True, slots=True)
class ModelingCode:
    """The habits of one modeling file; the defaults are those of `modeling_llama.py`."""

    # norms and residual streams
    norm: Literal["rms", "bare", "gemma", "late", "centred", "layer", "wide"] = "rms"
    """`rms`: input and product in float32, cast before the weight; `bare`: so, without a weight; `gemma`: 1 + weight in float32; `late`: weight in
    float32, then cast; `centred`: a LayerNorm written out in float32; `layer`: a LayerNorm without such copies;
    `wide`: input and product in float32, then product and weight."""
    order: Literal["pre", "sandwich", "post", "parallel"] = "pre"
    """Where the norms stand: `pre`, `sandwich` (before and after), `post`, or `parallel` (attention beside the MLP)."""
    sub_norms: bool = False
    """Norms also stand before the output matrices of attention and MLP (bitnet)."""
    recurrent_pre_norm: bool = False
    """Recurrent layers have their norms before, whatever `order` says of the others (olmo_hybrid)."""
    first_layer_unnormed: bool = False
    """The attention of the first layer reads the stream itself (modernbert-decoder)."""
    both_norms_first: bool = False
    """A second norm, for the MLP, is computed before the attention (falcon-40b)."""
    rms_if_stated: bool = False
    """The norms are RMSNorms where the config has `rms_norm_eps` (cohere2_moe)."""
    one_norm_is_parallel: bool = False
    """Layers with a single norm run attention and MLP side by side."""
    normed_residual: bool = False
    """The normed stream is the residual: no other one is kept through attention and MLP (minimax)."""
    float32_stream: bool = False
    """The residual stream is float32 (`residual_in_fp32`)."""
    float32_residual: bool = False
    """So it is within the layers alone, which cast it for their norms (zaya)."""
    streams: int = 1
    """Residual streams, unless the config says otherwise (gemma3n)."""
    hyper_connections: Literal["", "independent", "mixed"] = ""
    """The residual is as many streams as `hc_mult` says, which weights in float32 collapse before a block: `independent`
    ones, summed in float32 (hy_v4), or streams that are `mixed` with each other, too (glm5_next)."""
    per_layer_inputs: int = 0
    """Values of the input that every layer has of its own, all computed at the start, unless the config says otherwise
    (gemma3n, gemma4)."""

    # embeddings, and what stays alive
    embeddings: int = 1
    """Embedding tensors (token, position) that `Model.forward` keeps."""
    keeps_embedding: bool = False
    """The embedding is kept beside what the first layer reads: normed (nanochat), or with positions (xglm)."""
    embedding_for_masks: bool = False
    """The embedding is kept only where the class makes its masks itself (modernbert-decoder)."""
    embedding_copied: bool = False
    """A copy of the token embedding lives through the pass, for the blocks that read it again (zamba2)."""
    scales_embedding: bool = False
    """The scaled embedding is another tensor than the embedding, where `mup_enabled` says so (afmoe)."""
    scales_given_embedding: bool = False
    """An embedding that a wrapper computes is scaled too, and the wrapper keeps the one that it gave (granite)."""
    scaled_inputs: bool = False
    """Attention and state space read scaled copies of the normed input (falcon_h1)."""
    holds_normed_input: bool = True
    """The normed input stays alive through the MLP (not in opt, whose MLP overwrites the name)."""
    holds_attention_input: bool = False
    """The normed input of the attention stays alive beside that of the MLP (stablelm)."""
    holds_attention_output: bool = False
    """The attention output stays alive through the MLP (gpt2)."""
    holds_previous_weights: bool = False
    """The attention weights of the layer before stay alive (eager attention in a loop that keeps a layer's outputs)."""
    frees_weights: bool = False
    """The attention weights of eager attention are gone when the MLP runs (dbrx)."""
    holds_chosen: bool = False
    """The tokens that the indexer chose stay alive, with those of the layer before (glm_moe_dsa)."""
    holds_unrotated: bool = False
    """Projections and rotated parts stay alive after they were joined (`rope` is `partial`)."""

    # queries, keys and values
    qkv_views: bool = False
    """Queries, keys and values are views of the fused projection."""
    unpacks: bool = False
    """Keys and values are copied out of the fused projection."""
    rotates_in_float32: bool = False
    """Copies out of the fused projection are rotated, and queries joined, in float32 (codegen)."""
    rotates_views: bool = False
    """Queries and keys that are rotated are views of the fused projection (dbrx)."""
    gathers_positions: bool = False
    """Every layer copies the table of all positions for each sequence, and takes its rows from there (gptj)."""
    qk_norm_when: Literal["each", "all", "rotated"] = "each"
    """Queries are normed after their projection (`each`), once all three projections exist (`all`), or `rotated`."""
    scales_by_position: bool = False
    """Layers without a window scale their queries by the position (llama4)."""
    enable_gqa: bool = True
    """Whether fewer KV heads than query heads reach a fused kernel, or the math kernel (falcon-7b)."""
    repeats_kv: bool = True
    """Eager attention copies keys and values to all query heads."""
    gates: Literal["float32", "late", "first"] = "float32"
    """When gates of the output are computed: once the attention is, in `float32` or in 16 bits (`late`), or projected
    with the queries (`first`)."""

    # rotation
    rope: Literal["half", "joined", "partial", "float32", "upcast", "upcast whole", "recast", "none"] = "half"
    """`half`: q * cos + rotate_half(q) * sin; `joined`: halves are concatenated; `partial`: so are the rotated and the
    other values of each head; `float32`: products in float32; `upcast`: queries and keys are copied to it first,
    `upcast whole`: so are the tables (hunyuan_vl);
    `recast`: they are copied to it for each product (modernbert-decoder);
    `none`: learned positions."""
    rope_one_by_one: bool = False
    """Queries are normed and rotated before keys are projected (gemma4)."""
    rope_in_windows_only: bool = False
    """Layers without a window have no rotation."""
    rope_tables_whole: bool = False
    """Tables are as wide as a head of their kind, whatever share of it is rotated (gemma4)."""
    rope_tables_in_layers: bool = False
    """Every attention layer computes its own tables, which only live as long as it runs (recurrent_gemma)."""
    rope_tables_repeated: bool = False
    """Each layer repeats every value of the tables for its neighbour."""
    rope_tables_by_kind: bool = False
    """One pair of cos and sin tables for each kind of layer."""
    rope_tables_by_theta: bool = False
    """One pair of tables for each base that `layer_rope_theta` names; layers whose base is 0 are not rotated."""
    rope_tables_of_one: bool = False
    """The tables are for one sequence, beside its positions: a wrapper does not take those of `generate()`."""
    rope_table_bytes: int = 2
    rope_table_share: float = 1.0
    """Width of a table against the rotated values of a head."""

    # scores and masks
    sdpa: bool = True
    """Whether the class supports sdpa at all."""
    scores: Literal[
        "float32", "plain", "raw", "alibi", "sink", "shifted", "float32 sink", "scaled", "exact", "upcast", "upcast_where",
        "biased", "biased masks", "floored", "zeroed", "differential", "dynamic",
    ] = "float32"  # fmt: skip
    """Eager attention: `float32`: scores, a float32 copy, softmax in float32; `plain`: no float32; `raw`: nor is the
    sum with the mask kept under the same name; `alibi`: as `float32`, with a tensor of linear
    biases, one for each head and token (arXiv:2108.12409), and raw and masked scores stay; `sink`: with a
    column for the sink where a layer has one; `shifted`: so, in 16 bits under one name; `float32 sink`: so, joined in
    float32; `scaled`: as `float32`, and the output is scaled by what the sink leaves of each row; `exact`: all of it in
    float32, with a column for the sink; `upcast`: queries and all keys in float32, `upcast_where`: so, masked by a value
    of its own; `biased`: linear biases are added in float32 (mpt), `biased masks`: so, and fused to a mask for each head
    (falcon-rw); `floored`: as `plain`, with a lowest score (xglm); `zeroed`: added to zeros (gpt_neox_japanese);
    `differential`: as `float32`, twice (diffllama); `dynamic`: as `float32`, or fused, with
    a mask for each head (doge)."""
    chunked: bool = False
    """Windows are chunks, whose mask has one matrix for every sequence (llama4)."""
    bool_masks: bool = False
    """Eager attention keeps its mask as booleans."""
    masks: Literal["own", "full", "both"] = "own"
    """Which masks are built: of the kinds of layer that the model has; `full`: always the full one too; `both`."""
    mask_always: bool = False
    """sdpa gets a full mask where it could do without."""
    mask_by_sequence: bool = False
    """sdpa's masks have a matrix for each sequence, since the class makes up which tokens are there (biogpt)."""
    masks_itself: Literal["", "always", "prefill"] = ""
    """When the model's forward makes its mask also for a StaticCache, where `generate()` does so ahead for others:
    `always` (bloom) or in `prefill` (falcon)."""
    mask_without_past: bool = False
    """In decoding the mask covers the new token alone: its length is asked of a layer without keys (minimax)."""
    position_mask: bool = False
    """float32 ones over all tokens, made for positions (opt)."""
    token_mask: bool = False
    """Which tokens are padding is always told, and recurrent layers clear them in a copy (glm5_next)."""
    window_of_zero: bool = False
    """A missing window is read as one of 0 tokens: its mask is always needed, though no layer uses it (qwen2_moe)."""
    stated_window: int = 0
    """The window whose mask is built though no layer may have it: these tokens, unless the config says otherwise."""

    # MLPs and experts
    activation: Literal["", "gelu_new", "bloom_gelu", "relu2", "quick_gelu", "xielu", "swigluoai"] = ""
    """An activation written out in Python, which keeps parts of its polynomial alive; see `feed_forward.ACTIVATIONS`."""
    clamps_gates: bool = False
    """Gate and up are clamped into tensors with names of their own, in a loop over experts, too (step3p5)."""
    shared_experts_first: bool = False
    """The shared experts run before the routed ones, and their output waits."""
    shared_by_layer: bool = False
    """The layer itself calls the shared experts, whose gate and up are one matrix (granitemoeshared)."""
    float32_sum_of_experts: bool = False
    """Routed and shared outputs are summed in float32, unless `enable_moe_fp32_combine` is false (hy_v3)."""
    chooses_logits: bool = False
    """The softmax is over the logits of the chosen experts alone (gpt_oss)."""
    router_in_16_bits: bool = False
    """The softmax over the experts is in 16 bits, or the sigmoid (mistral4, lfm2_moe)."""
    router_in_float32: bool = False
    """Hidden states and the router's matrix are copied to float32 for the logits."""
    router_logit_bytes: int = 2
    routing_weight_bytes: int = 2
    loops_over_experts: bool = False
    """Experts run one after the other, each on the tokens that chose it (dbrx, step3p5)."""
    all_experts: bool = False
    """Every expert runs on every token (llama4)."""

    # logits
    logit_copies: int = 1
    """2 where logits are soft-capped or scaled."""
    caps_if_stated: bool = False
    """Logits are only soft-capped where the config has `final_logit_softcapping`."""
    scales_final: bool = False
    """The final hidden states are scaled before the output matrix (minicpm3), or pass a small network (modernbert-decoder)."""
    float32_logits: bool = False
    """Logits are copied to float32."""
    embedding_beside_logits: bool = False
    """The token embedding is kept until the logits are there: a wrapper made it (nemotron_h_omni)."""
    all_logits: bool = False
    """Logits of all new tokens are computed, though `generate()` asks for the last (video_llama_3)."""
    words_ruled_out: int = 0
    """Words, those of images, whose logits are overwritten by a list of their numbers (chameleon)."""
    multiplies: tuple[str, ...] = ()
    """What is multiplied by a constant, which a training step keeps: `embedding`, `residual`, `logits`;
    `keys`, and the `gate` and the output of the `MLP` (falcon_h1); `values` (mimo_v2_flash)."""

    # recurrent layers
    decay_bytes: int = 4
    """Bytes of a value of the delta rule's decay."""
    chunk: int = 256
    """Tokens of a chunk of a recurrent block unless the config says otherwise."""
    mixes_sequences: bool = False
    """While several sequences are written, each is as many tokens long as there are sequences: its token is added to the
    last inputs of all (rwkv)."""

    # caches and buffers
    caches: Literal["any", "own", "none"] = "any"
    """Which the class takes: `any`; `own`, none but its own, or states in its layers (minimax); `none`: every step reads
    the whole text (openai-gpt)."""
    measured_caches: Literal["any", "default", "not static"] = "any"
    """With which it was measured: `any`; `default`, and whole prompts only; `not static`, of which the code reads numbers
    back from the device, which fake tensors do not have (mpt)."""
    buffer: Literal["", "mask", "mask_by_layer", "table_by_layer", "embedding"] = ""
    """What the class keeps of all positions: `mask` (gpt_bigcode), `mask_by_layer` (gpt_neo), the table of the rotation
    in every layer, `table_by_layer` (gptj), or an `embedding` that is computed (xglm)."""

    # quantised weights
    linear: str = "nn.Linear"
    """The class of its matrices; libraries that quantise nn.Linear alone leave another one as it is (gpt2)."""
    head: str = "lm_head"
    """What the module of the head is called."""
    registers_mlp_first: bool = False
    """Layers register their MLP before what mixes tokens, and their matrices are unpacked in that order (bamba)."""
    unpacked_otherwise: str = ""
    """What is not as in other types where compressed-tensors unpacks the weights."""
    measured_quantised: bool = True
    """Whether it was run with quantised weights, or another type with the same blocks was."""

    # evidence
    assumed: str = ""
    """What of the activations depends on the input, and what is taken for it; empty where nothing does."""
    missed: str = ""
    """By how much, and where, measurements are not met; empty where every byte is."""

    @property
    def complex_tables(self) -> bool:
        """cos and sin are the parts of one complex number for two values (deepseek_v2, llama4)."""
        return self.rope_table_bytes == 4 and self.rope_table_share == 0.5

    def rotated_values(self, mixer: Attention) -> int:
        """Values of each head that are rotated: all, where the code turns halves of a head and reads no share of it."""
        if mixer.rotary_dim and self.rope in ("half", "float32", "upcast", "upcast whole", "recast"):
            return mixer.head_dim
        return mixer.head_dim if self.rope_tables_whole else mixer.rotary_dim

    @property
    def joins_heads(self) -> bool:
        """Rotation leaves the queries contiguous by head, so that the attention output has to be copied."""
        return self.rope in ("joined", "partial")
