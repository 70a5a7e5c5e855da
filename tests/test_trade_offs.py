"""Trade-offs: frontiers are the answers of fit, slopes those of the numbers, reasons the factors that were multiplied."""

from __future__ import annotations

from dataclasses import replace
from math import log2

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.charts.frontier import Edge, frontier_chart
from dashboard.charts.log_axes import apart, short
from dashboard.link import read_link
from dashboard.parameters import DEFAULTS
from dashboard.stops import BATCHES
from dashboard.trade_offs.cache_on_off import token_by_token
from dashboard.trade_offs.frontiers import frontiers
from dashboard.trade_offs.growth import growth_lines, growths, power_name
from dashboard.trade_offs.lines import MOST, VARIES, beside, lines, of_name, options, own_name, usual
from dashboard.views.growth import reason
from dashboard.wording import amount
from memory_model import InputError, Scenario, estimate, fit
from memory_model.amount import product
from memory_model.presets import engines

LLAMA = Scenario("llama-3.1-8b", device="h100-sxm-80gb")


def _page(section: str, query: dict[str, str]) -> AppTest:
    return AppTest.from_function(_view, args=(section, query), default_timeout=30).run()


def _view(section: str, query: dict[str, str]) -> None:
    import streamlit as st

    from dashboard.controls import Chosen, runnable
    from dashboard.link import read_link
    from dashboard.views import trade_offs

    values, _ = read_link({"trade_offs_section": section, **query})
    for key, value in values.items():
        st.session_state.setdefault(key, value)
    scenario, deployment, _ = runnable({**values, **{key: st.session_state[key] for key in values}})
    trade_offs.show(Chosen(scenario, deployment, str(values["unit"]), False))


@pytest.mark.parametrize("section", ["fits", "longest", "growth", "cache"])
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"engine": "vllm", "trade_offs_vary": "formats", "tensor_parallel": "2"},
        {"engine": "llama.cpp", "trade_offs_vary": "engines", "trade_offs_growth": "batch", "unit": "GB"},
        {"device": "none", "trade_offs_vary": "formats"},
        {"engine": "llama.cpp", "trade_offs_vary": "formats", "weights": "q3_k_m", "kv_cache": "q8_0"},
        {"model": "mamba-2.8b", "trade_offs_answer": "2"},
        {"model": "deepseek-r1", "context_length": "1M", "batch_size": "1000"},
    ],
    ids=lambda query: "-".join(query.values()) or "default",
)
def test_every_section_opens(section: str, query: dict[str, str]):
    assert not _page(section, query).exception


@pytest.mark.parametrize("varies", VARIES)
def test_a_frontier_is_the_answer_of_fit(varies: str):
    start = replace(LLAMA, context_length=5000, batch_size=3)
    found, refused = lines(start, varies, usual(start, varies))
    assert not refused and sum(line.is_chosen for line in found) == 1
    for edge in frontiers(found):
        answer = fit(edge.line.scenario)
        assert (edge.total, edge.limit, edge.fits) == (answer.total, answer.limit_bytes, answer.fits)
        assert (edge.longest_here, edge.most_here) == (answer.max_context_length, answer.max_batch_size)
        place = BATCHES.index(64)
        assert edge.longest[place] == fit(replace(edge.line.scenario, batch_size=64)).max_context_length


def test_the_line_that_reaches_furthest_comes_first():
    found = frontiers(lines(LLAMA, "devices", usual(LLAMA, "devices"))[0])
    assert [edge.line.name for edge in found] == ["mi300x", "h200-sxm", "h100-sxm-80gb", "l40s", "rtx-4090"]
    assert [edge.longest[0] for edge in found] == sorted((edge.longest[0] for edge in found), reverse=True)


def test_every_option_of_a_format_stands_for_a_scenario():
    for engine in engines():
        start = Scenario("llama-3.1-8b", engine=engine)
        assert set(usual(start, "formats")) <= set(options(start, "formats"))
        for name in options(start, "formats"):
            weights, _, cache = name.partition("+")
            asked = of_name(start, "formats", name)
            assert (asked.weights, asked.kv_cache or "") == (weights, cache)


