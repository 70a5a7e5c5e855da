"""The Levers view: the row of changes in its link, the chart, remedies and what-ifs that are applied to the page."""

from __future__ import annotations

from itertools import pairwise

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import own_models
from dashboard.advice import what_would_fit
from dashboard.charts.waterfall import Row, waterfall_chart
from dashboard.levers.chain import MOST, edit_of, moved, read_changes, read_edit, text_of
from dashboard.wording import amount
from memory_model import InputError, Scenario
from memory_model.levers import CHANGES, Asked, change_of, memory, three_cheapest

LLAMA = Asked(Scenario("llama-3.1-70b", context_length=131_072, device="h100-sxm-80gb"))


@pytest.mark.parametrize(
    "text", ["<b>x</b>", "../../etc/passwd", "student-", "student-/etc", ",".join(c.id for c in CHANGES[:9])]
)
def test_a_hostile_row_of_changes_is_refused(text: str):
    with pytest.raises(InputError):
        read_changes(text)


def test_a_row_of_changes_is_read_and_moved():
    assert read_changes("gpus-2,gpus-2, weights-fp8 ,") == "gpus-2,weights-fp8"
    assert read_changes(",") == "none" and read_changes("") == "" and MOST == 8
    row = (change_of("gpus-2"), change_of("weights-fp8"))
    assert text_of(moved(row, 1, -1)) == "weights-fp8,gpus-2" and moved(row, 1, 1) == row


@pytest.mark.parametrize("text", ["a", "a:b", "a:-1", "a b:1", "a:1e9", "<i>:1", "a:" + "9" * 20, "ä:1"])
def test_a_hostile_edit_is_refused(text: str):
    with pytest.raises(InputError):
        read_edit(text)
    assert edit_of("text_config.head_dim:64,x:1") == {"text_config.head_dim": 64, "x": 1}


# --- the chart -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("totals", [(100,), (100, 2), (100, 2, 300), (0, 0)])
@pytest.mark.parametrize("capacity", [None, 50, 10**6])
def test_the_chart_holds_what_it_draws(totals: tuple[int, ...], capacity: int | None):
    rows = [
        Row(f"step {n}", {"weights": total * 2**29, "kv_cache": total * 2**29}, capacity and capacity * 2**30)
        for n, total in enumerate(totals)
    ]
    figure = waterfall_chart(rows, unit="GiB", device="a device", theme="dark", size=14)
    go.Figure(figure)
    right = figure["layout"]["xaxis"]["range"][1]
    outlines = [shape for shape in figure["layout"]["shapes"] if shape["type"] == "rect"]
    assert len(outlines) == sum(two < one for one, two in pairwise(totals))
    assert all(max(shape["x0"], shape["x1"]) < right for shape in figure["layout"]["shapes"])
    words = [note["text"] for note in figure["layout"]["annotations"]]
    assert sum("a device" in text for text in words) == (capacity is not None)
    assert all(f"step {n}" in " ".join(words) for n in range(len(rows)))


def test_the_limit_is_named_again_where_a_change_moves_it():
    rows = [Row(f"step {n}", {"weights": 2**30}, limit) for n, limit in enumerate([3 * 2**29, 3 * 2**29, 2**30, None])]
    figure = waterfall_chart(rows, unit="GiB", device="a device", theme="light", size=14)
    named = [note["text"] for note in figure["layout"]["annotations"] if note["text"].endswith("usable")]
    assert named == ["<b>step 2</b>  no change, 1.00 GiB usable"]


# --- the view --------------------------------------------------------------------------------------------------------


def page() -> None:
    import streamlit as st

    from dashboard import controls
    from dashboard.views import levers

    levers.show(controls.show(st.container()))


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


BIG = {"model": "llama-3.1-70b", "context_length": "131072"}


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown)


