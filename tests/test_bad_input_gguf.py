"""GGUF headers that are cut, changed or made to hurt: the bytes of a model, or an InputError, soon and in little memory."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_bad_input_checkpoints import BOUNDED, at_most

from memory_model import InputError
from memory_model.checkpoints.gguf_files import read_gguf


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
        (gguf([*keys()[:3], u32("llama.block_count", 2), *keys()[4:]], TENSORS), "holds tensors of 1 layers, and block_count is 2"),
        (gguf(keys(), [*TENSORS, ("blk.7.attn_q.weight", (8, 8), 1)]), "holds tensors of 2 layers, and block_count is 1"),
        (gguf(keys(), [("token_embd.weight", (4, 16), 1), *TENSORS[1:]]), "its rows have 4 values, and embedding_length is 8"),
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
