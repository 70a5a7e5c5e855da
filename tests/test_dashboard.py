"""The dashboard without a browser: links, controls and views, through Streamlit's own test runner."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import plotly.graph_objects as go
import pytest
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import SessionState
from streamlit.testing.v1 import AppTest

from dashboard.controls import runnable
from dashboard.echoes import SLIDERS
from dashboard.link import full_query, read_link, scenario_of, short_query
from dashboard.parameters import DEFAULTS, VIEW_NAMES
from dashboard.take_along.tables import rows
from dashboard.theme import STACK
from memory_model import Scenario, estimate
from memory_model.presets import engines

ROOT = Path(__file__).parent.parent
APP = str(ROOT / "streamlit_app.py")
PAGES = tuple(name.replace("-", "_") for name in VIEW_NAMES)
"""Every view's module."""


def opened(query: Mapping[str, str] | None = None) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=30)
    for key, value in (query or {}).items():
        app.query_params[key] = value
    return app.run()


def state(app: AppTest) -> dict[str, object]:
    return {key: app.session_state[key] for key in DEFAULTS}


def test_it_opens_without_an_exception():
    app = opened()
    assert not app.exception and not app.warning
    assert state(app) == DEFAULTS
    assert app.query_params == {}


def test_a_link_reopens_the_scenario():
    query = {
        "model": "llama-3.1-70b", "device": "h200-sxm", "weights": "awq-int4", "kv_cache": "q8_0:f16", "attention": "eager",
        "phase": "decode", "context_length": "100000", "batch_size": "7", "unit": "GB", "logits": "all",
    }  # fmt: skip
    app = opened(query)
    assert not app.exception and not app.warning
    assert {key: str(app.session_state[key]) for key in query} == query
    assert {key: "".join(app.query_params[key]) for key in query} == query


def test_a_link_understands_how_lengths_are_sold_and_full_hub_names():
    values, problems = read_link({"context_length": "128k", "model": "meta-llama/Llama-3.1-8B"})
    assert (values["context_length"], values["model"], problems) == (131072, "llama-3.1-8b", [])


BAD = {
    "model": ["", "/etc/passwd", "../../etc/passwd", "presets/models/gpt2.yaml", "./config.json", "llama-3.1-8", "<script>alert(1)</script>", "x" * 9000, "\x00", "🤖"],
    "device": ["h100", "none ", "[click](http://example.org)"],
    "weights": ["int3", "<b>bf16</b>", "$x$"],
    "kv_cache": ["fp7", "q8_0:f16:bf16", ":"],
    "engine": ["exllama", "__class__"],
    "attention": ["fast"],
    "phase": ["both"],
    "logits": ["some"],
    "parts": ["vision"],
    "context_length": ["0", "-1", "1e9", "nan", "9" * 300, "8192.5", "2097152M", ""],
    "batch_size": ["0", "many", "99999999999", "٣x"],
    "unit": ["MB"],
    "present": ["yes"],
}  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in BAD.items() for value in values])
def test_a_bad_value_in_a_link_is_named_and_replaced(key: str, value: str):
    values, problems = read_link(
        {key: value, **{k: v for k, v in {"batch_size": "3", "context_length": "4096"}.items() if k != key}}
    )
    assert values[key] == DEFAULTS[key]
    assert len(problems) == 1 and problems[0].startswith(f"{key} in the link: ") and len(problems[0]) < 300
    assert values["batch_size"] == (1 if key == "batch_size" else 3)


def test_the_page_survives_bad_values_and_keeps_the_rest():
    app = opened({key: values[0] or "x" for key, values in BAD.items() if key != "batch_size"} | {"batch_size": "5"})
    assert not app.exception
    assert len(app.warning) == 1 and app.warning[0].value.count(" in the link") == len(BAD) - 1
    assert app.session_state["batch_size"] == 5
    assert "<script>" not in app.warning[0].value


def test_messages_of_the_link_go_when_something_is_chosen():
    app = opened({"weights": "int3"})
    assert len(app.warning) == 1
    assert not app.selectbox(key="model").select("gpt2").run().warning


def test_a_combination_that_the_engine_cannot_run_is_said_and_replaced():
    values = {**DEFAULTS, "attention": "flash"}
    scenario, deployment, problem = runnable(values)
    assert deployment.attention == "sdpa" and scenario.attention is None
    assert problem.startswith("Attention: ") and "default for attention" in problem


def test_the_options_of_an_engine_are_in_the_link():
    values, problems = read_link(
        {"engine": "llama.cpp", "step_tokens": "2k", "kv_unified": "true", "utm_source": "mail"}
    )
    assert not problems
    assert scenario_of(values).step_tokens == 2048
    assert scenario_of(values).kv_unified is True
    app = opened({"engine": "llama.cpp", "step_tokens": "2048", "placement": "cpu"})
    assert not app.exception
    assert app.number_input(key="step_tokens").value == 2048
    assert app.selectbox(key="placement").value == "cpu"


def test_the_slider_and_the_exact_number_are_one():
    app = opened()
    app.number_input(key="context_length").set_value(100_001).run()
    assert app.session_state["context_stop"] == 100_001
    app.select_slider(key="context_stop").set_value(131_072).run()
    assert app.session_state["context_length"] == 131_072
    app.select_slider(key="batch_stop").set_value(8).run()
    assert app.session_state["batch_size"] == 8
    assert not app.exception


def test_reset_returns_to_the_defaults():
    app = opened({"model": "gpt2", "batch_size": "9", "unit": "GB"})
    next(button for button in app.button if button.label == "Reset").click().run()
    assert state(app) == DEFAULTS and not app.exception and app.query_params == {}


