"""What the modeling code of image-text models does: their own language models, and others inside a wrapper."""

from __future__ import annotations

from dataclasses import replace

from .modeling_code import ModelingCode

IMAGE_TEXT: dict[str, ModelingCode] = {
    "qwen2_vl_text": ModelingCode(masks="full"),
    "qwen2_5_vl_text": ModelingCode(masks="full"),
    "glm4v_text": ModelingCode(order="sandwich", rope="partial"),
    "glm_ocr_text": ModelingCode(order="sandwich", rope="partial", rope_tables_repeated=True),
    "glm4v_moe_text": ModelingCode(rope="partial", router_logit_bytes=4, routing_weight_bytes=4),
    "paddleocr_vl_text": ModelingCode(),
    "hunyuan_vl_text": ModelingCode(
        rope="upcast",
        qk_norm_when="rotated",
        assumed="copies of the rotation's tables in float32 are not counted: within 2.2 % of what was measured",
    ),
    "qwen2_5_omni_text": ModelingCode(masks="full", all_logits=True),
    "qwen3_omni_moe_text": ModelingCode(all_logits=True),
    "phi4_multimodal": ModelingCode(rope="joined"),
    "gemma4_unified_text": ModelingCode(
        norm="wide",
        order="sandwich",
        rope_one_by_one=True,
        rope_tables_by_kind=True,
        rope_tables_whole=True,
        logit_copies=2,
        caps_if_stated=True,
        masks="both",
    ),
    "granite4_vision_text": ModelingCode(logit_copies=2, embedding_copied=True),
    "mllama_text_model": ModelingCode(),
    "aria_text": ModelingCode(),
    "deepseek_ocr2_text": ModelingCode(router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True),
    "molmo2_text": ModelingCode(qk_norm_when="all", rope_table_share=2),  # plain tables and scaled ones
    "molmo2_text, norms behind": ModelingCode(order="post", qk_norm_when="all", rope_table_share=2),
    "ernie4_5_vl_moe_text": ModelingCode(
        rope="float32", rope_table_bytes=4, router_logit_bytes=4, shared_experts_first=True
    ),
}
"""One row a language model that transformers has inside a wrapper only."""
PLAIN_HEADS = (
    "llava", "llava_next", "llava_next_video", "llava_onevision", "video_llava", "vipllava", "internvl", "idefics2",
    "idefics3", "smolvlm", "aya_vision", "cohere2_vision", "lfm2_vl", "exaone4_5", "ovis2", "video_llama_3",
    "lighton_ocr", "got_ocr2", "deepseek_vl", "deepseek_vl_hybrid", "minicpmv4_6", "janus",
    "minicpmv4_7", "minicpm_ocr", "qianfan_ocr", "qwen2_audio", "audioflamingo3", "musicflamingo", "voxtral", "glmasr",
    "qwen3_asr", "granite_speech", "granite_speech_plus", "moss_transcribe_diarize", "fuyu", "pp_chart2table",
    "vibevoice_asr", "fun_asr_nano", "lfm3_vl",
)  # fmt: skip
"""Wrappers whose own output matrix stands behind any language model: its logits are neither scaled nor capped."""
SCALED_HEADS = ("hyperclovax_vision_v2",)
"""Wrappers that scale the logits themselves, and keep the embeddings that their language model scales."""
SCALED_EMBEDDINGS = ("granite",)
"""Language models that scale the embeddings they are given, which the wrapper keeps as well."""


ALL_LOGITS = ("video_llama_3", "minicpmv4_6", "minicpm_ocr", "qwen2_audio", "nemotron_h_omni")
"""Wrappers without `logits_to_keep`."""
BEHIND_AN_IMAGE = "as its language model alone, which generates behind the image that every prompt has"
ONE_SEQUENCE = "tables of the rotation are for one sequence, not for each: within 1.3 % of what was measured"
UNCOUNTED = {
    "blip-2": BEHIND_AN_IMAGE,
    "instructblip": BEHIND_AN_IMAGE,
    "instructblipvideo": BEHIND_AN_IMAGE,
    "nemotron_h_omni": "the embeddings beside the logits are not counted: 0.7 % of what was measured",
    "moss_transcribe_diarize": ONE_SEQUENCE,
    "vibevoice_asr": ONE_SEQUENCE,
    "gemma4_unified": "as its language model alone: masks that tell images apart add 1 to 2 % while it reads",
    "granite_speech": "copies of the token numbers, 9 bytes a token, are not counted: 0.01 % of the activations",
    "granite_speech_plus": "copies of the token numbers, 9 bytes a token, are not counted: 0.01 % of the activations",
}
"""What wrappers hold that is not counted, and by how much totals are missed."""
EAGER_ONLY = ("got_ocr2", "pp_chart2table")
"""Wrappers whose towers have no sdpa."""


def wrapped(model_type: str, modeling: str, code: ModelingCode | None) -> ModelingCode | None:
    """The habits of a language model inside the wrapper `model_type`."""
    if code is None:
        return None
    all_logits = code.all_logits or model_type in ALL_LOGITS
    code = replace(code, assumed=UNCOUNTED.get(model_type, code.assumed), all_logits=all_logits)
    if model_type in SCALED_HEADS:
        return replace(code, embedding_copied=True)
    if model_type not in PLAIN_HEADS:
        return code
    return replace(
        code,
        logit_copies=1,
        embedding_copied=modeling in SCALED_EMBEDDINGS,
        sdpa=code.sdpa and model_type not in EAGER_ONLY,
    )
