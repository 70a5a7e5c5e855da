"""Texts that people paste or open: YAML, JSON, scenarios, stories, logs. Read as data, or refused in words and soon."""

import json
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.hardware.prices import read_prices
from dashboard.levers.chain import read_changes, read_edit
from dashboard.stories import read_story
from dashboard.take_along import scenario_file
from memory_model import InputError, Scenario, load_model
from memory_model.engine_logs import compare, read_log
from memory_model.engine_logs.taken import scenario_of
from memory_model.files.plain_json import read_json
from memory_model.files.plain_yaml import read_yaml
from memory_model.levers import with_keys
from memory_model.presets import LARGEST_CONFIG, parse_config
from memory_model.result import result_or_error

BOUNDED = settings(max_examples=80, deadline=None, derandomize=True)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)
PIECES = st.lists(
    st.sampled_from(
        ["a", "1", "- ", ": ", "\n", "  ", "\t", "{", "}", "[", "]", ",", "&a ", "*a", "!!int ", "!x ", "<<", "? ", "|\n", ">\n",
         "'", '"', "#", "%YAML 9.9\n", "---\n", "...\n", "=", "~", "0x", "1:", ".5", "2001-01-01", "\ufeff", "\x00", "\x85", "\\",
         "name: ", "steps: ", "model: gpt2\n", "state: "]
    ),
    max_size=24,
).map("".join)  # fmt: skip


def outcome(read, *arguments):
    """What a reader gives, or the text of its InputError; nothing else may be raised."""
    try:
        return read(*arguments)
    except InputError as error:
        assert str(error)
        return str(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [1]\nb: *x", "anchors and aliases are not read here"),
        ("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]", "anchors and aliases are not read here"),
        ("a: !!python/object/apply:os.system [id]", "tags are not read here"),
        ("a: !!int ''", "tags are not read here"),
        ("a: !!bool maybe", "tags are not read here"),
        ("a: !!timestamp soon", "tags are not read here"),
        ("!!map {a: 1}", "tags are not read here"),
        ("a: " + ":".join(["1"] * 200_000), "at most 40 are read"),
        ("a: " + ":".join(["1"] * 300) + ".5", "at most 40 are read"),
        ("a: 0x" + "f" * 9000, "a number of 9,002 letters"),
        ("a: 1\na: 2", "line 2: a stands twice"),
        ("{a: 1, 'a': 2}", "a stands twice"),
        ("a: {<<: {b: 1}}", "merge"),
        ("1: a", "a key must be text, got 1"),
        ("? [a]\n: b", "a key must be text"),
        ("[" * 5000, "nested deeper than 40 levels"),
        ("a: \x00", "special characters are not allowed"),
        ("a: 2001-99-99", "not YAML"),
        ("a: [1", "f, line"),
        ("a: '" + "x" * 2**20, "larger than 1024 KiB"),
    ],
)
def test_yaml_that_is_more_than_data_is_refused(text, said):
    begun = time.process_time()
    with pytest.raises(InputError) as caught:
        read_yaml(text, "f")
    assert str(caught.value).startswith("f") and said in str(caught.value)
    assert time.process_time() - begun < 5


@given(PLAIN)
@BOUNDED
def test_plain_data_comes_back_from_yaml_as_it_was(data):
    text = yaml.safe_dump({"data": data})  # with allow_unicode it writes U+0085 as it is, which YAML reads as a space
    found = outcome(read_yaml, text, "f")
    assert isinstance(found, str) or yaml.safe_dump(found) == yaml.safe_dump({"data": data})


@given(PIECES)
@settings(BOUNDED, max_examples=400)
def test_any_text_is_yaml_a_story_and_a_scenario_or_refused(text):
    outcome(read_yaml, text, "f")
    outcome(read_story, text, "f")
    outcome(scenario_file.read, text, "f")


@given(PLAIN, st.sampled_from(["name", "about", "start", "steps", "title", "say", "view", "state"]))
@BOUNDED
def test_any_value_of_a_story_is_a_story_or_refused(data, key):
    story = {"name": "x", "steps": [{"title": "a", "say": "b", "state": {"model": "gpt2"}}]}
    (story if key in ("name", "about", "start", "steps") else story["steps"][0])[key] = data
    outcome(read_story, json.dumps(story), "f")


