"""Checkpoints on this machine: exact bytes from headers alone, and errors for what is damaged or lies."""

import json
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors.numpy import save_file

from memory_model import InputError, Scenario, estimate
from memory_model.__main__ import main
from memory_model.checkpoints.gguf_files import read_gguf
from memory_model.checkpoints.gguf_header import read_header
from memory_model.checkpoints.safetensors_files import read_file, read_folder
from memory_model.checkpoints.stored import checkpoint
from memory_model.gguf_tensors import gguf_tensors
from memory_model.presets import load_config_file, load_path
from memory_model.resolve import read_model
from memory_model.stored_contents import stored_contents

CONFIG = {
    "model_type": "llama", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "vocab_size": 64,
    "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True, "torch_dtype": "float16",
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0},
}  # fmt: skip
LAYER = {
    "self_attn.q_proj": (256, 256), "self_attn.k_proj": (128, 256), "self_attn.v_proj": (128, 256),
    "self_attn.o_proj": (256, 256), "mlp.gate_proj": (512, 256), "mlp.up_proj": (512, 256),
    "mlp.down_proj": (256, 512), "input_layernorm": (256,), "post_attention_layernorm": (256,),
}  # fmt: skip


def tensors():
    names = {"model.embed_tokens.weight": (64, 256), "model.norm.weight": (256,)}
    names |= {f"model.layers.{i}.{role}.weight": shape for i in range(2) for role, shape in LAYER.items()}
    return {name: np.zeros(shape, np.float16) for name, shape in names.items()}


