"""The Hardware view: it opens from any link, its table shows the standings, and a typed price is in the link."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.charts.hardware import Bar, hardware_chart
from dashboard.hardware.ranking import ranked
from dashboard.hardware.standings import standings
from dashboard.link import read_link
from dashboard.parameters import DEFAULTS
from memory_model import Scenario


def test_the_chart_is_a_figure():
    bars = [
        Bar("A", 80 * 10**9, 17 * 10**9, "fits", True, True),
        Bar("B", 10**10, 16 * 10**9, "2 needed", False, False),
    ]
    figure = go.Figure(hardware_chart(bars, unit="GB", theme="dark", size=14))
    said = [words.text for words in figure.layout.annotations]
    assert said == ["<b>needed of one: 16.0 to 17.0 GB</b>", "<b>A</b>", "✓ 80.0 GB", "B", "✗ 10.0 GB, 2 needed"]
    assert figure.data[0].marker.color[0] != figure.data[0].marker.color[1]


def _page(query: dict[str, str]) -> AppTest:
    return AppTest.from_function(_view, args=(query,), default_timeout=30).run()


def _view(query: dict[str, str]) -> None:
    import streamlit as st

    from dashboard.controls import Chosen, runnable
    from dashboard.link import read_link
    from dashboard.views import hardware

    values, _ = read_link(query)
    for key, value in values.items():
        st.session_state.setdefault(key, value)
    scenario, deployment, _ = runnable({key: st.session_state[key] for key in values})
    hardware.show(Chosen(scenario, deployment, str(values["unit"]), False))


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"engine": "vllm", "model": "deepseek-r1", "hardware_sort": "price", "unit": "GB"},
        {"engine": "vllm", "hardware_vendor": "Apple"},
        {"engine": "llama.cpp", "device": "none", "hardware_kind": "unified"},
        {"engine": "llama.cpp", "placement": "cpu"},
        {"hardware_own_gib": "100.5", "hardware_own_bandwidth": "2000", "hardware_prices": "own:1.5"},
    ],
    ids=lambda query: "-".join(query.values()) or "default",
)
def test_the_view_opens(query: dict[str, str]):
    assert not _page(query).exception


def test_the_table_shows_the_standings_and_a_device_is_used():
    query = {"model": "llama-3.1-70b", "engine": "vllm", "device": "none", "hardware_prices": "b200-sxm:4"}
    app = _page(query)
    table = app.dataframe[0].value
    first = ranked(standings(Scenario("llama-3.1-70b", engine="vllm")), "fit", {}, 1)[0]
    assert (table["device"][0], table["longest context"][0]) == (first.device.name, first.longest_context)
    assert "per million tokens" in table and "price" not in " ".join(_page({}).dataframe[0].value.columns)
    app.button(key="hardware_use").click().run()
    assert app.session_state["device"] == first.device.id and not app.exception


OVER = {"model": "llama-3.1-70b", "engine": "vllm", "context_length": "131072"}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "Llama 3.1 8B with 8,192 tokens × 1 sequence on Hugging Face transformers fits on one H100 SXM 80GB, with 61.8 GiB left over."),
        (OVER, "Llama 3.1 70B with 131,072 tokens × 1 sequence on vLLM does not fit on one H100 SXM 80GB: over by 102 GiB; 4 are needed."),
        (OVER | {"tensor_parallel": "4"}, "Llama 3.1 70B with 131,072 tokens × 1 sequence on vLLM does not fit on one H100 SXM 80GB: over by 102 GiB; 4 are needed."),
        (OVER | {"device": "none"}, "Llama 3.1 70B with 131,072 tokens × 1 sequence on vLLM needs 175 GiB."),
        (OVER | {"device": "t4", "tensor_parallel": "1"}, None),
    ],
)  # fmt: skip
def test_the_first_sentence_is_about_the_device_of_the_page(query: dict[str, str], said: str | None):
    first = _page(query).markdown[0].value.replace("\\", "")
    assert first.startswith("**") and (said is None or first.startswith(f"**{said}**"))
    assert " Of " in first and " hold" in first


def test_what_several_devices_cost_an_hour_is_said():
    app = _page(OVER | {"hardware_prices": "h100-sxm-80gb:2.5"})
    assert any("at 2.5 per hour and device, 10 for all 4, a million tokens" in text.value for text in app.markdown)


def test_what_a_screen_reader_hears_of_the_table_is_rounded():
    table = _page({"hardware_prices": "h100-sxm-80gb:2.987"}).dataframe[0].value
    for column in ("free, GiB", "usable, GiB", "ms per token", "per million tokens"):
        found = table[column].dropna().astype(float)
        assert len(found) and (found == found.round(2)).all(), column


def test_a_price_that_is_typed_is_in_the_link():
    app = _page({})
    app.number_input(key="hardware_price_of_h100-sxm-80gb").set_value(2.5).run()
    assert app.session_state["hardware_prices"] == "h100-sxm-80gb:2.5"
    assert any("a million tokens cost at least" in text.value for text in app.markdown)


BAD = {
    "hardware_vendor": ["Nvidia", "<b>", ""],
    "hardware_kind": ["gpu"],
    "hardware_sort": ["name"],
    "hardware_prices": ["l4:free", "nobody:2", "l4:1;t4:2"],
    "hardware_own_gib": ["-1", "1e9", "nan", "inf", "80GB"],
    "hardware_own_bandwidth": ["-5", "fast"],
    "hardware_own_tflops": ["1e400"],
    "hardware_own_vendor": ["3dfx"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in BAD.items() for value in values])
def test_a_bad_value_in_a_link_is_named_and_replaced(key: str, value: str):
    values, problems = read_link({key: value})
    assert values[key] == DEFAULTS[key] and len(problems) == 1 and problems[0].startswith(f"{key} in the link: ")