@given(PLAIN, st.sampled_from([*Scenario.__dataclass_fields__, "other"]))
@settings(BOUNDED, max_examples=200)
def test_any_value_of_a_scenario_is_a_result_or_an_error_in_json(data, key):
    found = result_or_error({"model": "gpt2"} | {key: data})
    json.dumps(found, default=str)
    assert "error" not in found or found["error"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"a": {"b": 1, "b": 2}}', "the key 'b' stands twice"),
        ("9" * 5000, "too many digits"),
        ("[" * 10**6, "too deeply nested"),
        ("NaN", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("", "Expecting value in line 1"),
        ('"\x01"', "Invalid control character"),
        ("{'a': 1}", "not JSON"),
        ("\x00", "not JSON"),
    ],
)
def test_json_that_cannot_be_meant_is_refused(text, said):
    with pytest.raises(InputError, match=r"^f: not JSON") as caught:
        read_json(text, "f", "give another")
    assert said in str(caught.value) and str(caught.value).endswith("; give another")


def test_a_config_may_hold_infinity_and_a_byte_order_mark_but_no_key_twice():
    text = json.dumps(dict(load_model("gpt2").config) | {"time_step_limit": [0.0, float("inf")]})
    assert parse_config("\ufeff" + text, "x").parameters() == load_model("gpt2").parameters()
    assert "stands twice" in outcome(parse_config, text.replace("{", '{"n_embd": 8, ', 1), "x")
    assert "larger than 4 MiB" in outcome(parse_config, " " * (LARGEST_CONFIG + 1), "x")


FIGURES = {
    "llama.cpp": "load_tensors:        CUDA0 model buffer size =  4403.49 MiB\n",
    "vllm": "vllm Model loading took 14.99 GiB\n",
    "sglang": "Load weight end. mem usage=14.99 GB.\n",
}
SETTINGS = (
    "n_ctx = {}", "n_seq_max = {}", "n_ubatch = {}", "flash_attn = {}", "K ({}): 1 MiB, V ({})", "file type = {} - Medium",
    "offloaded {}/{} layers", "general.name str = {}", "Maximum concurrency for {} tokens per request: {}x",
    "GPU KV cache size: {} tokens", "max_seq_len={} tp_size={}", "kv_cache_dtype={}", "gpu_memory_utilization=0.{}",
    "(v{}.{}) model='{}'", "build: {}", ": CUDA0 KV buffer size = {} MiB", "Available KV cache memory: {} GiB",
)  # fmt: skip


@given(
    st.sampled_from(sorted(FIGURES)),
    st.lists(st.tuples(st.sampled_from(SETTINGS), st.sampled_from(
        ["0", "1", "7", "00", "999999999", "9" * 30, ",,,", "...", "-1", "1.2.3", "", "٣", "q8_0", "true", "\x00", "<b>", "gpt2"]
    )), max_size=6),
)  # fmt: skip
@settings(BOUNDED, max_examples=30)
def test_any_figures_and_settings_of_a_log_are_compared_or_refused(engine, lines):
    text = FIGURES[engine] + "\n".join(line.replace("{}", value) for line, value in lines)
    log = read_log(text)
    scenario, _ = scenario_of(log, Scenario("qwen3-0.6b", device="l4"))
    found = outcome(compare, log, scenario)
    assert isinstance(found, str) or all(row.predicted >= 0 and row.reason for row in found)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 2**21 + FIGURES["vllm"],
        "x" * 2**22,
        "vllm " + "KV Cache is allocated." * 150_000,
        ("model=" * 600 + "\n") * 1000 + FIGURES["sglang"],
        (": " + " " * 3990 + "\n") * 1000 + FIGURES["llama.cpp"],
        FIGURES["vllm"] * 100_000,
        "\x00" * 2**20 + "\x1b[31m\r\x85\u2028" * 10_000,
    ],
    ids=["empty lines", "one line", "one long line", "names", "spaces", "the same line", "control characters"],
)
def test_a_log_of_megabytes_is_read_soon(text):
    begun = time.process_time()
    outcome(read_log, text)
    assert time.process_time() - begun < 15


@given(st.text(max_size=40) | st.text("abc_:,.0123456789-", max_size=40))
@settings(BOUNDED, max_examples=200)
def test_any_text_of_edits_changes_and_prices_is_read_or_refused(text):
    for read in (read_edit, read_changes):
        found = outcome(read, text)
        assert outcome(read, found) == found or found.startswith(("'", '"', "change", "unknown")) or " " in found
    outcome(read_prices, text)


@given(
    st.dictionaries(st.sampled_from(["num_hidden_layers", "hidden_size", "num_key_value_heads", "vocab_size", "x", ""]),
                    st.integers(-5, 2**40) | st.booleans() | st.text(max_size=3), max_size=3)
)  # fmt: skip
@BOUNDED
def test_any_what_if_is_a_model_or_refused(values):
    model = load_model("qwen3-0.6b")
    found = outcome(with_keys, model, values)
    assert isinstance(found, str) or found.parameters() > 0