def test_formats_are_compared_with_the_cache_that_is_chosen():
    start = Scenario("llama-3.1-8b", engine="llama.cpp", weights="q4_k_m", kv_cache="q8_0")
    names = usual(start, "formats")
    assert "q8_0+q8_0" in names and all("+" in name for name in names)
    assert len(beside(start, "formats", names)) == MOST - 1 and own_name(start, "formats") not in beside(
        start, "formats", names
    )


def test_what_an_engine_cannot_run_is_said_and_not_drawn():
    found, refused = lines(replace(LLAMA, weights="awq-int4"), "engines", ("llama.cpp", "vllm"))
    assert [line.name for line in found] == ["transformers", "vllm"]
    assert len(refused) == 1 and "Weight format: AWQ int4 has no GGUF equivalent" in refused[0]


def test_the_chosen_line_is_always_among_them():
    many = tuple(options(LLAMA, "devices"))[:20]
    found, _ = lines(LLAMA, "devices", many)
    assert len(found) == MOST and found[0].is_chosen


SLOPES = (
    ("sdpa", "context", {"weights": "constant", "kv_cache": "linear", "overhead": "constant"}),
    ("eager", "context", {"weights": "constant", "kv_cache": "linear", "activations": "quadratic"}),
    ("eager", "batch", {"weights": "constant", "kv_cache": "linear", "activations": "linear"}),
)
"""Llama 3.1 8B in transformers, by attention: every length doubles scores in both directions with eager attention."""


@pytest.mark.parametrize(("attention", "against", "names"), SLOPES)
def test_slopes_are_named_from_the_numbers(attention: str, against: str, names: dict[str, str]):
    found = {line.component: line for line in growth_lines(replace(LLAMA, attention=attention), against)}
    last = {name: log2(found[name].bytes[-1] / found[name].bytes[-2]) for name in names}
    assert {name: power_name(slope) for name, slope in last.items()} == names
    line = found["kv_cache"]
    moved = {"context": "context_length", "batch": "batch_size"}[against]
    point = estimate(replace(LLAMA, attention=attention, **{moved: line.numbers[3]}))
    assert line.bytes[3] == point["kv_cache"].bytes


@pytest.mark.parametrize(
    ("slope", "name"),
    [(0, "constant"), (0.04, "constant"), (0.5, "between constant and linear"), (1.0, "linear"), (1.4, "between linear and quadratic"), (1.96, "quadratic"), (3.5, "steeper than cubic"), (-0.3, "falling")],
)  # fmt: skip
def test_powers_have_names(slope: float, name: str):
    assert power_name(slope) == name


def test_the_reason_is_read_off_the_factors():
    eager = {growth.component: growth for growth in growths(replace(LLAMA, attention="eager"), "context")}
    scores = eager["activations"].of_degree(2)[0]
    assert scores.repeats == ("tokens", "tokens attended to")
    assert scores.term.bytes == product([factor.value for factor in scores.term.factors])
    assert eager["activations"].share(2) > 0.9 and eager["kv_cache"].highest == 1 and eager["weights"].highest == 0
    assert sum(int(one.term.bytes) for one in eager["activations"].grown) == eager["activations"].bytes
    words = reason(eager["activations"], "context", "GiB")
    assert "quadratic" in words and "tokens × tokens attended to" in words and "**8,192 tokens**" in words


def test_a_window_stops_growing_where_it_is_full():
    """Mistral 7B v0.1: a window of 4,096 in every layer, held in full from there on."""
    start = Scenario("mistral-7b-v0.1", phase="decode", context_length=2000)
    before = next(one for one in growths(start, "context") if one.component == "kv_cache")
    after = next(one for one in growths(replace(start, context_length=8192), "context") if one.component == "kv_cache")
    assert (before.highest, before.slope) == (1, 1.0)
    assert (after.highest, after.slope) == (0, 0.0)