def folder(path, **files):
    (path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    for name, content in files.items():
        save_file(content, path / f"{name}.safetensors")
    return path


PARAMETERS = 64 * 256 + 256 + 2 * (2 * 256 * 256 + 2 * 128 * 256 + 3 * 256 * 512 + 2 * 256)


def weights(path, **keys):
    return estimate(Scenario(model=str(path), **keys))["weights"].bytes


def test_a_single_file_gives_its_exact_bytes(tmp_path):
    path = folder(tmp_path, model=tensors())
    assert load_path(path).dtype == "fp16"
    assert weights(path) == 2 * PARAMETERS
    assert weights(path, weights="fp32") == 4 * PARAMETERS


def test_types_are_counted_as_they_are_stored(tmp_path):
    content = tensors()
    content["model.layers.0.mlp.up_proj.weight"] = content["model.layers.0.mlp.up_proj.weight"].astype(np.int8)
    content["model.layers.0.mlp.up_proj.weight_scale"] = np.zeros((512, 1), np.float32)
    content["lm_head.weight"] = np.zeros((64, 256), np.float16)
    content["model.layers.2.mlp.up_proj.weight"] = np.zeros((512, 256), np.float16)
    content["model.layers.0.self_attn.rotary_emb.inv_freq"] = np.zeros(32, np.float32)
    path = folder(tmp_path, model=content)
    assert weights(path) == 2 * PARAMETERS - 512 * 256 + 4 * 512
    found = checkpoint(read_folder(path), load_config_file(path))
    assert {(name, why) for name, why, _ in found.left_out} == {
        ("lm_head.weight", "a copy of the embedding"),
        ("model.layers.2.mlp.up_proj.weight", "a layer for multi-token prediction"),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", "a buffer, no parameter"),
    }
    assert found.bytes_by_dtype == {
        "F16": 2 * (PARAMETERS - 512 * 256 + 64 * 256 + 512 * 256), "I8": 512 * 256, "F32": 4 * 512 + 4 * 32,
    }  # fmt: skip
    explained = {term.part for term in estimate(Scenario(model=str(path)))["weights"].terms}
    assert explained == {"embedding", "norms", "attention", "mlp"}


def shards(path, places=None):
    content = tensors()
    half = {name: array for name, array in content.items() if ".0." in name}
    rest = {name: array for name, array in content.items() if name not in half}
    folder(path, first=half, second=rest)
    found = {name: "first.safetensors" for name in half} | {name: "second.safetensors" for name in rest}
    index = {"metadata": {}, "weight_map": found | (places or {})}
    (path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return path


def test_shards_are_added_up(tmp_path):
    assert weights(shards(tmp_path)) == 2 * PARAMETERS


@pytest.mark.parametrize(
    "name", ["../first.safetensors", "/etc/passwd", "sub/first.safetensors", "..", "a\\b.safetensors"]
)
def test_shards_are_plain_names_inside_the_folder(tmp_path, name):
    with pytest.raises(InputError, match="is not a plain file name; check model"):
        read_folder(shards(tmp_path, {"x": name}))


def test_links_do_not_lead_out_of_the_folder_but_to_the_blobs_of_the_hub_s_cache(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir(), inside.mkdir()
    save_file(tensors(), outside / "model.safetensors")
    (inside / "model.safetensors").symlink_to(outside / "model.safetensors")
    with pytest.raises(InputError, match="leads out of the folder; copy the file into it"):
        read_folder(inside)
    snapshot, blobs = tmp_path / "snapshots" / "1", tmp_path / "blobs"
    snapshot.mkdir(parents=True), blobs.mkdir()
    save_file(tensors(), blobs / "abc")
    (snapshot / "model.safetensors").symlink_to("../../blobs/abc")
    assert sum(entry.bytes for entry in read_folder(snapshot)) == 2 * PARAMETERS


def test_a_tensor_that_no_shard_holds(tmp_path):
    with pytest.raises(InputError, match=r"weight_map › missing\.weight: no shard holds it"):
        read_folder(shards(tmp_path, {"missing.weight": "first.safetensors"}))


def raw(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


GOOD = {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        ({"a": GOOD}, b"1234", "its header describes 8 bytes of tensors, but 4 follow"),
        ({"a": GOOD}, b"123456789", "its header describes 8 bytes of tensors, but 9 follow"),
        ({"a": GOOD | {"data_offsets": [0, 4]}}, b"1234", r"data_offsets: \[0, 4\] are not its 8 bytes"),
        ({"a": GOOD, "b": GOOD}, b"12345678", "its tensors overlap or leave holes at byte 0"),
        ({"a": GOOD | {"data_offsets": [8, 16]}}, b"0" * 16, "its tensors overlap or leave holes at byte 8"),
        ({"a": GOOD | {"dtype": "F7"}}, b"", "a › dtype: 'F7' is not understood; known: F64"),
        ({"a": GOOD | {"shape": [-2, 2]}}, b"", r"a › shape: expected whole numbers, got \[-2, 2\]"),
        ({"a": GOOD | {"shape": [True, 2]}}, b"", "a › shape: expected whole numbers"),
        ({"a": GOOD | {"shape": [2**62, 2]}}, b"", "a › shape: expected whole numbers"),
        ({"a": 3}, b"", "a: expected dtype, shape and data_offsets"),
        (b"[" * 100_000, b"", "header: not JSON"),
        (b"\xff\xfe", b"", "header: not JSON"),
        (b"[]", b"", "header: not a mapping"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, header, data, message):
    with pytest.raises(InputError, match=message):
        read_file(raw(tmp_path / "model.safetensors", header, data))


@pytest.mark.parametrize(
    "content", [b"", b"1234", b"\xff" * 8, struct.pack("<Q", 100) + b"{}", struct.pack("<Q", 2**40)]
)
def test_lengths_that_do_not_fit_the_file_are_refused(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"its header is said to be .* bytes long"):
        read_file(tmp_path / "model.safetensors")


def gguf_file(path, mix="f16", architecture="llama", cut=None, **more):
    """A small Llama as gguf writes it: its tensors are those that llama-quantize would write for the mix."""
    folder(path.parent)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(2)
    writer.add_context_length(2048)
    writer.add_embedding_length(256)
    writer.add_feed_forward_length(512)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(64)
    writer.add_vocab_size(64)
    writer.add_token_list([f"word {i}" for i in range(64)])
    writer.add_file_type(more.get("file_type", {"f16": 1, "q4_k_m": 15}[mix]))
    for tensor in gguf_tensors(load_config_file(path.parent), mix):
        kind = gguf.GGMLQuantizationType[tensor.type.upper()]
        values, size = gguf.constants.GGML_QUANT_SIZES[kind]
        shape = (tensor.columns,) if tensor.rows == 1 else (tensor.rows, tensor.columns)
        stored = (*shape[:-1], shape[-1] // values * size)
        writer.add_tensor(tensor.name, np.zeros(stored, np.uint8), raw_shape=stored, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if cut:
        path.write_bytes(path.read_bytes()[:cut])
    return path


@pytest.mark.parametrize("mix", ["f16", "q4_k_m"])
def test_a_gguf_file_is_a_model_with_its_own_tensors(tmp_path, mix):
    path = gguf_file(tmp_path / "model.gguf", mix)
    found, stated = read_model(str(path)), load_config_file(tmp_path)
    assert found.parameters() == stated.parameters() == PARAMETERS
    assert found.quantization.scheme == mix
    assert {t.name: t for t in gguf_tensors(found, mix)} == {t.name: t for t in gguf_tensors(stated, mix)}
    reader = gguf.GGUFReader(path)
    assert weights(path) == sum(int(tensor.n_bytes) for tensor in reader.tensors)
    assert gguf_tensors(found, "q8_0") != gguf_tensors(found, mix)
    assert weights(path, engine="llama.cpp", placement="one-gpu") > 0


def test_a_header_is_enough(tmp_path):
    whole = gguf_file(tmp_path / "model.gguf", "q4_k_m")
    expected = weights(whole)
    start = gguf.GGUFReader(whole).data_offset
    whole.write_bytes(whole.read_bytes()[:start])
    assert sum(tensor.values for tensor in read_header(whole).tensors) == PARAMETERS + 32
    assert weights(whole) == expected


def test_every_place_where_a_header_can_end_is_an_error(tmp_path):
    whole = gguf_file(tmp_path / "model.gguf").read_bytes()
    start = gguf.GGUFReader(tmp_path / "model.gguf").data_offset
    for length in range(0, start - 64, 97):
        (tmp_path / "cut.gguf").write_bytes(whole[:length])
        with pytest.raises(InputError, match="ends within its header"):
            read_gguf(tmp_path / "cut.gguf")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GGML" + bytes(40), "does not begin with GGUF; give the path of a .gguf file"),
        (b"GGUF" + struct.pack("<I", 1) + bytes(40), "GGUF version 1 is not understood"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(40), "GGUF version 50331648 is not understood"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "tensors are more than 100,000"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "keys are more than 10,000"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62), "letters are more than"),
        (
            b"GGUF" + struct.pack("<IQQQ1sII", 3, 0, 1, 1, b"a", 9, 9) + bytes(8),
            "list of type 9 in a is not understood",
        ),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"a", 9, 4, 2**50), "items of a are more than"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 1, 0, 1, b"a", 9), "9 dimensions of a are more than 4"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"a", 1, 8, 99, 0), "type 99 of a is not understood"),
        (b"GGUF" + struct.pack("<IQQQ1sIQQIQ", 3, 1, 0, 1, b"a", 2, 2**40, 2**40, 0, 0), "a has the dimensions"),
    ],
)
def test_headers_of_gguf_that_lie_are_refused(tmp_path, content, message):
    (tmp_path / "model.gguf").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_gguf(tmp_path / "model.gguf")


