"""Checkpoints that are cut, changed or made to hurt: the bytes of a model, or an InputError, soon and in little memory."""

import json
import os
import struct
import tracemalloc
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_model import InputError
from memory_model.checkpoints.safetensors_files import LARGEST_HEADER, read_file, read_folder
from memory_model.presets import load_path
from memory_model.resolve import read_model

BOUNDED = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CONFIG = {"model_type": "gpt2", "n_layer": 1, "n_embd": 4, "n_head": 1, "vocab_size": 8, "n_positions": 8}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


WHOLE = safetensors(
    {"__metadata__": {"format": "pt"}, "wte.weight": {"dtype": "F16", "shape": [8, 4], "data_offsets": [0, 64]}},
    bytes(64),
)


@contextmanager
def at_most(size: int):
    """Fails where more than so many bytes are held at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def read(path, content):
    """Whether a file's content is read; InputError is the only other outcome."""
    path.write_bytes(content)
    try:
        read_file(path)
    except InputError as error:
        assert str(error).startswith(str(path)) and "; " in str(error)
        return False
    return True


def test_a_file_that_ends_anywhere_within_is_refused(tmp_path):
    assert read(tmp_path / "model.safetensors", WHOLE)
    assert not any(read(tmp_path / "model.safetensors", WHOLE[:end]) for end in range(len(WHOLE)))


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 2**32, LARGEST_HEADER + 1, len(WHOLE), 0, 1])
def test_a_header_length_that_lies_takes_no_memory(tmp_path, length):
    with at_most(2**20):
        assert not read(tmp_path / "model.safetensors", struct.pack("<Q", length) + WHOLE[8:])


@pytest.mark.parametrize("key", ["dtype", "shape", "data_offsets"])
@pytest.mark.parametrize("value", [None, [], {}, [[]], {"a": 1}, "F16", -1, [0, -64], [64, 0], [0, 2**63], [0.0, 64.0]])
def test_entries_of_the_wrong_kind_are_named(tmp_path, key, value):
    entry = {"dtype": "F32", "shape": [8, 4], "data_offsets": [0, 128]} | {key: value}
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors({"wte.weight": entry}, bytes(128)))
    with pytest.raises(InputError, match=r"model\.safetensors › wte\.weight"):
        read_file(path)


@given(header=ANYTHING | st.dictionaries(st.text(max_size=6), st.fixed_dictionaries(
    {"dtype": ANYTHING | st.just("F16"), "shape": ANYTHING | st.just([2]), "data_offsets": ANYTHING | st.just([0, 4])}
), max_size=3))  # fmt: skip
@BOUNDED
def test_any_header_is_read_or_refused(tmp_path, header):
    read(tmp_path / "model.safetensors", safetensors(header, bytes(4)))


@given(place=st.integers(0, len(WHOLE) - 1), value=st.integers(0, 255))
@BOUNDED
def test_any_changed_byte_is_survived(tmp_path, place, value):
    read(tmp_path / "model.safetensors", WHOLE[:place] + bytes([value]) + WHOLE[place + 1 :])


def test_a_tensor_that_stands_twice_is_refused(tmp_path):
    entry = '{"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}'
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(f'{{"a": {entry}, "a": {entry}}}'.encode(), bytes(4)))
    with pytest.raises(InputError, match="the key 'a' stands twice"):
        read_file(path)


@pytest.mark.parametrize(
    "name",
    [
        "../model.safetensors", "/etc/passwd", "/etc/x.safetensors", "a/b.safetensors", "..\\x.safetensors", "..", "",
        "\0.safetensors", "\ud800.safetensors", "x\n.safetensors", "x" * 5000 + ".safetensors", "missing.safetensors",
        "C:\\x.safetensors", "file:///x.safetensors", "%2e%2e/x.safetensors", "loop.safetensors", "pipe.safetensors",
        "away.safetensors", "model.safetensors.index.json/x.safetensors", "\u202etxt.safetensors",
    ],
)  # fmt: skip
def test_an_index_reads_nothing_outside_its_folder(tmp_path, name):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "model.safetensors").write_bytes(WHOLE)
    (folder / "loop.safetensors").symlink_to(folder / "loop.safetensors")
    (folder / "away.safetensors").symlink_to(tmp_path / "model.safetensors")
    os.mkfifo(folder / "pipe.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}), encoding="utf-8")
    with pytest.raises(InputError):
        read_folder(folder)


@pytest.mark.parametrize(
    "index", [b"[]", b"{}", b'{"weight_map": []}', b'{"weight_map": {"a": 1}}', b"\xff\xfe{", b'{"weight_map": {"a": null}}',
              b"[" * 10**6, b'{"weight_map": ' + b"9" * 5000 + b"}"]
)  # fmt: skip
def test_an_index_that_is_none_is_refused(tmp_path, index):
    (tmp_path / "model.safetensors.index.json").write_bytes(index)
    with pytest.raises(InputError, match=r"model\.safetensors\.index\.json"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["x" * 5000, "./" + "x" * 5000, "\0.json", "/\0", "/\ud800.json", "/dev/null/x", "/proc/self/mem", "~/x.json", "C:\\x.json",
     "/dev/zero", "/dev/full", ".", "", " "],
)  # fmt: skip
def test_a_path_that_is_no_model_is_said_in_words(name):
    with pytest.raises(InputError) as error:
        read_model(name)
    assert "; " in str(error.value) and len(str(error.value)) < 2000


def test_a_pipe_is_no_config_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "config.json")
    os.mkfifo(tmp_path / "model.gguf")
    for path in (tmp_path, tmp_path / "config.json", tmp_path / "model.gguf"):
        with pytest.raises(InputError, match=r"is no file|neither a file nor a folder"):
            load_path(path)
