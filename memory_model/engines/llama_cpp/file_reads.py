"""What the nodes of a graph read of a file's tensors, and of caches and states: by their names (src/models of llama.cpp)."""

from __future__ import annotations

COMPRESSORS = {"compressor": "attn_compressor", "far compressor": "attn_compressor", "indexer": "indexer_compressor"}
"""What makes one row of several, by how its tensors begin in a file (deepseek4.cpp)."""
SCORES = "indexer scores"
ATTENDS = (
    "attention scores",
    "attention output by heads",
    "cache, transposed",
    "keys cast to float16",
    "values cast to float16",
    SCORES,
    "indexer keys by position",
    "keys of picked tokens",
    "values of picked tokens",
    "keys of window and past",
    *(f"rows of the {part}, with those that were kept" for part in COMPRESSORS),
)
"""What reads the cache where scores are written out, or for an indexer."""
LAST = "attention output of heads"
"""The last operation of attention, which --no-kv-offload keeps on the host where scores are written out."""
ROTATED = ("queries", "keys", "block indexer queries", "block indexer keys")
PARTS = ("weight", "bias")
STATES = ("convolution state", "recurrent state", "other states", "scan and new states")
"""What reads the recurrent states of all sequences."""
FREQUENCIES = ("rope_freqs.weight", "rope_factors_long.weight")
"""What stretches the rotation; factors of long and of short contexts are as many."""
STORES = (
    "keys stored",
    "values stored",
    "latent rows stored",
    "indexer keys stored",
    "states stored",
    "convolution state stored",
    "other states stored",
    "states cleared",
    "compressed rows stored",
    "rows kept",
)
SCORED = {
    "scored for mixers": ("attn_res_score.weight",),
    "scored for MLPs": ("ffn_res_score.weight",),
    "scored for outputs": ("output_res_score.weight",),
}
"""Norms that have no name in the engine's graph, by which it would know where to compute them."""
NORMS = {
    "normed": (),
    "normed stream": (),
    "normed embedding": ("token_embd_norm.weight",),
    "router input": ("altup_router_norm.weight", "router.scale.weight"),
    "experts, normed": ("post_ffw_norm_2.weight",),
    "normed projection for layers": ("per_layer_proj_norm.weight",),
    "normed for mixers": ("attn_norm.weight",),
    **SCORED,
    "latent": (),
    "normed queries": ("attn_q_norm.weight",),
    "normed keys": ("attn_k_norm.weight",),
    "queries": ("attn_q_norm.weight",),
    "keys": ("attn_k_norm.weight",),
    "block indexer queries": ("indexer.q_norm.weight",),
    "block indexer keys": ("indexer.k_norm.weight",),
    "normed indexer keys": ("indexer.k_norm.weight",),
    "gated norm": ("ssm_norm.weight",),
    "outputs, normed": ("ssm_norm.weight",),
    **{f"normed rows of the {part}": (f"{name}_norm.weight",) for part, name in COMPRESSORS.items()},
    "low-rank time steps": ("ssm_dt_norm.weight",),
    "B": ("ssm_b_norm.weight",),
    "C": ("ssm_c_norm.weight",),
}
"""Nodes that are a norm and the product with its weight, by the name of this in a file; empty: of a row's length."""
MATRICES = {
    "queries, keys and values": ("attn_qkv",),
    "projected queries": ("attn_q", "attn_q_b"),
    "projected keys": ("attn_k", "attn_kv"),
    "projected values": ("attn_v",),
    "values": ("attn_v",),
    "low-rank queries": ("attn_q_a",),
    "latent and key": ("attn_kv_a_mqa",),
    "expanded keys and values": ("attn_kv_b",),
    "absorbed queries": ("attn_k_b",),
    "expanded attention output": ("attn_v_b",),
    "attention output": ("attn_output", "attn_output_b"),
    "attention output of groups": ("attn_output_a",),
    **{f"rows of the {part}": (f"{name}_kv",) for part, name in COMPRESSORS.items()},
    **{f"projected scores of the {part}": (f"{name}_gate",) for part, name in COMPRESSORS.items()},
    "mixes for mixers": ("hc_attn_fn",),
    "mixes for MLPs": ("hc_ffn_fn",),
    "projected block indexer keys": ("indexer.k_proj",),
    "projected block indexer queries": ("indexer.q_proj",),
    "projected indexer keys": ("indexer.wk",),
    "projected indexer queries": ("indexer.wq_b", "indexer.attn_q_b"),
    "projected indexer weights": ("indexer.weights_proj",),
    "gate": ("ffn_gate", "ffn_gate_shexp"),
    "up": ("ffn_up", "ffn_up_shexp"),
    "gate and up": ("ffn_up",),
    "MLP output": ("ffn_down", "ffn_down_shexp"),
    "gate of shared experts": ("ffn_gate_inp_shexp",),
    "router logits": ("ffn_gate_inp",),
    "gate and up of experts": ("ffn_gate_up_exps",),
    "gate of experts": ("ffn_gate_exps",),
    "up of experts": ("ffn_up_exps",),
    "outputs of experts": ("ffn_down_exps",),
    "latent input": ("ffn_latent_down",),
    "latent output": ("ffn_latent_up",),
    "projected": ("ssm_in",),
    "time steps, B and C": ("ssm_x",),
    "time steps": ("ssm_dt",),
    "beta and alpha": ("ssm_ba",),
    "alpha": ("ssm_alpha",),
    "projected beta": ("ssm_beta",),
    "low-rank forget gate": ("ssm_f_a",),
    "forget gate": ("ssm_f_b",),
    "low-rank gate": ("ssm_g_a",),
    "gate of the output": ("attn_gate", "ssm_g_b", "ssm_g", "output_gate"),
    "recurrence output": ("ssm_out",),
    "gates and input": ("shortconv.in_proj",),
    "convolution output": ("shortconv.out_proj",),
    "low-rank residual": ("laurel_l",),
    "learned residual": ("laurel_r",),
    "modalities": ("altup_router",),
    "coefficients of prediction": ("altup_predict_coef",),
    "coefficients of correction": ("altup_correct_coef",),
    "further streams": ("altup_proj",),
    "further streams, back": ("altup_unembd_proj",),
    "projection for layers": ("per_layer_model_proj",),
    "gate of a layer's input": ("inp_gate",),
    "projected input of a layer": ("proj",),
    "logits": ("output", "token_embd"),
}
"""The matrices that nodes multiply with, by their names in a file; a bias of the same name is added in place."""
NORM = ("norm",)
"""A norm, in place, in front of its weight."""
SCALE = ("scale",)
"""A product with a number, in place, for which any place will do."""
POST_NORMS = {
    "attention output": "post_attention_norm.weight",
    "learned residual": "laurel_post_norm.weight",
    "projected input of a layer": "post_norm.weight",
}
"""The norms of what products put out."""
READS = {
    **{
        node: (
            tuple(f"{name}.weight" for name in names),
            tuple(f"{name}.bias" for name in names),
            *((NORM, (POST_NORMS[node],)) if node in POST_NORMS else ()),
        )
        for node, names in MATRICES.items()
    },
    "MLP output": (
        ("ffn_down.weight", "ffn_down_shexp.weight"),
        ("ffn_down.bias", "ffn_down_shexp.bias"),
        NORM,
        ("post_ffw_norm_1.weight", "post_ffw_norm.weight"),
    ),
    "projection for layers": (("per_layer_model_proj.weight",), SCALE),
    "MLP and experts": ((), NORM, ("post_ffw_norm.weight",)),
    "stream": ((), ("layer_output_scale.weight",)),
    "first stream, scaled": (("altup_correct_scale.weight",),),
    "gate of experts": (("ffn_gate_exps.weight",),),
    "up of experts": (("ffn_up_exps.weight",),),
    "outputs of experts": (("ffn_down_exps.weight",),),
    "forget gate": (("ssm_f_b.weight",), ("ssm_dt.bias",)),
    "biased probabilities": (("exp_probs_b.bias",),),
    "gate of experts, biased": (("ffn_gate_exps.bias",),),
    "up of experts, biased": (("ffn_up_exps.bias",),),
    "outputs of experts, biased": (("ffn_down_exps.bias",),),
    "attention weights": (("attn_sinks.weight",),),
    "convolved": (("ssm_conv1d.weight", "shortconv.conv.weight"), ("ssm_conv1d.bias",)),
    "scan and new states": (("ssm_a",),),
    "skipped inputs": (("ssm_d",),),
    "decay": (("ssm_dt.bias",), ("ssm_a",)),
    "mixes for outputs": (("output_hc_fn.weight",), ("output_hc_scale.weight",), ("output_hc_base.weight",)),
    "weights of streams for mixers": (("hc_attn_scale.weight",),),
    "weights of streams for MLPs": (("hc_ffn_scale.weight",),),
    **{f"scores of positions, {part}": ((f"{name}_ape.weight",),) for part, name in COMPRESSORS.items()},
    "experts of tokens": (("ffn_gate_tid2eid.weight",),),
}
"""What nodes read of a file: the operation itself, then those that follow it in place."""
READS_TOO = {
    "weights of streams for mixers": ("hc_attn_base.weight",),
    "weights of streams for MLPs": ("hc_ffn_base.weight",),
}
"""A second tensor of the file that the same operation reads."""
WHERE_STORED = (
    "scan and new states",
    *(f"scores of positions, {part}" for part in COMPRESSORS),
    "experts of tokens",
)
"""What is computed where it is stored, however many rows there are: scans, and rows that are looked up."""
BEHIND = {
    "weights of streams for mixers": 1,
    "weights of streams for MLPs": 1,
    "biased probabilities": 1,
    "gate of experts, biased": 1,
    "up of experts, biased": 1,
    "outputs of experts, biased": 1,
    "attention weights": 2,
    "convolved": 1,
    "scan and new states": 2,
    "skipped inputs": 1,
    "first stream, scaled": 1,
    "decay": 1,
}
"""Behind how many of its sources a node reads its weights, where that is not before them."""
BY_SEQUENCE = (
    "queries, keys and values",
    "projected",
    "time steps, B and C",
    "time steps",
    "gate of the output",
    "recurrence output",
    "gates and input",
    "convolution output",
)
"""Products that have three sides where each sequence is multiplied on its own."""
VIEWED = {
    "convolved part": (("ssm_conv1d.weight", 3),),
    "decay of channels": (("ssm_a", 1),),
    "factors of all experts": (("router.per_expert_scale.weight", 1),),
    **{
        f"weights of what {part} {verb}": ((f"hc_{name}_scale.weight", 3), (f"hc_{name}_base.weight", 6))
        for part, name in (("mixers", "attn"), ("MLPs", "ffn"))
        for verb in ("read", "add")
    },
}
"""What reads tensors of a file, or one part of so many, in another shape: that does not say where to compute."""
