"""From a `config.json` to a ModelShape: one small file per family, listed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from ..errors import InputError, unknown
from ..model_shape import ModelShape
from .config import Config
from .family import Family
from .quantization import stored_scheme

FILES = """
    bailing bailing_hybrid bamba cohere dbrx deepseek deepseek_sparse deepseek_v4 falcon gemma gemma3n gemma4 glm
    gpt_neox gpt_oss granite_moe grouped_experts hy_v4 jamba jetmoe kimi_linear latent lfm2 lfm3 llama
    llama_variants mamba minimax mixtures modernbert_decoder nemotron_h nemotron_nas older_gpt
    olmo_hybrid parallel post_norms qwen3_next qwen4_exp recurrent_gemma rwkv shared_experts sigmoid_experts step3p5
    unusual_norms windowed_experts zamba zamba2 zaya
""".split()
"""Families of text, one or several that are alike in a file, which ends with FAMILIES."""
WITH_TOWERS = """
    aria audio_text blip chameleon cohere_vision cosmos3_edge deepseek_ocr2 ernie4_5_vl gemma3 gemma3n gemma4 gemma4_unified
    glm4v glm5_next granite4_vision granite_docling granite_speech hunyuan_vl idefics internvl janus kimi
    lfm2_vl llama4 llava minimax_m3 mistral3 mistral_large4 mllama molmo2 muse_glimmer nemotron_h_omni ocr ovis2
    paligemma phi4_multimodal qwen2_vl qwen3_5 qwen3_vl qwen_omni sam_vision sound_tokenizers step3p7
    video_llama_3 voxtral_realtime
""".split()
"""Families that read images or hear beside text, in `multimodal`."""
FAMILIES: tuple[Family, ...] = tuple(
    family
    for name in (*FILES, *(f"multimodal.{name}" for name in WITH_TOWERS))
    for family in import_module(f".{name}", __package__).FAMILIES
)

MOST_KINDS = 64
"""Of the layers of one model; real ones have some 10, and what is alive beside each of them takes time to find."""
READ_BY_ENGINES = {"n_group": 1024, "topk_group": 1024, "mm_tokens_per_image": 2**16, "index_topk": 2**20}
"""The most that each can be; real ones are 8, 4, 256 and 2,048."""
DTYPES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def read_config(keys: Mapping[str, Any], where: str) -> ModelShape:
    """The shape of the model that a `config.json` describes.

    `where` names the file in errors. Raises InputError for an unknown model_type, a value of the wrong kind, or a key
    that may change memory and that the family does not understand.
    """
    if not isinstance(keys, Mapping):
        raise InputError(f"{where}: expected a mapping of keys, got {type(keys).__name__}")
    families = {family.model_type: family for family in FAMILIES}
    model_type = keys.get("model_type")
    if not isinstance(model_type, str) or model_type not in families:
        if model_type is None:
            raise InputError(f"{where} › model_type: missing; add the key from the model's own config.json")
        raise InputError(f"{where} › model_type: {unknown('model_type', model_type, families)}")
    family = families[model_type]
    config = Config(keys, where, family.defaults)
    dtype = _dtype(config)
    shape = family.build(config)
    if len(shape.layers) > MOST_KINDS:
        raise InputError(
            f"{where}: {len(shape.layers)} kinds of layers are more than {MOST_KINDS}; check the file against its source"
        )
    if any(tensor.active > 1 for _, tensor in shape.tensors("text")):
        raise config.error("num_experts_per_tok", "more than there are experts", "check the file against its source")
    _check_for_engines(config)
    quantization = stored_scheme(config)
    config.refuse_unread()
    return replace(
        shape,
        name=where,
        model_type=model_type,
        dtype=dtype or "bf16",
        dtype_stated=bool(dtype),
        quantization=quantization,
        config=dict(keys),
    )


def _check_for_engines(config: Config) -> None:
    """Keys that no family reads, but engines do, in the file and in its text section."""
    text = config.keys.get("text_config")
    nested = Config(text, f"{config.where} › text_config") if isinstance(text, Mapping) else config
    for section in (config, nested):
        section.section("rope_parameters")
        section.text("scoring_func")
        for key, most in READ_BY_ENGINES.items():
            section.optional(key, least=0, most=most)


def _dtype(config: Config) -> str:
    """The checkpoint's number type, or empty where neither the file nor its text section states one."""
    stated = config.text("dtype") or config.text("torch_dtype")
    if not stated and isinstance(text := config.keys.get("text_config"), Mapping):
        nested = Config(text, f"{config.where} › text_config")
        stated = nested.text("dtype") or nested.text("torch_dtype")
    stated = stated.removeprefix("torch.")
    if stated and stated not in DTYPES:
        raise config.error("torch_dtype", f"{stated!r} is not understood", f"known: {', '.join(DTYPES)}")
    return DTYPES.get(stated, "")
