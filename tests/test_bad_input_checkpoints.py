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
from memory_model.checkpoints.gguf_files import read_gguf
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


def text(value: str) -> bytes:
    content = value.encode("utf-8", errors="surrogatepass")
    return struct.pack("<Q", len(content)) + content


def gguf(metadata: list[tuple[str, int, bytes]], tensors: list[tuple[str, tuple[int, ...], int]], **lies: int) -> bytes:
    """A GGUF header; `version`, `tensor_count` and `key_count` may lie."""
    counts = (lies.get("version", 3), lies.get("tensor_count", len(tensors)), lies.get("key_count", len(metadata)))
    out = [b"GGUF", struct.pack("<IQQ", *counts)]
    out += [text(key) + struct.pack("<I", kind) + value for key, kind, value in metadata]
    for name, shape, kind in tensors:
        out.append(text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, 0))
    return b"".join(out)


def u32(key: str, value: int) -> tuple[str, int, bytes]:
    return key, 4, struct.pack("<I", value)


def array(key: str, kind: int, count: int, content: bytes = b"") -> tuple[str, int, bytes]:
    return key, 9, struct.pack("<IQ", kind, count) + content


def keys(architecture: str = "llama") -> list[tuple[str, int, bytes]]:
    sizes = {
        "embedding_length": 8, "block_count": 1, "attention.head_count": 2, "attention.head_count_kv": 1, "context_length": 64,
        "feed_forward_length": 16, "rope.dimension_count": 4, "attention.key_length": 4, "attention.value_length": 4,
        "attention.kv_lora_rank": 4, "expert_count": 2, "expert_used_count": 1, "expert_feed_forward_length": 4,
    }  # fmt: skip
    if architecture not in ("deepseek2", "gpt-oss", "qwen3moe"):
        sizes = {key: value for key, value in sizes.items() if "expert" not in key}
    named = [("general.architecture", 8, text(architecture)), u32("general.file_type", 1)]
    return named + [u32(f"{architecture}.{key}", value) for key, value in sizes.items()]


TENSORS = [("token_embd.weight", (8, 16), 1), ("blk.0.attn_q.weight", (8, 8), 1), ("output_norm.weight", (8,), 0)]
HEADER = gguf(keys(), TENSORS)
FAMILIES = ("llama", "qwen2", "qwen3moe", "gemma2", "gemma3", "phi3", "deepseek2", "gpt-oss")


def opened(path, content) -> str:
    """`read`, or the reason why not; InputError is the only other outcome."""
    path.write_bytes(content)
    try:
        assert read_gguf(path).parameters() > 0
    except InputError as error:
        assert str(error).startswith(str(path))
        return str(error)
    return "read"


