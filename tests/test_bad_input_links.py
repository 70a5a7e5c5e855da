"""Links: any query gives a whole state and a sentence for each value that is not used; nothing is read, run or raised."""

import builtins
import io
import os
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import own_models
from dashboard.brought import Brought
from dashboard.controls import runnable
from dashboard.link import LONGEST_VALUE, full_query, read_link, short_query
from dashboard.parameters import DEFAULTS, PARAMETERS, VIEW_NAMES
from dashboard.wording import plain
from memory_model import load_model

ROOT = Path(__file__).parent.parent
BAD = (
    "", " ", "x", "-1", "0", "1e999", "nan", "inf", "-0", "9" * 199, "9" * 300, "x" * 100_000, "٣", "１２", "0x10", "1_0", "1,0",
    "true", "None", "null", "[]", "{}", "~", "~~~~", "a~model~../../etc/passwd", "a~model~gpt2~model~gpt2", ",,,", ":", "a:b:c", "::",
    "/etc/passwd", "../../etc/passwd", "file:///etc/passwd", "./config.json", "model.gguf", "hub:gpt2/x", "org/name", "own-", "own-0123456789ab",
    "story-0123456789ab", "student-../x", "num_hidden_layers:16", "text_config.a:1", "__class__:1", "h100-sxm-80gb:-1", "l4:nan", "own:1e-320",
    "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "$\\LaTeX$", "`id`", "$(id)", "{0.__class__}", "%s%n", "=1+1", "'; drop--",
    "\x00", "\x1b[31m", "\r\n", "\u202e", "\ud800", "\ufffd", "🤖", "%00", "%2e%2e%2f", "&amp;", "\ufeff8192", "8192\u2028", "published+",
    "published+q9", "+q8_0", "q8_0:", ":f16", "q8_0:f16:f16", "llama-3.1-8b ", "Llama-3.1-8B",
)  # fmt: skip
SENT = [value for value in BAD if "\ud800" not in value]
"""Half a letter cannot stand in an address."""
KEYS = [parameter.key for parameter in PARAMETERS]
VALUES = (
    st.sampled_from(BAD) | st.text(max_size=30) | st.text("0123456789.,:~-_+kKM ", max_size=12) | st.text(max_size=260)
)


def checked(query):
    """What a link gives, after the laws of all links were looked at."""
    values, problems = read_link(query)
    assert set(values) == set(DEFAULTS)
    assert all(type(value) in (str, int, float, bool, type(None)) for value in values.values())
    for sentence in problems:
        assert " in the link: " in sentence and len(sentence) < 700, sentence
        assert plain(sentence).encode()  # can be sent
    scenario, deployment, _ = runnable(values)
    assert deployment.model.parameters() > 0 and scenario.context_length >= 1
    assert full_query(values)
    again, more = read_link(short_query(values))
    assert (again, more) == (values, [])
    return values, problems


@pytest.mark.parametrize("key", KEYS)
def test_every_parameter_survives_every_bad_value_and_keeps_the_others(key):
    kept = {"batch_size": "3", "unit": "GB"}
    for value in BAD:
        values, problems = read_link(kept | {key: value})
        assert len(problems) <= 1
        if problems:
            assert values[key] == DEFAULTS[key] and problems[0].startswith(f"{key} in the link: ")
        assert all(str(values[other]) == kept[other] for other in kept if other != key)
        if len(value) > LONGEST_VALUE:
            assert f"{len(value):,} characters are more than 200" in problems[0]


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=9), VALUES, max_size=8))
@settings(max_examples=150, deadline=None, derandomize=True)
@example({"levers_edit": "num_hidden_layers:1,hidden_size:2,vocab_size:3,head_dim:4,a:5,b:6,c:7"})
@example({"levers_edit": "num_hidden_layers:1,num_hidden_layers:2"})
@example({"story": "why-so-much-memory", "story_step": "99", "model": "<b>"})
def test_any_query_is_a_whole_state_and_its_short_link_says_the_same(query):
    checked(query)


def test_a_query_of_ten_thousand_parameters_or_a_megabyte_takes_no_time_and_no_memory():
    many = {f"x{number}": "1" for number in range(10_000)} | {key: "y" * 2**20 for key in KEYS}
    tracemalloc.start()
    begun = time.process_time()
    _, problems = read_link(many)
    assert time.process_time() - begun < 2 and tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()
    assert len(problems) == len(KEYS)


