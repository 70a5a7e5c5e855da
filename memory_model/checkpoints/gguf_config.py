"""The metadata of a GGUF file as the keys of a `config.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InputError, unknown
from .gguf_header import GgufHeader

Keys = dict[str, Any]
MOST_FACTORS = 2**16
"""Half a head's size, of any model."""


class Metadata:
    """The keys of one architecture, and the names of the tensors."""

    def __init__(self, header: GgufHeader, where: str) -> None:
        self.all, self.where = header.metadata, where
        self.shapes = {tensor.name: tensor.dimensions for tensor in header.tensors}
        self.architecture = self.all.get("general.architecture")

    def optional(self, key: str) -> Any:
        """A value of the architecture; the one value of a list whose items are all alike."""
        value = self.all.get(f"{self.architecture}.{key}")
        if isinstance(value, list) and value and len(set(value)) == 1:
            return value[0]
        return value

    def required(self, key: str) -> Any:
        """The same. Raises InputError where the file has none."""
        value = self.optional(key)
        if value is None:
            raise InputError(f"{self.where} › {self.architecture}.{key}: missing; convert the model again")
        return value

    def whole(self, key: str) -> int:
        """A whole number from 1. Raises InputError where the file has none, or a list that differs by layer."""
        value = self.required(key)
        if type(value) is not int or not 1 <= value < 2**31:
            raise InputError(
                f"{self.where} › {self.architecture}.{key}: expected a whole number, got {value!r:.60}; convert the "
                "model again"
            )
        return value

    def given(self, **keys: str) -> Keys:
        """Config keys with the values of the metadata keys that the file has."""
        return {new: value for new, key in keys.items() if (value := self.optional(key)) is not None}

    def holds(self, name: str) -> bool:
        """Whether the first layer, or any, has a tensor of that name."""
        return name in self.shapes or any(shape.endswith(f".{name}") for shape in self.shapes)


def config_of(header: GgufHeader, where: str) -> Keys:
    """What `read_config` needs. Raises InputError for an architecture that is not understood."""
    metadata = Metadata(header, where)
    architecture = metadata.architecture
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise InputError(f"{where} › general.architecture: {unknown('architecture', architecture, ARCHITECTURES)}")
    if "token_embd.weight" not in metadata.shapes:
        raise InputError(f"{where}: has no token_embd.weight; give the first file of the language model")
    return _common(metadata) | ARCHITECTURES[architecture](metadata)


def _common(metadata: Metadata) -> Keys:
    width, *rows = metadata.shapes["token_embd.weight"]
    hidden_size, layers = metadata.whole("embedding_length"), metadata.whole("block_count")
    if width != hidden_size:
        problem = f"its rows have {width:,} values, and embedding_length is {hidden_size:,}"
        raise InputError(f"{metadata.where} › token_embd.weight: {problem}; download it again")
    held = {name.split(".")[1] for name in metadata.shapes if name.startswith("blk.")}
    if len(held) != layers or held != {str(layer) for layer in range(layers)}:
        problem = f"holds tensors of {len(held):,} layers, and block_count is {layers:,}"
        raise InputError(f"{metadata.where}: {problem}; download it again, or give all of its files")
    keys = {
        "hidden_size": hidden_size,
        "num_hidden_layers": layers,
        "num_attention_heads": metadata.required("attention.head_count"),
        "max_position_embeddings": metadata.required("context_length"),
        "vocab_size": rows[0] if rows else width,
        "tie_word_embeddings": "output.weight" not in metadata.shapes,
        "torch_dtype": "bfloat16",
    }
    given = metadata.given(
        intermediate_size="feed_forward_length",
        num_key_value_heads="attention.head_count_kv",
        head_dim="attention.key_length",
    )
    return keys | given | _rotation(metadata)