def test_an_architecture_that_is_not_understood_is_named(tmp_path):
    path = gguf_file(tmp_path / "model.gguf", architecture="gemma9")
    with pytest.raises(InputError, match=r"general.architecture: unknown architecture 'gemma9'; did you mean gemma"):
        read_gguf(path)


def test_the_command_line_takes_paths_and_says_what_is_wrong(tmp_path, capsys):
    path = gguf_file(tmp_path / "model.gguf")
    assert main(["estimate", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["components"]["weights"] == 2 * PARAMETERS + 2 * (5 * 256) + 4 * 32
    assert main(["estimate", str(Path(tmp_path) / "none.gguf")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_contents_of_a_folder_beside_what_is_loaded(tmp_path, capsys):
    more = tensors() | {"model.layers.9.mtp.weight": np.zeros((4, 4), np.float32)}
    folder(tmp_path, model=more)
    found = stored_contents(tmp_path)
    assert sum(found.stored.values()) == sum(values.nbytes for values in more.values())
    assert found.left_out == {"a layer for multi-token prediction": 64}
    assert sum(found.loaded.values()) == sum(found.stored.values()) - 64
    assert sum(found.loaded.values()) == weights(tmp_path)
    assert main(["checkpoint", str(tmp_path)]) == 0
    assert "left out: 0.00 GiB" in capsys.readouterr().out


def test_the_contents_of_a_gguf_file(tmp_path):
    path = gguf_file(tmp_path / "model.gguf", "q4_k_m")
    found = stored_contents(path)
    assert {"q4_k", "q6_k", "f32"} <= set(found.stored)
    assert (
        sum(found.stored.values())
        == sum(found.loaded.values())
        == sum(t.n_bytes for t in gguf.GGUFReader(path).tensors)
    )


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    folder(tmp_path)
    with pytest.raises(InputError, match="holds no safetensors or GGUF tensors"):
        stored_contents(tmp_path)