def test_no_link_opens_a_file_but_the_programs_own(monkeypatch):
    checked({})
    allowed = (str(ROOT / "presets"), str(ROOT / "dashboard"), str(ROOT / "memory_model"), str(ROOT / "tests"))
    opened: list[str] = []

    def watching(real):
        def open_(file, *arguments, **options):
            if not isinstance(file, int) and not os.path.abspath(os.fspath(file)).startswith(allowed):
                opened.append(str(file))
            return real(file, *arguments, **options)

        return open_

    for place, name in ((builtins, "open"), (io, "open"), (os, "open"), (os, "scandir"), (os, "listdir")):
        monkeypatch.setattr(place, name, watching(getattr(place, name)))
    for name in ("read_text", "read_bytes", "open", "exists", "stat", "iterdir", "glob"):
        real = getattr(Path, name)
        monkeypatch.setattr(Path, name, lambda self, *a, _real=real, **k: watching(_real)(self, *a, **k))
    Path("/dev/null").read_bytes()
    assert opened and opened.pop(0) == "/dev/null"  # the watch sees it
    opened.clear()
    for value in SENT:
        values, _ = read_link(dict.fromkeys(KEYS, value))
        runnable(values)
    assert opened == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\r\nc", "a b c"), ("\u202eegap", " egap"), ("\ud800", " "), ("<b>", r"\<b\>"), ("$x$", r"\$x\$"),
        (":smile:", "\\:\u2060smile\\:"), (":material/home:", "\\:\u2060material\\/home\\:"), ("https://a.b", "https\\:\u2060\\/\\/a\\.b"),
        ("www.a.b", "www\u2060\\.a\\.b"), ("a@b.c", "a\\@\u2060b\\.c"), ("model: q8_0:f16", r"model\: q8\_0\:f16"),
    ],
)  # fmt: skip
def test_text_from_outside_stays_text(text, shown):
    assert plain(text) == shown


def opened(path, query):
    """A view as the page shows it at a link; `path` as in the address."""
    return AppTest.from_function(_at, args=(path, query), default_timeout=60).run()


def _at(path, query):
    """The app's script with a view as its first page."""
    from importlib import import_module

    import streamlit as st

    from dashboard import controls, not_drawn, side_bar, story_bar

    view = import_module(f"dashboard.views.{path.replace('-', '_')}")
    if "begun" not in st.session_state:
        st.session_state.begun = True
        st.query_params.from_dict(query)
    chosen = controls.show(st.container() if getattr(view, "USES_SLIDERS", True) else None)
    story_bar.show(chosen)
    try:
        view.show(chosen)
    except Exception as error:
        not_drawn.show(path, error)
    side_bar.show(chosen, path)


EXTREME = {
    "context_length": str(2**30), "batch_size": str(2**20), "conversation_system_prompt": str(2**30), "conversation_document": "1G",
    "conversation_turns": "200", "conversation_question": str(2**30), "conversation_answer": str(2**30), "conversation_users": str(2**20),
    "conversation_axis": "tokens", "hardware_own_gib": "1e-300", "hardware_own_bandwidth": "1e-300", "hardware_own_tflops": "1e-300",
    "hardware_prices": "own:1e-320,l4:100000", "levers_edit": "hidden_size:0,num_hidden_layers:999999999999", "tensor_parallel": "1024",
    "trade_offs_answer": "65536", "levers_changes": "weights-fp8," * 7, "compare_1": "=1+1~model~gpt2", "compare_2": "\u202ea~weights~fp8",
    "numbers_section": "log", "story": "story-0123456789ab", "story_step": "99",
}  # fmt: skip


@pytest.mark.parametrize("path", VIEW_NAMES)
def test_every_view_survives_a_bad_value_in_every_parameter_and_the_largest_ones(path):
    app = opened(
        path, {key: SENT[(7 * place + len(path)) % len(SENT)] for place, key in enumerate(KEYS)} | {"unit": "GB"}
    )
    assert not app.exception and app.session_state["unit"] == "GB"
    app = opened(path, EXTREME)
    assert not app.exception, [each.message for each in app.exception]
    assert app.session_state["batch_size"] == 2**20


@pytest.mark.parametrize("path", ["compare", "hardware", "trade-offs"])
def test_choices_that_cannot_run_together_are_set_back_and_the_view_is_drawn(path):
    app = opened(
        path, {"engine": "sglang", "kv_cache": "q8_0", "device": "mi325x", "weights": "tq1_0", "model": "gpt2"}
    )
    assert not app.exception and not app.error
    assert "instead" in app.warning[0].value and app.session_state["device"] == "mi325x"


def test_a_model_that_the_server_forgot_meanwhile_is_said_and_replaced(monkeypatch):
    name = own_models.keep(load_model("gpt2"), b"mine")
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["model"] = name
    app.run()
    assert app.session_state["model"] == name and not app.warning
    monkeypatch.setattr(own_models, "_models", Brought("own-"))
    app.number_input(key="batch_size").set_value(5).run()
    assert not app.exception and "somebody brought" in app.warning[0].value
    assert (app.session_state["model"], app.session_state["batch_size"]) == (DEFAULTS["model"], 5)


@pytest.mark.filterwarnings("ignore:Memory could not be drawn")
def test_a_view_that_raises_says_what_to_do_and_keeps_the_controls(monkeypatch):
    monkeypatch.setattr("dashboard.views.memory.show", lambda chosen: 1 / 0)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["batch_size"] = "7"
    app.run()
    assert not app.exception and "division" not in app.error[0].value
    assert "could not be drawn" in app.error[0].value and "Reset" in app.error[0].value
    assert app.number_input(key="batch_size").value == 7 and app.selectbox(key="model").value == DEFAULTS["model"]