def _rotation(metadata: Metadata) -> Keys:
    if "rope_freqs.weight" in metadata.shapes:
        return {"rope_scaling": {"rope_type": "llama3"}}
    if "rope_factors_long.weight" in metadata.shapes:
        factors = [1.0] * min(MOST_FACTORS, metadata.shapes["rope_factors_long.weight"][0])
        return {"rope_scaling": {"rope_type": "longrope", "long_factor": factors, "short_factor": factors}}
    return {}


def llama(metadata: Metadata) -> Keys:
    """Llama and Mistral; Mixtral where there are experts."""
    if metadata.optional("expert_count"):
        return _experts(metadata, "num_local_experts") | {"model_type": "mixtral"}
    return {
        "model_type": "llama",
        "attention_bias": metadata.holds("attn_q.bias"),
        "mlp_bias": metadata.holds("ffn_down.bias"),
    }


def of_type(model_type: str, **keys: str) -> Callable[[Metadata], Keys]:
    """A family whose other keys have the same meaning under other names."""
    return lambda metadata: metadata.given(**keys) | {"model_type": model_type}


def qwen3_moe(metadata: Metadata) -> Keys:
    """Experts of a width of their own in every layer."""
    width = {"moe_intermediate_size": metadata.required("expert_feed_forward_length")}
    return _experts(metadata, "num_experts") | width | {"model_type": "qwen3_moe"}


def gpt_oss(metadata: Metadata) -> Keys:
    """Experts in every layer, windows in every other."""
    width = {"intermediate_size": metadata.required("expert_feed_forward_length")}
    window = metadata.given(sliding_window="attention.sliding_window")
    return _experts(metadata, "num_local_experts") | width | window | {"model_type": "gpt_oss"}


def phi3(metadata: Metadata) -> Keys:
    """Fused projections; llama.cpp keeps no window, the model may have one."""
    head = metadata.whole("embedding_length") // metadata.whole("attention.head_count") or 1
    rotated = head if metadata.optional("rope.dimension_count") is None else metadata.whole("rope.dimension_count")
    window = metadata.given(sliding_window="attention.sliding_window")
    return window | {"model_type": "phi3", "partial_rotary_factor": rotated / head}


def deepseek2(metadata: Metadata) -> Keys:
    """DeepSeek V2, V3 and Kimi K2: latent attention."""
    rope = metadata.whole("rope.dimension_count")
    heads = metadata.whole(f"attention.key_length{'_mla' if metadata.optional('attention.key_length_mla') else ''}")
    keys = {
        "model_type": "deepseek_v3" if metadata.holds("exp_probs_b.bias") else "deepseek_v2",
        "num_key_value_heads": metadata.required("attention.head_count"),
        "head_dim": None,
        "kv_lora_rank": metadata.required("attention.kv_lora_rank"),
        "q_lora_rank": metadata.optional("attention.q_lora_rank") or None,
        "qk_rope_head_dim": rope,
        "qk_nope_head_dim": heads - rope,
        "v_head_dim": metadata.optional("attention.value_length_mla") or metadata.required("attention.value_length"),
        "moe_intermediate_size": metadata.required("expert_feed_forward_length"),
        "first_k_dense_replace": metadata.optional("leading_dense_block_count") or 0,
        "n_shared_experts": metadata.optional("expert_shared_count") or 0,
    }
    return keys | _experts(metadata, "n_routed_experts")


def _experts(metadata: Metadata, key: str) -> Keys:
    return {key: metadata.required("expert_count"), "num_experts_per_tok": metadata.required("expert_used_count")}


ARCHITECTURES: Mapping[str, Callable[[Metadata], Keys]] = {
    "llama": llama,
    "qwen2": of_type("qwen2"),
    "qwen3": of_type("qwen3"),
    "qwen3moe": qwen3_moe,
    "gemma2": of_type("gemma2", sliding_window="attention.sliding_window"),
    "gemma3": of_type("gemma3_text", sliding_window="attention.sliding_window"),
    "phi3": phi3,
    "olmo2": of_type("olmo2"),
    "deepseek2": deepseek2,
    "gpt-oss": gpt_oss,
}