def test_a_cache_saves_what_the_forward_passes_would_repeat():
    found = token_by_token(LLAMA, 100)
    assert found.in_seconds and found.tokens[0] == 2 and found.tokens[-1] == 100
    assert all(anew > cached for cached, anew in zip(found.with_cache, found.without_cache, strict=True))
    assert found.without_cache[-1] == pytest.approx(found.trade.last_without.seconds)
    assert found.with_cache[-1] == pytest.approx(found.trade.last_with.seconds)
    held = estimate(replace(LLAMA, phase="decode", context_length=8192 + 99))["kv_cache"].bytes
    assert found.trade.kept_bytes == held
    untimed = token_by_token(replace(LLAMA, device="none"), 100)
    assert not untimed.in_seconds and untimed.why_not == "no device is chosen"


BAD = {
    "trade_offs_section": ["", "map", "<b>"],
    "trade_offs_vary": ["models", "'; drop"],
    "trade_offs_devices": ["h100", "rtx-4090,,x", ",".join(["l4"] * 7), "\x00", "../etc/passwd"],
    "trade_offs_formats": ["int3", "fp8+fp7", "+fp8", "fp8+fp8+fp8+q"],
    "trade_offs_engines": ["exllama", "vllm,__class__"],
    "trade_offs_answer": ["0", "1", "65537", "1e3", "-5", "nan"],
    "trade_offs_growth": ["time"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in BAD.items() for value in values])
def test_a_bad_value_in_a_link_is_named_and_replaced(key: str, value: str):
    values, problems = read_link({key: value})
    assert values[key] == DEFAULTS[key] and len(problems) == 1 and problems[0].startswith(f"{key} in the link: ")


def test_a_link_reopens_the_picture():
    query = {"trade_offs_vary": "devices", "trade_offs_devices": "l4,t4", "trade_offs_section": "longest"}
    values, problems = read_link(query)
    assert not problems and {key: values[key] for key in query} == query
    app = _page("longest", query)
    assert app.multiselect[0].value == ["l4", "t4"]
    app.multiselect[0].set_value(["l4", "mi300x"]).run()
    assert app.session_state["trade_offs_devices"] == "l4,mi300x" and not app.exception
    app.multiselect[0].set_value([]).run()
    assert app.session_state["trade_offs_devices"] == ""


def test_labels_of_the_frontier_have_a_row_each_and_the_furthest_line_the_lowest():
    edges = [Edge(name, ((256, 9), (reach, 1)), name == "b", ) for name, reach in (("a", 90_000), ("b", 80_000), ("c", 70_000))]  # fmt: skip
    figure = frontier_chart(edges, now=(8192, 1), most=(2**20, 1024), supported=131_072, theme="dark", size=14)
    assert go.Figure(figure).data
    rows = [note["y"] for note in figure["layout"]["annotations"][:3]]
    assert rows == sorted(rows) and len(set(rows)) == 3 and all(row < 0 for row in rows)
    assert [note["text"].count("<b>") for note in figure["layout"]["annotations"][:3]] == [0, 1, 0]


def test_labels_keep_apart_and_inside():
    moved = apart([5.0, 5.0, 4.9, 0.0], 1.0, 0.0, 6.0)
    assert sorted(moved) == pytest.approx([0.5, 3.5, 4.5, 5.5])
    assert [short(number) for number in (256, 1024, 1536, 2**20)] == ["256", "1k", "1.5k", "1M"]


def test_a_name_that_no_scenario_can_have_is_refused():
    with pytest.raises(InputError, match="engine"):
        of_name(LLAMA, "engines", "exllama")


def test_where_nothing_fits_it_says_by_how_much():
    query = {"model": "deepseek-v3", "trade_offs_vary": "engines"}
    app = _page("fits", query)
    assert not app.exception
    said = "\n".join(element.value for element in app.markdown).replace("\\", "")
    over = {}
    for engine in engines():
        scenario = Scenario("deepseek-v3", engine=engine, device="h100-sxm-80gb")
        over[engine] = -fit(scenario).headroom
    assert f"over by **{amount(min(over.values()), 'GiB')}**" in said and f"none of {len(over)} engines" in said
    assert sorted(app.dataframe[0].value["over by"]) == sorted(amount(size, "GiB") for size in over.values())
