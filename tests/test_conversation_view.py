"""The Conversation view: a chart that stacks every byte, its controls and links, and what is said of what cannot be shown."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.charts.conversation import Bar, Mark, conversation_chart
from dashboard.link import read_link, short_query
from dashboard.views.conversation_cost import duration, money

BARS = [
    Bar(1, True, 0, 100, {"weights": 2**30, "kv_cache": 2**20, "activations": 2**28, "overhead": 0}, 2**22),
    Bar(1, False, 100, 150, {"weights": 2**30, "kv_cache": 2**21, "activations": 2**20, "overhead": 0}, 2**21),
    Bar(2, True, 150, 400, {"weights": 2**30, "kv_cache": 2**22, "activations": 2**29, "overhead": 0}, 0),
]


@pytest.mark.parametrize("axis", ["turns", "tokens"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chart_stacks_every_byte(axis, theme):
    mark = Mark(2, 260, "does not fit")
    figure = conversation_chart(
        BARS, axis=axis, unit="GiB", limit=3 * 2**30, device="A device", mark=mark, theme=theme, size=14
    )
    stacked = [sum(trace["y"][place] for trace in figure["data"]) * 2**30 for place in range(3)]
    assert stacked == [bar.total for bar in BARS]
    assert [trace["name"] for trace in figure["data"]] == ["Weights", "KV cache", "Activations", "Kept for later"]
    if axis == "tokens":
        assert figure["data"][0]["x"] == [0, 100, 150] and figure["data"][0]["width"] == [100, 50, 250]
    words = [note["text"] for note in figure["layout"]["annotations"]]
    assert "does not fit" in words and any("A device:<br>3.00 GiB usable" in text for text in words)
    at = figure["layout"]["shapes"][1]["x0"]
    assert at == (259 if axis == "tokens" else 1.6)


@pytest.mark.parametrize(
    ("query", "turns", "document", "shared"),
    [
        ({"conversation_kind": "long-document"}, 6, 100_000, False),
        (
            {"conversation_kind": "long-document", "conversation_turns": "12", "conversation_document": "0"},
            12,
            0,
            False,
        ),
        ({"conversation_kind": "many-users"}, 5, 0, True),
        ({"conversation_kind": "many-users", "conversation_shared": "false"}, 5, 0, False),
        ({"conversation_turns": "3"}, 3, 0, False),
    ],
)
def test_what_a_link_leaves_out_is_that_of_the_kind_which_it_names(query, turns, document, shared):
    values, problems = read_link(query)
    said = tuple(values[f"conversation_{name}"] for name in ("turns", "document", "shared"))
    assert not problems and said == (turns, document, shared) and short_query(values) == query


def test_times_and_money_in_words():
    assert [duration(seconds) for seconds in (0.0123, 7.26, 210)] == ["12 ms", "7.3 s", "3.5 minutes"]
    assert [money(price) for price in (0.0000563, 0.00123, 4.5, 1234)] == [
        "0.000056 a user",
        "0.0012 a user",
        "4.50 a user",
        "1,234 a user",
    ]


def view(**query):
    return AppTest.from_function(_one_view, args=(query,), default_timeout=30).run()


def _one_view(query):
    import streamlit as st

    from dashboard.controls import Chosen, runnable
    from dashboard.link import read_link
    from dashboard.views import conversation

    values, _ = read_link(query)
    for key, value in values.items():
        st.session_state.setdefault(key, value)
    scenario, deployment, _ = runnable({**values})
    conversation.show(Chosen(scenario, deployment, str(values["unit"]), False))


def texts(app):
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.info, *app.warning, *app.error))


@pytest.mark.parametrize("engine,weights", [("transformers", "fp8"), ("vllm", "fp8"), ("llama.cpp", "q8_0")])
@pytest.mark.parametrize("axis", ["turns", "tokens"])
def test_the_view_opens_for_every_engine(engine, weights, axis):
    app = view(engine=engine, weights=weights, device="rtx-4090", conversation_axis=axis)
    assert not app.exception
    assert "12 turns end at 6,500 tokens" in texts(app) and "fits on RTX 4090" in texts(app).replace("\\", "")


def test_another_kind_brings_its_numbers():
    app = view(device="rtx-4090", weights="fp8")
    app.button_group(key="conversation_kind").set_value("coding-agent").run()
    assert app.session_state.conversation_turns == 40 and app.session_state.conversation_system_prompt == 12_000
    assert "40 turns end at 104,000 tokens" in texts(app)
    app.button_group(key="conversation_kind").set_value("many-users").run()
    assert app.session_state.conversation_shared is True
    assert "keeps the beginning for every user" in texts(app).replace("\\", "")


def test_a_link_opens_the_same_conversation():
    app = view(conversation_turns="3", conversation_question="2k", conversation_users="5", device="none")
    assert "3 turns end at 7,844 tokens for each of 5 users" in texts(app)
    assert "No device is chosen" in texts(app) and "No times: no device is chosen" in texts(app).replace("\\", "")


def test_money_needs_a_stated_price():
    assert "a user" not in texts(view()).replace("a user's", "").replace("one user", "")
    app = view(hardware_prices="l4:1,h100-sxm-80gb:3.5")
    assert "a user" in texts(app).replace("one user", "")
    app.number_input(key="conversation_price_box").set_value(7.0).run()
    assert app.session_state.hardware_prices == "l4:1,h100-sxm-80gb:7"


def test_what_cannot_be_shown_is_said():
    app = view(conversation_turns="200", conversation_question="8M")
    assert not app.exception
    assert "This conversation cannot be shown" in app.error[0].value
    app = view(model="gpt2", conversation_turns="20")
    assert "GPT-2 was made for 1,024" in texts(app).replace("\\", "")
