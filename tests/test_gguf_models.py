"""GGUF headers of real models, as the gguf package writes them, read back to the shape of their config.json."""

import gguf
import pytest

from memory_model import Scenario, estimate
from memory_model.blocks.attention import Attention
from memory_model.gguf.tensors import gguf_tensors
from memory_model.presets import load_model
from memory_model.resolve import read_model


def of_experts(writer, keys, count, width=None):
    writer.add_expert_count(count)
    writer.add_expert_used_count(keys["num_experts_per_tok"])
    if width:
        writer.add_expert_feed_forward_length(width)


def mixtral(writer, keys):
    of_experts(writer, keys, keys["num_local_experts"])


def qwen3_moe(writer, keys):
    of_experts(writer, keys, keys["num_experts"], keys["moe_intermediate_size"])


def window(writer, keys):
    writer.add_sliding_window(keys["sliding_window"])


def gpt_oss(writer, keys):
    of_experts(writer, keys, keys["num_local_experts"], keys["intermediate_size"])
    window(writer, keys)


def deepseek(writer, keys):
    of_experts(writer, keys, keys["n_routed_experts"], keys["moe_intermediate_size"])
    writer.add_head_count_kv(1)
    writer.add_key_length(keys["kv_lora_rank"] + keys["qk_rope_head_dim"])
    writer.add_value_length(keys["kv_lora_rank"])
    writer.add_key_length_mla(keys["qk_nope_head_dim"] + keys["qk_rope_head_dim"])
    writer.add_value_length_mla(keys["v_head_dim"])
    writer.add_kv_lora_rank(keys["kv_lora_rank"])
    if keys["q_lora_rank"]:
        writer.add_q_lora_rank(keys["q_lora_rank"])
    writer.add_rope_dimension_count(keys["qk_rope_head_dim"])
    writer.add_leading_dense_block_count(keys["first_k_dense_replace"])
    writer.add_expert_shared_count(keys["n_shared_experts"])


def nothing(writer, keys):
    """All that the family needs is common."""


MODELS = [
    ("llama-3.1-8b", "llama", "q4_k_m", 15, nothing),
    ("llama-3.2-1b-instruct", "llama", "q8_0", 7, nothing),
    ("mistral-nemo-instruct-2407", "llama", "q4_0", 2, nothing),
    ("mixtral-8x7b-v0.1", "llama", "q5_k_m", 17, mixtral),
    ("qwen2.5-7b-instruct", "qwen2", "iq4_xs", 30, nothing),
    ("qwen3-8b", "qwen3", "q6_k", 18, nothing),
    ("qwen3-30b-a3b", "qwen3moe", "q3_k_m", 12, qwen3_moe),
    ("gemma-2-9b", "gemma2", "q2_k", 10, window),
    ("gemma-3-4b-it", "gemma3", "bf16", 32, window),
    ("phi-3-mini-4k-instruct", "phi3", "q5_0", 8, window),
    ("phi-4", "phi3", "iq3_m", 27, nothing),
    ("olmo-2-1124-7b", "olmo2", "iq2_xs", 20, nothing),
    ("deepseek-v2-lite", "deepseek2", "q4_k_m", 15, deepseek),
    ("deepseek-v3", "deepseek2", "q4_k_m", 15, deepseek),
    ("gpt-oss-20b", "gpt-oss", "mxfp4_moe", 38, gpt_oss),
]


def write_header(path, model, architecture, mix, file_type, more):
    keys = model.config.get("text_config", model.config)
    mixer = model.layers[0].mixer
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(model.num_hidden_layers)
    writer.add_context_length(model.max_position_embeddings)
    writer.add_embedding_length(model.hidden_size)
    writer.add_head_count(mixer.num_attention_heads)
    writer.add_file_type(file_type)
    writer.add_token_list([f"word {i}" for i in range(1000)])
    if "intermediate_size" in keys:
        writer.add_feed_forward_length(keys["intermediate_size"])
    if isinstance(mixer, Attention):
        writer.add_head_count_kv(mixer.num_key_value_heads)
        writer.add_key_length(mixer.head_dim)
        writer.add_value_length(mixer.head_dim)
        writer.add_rope_dimension_count(mixer.rotary_dim)
    more(writer, keys)
    for tensor in gguf_tensors(model, mix):
        kind = gguf.GGMLQuantizationType[tensor.type.upper()]
        values, size = gguf.constants.GGML_QUANT_SIZES[kind]
        outer = () if tensor.rows * tensor.copies == 1 else (tensor.rows,)
        outer = (tensor.copies, *outer) if tensor.copies > 1 else outer
        shape = (*outer, tensor.columns // values * size)
        writer.add_tensor_info(tensor.name, shape, "uint8", 0, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()


@pytest.mark.parametrize(
    ("name", "architecture", "mix", "file_type", "more"),
    MODELS,
    ids=lambda value: getattr(value, "__name__", str(value)[:30]),
)
def test_a_header_is_read_back_to_the_same_model(tmp_path, name, architecture, mix, file_type, more, monkeypatch):
    monkeypatch.setattr(gguf.GGUFWriter, "add_tensor_info", without_data)
    model, path = load_model(name), tmp_path / "model.gguf"
    write_header(path, model, architecture, mix, file_type, more)
    found = read_model(str(path))
    assert found.parameters() == model.parameters("text")
    assert found.quantization.scheme == mix
    assert found.num_hidden_layers == model.num_hidden_layers
    # a gate that the file writes as a vector of one row is the same bytes
    assert {(t.name, t.type, t.rows * t.columns * t.copies) for t in gguf_tensors(found, mix)} == {
        (t.name, t.type, t.rows * t.columns * t.copies) for t in gguf_tensors(model, mix)
    }
    for other in ("q4_0", "iq3_xxs"):
        if other != mix:
            assert {t.name: t.type for t in gguf_tensors(found, other)} == {
                t.name: t.type for t in gguf_tensors(model, other)
            }
    caches = [
        estimate(Scenario(model=which, parts="text", context_length=20000, kv_cache="fp16"))["kv_cache"].bytes
        for which in (str(path), name)
    ]
    assert caches[0] == caches[1]


def without_data(self, name, shape, dtype, size, raw_dtype):
    """As the package does, but all tensors begin at 0: there is no data behind this header."""
    shape = gguf.quant_shape_from_byte_shape(shape, raw_dtype)
    self.tensors[-1][name] = gguf.gguf_writer.TensorInfo(shape=shape, dtype=raw_dtype, nbytes=0)