def test_present_opens():
    app = opened({"present": "true"})
    assert not app.exception and app.session_state["present"] is True
    app.button(key="leave").click().run()
    assert app.session_state["present"] is False


@pytest.mark.parametrize("model", ["gpt2", "deepseek-r1", "gpt-oss-20b"])
def test_a_model_of_another_kind_opens(model: str):
    app = opened({"model": model, "context_length": "2048", "batch_size": "2"})
    assert not app.exception and not app.error


def page_of(path: str, query: dict[str, str] | None = None) -> AppTest:
    """One view alone, with what the controls would hand to it."""
    app = AppTest.from_function(_one_view, args=(path, query or {}), default_timeout=30)
    return app.run()


def _one_view(path: str, query: dict[str, str]) -> None:
    import importlib

    import streamlit as st

    from dashboard.controls import Chosen, runnable
    from dashboard.link import read_link

    values, _ = read_link(query)
    for key, value in values.items():
        st.session_state.setdefault(key, value)
    scenario, deployment, _ = runnable(values)
    importlib.import_module(f"dashboard.views.{path}").show(Chosen(scenario, deployment, str(values["unit"]), False))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"model": "deepseek-r1", "device": "none"},
        {"model": "gemma-3-27b-it", "unit": "GB", "batch_size": "100"},
        {"engine": "llama.cpp"},
        {
            "engine": "llama.cpp",
            "placement": "cpu",
            "trade_offs_section": "growth",
            "numbers_section": "training",
        },
        {
            "engine": "vllm",
            "memory_bars": "levers",
            "memory_parts": "true",
            "compare_1": "A~model~gpt2",
            "compare_2": "B",
        },
    ],
)
def test_every_view_opens_with_figures_that_plotly_knows(path: str, query: dict[str, str]):
    page = page_of(path, query)
    assert not page.exception
    for chart in page.get("plotly_chart"):
        go.Figure(json.loads(chart.proto.spec))


def test_what_a_control_of_the_link_has_outlives_its_view(monkeypatch: pytest.MonkeyPatch):
    """Streamlit forgets the value of a control that two views in a row do not show, unless it is told to keep it."""
    kept, register = {}, SessionState.register_widget

    def registered(state: SessionState, metadata: WidgetMetadata[object], user_key: str | None) -> object:
        kept[user_key] = metadata.persist_state
        return register(state, metadata, user_key)

    monkeypatch.setattr(SessionState, "register_widget", registered)
    for engine in engines():
        opened({"engine": engine})
    for path in PAGES:
        for section in (
            {},
            {"trade_offs_section": "cache", "numbers_section": "training"},
            {"trade_offs_section": "growth"},
        ):
            page_of(path, section)
    forgotten = {key for key, how in kept.items() if key in {*DEFAULTS, *SLIDERS.values()} and how != "session"}
    assert not forgotten
    never_a_control = {"story", "story_step", "levers_changes", "levers_edit", "hardware_prices"}
    assert {
        key for key in DEFAULTS if key not in kept and not key.startswith(("compare_", "trade_offs_"))
    } == never_a_control


def test_the_table_is_the_estimate():
    app = page_of("numbers", {"numbers_section": "bytes", "batch_size": "3", "context_length": "5000"})
    memory = estimate(Scenario("llama-3.1-8b", device="h100-sxm-80gb", batch_size=3, context_length=5000))
    table = app.dataframe[0].value
    assert list(table["bytes"]) == [memory[part.name].bytes for part in STACK] + [memory.bytes]


def test_moving_a_control_moves_the_numbers():
    longer = rows(estimate(Scenario("llama-3.1-8b", context_length=16384)), "GiB")
    shorter = rows(estimate(Scenario("llama-3.1-8b", context_length=8192)), "GiB")
    assert longer[1]["bytes"] == 2 * shorter[1]["bytes"]
    assert any("777" in html.value for html in page_of("numbers", {"context_length": "777"}).html)


def test_links_say_what_differs_or_everything():
    values = {**DEFAULTS, "batch_size": 4, "present": True}
    assert short_query(values) == {"batch_size": "4", "present": "true"}
    full = full_query({**values, "kv_cache": "bf16"})
    assert "context_length=8192" in full and "kv_cache=bf16" in full and "attention" not in full
    assert scenario_of(values) == Scenario("llama-3.1-8b", device="h100-sxm-80gb", batch_size=4)


STREAMLIT_FREE = (
    "advice",
    "link",
    "parameters",
    "stops",
    "theme",
    "wording",
    "live/amounts",
    "live/drawing",
    "live/packing",
    "live/payload",
    "live/reach",
)


@pytest.mark.parametrize("name", STREAMLIT_FREE)
def test_what_computes_and_draws_knows_no_streamlit(name: str):
    assert "import streamlit" not in (Path(APP).parent / "dashboard" / f"{name}.py").read_text(encoding="utf-8")


def test_the_formulas_are_not_in_the_javascript():
    scripts = (Path(APP).parent / "dashboard" / "live").glob("*.js")
    words = ("head_dim", "hidden_size", "num_hidden_layers", "layers", "bytes per value")
    assert not [
        (script.name, word) for script in scripts for word in words if word in script.read_text(encoding="utf-8")
    ]


def test_the_script_draws_no_text_of_its_own():
    """Streamlit may draw whatever stands alone on a line, such as the words under a constant."""
    first, *rest = ast.parse((ROOT / "streamlit_app.py").read_text(encoding="utf-8")).body
    assert isinstance(first, ast.Expr), "the docstring"
    assert not [line.lineno for line in rest if isinstance(line, ast.Expr) and not isinstance(line.value, ast.Call)]
    options = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert options["runner"]["magicEnabled"] is False
