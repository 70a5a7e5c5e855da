"""The Numbers view: its sections open from a link, training stands beside inference, and a pasted log is compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parameters import NUMBERS_SECTIONS
from memory_model import Training, training_memory
from memory_model.evidence import accuracy_table
from tests.test_engine_logs import LLAMA_CPP

APP = str(Path(__file__).parent.parent / "streamlit_app.py")


def section(name: str, **query: str) -> AppTest:
    app = AppTest.from_function(_numbers, args=(query | {"numbers_section": name},), default_timeout=60)
    return app.run()


def _numbers(query: dict[str, str]) -> None:
    import streamlit as st

    from dashboard.controls import Chosen, runnable
    from dashboard.link import read_link
    from dashboard.views import numbers

    values, _ = read_link(query)
    for key, value in values.items():
        st.session_state.setdefault(key, value)
    scenario, deployment, _ = runnable(values)
    numbers.show(Chosen(scenario, deployment, str(values["unit"]), False))


def words(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.markdown, *app.caption, *app.error])


@pytest.mark.parametrize("name", NUMBERS_SECTIONS)
@pytest.mark.parametrize("engine", ["transformers", "vllm", "sglang", "llama.cpp"])
def test_every_section_opens_on_every_engine(name: str, engine: str):
    assert not section(name, engine=engine, model="qwen3-0.6b").exception


def test_accuracy_says_what_stands_behind_this_scenario():
    row = next(row for row in accuracy_table() if row.quantity == "activations, prefill")
    shown = words(section("accuracy", phase="prefill")).replace("\\", "")
    assert f"compared in {row.cases:,} cases of Hugging Face transformers" in shown


def test_training_stands_beside_inference_with_its_own_choices():
    app = section("training", model="qwen3-0.6b", numbers_train_tokens="512", numbers_optimizer="adamw-8bit")
    asked = Training("qwen3-0.6b", optimizer="adamw-8bit", context_length=512, device="h100-sxm-80gb")
    gib = int(training_memory(asked).bytes) / 2**30
    assert (not app.exception and f"{gib:.2f} GiB" in words(app)) or f"{gib:.1f} GiB" in words(app)


def test_a_model_that_cannot_be_trained_here_says_why():
    app = section("training", model="gpt-oss-20b")
    assert not app.exception and "Full training" in words(app)


def test_a_pasted_log_is_compared_line_by_line():
    app = section("log")
    app.text_area(key="numbers_log").set_value(LLAMA_CPP).run()
    assert not app.exception
    assert "6 of 6 figures agree" in words(app)
    assert set(app.table[0].value["reason"]) == {"equal as far as the log prints"}


def test_a_pasted_log_that_leaves_settings_out_says_which_would_explain_it():
    app = section("log")
    unnamed = LLAMA_CPP.replace("llama_context: n_ubatch      = 512\n", "").replace(
        "file type   = Q4_K - Medium\n", "\n"
    )
    app.text_area(key="numbers_log").set_value(unnamed).run()
    assert not app.exception and "(by its size)" in words(app).replace("\\", "")
    assert "logits all would explain it" in set(app.table[0].value["reason"])


def test_a_cause_of_several_differences_is_said_once_and_what_follows_is_called_so():
    app = section("log", engine="vllm")
    log = """(EngineCore_DP0) INFO [gpu_model_runner.py] Model loading took 14.9889 GiB memory and 4.1 seconds
    INFO [gpu_worker.py] Available KV cache memory: 40.00 GiB
    INFO [kv_cache_utils.py] GPU KV cache size: 327,680 tokens
    INFO [kv_cache_utils.py] Maximum concurrency for 8,192 tokens per request: 40.00x"""
    app.text_area(key="numbers_log").set_value(log).run()
    table = app.table[0].value
    assert not app.exception and "2 of 5 figures, one of which follows from the printed ones, agree" in words(app)
    reasons = list(table["reason"][table["difference"].str.startswith("✗")])
    assert reasons[0].startswith("no single setting") and set(reasons[1:]) == {"as above"}
    assert all("-" not in difference for difference in table["difference"])


def test_a_text_that_is_no_log_is_refused_in_words():
    app = section("log")
    app.text_area(key="numbers_log").set_value("<script>alert(1)</script>").run()
    assert not app.exception and "no figure about memory" in words(app).replace("\\", "")
