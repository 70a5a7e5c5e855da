"""GGUF files on this machine: a model with the file's own tensors from its header alone, and errors for what is damaged or lies."""

import json
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from test_checkpoints import PARAMETERS, folder, weights

from memory_model import InputError
from memory_model.__main__ import main
from memory_model.checkpoints.gguf_files import read_gguf
from memory_model.checkpoints.gguf_header import read_header
from memory_model.gguf.tensors import gguf_tensors
from memory_model.presets import load_config_file
from memory_model.resolve import read_model
from memory_model.stored_contents import stored_contents


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


def test_the_contents_of_a_gguf_file(tmp_path):
    path = gguf_file(tmp_path / "model.gguf", "q4_k_m")
    found = stored_contents(path)
    assert {"q4_k", "q6_k", "f32"} <= set(found.stored)
    assert (
        sum(found.stored.values())
        == sum(found.loaded.values())
        == sum(t.n_bytes for t in gguf.GGUFReader(path).tensors)
    )


def test_the_command_line_takes_paths_and_says_what_is_wrong(tmp_path, capsys):
    path = gguf_file(tmp_path / "model.gguf")
    assert main(["estimate", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["components"]["weights"] == 2 * PARAMETERS + 2 * (5 * 256) + 4 * 32
    assert main(["estimate", str(Path(tmp_path) / "none.gguf")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
