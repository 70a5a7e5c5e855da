"""Checkpoints on this machine: exact bytes from the headers of safetensors files alone, and errors for what is damaged or lies."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

from memory_model import InputError, Scenario, estimate
from memory_model.__main__ import main
from memory_model.checkpoints.safetensors_files import read_file, read_folder
from memory_model.checkpoints.stored import checkpoint
from memory_model.presets import load_config_file, load_path
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


def test_files_that_hold_nothing_of_a_layer_are_refused(tmp_path):
    content = {name: array for name, array in tensors().items() if ".1." not in name}
    with pytest.raises(InputError, match=r"config\.json: its files hold nothing of layer 1, which the config has; "):
        load_path(folder(tmp_path, model=content))


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    folder(tmp_path)
    with pytest.raises(InputError, match="holds no safetensors or GGUF tensors"):
        stored_contents(tmp_path)