def test_a_header_that_ends_anywhere_within_is_refused(tmp_path):
    path = tmp_path / "x.gguf"
    assert opened(path, HEADER) == "read"
    assert all("ends within its header" in opened(path, HEADER[:end]) for end in range(4, len(HEADER)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GGML" + HEADER[4:], "does not begin with GGUF"),
        (b"", "ends within its header"),
        (gguf(keys(), TENSORS, version=1), "GGUF version 1 is not understood"),
        (gguf(keys(), TENSORS, version=3 << 24), "files of other machines are not"),
        (gguf(keys(), TENSORS, tensor_count=2**63), "tensors are more than"),
        (gguf(keys(), TENSORS, key_count=2**64 - 1), "keys are more than"),
        (gguf(keys(), TENSORS, tensor_count=90_000), "ends within its header"),
        (gguf([*keys(), ("long", 8, struct.pack("<Q", 2**60))], TENSORS), "letters are more than"),
        (gguf([*keys(), ("long", 8, struct.pack("<Q", 2**26))], TENSORS), "ends within its header"),
        (gguf([*keys(), array("nested", 9, 1)], TENSORS), "list of type 9 in nested is not understood"),
        (gguf([*keys(), array("much", 12, 2**60)], TENSORS), "items of much are more than"),
        (gguf([*keys(), array("a", 0, 2**22, bytes(2**22)), array("b", 0, 1, b"1")], TENSORS), "items of b are more than 0"),
        (gguf([*keys(), ("what", 99, b"")], TENSORS), "value type 99 of what is not understood"),
        (gguf([*keys(), keys()[2]], TENSORS), "'llama.embedding_length' stands twice"),
        (gguf(keys(), [*TENSORS, TENSORS[0]]), "a tensor stands twice"),
        (gguf(keys(), [("token_embd.weight", (), 1)]), "token_embd.weight has the dimensions []"),
        (gguf(keys(), [("token_embd.weight", (0, 8), 1)]), "has the dimensions [0, 8]"),
        (gguf(keys(), [("token_embd.weight", (2**63, 2**63), 1)]), "has the dimensions"),
        (gguf(keys(), [("token_embd.weight", (8,) * 9, 1)]), "9 dimensions of token_embd.weight are more than 4"),
        (gguf(keys(), [("token_embd.weight", (8, 8), 4)]), "type 4 of token_embd.weight is not understood"),
        (gguf([k for k in keys() if k[0] != "llama.block_count"], TENSORS), "llama.block_count: missing"),
        (gguf([("general.architecture", 8, text("clip"))], TENSORS), "unknown architecture 'clip'"),
        (gguf([("general.architecture", 4, struct.pack("<I", 1))], TENSORS), "general.architecture"),
        (gguf([*keys(), u32("split.count", 999)], TENSORS), "is one of 999 files"),
        (gguf([*keys(), u32("split.count", 2**32 - 1)], TENSORS), "is one of"),
    ],
)  # fmt: skip
def test_headers_of_gguf_that_lie_say_what_is_wrong(tmp_path, content, said):
    with at_most(40 * 2**20):
        reason = opened(tmp_path / "x.gguf", content)
    assert said in reason and "; " in reason


@given(
    family=st.sampled_from(FAMILIES),
    place=st.integers(0, 20),
    value=st.sampled_from([
        (4, struct.pack("<I", 0)), (4, struct.pack("<I", 2**32 - 1)), (5, struct.pack("<i", -1)), (6, struct.pack("<f", 1e30)),
        (6, struct.pack("<f", float("nan"))), (8, text("many")), (7, b"\1"), (10, struct.pack("<Q", 2**64 - 1)),
        (9, struct.pack("<IQ", 4, 0)), (9, struct.pack("<IQ", 4, 2) + struct.pack("<II", 1, 2)),
        (9, struct.pack("<IQ", 8, 1) + text("x")), (12, struct.pack("<d", 0.5)),
    ]),
)  # fmt: skip
@BOUNDED
def test_metadata_of_the_wrong_kind_is_survived(tmp_path, family, place, value):
    given_keys = keys(family)
    name = given_keys[place % len(given_keys)][0]
    given_keys[place % len(given_keys)] = (name, *value)
    opened(tmp_path / "x.gguf", gguf(given_keys, TENSORS))


@given(st.lists(st.tuples(st.integers(0, len(HEADER) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@BOUNDED
def test_changed_bytes_of_a_gguf_header_are_survived(tmp_path, changes):
    content = bytearray(HEADER)
    for place, value in changes:
        content[place] = value
    opened(tmp_path / "x.gguf", bytes(content))


@pytest.mark.parametrize(
    "name", ["rope_factors_long.weight", "blk.99999999999.x.weight", "blk..weight", "", "\ud800", "x" * 9999]
)
def test_tensors_with_strange_names_and_sizes_are_survived(tmp_path, name):
    with at_most(20 * 2**20):
        opened(tmp_path / "x.gguf", gguf(keys(), [*TENSORS, (name, (2**55,), 0)]))


def test_a_long_list_of_numbers_is_passed_over(tmp_path):
    long = array("tokenizer.ggml.scores", 6, 2**20, bytes(2**22))
    content = gguf([*keys(), long], TENSORS)
    with at_most(3 * len(content)):
        assert opened(tmp_path / "x.gguf", content) == "read"
