"""A beginning that all sequences have in common, as a lever: what it spares, where it is refused, and its way through the view."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.levers.chain import read_changes
from memory_model import InputError, Scenario
from memory_model.conversation.course import Conversation, course
from memory_model.levers import CHANGES, Asked, change_of, changes_for, deployed, memory, suggested, waterfall

ROW = 131_072
"""Bytes of a token's keys and values in Llama 3.1 8B: 32 layers × 2 × 8 heads × 128 × 2."""


def asked(engine: str, **keys: object) -> Asked:
    base = {"context_length": 8192, "batch_size": 8, "device": "h100-sxm-80gb"}
    return Asked(Scenario("llama-3.1-8b", engine=engine, **{**base, **keys}))  # type: ignore[arg-type]


def spared(start: Asked, tokens: int) -> int:
    after = change_of(f"shared-prefix-{tokens}").apply(start)
    return int(memory(start).bytes) - int(memory(after).bytes)


@pytest.mark.parametrize(
    ("engine", "keys", "tokens", "rows"),
    [
        ("vllm", {}, 2048, 7 * 2048),
        ("vllm", {}, 2050, 7 * 2048),
        ("vllm", {"tensor_parallel": 2}, 2048, 7 * 2048 // 2),
        ("vllm", {}, 10**6, 7 * 8192),
        ("sglang", {}, 2050, 7 * 2050),
        ("llama.cpp", {"kv_unified": True}, 2048, 7 * 2048),
    ],
)
def test_every_sequence_but_one_is_spared_its_beginning(engine: str, keys: dict[str, object], tokens: int, rows: int):
    start = asked(engine, **keys)
    assert spared(start, tokens) == rows * ROW
    cache = memory(change_of(f"shared-prefix-{tokens}").apply(start))["kv_cache"]
    assert cache.bytes == sum(int(term.bytes) for term in cache.terms) > 0


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_the_lever_and_a_conversation_say_the_same(engine: str):
    start = asked(engine, phase="decode")
    talk = Conversation(2048, ((4096, 2048),), users=8, shared_prefix=True)
    end = course(deployed(start), talk).events[-1].components["kv_cache"]
    assert memory(change_of("shared-prefix-2048").apply(start))["kv_cache"].bytes == end


@pytest.mark.parametrize(
    ("engine", "keys", "reason"),
    [
        ("transformers", {}, "has no prefix cache across sequences"),
        ("llama.cpp", {}, "only in one cache for all sequences"),
        ("vllm", {"batch_size": 1}, "one sequence has nobody to share with"),
    ],
)
def test_it_is_refused_where_nothing_is_shared(engine: str, keys: dict[str, object], reason: str):
    start = asked(engine, **keys)
    with pytest.raises(InputError, match=reason):
        change_of("shared-prefix-2048").apply(start)
    assert not any(change.slot == "shared_prefix" for change in changes_for(start))


def test_fewer_tokens_than_a_block_and_no_number_at_all_are_refused():
    with pytest.raises(InputError, match="kept once in whole blocks of 16 tokens"):
        change_of("shared-prefix-15").apply(asked("vllm"))
    for text in ("shared-prefix-", "shared-prefix-0", "shared-prefix-x", "shared-prefix-9999999999999"):
        with pytest.raises(InputError):
            read_changes(text)
    assert read_changes("shared-prefix-777") == "shared-prefix-777"


def test_it_is_offered_up_to_the_context_and_never_suggested():
    offered = [change.id for change in changes_for(asked("vllm")) if change.slot == "shared_prefix"]
    assert offered == ["shared-prefix-512", "shared-prefix-2048"]
    assert not any(change.slot == "shared_prefix" for change in (*CHANGES, *suggested(asked("vllm"))))


def test_an_engine_without_a_prefix_cache_keeps_every_beginning_again():
    steps = waterfall(asked("vllm"), (change_of("shared-prefix-2048"), change_of("engine-transformers")))
    assert steps[0].bytes == -7 * 2048 * ROW
    assert steps[1].after["kv_cache"].bytes == memory(asked("transformers"))["kv_cache"].bytes


def test_what_is_suggested_runs_in_its_order_and_each_saves_something():
    for engine in ("transformers", "vllm", "sglang", "llama.cpp"):
        start = asked(engine, batch_size=1)
        steps = waterfall(start, suggested(start))
        assert steps and all(not step.problem and step.bytes < 0 for step in steps), engine


def page() -> None:
    import streamlit as st

    from dashboard import controls
    from dashboard.views import levers

    levers.show(controls.show(st.container()))


def test_it_stands_in_the_row_and_stays_there_when_the_page_is_set_to_it():
    app = AppTest.from_function(page, default_timeout=30)
    query = {"engine": "vllm", "batch_size": "8", "levers_changes": "cache-fp8,shared-prefix-2048"}
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    said = "\n".join(element.value for element in app.markdown).replace("\\", "")
    assert "First 2,048 tokens shared**: −0.88 GiB" in said
    app.button(key="levers_apply").click().run()
    assert not app.exception and app.session_state["kv_cache"] == "fp8"
    assert app.session_state["levers_changes"] == "shared-prefix-2048"