def test_the_row_is_arranged_and_stands_in_the_link():
    app = opened(**BIG, levers_changes="steps-512,weights-fp8")
    assert not app.exception and "2 changes take Llama 3\\.1 70B from 201 GiB" in text(app)
    app.button(key="levers_down_0").click().run()
    assert app.query_params["levers_changes"] in ("weights-fp8,steps-512", ["weights-fp8,steps-512"])
    app.button(key="levers_away_0").click().run()
    assert app.session_state["levers_changes"] == "steps-512"
    app.selectbox(key="levers_add").select("weights-awq-int4").run()
    assert app.session_state["levers_changes"] == "steps-512,weights-awq-int4"
    app.button(key="levers_none").click().run()
    assert "Nothing is changed yet" in text(app) and not app.exception
    app.button(key="levers_suggest").click().run()
    assert "levers_changes" not in app.query_params and not app.exception


def test_a_remedy_is_applied_to_the_page():
    app = opened(**BIG)
    remedy = three_cheapest(LLAMA)[0]
    app.button(key="levers_remedy_0").click().run()
    assert not app.exception and not app.warning
    assert app.session_state["weights"] == remedy.asked.scenario.weights
    assert app.session_state["engine"] == remedy.asked.scenario.engine
    assert "cheapest" not in text(app)


def test_a_row_with_a_what_if_is_applied_as_a_model_of_ones_own():
    app = opened(levers_changes="kv-heads-half,weights-fp8")
    assert "hypothetical" in text(app)
    app.button(key="levers_apply").click().run()
    assert not app.exception and own_models.is_own(app.session_state["model"])
    assert app.session_state["weights"] == "fp8"


def test_the_editor_counts_refuses_and_keeps():
    app = opened(levers_edit="num_key_value_heads:4")
    assert app.metric[0].value == "7,896,043,520" and "Hypothetical" in text(app)
    app.number_input(key="levers_edit_value_num_key_value_heads").set_value(3).run()
    assert "does not divide" in app.error[0].value.replace("\\", "") and not app.exception
    app.number_input(key="levers_edit_value_num_key_value_heads").set_value(2).run()
    app.multiselect(key="levers_edit_keys").select("num_hidden_layers").run()
    assert app.session_state["levers_edit"] == "num_key_value_heads:2,num_hidden_layers:32"
    app.button(key="levers_use_model").click().run()
    assert not app.exception and own_models.is_own(app.session_state["model"])
    kept = own_models.shape(app.session_state["model"])
    assert "what if" in kept.name and kept.config["num_key_value_heads"] == 2


@pytest.mark.parametrize(
    "query",
    [
        {"levers_changes": "<script>"},
        {"levers_edit": "nope:3,num_hidden_layers:0"},
        {"levers_changes": "none", "device": "none"},
        {"model": "falcon-mamba-7b", "engine": "llama.cpp", "levers_changes": "kv-heads-half,gpus-8,latent-attention"},
        {"model": "deepseek-r1", "present": "true", "unit": "GB"},
    ],
)
def test_it_opens_with_any_link(query: dict[str, str]):
    app = opened(**query)
    assert not app.exception and app.get("plotly_chart")


def test_the_live_view_names_them():
    words = what_would_fit(LLAMA.scenario, "GiB")
    assert words == (
        "int4 cache + AWQ int4 weights: 77.9 GiB",
        "llama.cpp + 20 of 81 layers on the GPU: 43.3 GiB and 130 GiB of host memory",
        "vLLM + 4 × H100 SXM 80GB: 49.4 GiB on each",
    )
    assert what_would_fit(Scenario("llama-3.1-8b"), "GiB") == ()


def test_what_moves_to_host_memory_is_said_where_it_is_saved_on_the_device():
    app = opened(**BIG, engine="llama.cpp", levers_changes="gpu-layers-quarter")
    said = text(app).replace("\\", "")
    start = Scenario("llama-3.1-70b", context_length=131_072, device="h100-sxm-80gb", engine="llama.cpp")
    after = memory(change_of("gpu-layers-quarter").apply(Asked(start)))
    held, before = (sum(int(part.bytes) for part in found.host) for found in (after, memory(Asked(start))))
    assert f"and {amount(held, 'GiB')} of host memory" in said
    assert f"+{amount(held - before, 'GiB')} in host memory" in said
